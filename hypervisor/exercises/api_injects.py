"""Routes of injects and observer checklists, for leaders."""

from collections.abc import Callable
from http import HTTPStatus

from fastapi import APIRouter, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.errors import NotFoundError
from hypervisor.exercises import queries_injects, service, service_injects
from hypervisor.exercises.api import (
    Number,
    parse_version,
    require_lead,
    require_run,
    translate_errors,
)
from hypervisor.exercises.model import InjectPost
from hypervisor.exercises.schemas import (
    ChecklistBody,
    ChecklistItemBody,
    ChecklistPost,
    InjectPatch,
    InjectsBody,
    ObservationPatch,
    OneInjectBody,
)
from hypervisor.web.budget import ROWS, costs
from hypervisor.web.paging import Page
from hypervisor.web.preconditions import IfMatch, tag
from hypervisor.web.problems import responses

router = APIRouter(prefix="/exercises", tags=["exercises"])


@router.get("/runs/{number}/injects", responses=responses(404, 422))
@costs(ROWS)
def list_injects(context: Context, page: Page, number: Number) -> InjectsBody:
    """Injects of a run, including those that trainees do not see."""
    require_lead(context)
    with context.owning() as connection:
        require_run(context.connection, number)
        injects = queries_injects.list_injects(connection, number)
    some, following = page.cut(injects, lambda inject: (inject.id,))
    return InjectsBody(mode=context.mode, injects=some, next=following)


@router.post("/runs/{number}/injects", status_code=201, responses=responses(404, 409, 422))
def add_inject(
    context: Context, response: Response, number: Number, post: InjectPost
) -> OneInjectBody:
    """Add an inject, to be injected at its time or manually."""
    require_lead(context)
    require_run(context.connection, number)
    with translate_errors(), context.writing() as connection:
        made = service_injects.add_inject(connection, number, post, context.person.name)
    return _inject_response(context, response, made)


@router.get("/injects/{number}", responses=responses(404))
def get_inject(context: Context, response: Response, number: Number) -> OneInjectBody:
    """One inject."""
    require_lead(context)
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
    require_lead(context)
    _inject_response(context, response, number)
    _change(context, number, patch, if_match, service_injects.change_inject)
    return _inject_response(context, response, number)


@router.post("/injects/{number}/fire", status_code=202, responses=responses(404, 409))
def fire_inject(context: Context, response: Response, number: Number) -> OneInjectBody:
    """Inject it now."""
    require_lead(context)
    _inject_response(context, response, number)
    author = context.person.name
    with translate_errors():
        service.execute(context, lambda connection: service.fire_inject(connection, number, author))
    return _inject_response(context, response, number)


@router.get("/runs/{number}/checklist", responses=responses(404, 422))
@router.get(
    "/runs/{number}/sheets",
    responses=responses(404, 422),
    deprecated=True,
    operation_id="exercises_list_sheets",
)
@costs(ROWS)
def list_checklist(context: Context, page: Page, number: Number) -> ChecklistBody:
    """Observer checklist of a run."""
    require_lead(context)
    with context.owning() as connection:
        require_run(context.connection, number)
        items = queries_injects.list_checklist(connection, number)
    some, following = page.cut(items, lambda item: (item.id,))
    return ChecklistBody(mode=context.mode, checklist=some, next=following)


@router.post("/runs/{number}/checklist", status_code=201, responses=responses(404, 422))
@router.post(
    "/runs/{number}/sheets",
    status_code=201,
    responses=responses(404, 422),
    deprecated=True,
    operation_id="exercises_add_sheet",
)
def add_checklist_item(
    context: Context, response: Response, number: Number, post: ChecklistPost
) -> ChecklistItemBody:
    """Add a checklist line."""
    require_lead(context)
    require_run(context.connection, number)
    with translate_errors(), context.writing() as connection:
        made = service_injects.add_checklist_item(
            connection, number, expected=post.expected, due=post.due, author=context.person.name
        )
    return _item_response(context, response, made)


@router.patch("/checklist/{number}", responses=responses(404, 412, 422, 428))
@router.patch(
    "/sheets/{number}",
    responses=responses(404, 412, 422, 428),
    deprecated=True,
    operation_id="exercises_change_sheet",
)
def change_checklist_item(
    context: Context,
    response: Response,
    number: Number,
    patch: ObservationPatch,
    if_match: IfMatch = None,
) -> ChecklistItemBody:
    """Record an observation; needs If-Match."""
    require_lead(context)
    _item_response(context, response, number)
    _change(context, number, patch, if_match, service_injects.record_observation)
    return _item_response(context, response, number)


def _change(
    context: RequestContext,
    number: int,
    patch: BaseModel,
    if_match: str | None,
    change: Callable[..., None],
) -> None:
    """Change an object; requires If-Match.

    Raises HTTPException: it is missing, or the object has changed.
    """
    if if_match is None:
        raise HTTPException(
            HTTPStatus.PRECONDITION_REQUIRED, "send If-Match with the ETag of what you change"
        )
    author, version = context.person.name, parse_version(if_match)
    with translate_errors(), context.writing() as connection:
        change(connection, number, author=author, version=version, **patch.model_dump())


def _inject_response(context: RequestContext, response: Response, number: int) -> OneInjectBody:
    with context.owning() as connection:
        inject = queries_injects.get_inject(connection, number)
    if inject is None:
        raise NotFoundError("no inject has the number {number}", number)
    tag(response, str(inject.version))
    return OneInjectBody(mode=context.mode, inject=inject)


def _item_response(context: RequestContext, response: Response, number: int) -> ChecklistItemBody:
    with context.owning() as connection:
        item = queries_injects.get_checklist_item(connection, number)
    if item is None:
        raise NotFoundError("no line has the number {number}", number)
    tag(response, str(item.version))
    return ChecklistItemBody(mode=context.mode, item=item)
