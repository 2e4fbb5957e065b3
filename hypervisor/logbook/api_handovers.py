"""Hand-overs of a shift: what whoever comes must know, signed by both."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.exceptions import HTTPException

from hypervisor.access.context import Context, RequestContext
from hypervisor.access.errors import ForbiddenError
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.instants import EPOCH
from hypervisor.logbook import queries_handovers, shift
from hypervisor.logbook import service_handover as handover
from hypervisor.logbook.api import area_of
from hypervisor.logbook.coming import coming
from hypervisor.logbook.errors import HandoverError
from hypervisor.logbook.queries_handovers import Handover
from hypervisor.logbook.schemas import (
    DraftBody,
    HandoverBody,
    HandoversBody,
    OfferPost,
    OneHandoverBody,
    StepPost,
)
from hypervisor.logbook.service_handover import Step
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses

router = APIRouter(prefix="/handovers", tags=["handovers"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("", responses=responses(422))
def every(context: Context, page: Page) -> HandoversBody:
    """Hand-overs, the latest first."""
    after = page.after(int)
    rows, following = page.told(
        queries_handovers.listing(
            context.connection, before=None if after is None else after[0], limit=page.limit + 1
        ),
        lambda row: (row.id,),
    )
    return HandoversBody(mode=context.mode, handovers=[body(row) for row in rows], next=following)


@router.get("/draft", responses=responses(403))
def draft(context: Context) -> DraftBody:
    """What a hand-over would say now, since the one before."""
    return DraftBody(mode=context.mode, page=drafted(context))


@router.get("/{number}", responses=responses(404, 422))
def one(context: Context, number: Number) -> OneHandoverBody:
    """One hand-over with the page that was signed."""
    return OneHandoverBody(mode=context.mode, handover=body(found(context, number)))


@router.post("", status_code=201, responses=responses(409, 422))
def offer(context: Context, post: OfferPost) -> OneHandoverBody:
    """Freeze the page as it is now and sign it as who goes. 409: one is on offer already."""
    try:
        made = offered(context, post.note)
    except HandoverError as error:
        raise HTTPException(409, str(error)) from error
    return OneHandoverBody(mode=context.mode, handover=body(made))


@router.post("/{number}/steps", responses=responses(404, 409, 422))
def step(context: Context, number: Number, post: StepPost) -> OneHandoverBody:
    """Sign it as who comes, or take one's own signature back. 409: it cannot be done so."""
    try:
        made = stepped(context, number, Step(post.step), signed=post.signed, remark=post.remark)
    except HandoverError as error:
        raise HTTPException(409, str(error)) from error
    return OneHandoverBody(mode=context.mode, handover=body(made))


def drafted(context: RequestContext) -> dict[str, Any]:
    """The page of the person's own territory.

    Raises:
        ForbiddenError: they operate nowhere.
    """
    return shift.page(
        context.connection,
        since=begins(context),
        wall=context.clock(),
        outlook=coming(context.connection, context.catalogue, now=context.now()),
    )


def begins(context: RequestContext) -> datetime:
    """When the shift began (the wall's clock): the hand-over before; the first one tells all."""
    before = queries_handovers.latest(context.connection, area_of(context))
    return before.closed_at if before and before.closed_at else EPOCH


def offered(context: RequestContext, note: str) -> Handover:
    """Offer it in the person's territory.

    Raises:
        HandoverError: another one is on offer.
    """
    area, page = area_of(context), drafted(context)
    with context.writing() as connection:
        return handover.offer(
            connection, page, author=context.person.name, note=note, area=area, now=context.clock()
        )


def stepped(
    context: RequestContext, number: int, what: Step, *, signed: str | None, remark: str
) -> Handover:
    """Take it or withdraw it.

    Raises:
        HandoverError: it cannot be done so.
        NotFoundError: they see no such hand-over.
    """
    _signs(context, found(context, number))
    with context.writing() as connection:
        return handover.step(
            connection,
            number,
            what,
            author=context.person.name,
            signed=signed,
            remark=remark,
            now=context.clock(),
        )


def may_sign(context: RequestContext, handover: Handover) -> bool:
    """Whether the person may take or withdraw it: what a page asks of a button."""
    try:
        _signs(context, handover)
    except ForbiddenError:
        return False
    return True


def _signs(context: RequestContext, handover: Handover) -> None:
    if handover.area is None:
        context.require(Duty.OPERATE)
    else:
        context.require(Duty.OPERATE, area=handover.area)


def found(context: RequestContext, number: int) -> Handover:
    """The hand-over, as far as the person sees it.

    Raises:
        NotFoundError: they see no such hand-over.
    """
    one_of = queries_handovers.one(context.connection, number)
    if one_of is None:
        raise NotFoundError(f"no hand-over has the number {number}")
    return one_of


def body(one_of: Handover) -> HandoverBody:
    """As the API tells it."""
    return HandoverBody(**asdict(one_of))
