"""Page of a threshold: trial over a year or an event, save, report an event."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.backtest import past_events
from hypervisor.backtest.model import BacktestError
from hypervisor.base.duties import Duty
from hypervisor.base.errors import RulebookError, StaleError
from hypervisor.base.reader import reading
from hypervisor.base.translation import translate as _
from hypervisor.registry import queries as registry_queries
from hypervisor.rulebook import service_thresholds
from hypervisor.rulebook import views_threshold as view
from hypervisor.rulebook.api import stamp_of
from hypervisor.rulebook.model import owner_of
from hypervisor.rulebook.pages import Short, Text, Word, render_results
from hypervisor.rulebook.views_texts import TOOLS
from hypervisor.rulebook.views_threshold import TrialQuery
from hypervisor.web import times
from hypervisor.web.budget import TRIAL, WORK, costs
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import fragment, reader_of, render

router = APIRouter()
_Value = Annotated[str, Query(max_length=40)]


@router.get("/thresholds/{key:path}/trial")
@costs(TRIAL)
def show_trial(  # noqa: PLR0913, PLR0917  what the address says
    context: Context,
    request: Request,
    key: str,
    value: _Value = "",
    span: Short = "",
    rule: Short = "",
) -> HTMLResponse:
    """Trial of a value: a part of the page."""
    context.require(Duty.READ, subject=owner_of(key))
    with reading(reader_of(context)):
        page = view.load_page(context, request, key, TrialQuery(value=value, span=span, rule=rule))
    return fragment(context, "rules_trial.html", sheet=page, **TOOLS)


@router.get("/thresholds/{key:path}/proposal")
@costs(WORK)
def show_proposal(context: Context, key: str) -> HTMLResponse:
    """Values from the gauge's record: a part of the page, or a page by itself."""
    context.require(Duty.READ, subject=owner_of(key))
    with reading(reader_of(context)):
        proposal = view.propose_values(context, key)
    return render_results(context, "rules_proposal.html", proposal=proposal, key=key, **TOOLS)


@router.get("/thresholds/{key:path}/meanwhile")
def show_change_notice(context: Context, key: str, mark: Short = "") -> HTMLResponse:
    """A notice if the threshold changed since the page was rendered."""
    context.require(Duty.READ, subject=owner_of(key))
    conflict = view.find_conflict(context, key, mark)
    last = conflict and conflict.last
    return fragment(context, "rules_meanwhile.html", last=last, back=f"/thresholds/{key}")


@router.post("/thresholds/{key:path}/events")
def note_event(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    key: str,
    kind: Word,
    begins: Word,
    ends: Word = "",
    peak: Word = "",
    note: Text = "",
    value: Word = "",
) -> Response:
    """Report an event at the site; the value in the form is kept."""
    place, _device = view.find_place(context, owner_of(key), key.rpartition("/")[2])
    past_events.allow(context, place.name)
    fields = {"kind": kind, "begins": begins, "ends": ends, "peak": peak, "note": note}
    try:
        first = _parse_local_time(begins, context)
        event = past_events.Observation(
            site=place.name,
            kind=kind,
            begins=first,
            ends=_parse_local_time(ends, context) if ends else first,
            peak=peak or None,
            units=[view.peak_unit(context, key)],
            note=note,
        )
        with context.writing() as connection:
            registry = registry_queries.load(connection)
            past_events.note(connection, registry, event, author=context.person.name)
    except BacktestError as error:
        query = TrialQuery(value=value)
        return _render_page(
            context, request, key, query, note_wrong=refusal(error), event_fields=fields
        )
    more = f"?value={value}" if value else ""
    return RedirectResponse(f"/thresholds/{key}{more}", status_code=303)


@router.get("/thresholds/{key:path}")
@costs(TRIAL)
def show_threshold(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    key: str,
    value: _Value = "",
    span: Short = "",
    rule: Short = "",
    saved: bool = False,  # noqa: FBT001, FBT002  a parameter of the address
) -> HTMLResponse:
    """The page of a threshold."""
    context.require(Duty.READ, subject=owner_of(key))
    query = TrialQuery(value=value, span=span, rule=rule)
    return _render_page(context, request, key, query, saved=saved)


@router.post("/thresholds/{key:path}")
def save_threshold(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    key: str,
    value: Word = "",
    reason: Text = "",
    mark: Word = "",
    span: Word = "",
    rule: Word = "",
) -> Response:
    """Save a threshold with its reason; on a conflict show both values."""
    context.require(Duty.WRITE_RULES, subject=owner_of(key))
    query = TrialQuery(value=value, span=span, rule=rule)
    if not value.strip():
        return _render_page(context, request, key, query, reason=reason, wrong=_("Enter a value."))
    if not reason.strip():
        words = _("Give a reason in a few words: it is kept permanently.")
        return _render_page(context, request, key, query, reason_wrong=words)
    try:
        with context.writing() as connection:
            service_thresholds.set_threshold(
                connection,
                key,
                view.parse_value(value, view.unit_of(context, key)),
                stamp_of(context, reason),
                expected=mark,
            )
    except StaleError:
        return _render_page(context, request, key, query, reason=reason, stale=mark)
    except RulebookError as error:
        return _render_page(
            context, request, key, query, reason=reason, wrong=view.format_error(error, key)
        )
    return RedirectResponse(f"/thresholds/{key}?saved=1", status_code=303)


def _render_page(
    context: RequestContext,
    request: Request,
    key: str,
    query: TrialQuery,
    *,
    stale: str = "",
    **shown: Any,
) -> HTMLResponse:
    """The page; `shown`: what was entered, and what is wrong with it."""
    with reading(reader_of(context, request)):
        page = view.load_page(context, request, key, query)
        conflict = view.find_conflict(context, key, stale) if stale else None
    fields = dict.fromkeys(("wrong", "reason_wrong", "note_wrong", "reason", "saved"), "") | shown
    refused = any(fields[name] for name in ("wrong", "reason_wrong", "note_wrong"))
    no_event = dict.fromkeys(("kind", "begins", "ends", "peak", "note"), "")
    return render(
        context,
        "rules_threshold.html",
        status_code=409 if stale else 422 if refused else 200,
        sheet=page,
        conflict=conflict,
        writes=context.may(Duty.WRITE_RULES, subject=owner_of(key)),
        reports=context.may(*past_events.DUTIES, site=page.place.name),
        notes=view.list_event_kinds(context.catalogue.domains.get(page.place.domain)),
        **{"event_fields": no_event, **fields},
        **TOOLS,
    )


def _parse_local_time(text: str, context: RequestContext) -> datetime:
    """A `datetime-local` field in the instance's time zone."""
    at = times.parse_local(text, reader_of(context).zone)
    if at is None:
        raise BacktestError(_("Enter a time such as 2024-10-10T06:00."))
    return at
