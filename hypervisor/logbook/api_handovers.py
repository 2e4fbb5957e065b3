"""Routes of shift hand-overs, signed by both sides."""

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
from hypervisor.logbook.api import find_area
from hypervisor.logbook.coming import read_forecast
from hypervisor.logbook.errors import HandoverError
from hypervisor.logbook.model import Handover
from hypervisor.logbook.schemas import (
    DraftBody,
    HandoverDetailBody,
    HandoversBody,
    OfferPost,
    StepPost,
)
from hypervisor.logbook.service_handover import Step
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses

router = APIRouter(prefix="/handovers", tags=["handovers"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("", responses=responses(422))
def list_handovers(context: Context, page: Page) -> HandoversBody:
    """Hand-overs, latest first."""
    after = page.after(int)
    rows, following = page.take(
        queries_handovers.list_handovers(
            context.connection, before=None if after is None else after[0], limit=page.limit + 1
        ),
        lambda row: (row.id,),
    )
    return HandoversBody(mode=context.mode, handovers=rows, next=following)


@router.get("/draft", responses=responses(403))
def get_draft(context: Context) -> DraftBody:
    """The hand-over page as of now, since the previous hand-over."""
    return DraftBody(mode=context.mode, page=build_page(context))


@router.get("/{number}", responses=responses(404, 422))
def get_handover(context: Context, number: Number) -> HandoverDetailBody:
    """One hand-over with its signed page."""
    return HandoverDetailBody(mode=context.mode, handover=find_handover(context, number))


@router.post("", status_code=201, responses=responses(409, 422))
def post_offer(context: Context, post: OfferPost) -> HandoverDetailBody:
    """Freeze the page and sign it as the outgoing shift. 409: a hand-over is already on offer."""
    try:
        made = offer_handover(context, post.note)
    except HandoverError as error:
        raise HTTPException(409, str(error)) from error
    return HandoverDetailBody(mode=context.mode, handover=made)


@router.post("/{number}/steps", responses=responses(404, 409, 422))
def post_step(context: Context, number: Number, post: StepPost) -> HandoverDetailBody:
    """Sign as the incoming shift, or withdraw your own signature. 409: not possible."""
    try:
        made = sign_handover(
            context, number, Step(post.step), signed=post.signed, remark=post.remark
        )
    except HandoverError as error:
        raise HTTPException(409, str(error)) from error
    return HandoverDetailBody(mode=context.mode, handover=made)


def build_page(context: RequestContext) -> dict[str, Any]:
    """The hand-over page of the person's territory.

    Raises:
        ForbiddenError: the person is an operator nowhere.
    """
    return shift.build_page(
        context.connection,
        since=find_shift_start(context),
        wall=context.clock(),
        outlook=read_forecast(context.connection, context.catalogue, now=context.now()),
    )


def find_shift_start(context: RequestContext) -> datetime:
    """When the shift began (wall clock): at the previous hand-over, if any."""
    before = queries_handovers.find_latest(context.connection, find_area(context))
    return before.closed_at if before and before.closed_at else EPOCH


def offer_handover(context: RequestContext, note: str) -> Handover:
    """Offer a hand-over of the person's territory.

    Raises:
        HandoverError: another one is on offer.
    """
    area, page = find_area(context), build_page(context)
    with context.writing() as connection:
        return handover.offer_handover(
            connection, page, author=context.person.name, note=note, area=area, now=context.clock()
        )


def sign_handover(
    context: RequestContext, number: int, what: Step, *, signed: str | None, remark: str
) -> Handover:
    """Take over, or withdraw the offer.

    Raises:
        HandoverError: its state or the person does not allow this.
        NotFoundError: no such hand-over is visible.
    """
    _require_signatory(context, find_handover(context, number))
    with context.writing() as connection:
        return handover.apply_step(
            connection,
            number,
            what,
            author=context.person.name,
            signed=signed,
            remark=remark,
            now=context.clock(),
        )


def may_sign(context: RequestContext, handover: Handover) -> bool:
    """Whether the person may take or withdraw a hand-over."""
    try:
        _require_signatory(context, handover)
    except ForbiddenError:
        return False
    return True


def _require_signatory(context: RequestContext, handover: Handover) -> None:
    if handover.area is None:
        context.require(Duty.OPERATE)
    else:
        context.require(Duty.OPERATE, area=handover.area)


def find_handover(context: RequestContext, number: int) -> Handover:
    """A hand-over visible to the person.

    Raises:
        NotFoundError: no such hand-over is visible.
    """
    handover = queries_handovers.find_handover(context.connection, number)
    if handover is None:
        raise NotFoundError(f"no hand-over has the number {number}")
    return handover
