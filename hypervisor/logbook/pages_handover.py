"""The hand-over page, signed by both shifts, and earlier hand-overs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.alarms import queries_list, views_words
from hypervisor.base.duties import Duty
from hypervisor.base.freshness import Assessment, Gap, Lack
from hypervisor.base.reader import current
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.base.words import bare
from hypervisor.logbook import queries_handovers, service_handover
from hypervisor.logbook.handover_page import HORIZONS
from hypervisor.logbook.model import Handover, LogError
from hypervisor.logbook.service_handover import Step
from hypervisor.web.calm import list_missing
from hypervisor.web.filters import join_some
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

_SUPPRESSIONS: Mapping[str, str] = {
    "shelved": mark("shelved"),
    "out-of-service": mark("out of service"),
    "inhibited": mark("suppressed by another alarm"),
    "works": mark("planned works"),
    "chattering": mark("chattering"),
}
# Titles of the log's sections, in the order of the page.
_LOG: Mapping[str, str] = {
    "decisions": mark("Decisions"),
    "calls": mark("Calls"),
    "promises": mark("Promised"),
    "tasks": mark("Tasks"),
    "closures": mark("Closed roads and places"),
    "notes": mark("Notes"),
}
_SECTIONS = (
    *_LOG,
    *("unacknowledged", "returned", "acknowledged", "faulty", "held", "at_rest", "works"),
    *("edits", "expectations", "bulletins"),
)
_TIMES = {
    *("at", "since", "until", "time", "began", "begins", "ends", "due", "settled", "recorded_at"),
    *("scenario_at", "earliest", "latest"),
}
_DEFINITIONS = {"before", "value"}  # of an edit: kept as stored


@router.get("/handover")
def show_draft(context: Context) -> Response:
    """The hand-over as of now, or the one awaiting its second signature."""
    waiting = service_handover.find_waiting(context)
    return _render_draft(context) if waiting is None else _render_handover(context, waiting)


@router.get("/handover/{number}")
def show_handover(context: Context, number: Number) -> Response:
    """A hand-over as signed."""
    return _render_handover(context, service_handover.find_handover(context.connection, number))


@router.post("/handover")
def offer_handover(
    context: Context, note: Annotated[str, Form(max_length=10_000)] = ""
) -> Response:
    """The first signature."""
    try:
        handover = service_handover.offer(context, note)
    except LogError as error:
        return _render_draft(context, wrong=refusal(error), note=note)
    return RedirectResponse(f"/handover/{handover.id}", status_code=303)


@router.post("/handover/{number}")
def sign_handover(
    context: Context,
    number: Number,
    step: Annotated[Step, Form()],
    signed: Annotated[str, Form(max_length=64)] = "",
    remark: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """The second signature, or withdrawal of the first."""
    handover = service_handover.find_handover(context.connection, number)
    try:
        service_handover.sign(context, number, step, signed=signed, remark=remark)
    except LogError as error:
        return _render_handover(context, handover, wrong=refusal(error))
    return RedirectResponse(f"/handover/{number}", status_code=303)


def _render_draft(context: RequestContext, *, wrong: str = "", note: str = "") -> Response:
    return _render(
        context,
        wrong=wrong,
        handover=None,
        page=parse_page(service_handover.build_page(context)),
        note=note,
    )


def _render_handover(context: RequestContext, handover: Handover, *, wrong: str = "") -> Response:
    return _render(
        context,
        wrong=wrong,
        handover=handover,
        page=parse_page(handover.page),
        note=handover.note,
        mine=handover.offered_by == context.person.name,
        signs=context.may(Duty.OPERATE, area=handover.area),
    )


def _render(context: RequestContext, *, wrong: str, **values: Any) -> Response:
    with context.owning() as owner:
        names = queries_list.read_account_titles(owner)
    return render(
        context,
        "handover.html",
        names=names,
        status_code=409 if wrong else 200,
        wrong=wrong,
        before=queries_handovers.list_handovers(context.connection, limit=10),
        SUPPRESSIONS=_SUPPRESSIONS,
        LOG=_LOG,
        HORIZONS=HORIZONS,
        edit_title=format_edit,
        explain_outlook=explain_outlook,
        explain_waiting=explain_waiting,
        value_of=views_words.value,
        span_of=views_words.span,
        **values,
    )


def _parse_assessment(stored: Mapping[str, Any] | None) -> Assessment | None:
    """As it was when the page was made; None: of a page that was signed before it was assessed."""
    if stored is None:
        return None
    gaps = [
        Gap(name=gap["name"], lack=Lack(gap["lack"]), since=gap["since"])
        for gap in stored["gaps"] or []
    ]
    return Assessment(state=stored["state"], worse=tuple(stored["worse"] or ()), gaps=tuple(gaps))


def explain_waiting(stored: Mapping[str, Any] | None) -> str:
    """What stands where no alarm waits."""
    seen = _parse_assessment(stored)
    if seen is None:
        return _("Not assessed.")
    if seen.is_calm:
        return _("All alarms are acknowledged.")
    return f"{_('Not assessable:')} {list_missing(seen)}"


def explain_outlook(stored: Mapping[str, Any] | None) -> str:
    """What stands where no asset is expected: calm as it was assessed, or what was missing."""
    seen = _parse_assessment(stored)
    if seen is None:
        return _("Not assessed.")
    if seen.is_calm:
        return _("Nothing within twelve hours.")
    lines = []
    if seen.worse:
        lines.append(
            _("Above a threshold or rising: %(names)s.") % {"names": join_some(seen.worse)}
        )
    if seen.gaps or not seen.worse:
        lines.append(f"{_('Not assessable:')} {list_missing(seen)}")
    return " ".join(lines)


def format_edit(edit: Mapping[str, Any]) -> str:
    """What was changed, in the reader's language: a place and its threshold, or a rule's title."""
    if edit["kind"] == "threshold":
        place, _slash, name = str(edit["key"]).rpartition("/")
        label = views_words.lowered(views_words.threshold(name))
        return f"{edit.get('site_title') or place}{_(': ')}{label}"
    written = edit["value"] or edit["before"] or {}
    french = (written.get("fr") or {}).get("title") if current().language == "fr" else None
    title = french or written.get("title")
    return bare(str(title)) if title else str(edit["key"])


class Part(dict[str, Any]):
    """A part of a stored page; keys missing in older versions are None."""

    def __missing__(self, key: str) -> None:
        return None


def parse_page(page: Mapping[str, Any]) -> Part:
    """A stored page with times parsed and every section present."""
    part = _parse_part(page, times=True)
    part["outlook"] = part["outlook"] or Part()
    for name in _SECTIONS:
        part[name] = part[name] or []
    return part


def _parse_part(values: Mapping[str, Any], *, times: bool) -> Part:
    return Part({key: _parse_value(key, value, times=times) for key, value in values.items()})


def _parse_value(key: str, value: Any, *, times: bool) -> Any:
    """`times`: parse times; not within definitions of rules and thresholds."""
    times = times and key not in _DEFINITIONS
    if isinstance(value, Mapping):
        return _parse_part(value, times=times)
    if isinstance(value, list):
        return [_parse_value("", item, times=times) for item in value]
    return _parse_time(value) if times and key in _TIMES else value


def _parse_time(value: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo else None
