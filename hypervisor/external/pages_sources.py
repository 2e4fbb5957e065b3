"""Administration: systems that send external alarms, and how they are read."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import ConfirmedContext, Context, RequestContext
from hypervisor.accounts import views as frame
from hypervisor.alarms.log import EXTERNAL
from hypervisor.base.duties import Duty
from hypervisor.base.errors import ConflictError
from hypervisor.external import mappings, queries
from hypervisor.web.budget import DECODING, costs
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render
from sensors._errors import TerritoryError

router = APIRouter()
PAGE: Page | None = None


@router.get("/admin/sources")
def show_sources(context: Context, done: Annotated[str, Query(max_length=20)] = "") -> Response:
    """How each source does, and the file in force."""
    return _render(context, done=done)


@router.post("/admin/sources")
@costs(DECODING)
def apply_mappings(
    context: ConfirmedContext,
    text: Annotated[str, Form(max_length=400_000)] = "",
    reason: Annotated[str, Form(max_length=1_000)] = "",
    seen: Annotated[int | None, Form(ge=0, le=2**63 - 1)] = None,
) -> Response:
    """Read sources by another file from now on."""
    context.require(Duty.ADMINISTER)
    text = text.replace("\r\n", "\n")
    try:
        with context.writing() as connection:
            mappings.apply_text(
                connection,
                text,
                file=mappings.FILE,
                author=context.person.name,
                reason=reason,
                seen=seen,
            )
    except TerritoryError as error:
        return _render(context, wrong=error, text=text, seen=seen)
    return RedirectResponse("/admin/sources?done=saved", status_code=303)


@router.get("/rules/external/{source}")
def redirect_to_alarms(context: Context, source: str) -> RedirectResponse:
    """No rule of ours raised an external alarm: its source's alarms stand for one."""
    context.require_anywhere(Duty.READ)
    query = urlencode({"q": f"{EXTERNAL}{source}"[:200]})
    return RedirectResponse(f"/alarms?{query}", status_code=303)


def _render(
    context: RequestContext,
    *,
    done: str = "",
    wrong: TerritoryError | None = None,
    text: str | None = None,
    seen: int | None = None,
) -> Response:
    context.require(Duty.ADMINISTER)
    with context.owning() as connection:
        states = queries.list_states(connection)
        revision = queries.MAPPINGS.find_revision(connection)
    now = context.clock()
    return render(
        context,
        "admin_sources.html",
        status_code=409 if isinstance(wrong, ConflictError) else 422 if wrong else 200,
        sources=[(state, refusal(state.describe(now)), state.has_problem(now)) for state in states],
        revision=revision,
        seen=seen if seen is not None else revision.id if revision else 0,
        text=text if text is not None else revision.text if revision else "",
        **frame.admin_context(context, "sources", done=done, wrong=refusal(wrong) if wrong else ""),
    )
