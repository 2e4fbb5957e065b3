"""Routes of shift hand-overs, signed by both sides."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.exceptions import HTTPException

from hypervisor.access.context import Context
from hypervisor.logbook import queries_handovers, service_handover
from hypervisor.logbook.model import Handover, HandoverError
from hypervisor.logbook.schemas import (
    DraftBody,
    HandoverDetailBody,
    HandoversBody,
    HandoverStepPost,
    OfferPost,
)
from hypervisor.web.budget import ROWS, costs
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses

router = APIRouter(prefix="/handovers", tags=["handovers"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("", responses=responses(422))
@costs(ROWS)
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
    return DraftBody(mode=context.mode, page=service_handover.build_page(context))


@router.get("/{number}", responses=responses(404, 422))
def get_handover(context: Context, number: Number) -> HandoverDetailBody:
    """One hand-over with its signed page."""
    handover = service_handover.find_handover(context.connection, number)
    return HandoverDetailBody(mode=context.mode, handover=handover)


@router.post("", status_code=201, responses=responses(409, 422))
def post_offer(context: Context, post: OfferPost) -> HandoverDetailBody:
    """Freeze the page and sign it as the outgoing shift. 409: a hand-over is already on offer."""
    return _answer(context, lambda: service_handover.offer(context, post.note))


@router.post("/{number}/steps", responses=responses(404, 409, 422))
def post_step(context: Context, number: Number, post: HandoverStepPost) -> HandoverDetailBody:
    """Sign as the incoming shift, or withdraw your own signature. 409: not possible."""
    return _answer(context, lambda: service_handover.sign(context, number, **post.model_dump()))


def _answer(context: Context, act: Callable[[], Handover]) -> HandoverDetailBody:
    try:
        return HandoverDetailBody(mode=context.mode, handover=act())
    except HandoverError as error:
        raise HTTPException(409, str(error)) from error
