"""Injects and observers' sheets of an exercise's runs: for whoever leads."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response
from starlette.exceptions import HTTPException

from hypervisor.api.access import Access, Asked
from hypervisor.api.exercise_shapes import (
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
from hypervisor.api.exercises import NOBODY, told_as_problem, version
from hypervisor.api.matching import IfMatch, tag
from hypervisor.api.paging import Page
from hypervisor.api.problems import NotFoundError, responses
from hypervisor.exercise import injects, leading
from hypervisor.exercise.injects import Wanted
from hypervisor.exercise.leading import LEAD
from hypervisor.exercise.waiting import settled
from hypervisor.instance import require_exercise
from hypervisor.store.connect import Connection
from hypervisor.store.exercise import conducting, injecting
from hypervisor.store.exercise.conducting import RunError

router = APIRouter(prefix="/exercises", tags=["exercises"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/runs/{number}/injects", responses=responses(404, 422))
def every(asked: Asked, page: Page, number: Number) -> InjectsBody:
    """What is put into a run, those that trainees do not know of included."""
    _lead(asked)
    with asked.owning() as connection:
        _run(asked, number)
        found = injecting.injects(connection, number)
    some, following = page.cut(found, lambda one: (one.id,))
    return InjectsBody(mode=asked.mode, injects=[inject_body(one) for one in some], next=following)


@router.post("/runs/{number}/injects", status_code=201, responses=responses(404, 409, 422))
def add(asked: Asked, response: Response, number: Number, post: InjectPost) -> OneInjectBody:
    """Write one, to be put in at its time or by hand."""
    _lead(asked)
    _run(asked, number)
    with told_as_problem(), asked.writing() as connection:
        made = injects.add(connection, number, Wanted(**post.model_dump()), asked.person.name)
    return _one(asked, response, made)


@router.get("/injects/{number}", responses=responses(404))
def one(asked: Asked, response: Response, number: Number) -> OneInjectBody:
    """One of them."""
    _lead(asked)
    return _one(asked, response, number)


@router.patch("/injects/{number}", responses=responses(404, 412, 422, 428))
def change(
    asked: Asked, response: Response, number: Number, patch: InjectPatch, if_match: IfMatch = None
) -> OneInjectBody:
    """Move, hold, release, cancel, mark as done, note; If-Match names what was seen."""
    _lead(asked)
    _one(asked, response, number)
    with _changing(asked, if_match) as connection:
        injects.change(
            connection,
            number,
            author=asked.person.name,
            version=version(if_match),
            **patch.model_dump(),
        )
    return _one(asked, response, number)


@router.post("/injects/{number}/fire", status_code=202, responses=responses(404, 409))
def fire(asked: Asked, response: Response, number: Number) -> OneInjectBody:
    """Put it in now, whatever its time."""
    _lead(asked)
    _one(asked, response, number)
    with told_as_problem():
        if not leading.alive(asked.connection):
            raise RunError(NOBODY)
        with asked.writing() as connection:
            command = leading.fire(connection, number, asked.person.name)
        settled(asked.owning, command)
    return _one(asked, response, number)


@router.get("/runs/{number}/sheets", responses=responses(404, 422))
def sheets(asked: Asked, page: Page, number: Number) -> SheetsBody:
    """What observers look for, and saw."""
    _lead(asked)
    with asked.owning() as connection:
        _run(asked, number)
        found = injecting.sheets(connection, number)
    some, following = page.cut(found, lambda one: (one.id,))
    return SheetsBody(mode=asked.mode, sheets=[sheet_body(one) for one in some], next=following)


@router.post("/runs/{number}/sheets", status_code=201, responses=responses(404, 422))
def add_sheet(asked: Asked, response: Response, number: Number, post: SheetPost) -> OneSheetBody:
    """A line of what is to be seen."""
    _lead(asked)
    _run(asked, number)
    with told_as_problem(), asked.writing() as connection:
        made = injects.add_sheet(
            connection, number, expected=post.expected, due=post.due, author=asked.person.name
        )
    return _sheet(asked, response, made)


@router.patch("/sheets/{number}", responses=responses(404, 412, 422, 428))
def note(
    asked: Asked, response: Response, number: Number, patch: SheetPatch, if_match: IfMatch = None
) -> OneSheetBody:
    """Whether it was seen; If-Match names the line as it was."""
    _lead(asked)
    _sheet(asked, response, number)
    with _changing(asked, if_match) as connection:
        injects.note_sheet(
            connection,
            number,
            author=asked.person.name,
            version=version(if_match),
            **patch.model_dump(),
        )
    return _sheet(asked, response, number)


def _lead(asked: Access) -> None:
    asked.require(LEAD)
    with told_as_problem():
        require_exercise(asked.instance, what="leading an exercise")


def _run(asked: Access, number: int) -> None:
    if conducting.find(asked.connection, number) is None:
        raise NotFoundError(f"no run has the number {number}")


@contextmanager
def _changing(asked: Access, if_match: str | None) -> Iterator[Connection]:
    """Write by whoever says what they saw.

    Raises:
        HTTPException: they do not, or it was changed meanwhile.
    """
    if if_match is None:
        raise HTTPException(
            HTTPStatus.PRECONDITION_REQUIRED, "send If-Match with the ETag of what you change"
        )
    with told_as_problem(), asked.writing() as connection:
        yield connection


def _one(asked: Access, response: Response, number: int) -> OneInjectBody:
    with asked.owning() as connection:
        found = injecting.inject(connection, number)
    if found is None:
        raise NotFoundError(f"no inject has the number {number}")
    tag(response, str(found.version))
    return OneInjectBody(mode=asked.mode, inject=inject_body(found))


def _sheet(asked: Access, response: Response, number: int) -> OneSheetBody:
    with asked.owning() as connection:
        found = injecting.sheet(connection, number)
    if found is None:
        raise NotFoundError(f"no line has the number {number}")
    tag(response, str(found.version))
    return OneSheetBody(mode=asked.mode, sheet=sheet_body(found))


def inject_body(found: injecting.Inject) -> InjectBody:
    return InjectBody(**{name: getattr(found, name) for name in InjectBody.model_fields})


def sheet_body(found: injecting.Sheet) -> SheetBody:
    return SheetBody(**{name: getattr(found, name) for name in SheetBody.model_fields})
