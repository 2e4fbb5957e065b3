"""Injects and observers' sheets of an exercise's runs: for whoever leads."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response
from starlette.exceptions import HTTPException

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.errors import NotFoundError
from hypervisor.base.instance import require_exercise
from hypervisor.database.connect import Connection
from hypervisor.exercises import queries_injects, queries_runs, service, service_injects
from hypervisor.exercises.api import NOBODY, told_as_problem, version
from hypervisor.exercises.queries_runs import RunError
from hypervisor.exercises.schemas import (
    InjectBody,
    InjectPatch,
    InjectPost,
    InjectsBody,
    OneInjectBody,
    OneSheetBody,
    SheetBody,
    SheetPatch,
    SheetPost,
    SheetsBody,
)
from hypervisor.exercises.service import LEAD
from hypervisor.exercises.service_injects import InjectFields
from hypervisor.exercises.waiting import settled
from hypervisor.web.paging import Page
from hypervisor.web.preconditions import IfMatch, tag
from hypervisor.web.problems import responses

router = APIRouter(prefix="/exercises", tags=["exercises"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/runs/{number}/injects", responses=responses(404, 422))
def every(context: Context, page: Page, number: Number) -> InjectsBody:
    """What is put into a run, those that trainees do not know of included."""
    _lead(context)
    with context.owning() as connection:
        _run(context, number)
        injects = queries_injects.injects(connection, number)
    some, following = page.cut(injects, lambda one: (one.id,))
    return InjectsBody(
        mode=context.mode, injects=[inject_body(inject) for inject in some], next=following
    )


@router.post("/runs/{number}/injects", status_code=201, responses=responses(404, 409, 422))
def add(context: Context, response: Response, number: Number, post: InjectPost) -> OneInjectBody:
    """Write one, to be put in at its time or by hand."""
    _lead(context)
    _run(context, number)
    with told_as_problem(), context.writing() as connection:
        made = service_injects.add(
            connection, number, InjectFields(**post.model_dump()), context.person.name
        )
    return _one(context, response, made)


@router.get("/injects/{number}", responses=responses(404))
def one(context: Context, response: Response, number: Number) -> OneInjectBody:
    """One of them."""
    _lead(context)
    return _one(context, response, number)


@router.patch("/injects/{number}", responses=responses(404, 412, 422, 428))
def change(
    context: Context,
    response: Response,
    number: Number,
    patch: InjectPatch,
    if_match: IfMatch = None,
) -> OneInjectBody:
    """Move, hold, release, cancel, mark as done, note; If-Match names what was seen."""
    _lead(context)
    _one(context, response, number)
    with _changing(context, if_match) as connection:
        service_injects.change(
            connection,
            number,
            author=context.person.name,
            version=version(if_match),
            **patch.model_dump(),
        )
    return _one(context, response, number)


@router.post("/injects/{number}/fire", status_code=202, responses=responses(404, 409))
def fire(context: Context, response: Response, number: Number) -> OneInjectBody:
    """Put it in now, whatever its time."""
    _lead(context)
    _one(context, response, number)
    with told_as_problem():
        if not service.alive(context.connection):
            raise RunError(NOBODY)
        with context.writing() as connection:
            command = service.fire(connection, number, context.person.name)
        settled(context.owning, command)
    return _one(context, response, number)


@router.get("/runs/{number}/sheets", responses=responses(404, 422))
def sheets(context: Context, page: Page, number: Number) -> SheetsBody:
    """What observers look for, and saw."""
    _lead(context)
    with context.owning() as connection:
        _run(context, number)
        found = queries_injects.sheets(connection, number)
    some, following = page.cut(found, lambda one: (one.id,))
    return SheetsBody(
        mode=context.mode, sheets=[sheet_body(sheet) for sheet in some], next=following
    )


@router.post("/runs/{number}/sheets", status_code=201, responses=responses(404, 422))
def add_sheet(
    context: Context, response: Response, number: Number, post: SheetPost
) -> OneSheetBody:
    """A line of what is to be seen."""
    _lead(context)
    _run(context, number)
    with told_as_problem(), context.writing() as connection:
        made = service_injects.add_sheet(
            connection, number, expected=post.expected, due=post.due, author=context.person.name
        )
    return _sheet(context, response, made)


@router.patch("/sheets/{number}", responses=responses(404, 412, 422, 428))
def note(
    context: Context,
    response: Response,
    number: Number,
    patch: SheetPatch,
    if_match: IfMatch = None,
) -> OneSheetBody:
    """Whether it was seen; If-Match names the line as it was."""
    _lead(context)
    _sheet(context, response, number)
    with _changing(context, if_match) as connection:
        service_injects.note_sheet(
            connection,
            number,
            author=context.person.name,
            version=version(if_match),
            **patch.model_dump(),
        )
    return _sheet(context, response, number)


def _lead(context: RequestContext) -> None:
    context.require(LEAD)
    with told_as_problem():
        require_exercise(context.instance, what="leading an exercise")


def _run(context: RequestContext, number: int) -> None:
    if queries_runs.find(context.connection, number) is None:
        raise NotFoundError(f"no run has the number {number}")


@contextmanager
def _changing(context: RequestContext, if_match: str | None) -> Iterator[Connection]:
    """Write by whoever says what they saw.

    Raises:
        HTTPException: they do not, or it was changed meanwhile.
    """
    if if_match is None:
        raise HTTPException(
            HTTPStatus.PRECONDITION_REQUIRED, "send If-Match with the ETag of what you change"
        )
    with told_as_problem(), context.writing() as connection:
        yield connection


def _one(context: RequestContext, response: Response, number: int) -> OneInjectBody:
    with context.owning() as connection:
        inject = queries_injects.inject(connection, number)
    if inject is None:
        raise NotFoundError(f"no inject has the number {number}")
    tag(response, str(inject.version))
    return OneInjectBody(mode=context.mode, inject=inject_body(inject))


def _sheet(context: RequestContext, response: Response, number: int) -> OneSheetBody:
    with context.owning() as connection:
        sheet = queries_injects.sheet(connection, number)
    if sheet is None:
        raise NotFoundError(f"no line has the number {number}")
    tag(response, str(sheet.version))
    return OneSheetBody(mode=context.mode, sheet=sheet_body(sheet))


def inject_body(found: queries_injects.Inject) -> InjectBody:
    return InjectBody(**{name: getattr(found, name) for name in InjectBody.model_fields})


def sheet_body(found: queries_injects.Sheet) -> SheetBody:
    return SheetBody(**{name: getattr(found, name) for name in SheetBody.model_fields})
