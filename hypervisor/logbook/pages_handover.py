"""Hand-over: the page that whoever goes and whoever comes sign, and those that were signed."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.translation import mark
from hypervisor.logbook import api_handovers as doing
from hypervisor.logbook import queries_handovers
from hypervisor.logbook import views_handover as view
from hypervisor.logbook.api import area_of
from hypervisor.logbook.errors import LogError
from hypervisor.logbook.queries_handovers import Handover
from hypervisor.logbook.service_handover import Step
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render

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
def draft(context: Context) -> Response:
    """What would be handed over now; or the page that waits for its second signature."""
    area = area_of(context)
    waiting = queries_handovers.offered(context.connection, area)
    if waiting is not None:
        return _shown(context, waiting)
    return _drafted(context)


@router.get("/handover/{number}")
def one(context: Context, number: Number) -> Response:
    """A hand-over as it was signed."""
    return _shown(context, doing.found(context, number))


@router.post("/handover")
def offer(context: Context, note: Annotated[str, Form(max_length=10_000)] = "") -> Response:
    """The first signature."""
    try:
        made = doing.offered(context, note)
    except LogError as error:
        return _drafted(context, wrong=refusal(error), note=note)
    return RedirectResponse(f"/handover/{made.id}", status_code=303)


@router.post("/handover/{number}")
def step(
    context: Context,
    number: Number,
    step: Annotated[Step, Form()],
    signed: Annotated[str, Form(max_length=64)] = "",
    remark: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """The second signature, or the first one taken back."""
    try:
        made = doing.stepped(context, number, step, signed=signed, remark=remark)
    except LogError as error:
        return _shown(context, doing.found(context, number), wrong=refusal(error))
    return RedirectResponse(f"/handover/{made.id}", status_code=303)


def _drafted(context: RequestContext, *, wrong: str = "", note: str = "") -> Response:
    page = doing.drafted(context)
    return render(
        context,
        "handover.html",
        status_code=409 if wrong else 200,
        handover=None,
        page=view.readable(page),
        begins=doing.begins(context),
        wrong=wrong,
        note=note,
        before=queries_handovers.listing(context.connection, limit=10),
        **view.words(),
    )


def _shown(context: RequestContext, handover: Handover, *, wrong: str = "") -> Response:
    return render(
        context,
        "handover.html",
        status_code=409 if wrong else 200,
        handover=handover,
        page=view.readable(handover.page),
        begins=handover.begins,
        wrong=wrong,
        note=handover.note,
        mine=handover.offered_by == context.person.name,
        signs=doing.may_sign(context, handover),
        before=queries_handovers.listing(context.connection, limit=10),
        **view.words(),
    )
