"""The data quality page: devices by impact, dead letters, the health of ingest."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.readings import queries_dead_letters
from hypervisor.readings import views_quality as view
from hypervisor.readings.api_dead_letters import replay_letters
from hypervisor.readings.calm import read_alarm_calm
from hypervisor.readings.dead_letter_replay import ShiftError, get_dead_letter
from hypervisor.readings.device_health import ISSUES
from hypervisor.readings.schemas import ReplayPost
from hypervisor.readings.views_dead_letters import MOST, explain_reason, format_payload
from hypervisor.web.budget import WORK, costs
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
    """The page."""
    with reading(reader_of(context, request)):
        devices = view.summarize_devices(context, domain=domain or None)
    chosen = issue if issue in ISSUES else ""
    affected = [row for row in devices.affected if not chosen or chosen in row.health.issues]
    return render(
        context,
        "quality.html",
        calm=read_alarm_calm(context),
        devices=devices,
        affected=affected[:show],
        more=len(affected) - show,
        show=show,
        chosen=chosen,
        issues=ISSUES,
        letters=queries_dead_letters.count_by_reason(
            context.connection, since=context.now() - view.DAY
        ),
        sees_all=context.person.everywhere(Duty.READ),
        gaps=view.list_gaps(context),
        cause=view.explain_cause,
        meaning=explain_reason,
        **_ingest_fields(context, request),
    )


@router.get("/ingest")
def show_ingest(context: Context, request: Request) -> Response:
    """How readings come in: the part of the page that refreshes itself."""
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
    return _render_letters(context, reason, every=every, before=before)


@router.get("/letters/{number}")
def show_letter(context: Context, number: Number) -> Response:
    """One letter with its bytes."""
    return _render_letter(context, number)


@router.post("/replay")
@costs(WORK)
def replay(  # noqa: PLR0913  the fields of the form
    context: Context,
    request: Request,
    *,
    why: Annotated[str, Form(max_length=4_000)] = "",
    reason: Annotated[str, Form(max_length=100)] = "",
    shift: Annotated[str, Form(max_length=40)] = "",
    number: Annotated[int | None, Form(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """Replay one letter, or all of a reason, and show the outcome."""
    context.require(Duty.OPERATE)
    result: dict[str, Any] = {}
    try:
        post = ReplayPost(
            ids=[] if number is None else [number],
            reason=reason or None,
            shift=shift.strip() or "0s",
            why=why.strip(),
        )
        result["done"] = replay_letters(context, request, post)
    except (ValidationError, ShiftError) as error:
        wrong = "shift" if isinstance(error, ShiftError) else "why"
        result = {"form": {"why": why, "shift": shift}, "wrong": wrong}
    if number is None:
        return _render_letters(context, reason, **result)
    if "done" in result and not wants_fragment(request):
        return RedirectResponse(f"/quality/letters/{number}", status_code=303)
    return _render_letter(context, number, **result)


def _render_letters(
    context: RequestContext,
    reason: str,
    *,
    every: bool = False,
    before: int | None = None,
    **result: Any,
) -> Response:
    context.connection.rollback()  # to see what was replayed
    rows = queries_dead_letters.list_letters(
        context.connection,
        newest_first=True,
        reason=reason or None,
        waiting=not every,
        before=before,
        limit=_LETTERS + 1,
    )
    counts = queries_dead_letters.count_by_reason(context.connection)
    return _render(
        context,
        "quality_letters.html",
        result,
        reason=reason,
        meaning=explain_reason,
        letters=rows[:_LETTERS],
        following=rows[_LETTERS - 1].id if len(rows) > _LETTERS else None,
        every=every,
        waiting=sum(row.waiting for row in counts if reason in {"", row.reason}),
        before=before,
    )


def _render_letter(context: RequestContext, number: int, **result: Any) -> Response:
    context.connection.rollback()
    letter = get_dead_letter(context.connection, number)
    payload = format_payload(letter.payload)
    return _render(
        context, "quality_letter.html", result, letter=letter, payload=payload, MOST=MOST
    )


def _render(
    context: RequestContext, template: str, result: dict[str, Any], **values: Any
) -> Response:
    """`result` of a replay: `done`, or the `form` with what is `wrong` in it."""
    return render(
        context,
        template,
        status_code=422 if "wrong" in result else 200,
        may_replay=context.may(Duty.OPERATE),
        **{"done": None, "form": {}, "wrong": "", **result},
        **values,
    )


def _ingest_fields(context: RequestContext, request: Request) -> dict[str, Any]:
    ingest = view.summarize_ingest(context)
    flow = view.draw_arrivals(ingest, reader_of(context, request).zone)
    return {"ingest": ingest, "flow": flow, "geometry": view}
