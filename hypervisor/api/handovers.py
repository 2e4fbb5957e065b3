"""Hand-overs of a shift: what whoever comes must know, signed by both."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.exceptions import HTTPException

from hypervisor.accounts.duties import Duty
from hypervisor.accounts.errors import ForbiddenError
from hypervisor.api.access import Access, Asked
from hypervisor.api.log_shapes import (
    DraftBody,
    HandoverBody,
    HandoversBody,
    OfferPost,
    OneHandoverBody,
    StepPost,
)
from hypervisor.api.operational_log import area_of
from hypervisor.api.paging import Page
from hypervisor.api.problems import NotFoundError, responses
from hypervisor.instants import EPOCH
from hypervisor.logbook import handover, shift
from hypervisor.logbook.coming import coming
from hypervisor.logbook.errors import HandoverError
from hypervisor.logbook.handover import Step
from hypervisor.store.logbook import handovers
from hypervisor.store.logbook.handovers import Handover

router = APIRouter(prefix="/handovers", tags=["handovers"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("", responses=responses(422))
def every(asked: Asked, page: Page) -> HandoversBody:
    """Hand-overs, the latest first."""
    after = page.after(int)
    rows, following = page.told(
        handovers.listing(
            asked.connection, before=None if after is None else after[0], limit=page.limit + 1
        ),
        lambda row: (row.id,),
    )
    return HandoversBody(mode=asked.mode, handovers=[body(row) for row in rows], next=following)


@router.get("/draft", responses=responses(403))
def draft(asked: Asked) -> DraftBody:
    """What a hand-over would say now, since the one before."""
    return DraftBody(mode=asked.mode, page=drafted(asked))


@router.get("/{number}", responses=responses(404, 422))
def one(asked: Asked, number: Number) -> OneHandoverBody:
    """One hand-over with the page that was signed."""
    return OneHandoverBody(mode=asked.mode, handover=body(found(asked, number)))


@router.post("", status_code=201, responses=responses(409, 422))
def offer(asked: Asked, post: OfferPost) -> OneHandoverBody:
    """Freeze the page as it is now and sign it as who goes. 409: one is on offer already."""
    try:
        made = offered(asked, post.note)
    except HandoverError as error:
        raise HTTPException(409, str(error)) from error
    return OneHandoverBody(mode=asked.mode, handover=body(made))


@router.post("/{number}/steps", responses=responses(404, 409, 422))
def step(asked: Asked, number: Number, post: StepPost) -> OneHandoverBody:
    """Sign it as who comes, or take one's own signature back. 409: it cannot be done so."""
    try:
        made = stepped(asked, number, Step(post.step), signed=post.signed, remark=post.remark)
    except HandoverError as error:
        raise HTTPException(409, str(error)) from error
    return OneHandoverBody(mode=asked.mode, handover=body(made))


def drafted(asked: Access) -> dict[str, Any]:
    """The page of the person's own territory.

    Raises:
        ForbiddenError: they operate nowhere.
    """
    return shift.page(
        asked.connection,
        since=begins(asked),
        wall=asked.clock(),
        outlook=coming(asked.connection, asked.catalogue, now=asked.now()),
    )


def begins(asked: Access) -> datetime:
    """When the shift began (the wall's clock): the hand-over before; the first one tells all."""
    before = handovers.latest(asked.connection, area_of(asked))
    return before.closed_at if before and before.closed_at else EPOCH


def offered(asked: Access, note: str) -> Handover:
    """Offer it in the person's territory.

    Raises:
        HandoverError: another one is on offer.
    """
    area, page = area_of(asked), drafted(asked)
    with asked.writing() as connection:
        return handover.offer(
            connection, page, author=asked.person.name, note=note, area=area, now=asked.clock()
        )


def stepped(asked: Access, number: int, what: Step, *, signed: str | None, remark: str) -> Handover:
    """Take it or withdraw it.

    Raises:
        HandoverError: it cannot be done so.
        NotFoundError: they see no such hand-over.
    """
    _signs(asked, found(asked, number))
    with asked.writing() as connection:
        return handover.step(
            connection,
            number,
            what,
            author=asked.person.name,
            signed=signed,
            remark=remark,
            now=asked.clock(),
        )


def may_sign(asked: Access, handover: Handover) -> bool:
    """Whether the person may take or withdraw it: what a page asks of a button."""
    try:
        _signs(asked, handover)
    except ForbiddenError:
        return False
    return True


def _signs(asked: Access, handover: Handover) -> None:
    if handover.area is None:
        asked.require(Duty.OPERATE)
    else:
        asked.require(Duty.OPERATE, area=handover.area)


def found(asked: Access, number: int) -> Handover:
    """The hand-over, as far as the person sees it.

    Raises:
        NotFoundError: they see no such hand-over.
    """
    one_of = handovers.one(asked.connection, number)
    if one_of is None:
        raise NotFoundError(f"no hand-over has the number {number}")
    return one_of


def body(one_of: Handover) -> HandoverBody:
    """As the API tells it."""
    return HandoverBody(**asdict(one_of))
