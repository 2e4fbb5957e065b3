"""The hand-over page, signed by both shifts, and earlier hand-overs."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.translation import mark
from hypervisor.logbook import api_handovers as doing
from hypervisor.logbook import queries_handovers
from hypervisor.logbook import views_handover as view
from hypervisor.logbook.api import find_area
from hypervisor.logbook.errors import LogError
from hypervisor.logbook.model import Handover
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
def show_draft(context: Context) -> Response:
    """The hand-over as of now, or the one awaiting its second signature."""
    area = find_area(context)
    waiting = queries_handovers.find_offered(context.connection, area)
    if waiting is not None:
        return _render_handover(context, waiting)
    return _render_draft(context)


@router.get("/handover/{number}")
def show_handover(context: Context, number: Number) -> Response:
    """A hand-over as signed."""
    return _render_handover(context, doing.find_handover(context, number))


@router.post("/handover")
def offer_handover(
    context: Context, note: Annotated[str, Form(max_length=10_000)] = ""
) -> Response:
    """The first signature."""
    try:
        made = doing.offer_handover(context, note)
    except LogError as error:
        return _render_draft(context, wrong=refusal(error), note=note)
    return RedirectResponse(f"/handover/{made.id}", status_code=303)


@router.post("/handover/{number}")
def sign_handover(
    context: Context,
    number: Number,
    step: Annotated[Step, Form()],
    signed: Annotated[str, Form(max_length=64)] = "",
    remark: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """The second signature, or withdrawal of the first."""
    try:
        made = doing.sign_handover(context, number, step, signed=signed, remark=remark)
    except LogError as error:
        return _render_handover(context, doing.find_handover(context, number), wrong=refusal(error))
    return RedirectResponse(f"/handover/{made.id}", status_code=303)


def _render_draft(context: RequestContext, *, wrong: str = "", note: str = "") -> Response:
    page = doing.build_page(context)
    return render(
        context,
        "handover.html",
        status_code=409 if wrong else 200,
        handover=None,
        page=view.parse_page(page),
        begins=doing.find_shift_start(context),
        wrong=wrong,
        note=note,
        before=queries_handovers.list_handovers(context.connection, limit=10),
        **view.template_words(),
    )


def _render_handover(context: RequestContext, handover: Handover, *, wrong: str = "") -> Response:
    return render(
        context,
        "handover.html",
        status_code=409 if wrong else 200,
        handover=handover,
        page=view.parse_page(handover.page),
        begins=handover.begins,
        wrong=wrong,
        note=handover.note,
        mine=handover.offered_by == context.person.name,
        signs=doing.may_sign(context, handover),
        before=queries_handovers.list_handovers(context.connection, limit=10),
        **view.template_words(),
    )
