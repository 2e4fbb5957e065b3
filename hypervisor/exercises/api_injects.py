"""Routes of injects and observer checklists, for leaders."""

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
from hypervisor.exercises.api import NOBODY, parse_version, translate_errors
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
from hypervisor.exercises.waiting import wait_for
from hypervisor.web.paging import Page
from hypervisor.web.preconditions import IfMatch, tag
from hypervisor.web.problems import responses

router = APIRouter(prefix="/exercises", tags=["exercises"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/runs/{number}/injects", responses=responses(404, 422))
def list_injects(context: Context, page: Page, number: Number) -> InjectsBody:
    """Injects of a run, including those that trainees do not see."""
    _require_lead(context)
    with context.owning() as connection:
        _require_run(context, number)
        injects = queries_injects.list_injects(connection, number)
    some, following = page.cut(injects, lambda inject: (inject.id,))
    return InjectsBody(
        mode=context.mode, injects=[inject_body(inject) for inject in some], next=following
    )


@router.post("/runs/{number}/injects", status_code=201, responses=responses(404, 409, 422))
def add_inject(
    context: Context, response: Response, number: Number, post: InjectPost
) -> OneInjectBody:
    """Add an inject, to be injected at its time or manually."""
    _require_lead(context)
    _require_run(context, number)
    with translate_errors(), context.writing() as connection:
        made = service_injects.add_inject(
            connection, number, InjectFields(**post.model_dump()), context.person.name
        )
    return _inject_response(context, response, made)


@router.get("/injects/{number}", responses=responses(404))
def get_inject(context: Context, response: Response, number: Number) -> OneInjectBody:
    """One inject."""
    _require_lead(context)
    return _inject_response(context, response, number)


@router.patch("/injects/{number}", responses=responses(404, 412, 422, 428))
def change_inject(
    context: Context,
    response: Response,
    number: Number,
    patch: InjectPatch,
    if_match: IfMatch = None,
) -> OneInjectBody:
    """Move, hold, release, cancel, complete or comment an inject; needs If-Match."""
    _require_lead(context)
    _inject_response(context, response, number)
    with _changing(context, if_match) as connection:
        service_injects.change_inject(
            connection,
            number,
            author=context.person.name,
            version=parse_version(if_match),
            **patch.model_dump(),
        )
    return _inject_response(context, response, number)


@router.post("/injects/{number}/fire", status_code=202, responses=responses(404, 409))
def fire_inject(context: Context, response: Response, number: Number) -> OneInjectBody:
    """Inject it now."""
    _require_lead(context)
    _inject_response(context, response, number)
    with translate_errors():
        if not service.is_conducted(context.connection):
            raise RunError(NOBODY)
        with context.writing() as connection:
            command = service.fire_inject(connection, number, context.person.name)
        wait_for(context.owning, command)
    return _inject_response(context, response, number)


@router.get("/runs/{number}/sheets", responses=responses(404, 422))
def list_sheets(context: Context, page: Page, number: Number) -> SheetsBody:
    """Observer checklist of a run."""
    _require_lead(context)
    with context.owning() as connection:
        _require_run(context, number)
        run_sheets = queries_injects.list_sheets(connection, number)
    some, following = page.cut(run_sheets, lambda sheet: (sheet.id,))
    return SheetsBody(
        mode=context.mode, sheets=[sheet_body(sheet) for sheet in some], next=following
    )


@router.post("/runs/{number}/sheets", status_code=201, responses=responses(404, 422))
def add_sheet(
    context: Context, response: Response, number: Number, post: SheetPost
) -> OneSheetBody:
    """Add a checklist line."""
    _require_lead(context)
    _require_run(context, number)
    with translate_errors(), context.writing() as connection:
        made = service_injects.add_sheet(
            connection, number, expected=post.expected, due=post.due, author=context.person.name
        )
    return _sheet_response(context, response, made)


@router.patch("/sheets/{number}", responses=responses(404, 412, 422, 428))
def change_sheet(
    context: Context,
    response: Response,
    number: Number,
    patch: SheetPatch,
    if_match: IfMatch = None,
) -> OneSheetBody:
    """Record an observation; needs If-Match."""
    _require_lead(context)
    _sheet_response(context, response, number)
    with _changing(context, if_match) as connection:
        service_injects.note_sheet(
            connection,
            number,
            author=context.person.name,
            version=parse_version(if_match),
            **patch.model_dump(),
        )
    return _sheet_response(context, response, number)


def _require_lead(context: RequestContext) -> None:
    context.require(LEAD)
    with translate_errors():
        require_exercise(context.instance, what="leading an exercise")


def _require_run(context: RequestContext, number: int) -> None:
    if queries_runs.get_run(context.connection, number) is None:
        raise NotFoundError(f"no run has the number {number}")


@contextmanager
def _changing(context: RequestContext, if_match: str | None) -> Iterator[Connection]:
    """A writing connection; requires If-Match.

    Raises:
        HTTPException: it is missing, or the object has changed.
    """
    if if_match is None:
        raise HTTPException(
            HTTPStatus.PRECONDITION_REQUIRED, "send If-Match with the ETag of what you change"
        )
    with translate_errors(), context.writing() as connection:
        yield connection


def _inject_response(context: RequestContext, response: Response, number: int) -> OneInjectBody:
    with context.owning() as connection:
        inject = queries_injects.get_inject(connection, number)
    if inject is None:
        raise NotFoundError(f"no inject has the number {number}")
    tag(response, str(inject.version))
    return OneInjectBody(mode=context.mode, inject=inject_body(inject))


def _sheet_response(context: RequestContext, response: Response, number: int) -> OneSheetBody:
    with context.owning() as connection:
        sheet = queries_injects.get_sheet(connection, number)
    if sheet is None:
        raise NotFoundError(f"no line has the number {number}")
    tag(response, str(sheet.version))
    return OneSheetBody(mode=context.mode, sheet=sheet_body(sheet))


def inject_body(inject: queries_injects.Inject) -> InjectBody:
    return InjectBody(**{name: getattr(inject, name) for name in InjectBody.model_fields})


def sheet_body(sheet: queries_injects.Sheet) -> SheetBody:
    return SheetBody(**{name: getattr(sheet, name) for name in SheetBody.model_fields})
