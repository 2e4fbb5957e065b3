"""Hand-over: the page that whoever goes and whoever comes sign, and those that were signed."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Response
from fastapi.responses import RedirectResponse

from hypervisor.accounts.duties import Duty
from hypervisor.api import handovers as doing
from hypervisor.api.access import Access, Asked
from hypervisor.api.operational_log import area_of
from hypervisor.console.page import Page
from hypervisor.console.refusals import refusal
from hypervisor.console.rendering import render
from hypervisor.console.views import handover as view
from hypervisor.console.words import mark
from hypervisor.logbook.errors import LogError
from hypervisor.logbook.handover import Step
from hypervisor.store.logbook import handovers
from hypervisor.store.logbook.handovers import Handover

router = APIRouter()
PAGE = Page(
    key="handover",
    title=mark("Hand-over"),
    address="/handover",
    order=31,
    shortcut="t",
    needs=Duty.OPERATE.value,
)
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/handover")
def draft(asked: Asked) -> Response:
    """What would be handed over now; or the page that waits for its second signature."""
    area = area_of(asked)
    waiting = handovers.offered(asked.connection, area)
    if waiting is not None:
        return _shown(asked, waiting)
    return _drafted(asked)


@router.get("/handover/{number}")
def one(asked: Asked, number: Number) -> Response:
    """A hand-over as it was signed."""
    return _shown(asked, doing.found(asked, number))


@router.post("/handover")
def offer(asked: Asked, note: Annotated[str, Form(max_length=10_000)] = "") -> Response:
    """The first signature."""
    try:
        made = doing.offered(asked, note)
    except LogError as error:
        return _drafted(asked, wrong=refusal(error), note=note)
    return RedirectResponse(f"/handover/{made.id}", status_code=303)


@router.post("/handover/{number}")
def step(
    asked: Asked,
    number: Number,
    step: Annotated[Step, Form()],
    signed: Annotated[str, Form(max_length=64)] = "",
    remark: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """The second signature, or the first one taken back."""
    try:
        made = doing.stepped(asked, number, step, signed=signed, remark=remark)
    except LogError as error:
        return _shown(asked, doing.found(asked, number), wrong=refusal(error))
    return RedirectResponse(f"/handover/{made.id}", status_code=303)


def _drafted(asked: Access, *, wrong: str = "", note: str = "") -> Response:
    page = doing.drafted(asked)
    return render(
        asked,
        "handover.html",
        status_code=409 if wrong else 200,
        handover=None,
        page=view.readable(page),
        begins=doing.begins(asked),
        wrong=wrong,
        note=note,
        before=handovers.listing(asked.connection, limit=10),
        **view.words(),
    )


def _shown(asked: Access, handover: Handover, *, wrong: str = "") -> Response:
    return render(
        asked,
        "handover.html",
        status_code=409 if wrong else 200,
        handover=handover,
        page=view.readable(handover.page),
        begins=handover.begins,
        wrong=wrong,
        note=handover.note,
        mine=handover.offered_by == asked.person.name,
        signs=doing.may_sign(asked, handover),
        before=handovers.listing(asked.connection, limit=10),
        **view.words(),
    )
