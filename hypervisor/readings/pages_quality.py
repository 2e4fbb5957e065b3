"""Data quality: devices to look at by what they blind, dead letters, the health of ingest."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.readings import queries_dead_letters, views_dead_letter, views_quality_chart
from hypervisor.readings import views_quality as view
from hypervisor.readings.api_dead_letters import replay_letters
from hypervisor.readings.dead_letter_replay import ShiftError
from hypervisor.readings.device_health import ISSUES
from hypervisor.readings.schemas_dead_letters import RedriveBody, RedrivePost
from hypervisor.readings.views_quality_words import explain_cause, explain_reason
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment

router = APIRouter(prefix="/quality")
PAGE = Page(key="quality", title=mark("Quality"), address="/quality", order=40, shortcut="q")
_LETTERS = 50  # a page
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("")
def show_quality(
    context: Context,
    request: Request,
    *,
    issue: Annotated[str, Query(max_length=20)] = "",
    domain: Annotated[str, Query(max_length=100)] = "",
    show: Annotated[int, Query(ge=1, le=10_000)] = view.SHOWN,
) -> Response:
    """All of it."""
    with reading(reader_of(context, request)):
        devices = view.summarize_devices(context, domain=domain or None)
        chosen = issue if issue in ISSUES else ""
        ailing = [
            ailing_device
            for ailing_device in devices.ailing
            if not chosen or chosen in ailing_device.health.issues
        ]
    return render(
        context,
        "quality.html",
        devices=devices,
        ailing=ailing[:show],
        more=len(ailing) - show,
        show=show,
        chosen=chosen,
        issues=ISSUES,
        letters=view.list_refusals(context),
        gaps=view.list_gaps(context),
        cause=explain_cause,
        meaning=explain_reason,
        **_ingest_fields(context, request),
    )


@router.get("/ingest")
def show_ingest(context: Context, request: Request) -> Response:
    """How readings come in: the part of the page that fetches itself anew."""
    return fragment(context, "quality_ingest.html", **_ingest_fields(context, request))


@router.get("/letters")
def list_letters(
    context: Context,
    *,
    reason: Annotated[str, Query(max_length=100)] = "",
    every: bool = False,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """Letters of one reason, the latest first."""
    return _render_letters(context, reason=reason, every=every, before=before)


@router.get("/letters/{number}")
def show_letter(context: Context, number: Number) -> Response:
    """One letter with its bytes."""
    return _render_letter(context, number)


@router.post("/redrive")
def replay(  # noqa: PLR0913  the fields of the form
    context: Context,
    request: Request,
    *,
    why: Annotated[str, Form(max_length=4_000)] = "",
    reason: Annotated[str, Form(max_length=100)] = "",
    shift: Annotated[str, Form(max_length=40)] = "",
    number: Annotated[int | None, Form(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """Send one letter, or all that wait for a reason, through again; what became of them."""
    context.require(Duty.OPERATE)
    form = {"why": why, "shift": shift}
    try:
        post = RedrivePost(
            ids=[] if number is None else [number],
            reason=reason or None,
            shift=shift.strip() or "0s",
            why=why.strip(),
        )
        done = replay_letters(context, request, post)
    except ValidationError:
        return _render_outcome(context, reason, number, form=form, wrong="why")
    except ShiftError:
        return _render_outcome(context, reason, number, form=form, wrong="shift")
    if not wants_fragment(request) and number is not None:
        return RedirectResponse(f"/quality/letters/{number}", status_code=303)
    return _render_outcome(context, reason, number, done=done)


def _render_outcome(  # noqa: PLR0913  what both pages are made of
    context: RequestContext,
    reason: str,
    number: int | None,
    *,
    done: RedriveBody | None = None,
    form: dict[str, str] | None = None,
    wrong: str = "",
) -> Response:
    if number is not None:
        return _render_letter(context, number, done=done, form=form, wrong=wrong)
    return _render_letters(context, reason=reason, done=done, form=form, wrong=wrong)


def _render_letters(  # noqa: PLR0913  what the page is made of
    context: RequestContext,
    *,
    reason: str,
    every: bool = False,
    before: int | None = None,
    done: RedriveBody | None = None,
    form: dict[str, str] | None = None,
    wrong: str = "",
) -> Response:
    context.connection.rollback()  # what was sent again is seen
    rows = queries_dead_letters.list_latest(
        context.connection,
        reason=reason or None,
        waiting=not every,
        before=before,
        limit=_LETTERS + 1,
    )
    counts = {
        name: waiting
        for name, waiting, _ in queries_dead_letters.count_by_reason(context.connection)
    }
    return render(
        context,
        "quality_letters.html",
        status_code=422 if wrong else 200,
        reason=reason,
        meaning=explain_reason,
        letters=rows[:_LETTERS],
        following=rows[_LETTERS - 1].id if len(rows) > _LETTERS else None,
        every=every,
        waiting=counts.get(reason, 0) if reason else sum(counts.values()),
        before=before,
        **_replay_fields(context, done, form, wrong),
    )


def _render_letter(
    context: RequestContext,
    number: int,
    *,
    done: RedriveBody | None = None,
    form: dict[str, str] | None = None,
    wrong: str = "",
) -> Response:
    context.connection.rollback()
    dead_letter = queries_dead_letters.get_dead_letter(context.connection, number)
    if dead_letter is None:
        raise NotFoundError(f"no dead letter has the number {number}")
    return render(
        context,
        "quality_letter.html",
        status_code=422 if wrong else 200,
        letter=dead_letter,
        payload=views_dead_letter.format_payload(dead_letter.payload),
        MOST=views_dead_letter.MOST,
        **_replay_fields(context, done, form, wrong),
    )


def _replay_fields(
    context: RequestContext, done: RedriveBody | None, form: dict[str, str] | None, wrong: str
) -> dict[str, Any]:
    return {
        "may_redrive": context.person.everywhere(Duty.OPERATE),
        "done": done,
        "said": form or {},
        "wrong": wrong,
    }


def _ingest_fields(context: RequestContext, request: Request) -> dict[str, Any]:
    ingest_view = view.summarize_ingest(context)
    zone = reader_of(context, request).zone
    return {
        "ingest": ingest_view,
        "flow": views_quality_chart.draw_arrivals(ingest_view, zone),
        "geometry": views_quality_chart,
    }
