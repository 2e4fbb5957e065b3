"""Pages of thresholds: list, trial over a year or an event, save, history."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.access.errors import ForbiddenError
from hypervisor.backtest import past_events
from hypervisor.backtest.errors import BacktestError
from hypervisor.backtest.past_events import allow
from hypervisor.base.duties import Duty
from hypervisor.base.errors import RulebookError, StaleError
from hypervisor.base.reader import reading
from hypervisor.base.translation import translate as _
from hypervisor.database.connect import Connection
from hypervisor.registry import queries as registry_queries
from hypervisor.rulebook import service_thresholds, views_threshold_list
from hypervisor.rulebook import views_threshold as view
from hypervisor.rulebook.api import stamp_of
from hypervisor.rulebook.api_thresholds import owner_of
from hypervisor.rulebook.pages_history import render_refusal
from hypervisor.rulebook.views_history import threshold_history
from hypervisor.rulebook.views_proposal import propose_values
from hypervisor.rulebook.views_texts import TOOLS
from hypervisor.rulebook.views_threshold import TrialQuery
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment

router = APIRouter()

_Value = Annotated[str, Query(max_length=40)]
_Short = Annotated[str, Query(max_length=200)]
_Text = Annotated[str, Form(max_length=2_000)]
_Word = Annotated[str, Form(max_length=200)]

_EMPTY_EVENT = dict.fromkeys(("kind", "begins", "ends", "peak", "note"), "")


@router.get("/thresholds")
def list_thresholds(context: Context, q: _Short = "", domain: _Short = "") -> HTMLResponse:
    """The list of thresholds by site."""
    with reading(reader_of(context)):
        limits = views_threshold_list.list_thresholds(context, q, domain)
    name = "rules_limits.html#results" if wants_fragment() else "rules_limits.html"
    make = fragment if wants_fragment() else render
    return make(context, name, threshold_list=limits, q=q, domain=domain)


@router.get("/thresholds/{key:path}/trial")
def show_trial(  # noqa: PLR0913, PLR0917  what the address says
    context: Context,
    request: Request,
    key: str,
    value: _Value = "",
    span: _Short = "",
    rule: _Short = "",
) -> HTMLResponse:
    """Trial of a value: a part of the page."""
    context.require(Duty.READ, subject=owner_of(key))
    with reading(reader_of(context)):
        page = view.load_page(context, request, key, TrialQuery(value=value, span=span, rule=rule))
    return fragment(context, "rules_trial.html", sheet=page, **TOOLS)


@router.get("/thresholds/{key:path}/proposal")
def show_proposal(context: Context, key: str) -> HTMLResponse:
    """Values from the gauge's record: a part of the page, or a page by itself."""
    context.require(Duty.READ, subject=owner_of(key))
    with reading(reader_of(context)):
        threshold_proposal = propose_values(context, key)
    name = "rules_proposal.html#results" if wants_fragment() else "rules_proposal.html"
    make = fragment if wants_fragment() else render
    return make(context, name, proposal=threshold_proposal, key=key, **TOOLS)


@router.get("/thresholds/{key:path}/meanwhile")
def show_change_notice(context: Context, key: str, mark: _Short = "") -> HTMLResponse:
    """A notice if the threshold changed since the page was rendered."""
    context.require(Duty.READ, subject=owner_of(key))
    last = view.changed_since(context, key, mark)
    return fragment(context, "rules_meanwhile.html", last=last, back=f"/thresholds/{key}")


@router.get("/thresholds/{key:path}/history")
def show_history(context: Context, key: str, wrong: _Short = "") -> HTMLResponse:
    """The revisions of a threshold."""
    context.require(Duty.READ, subject=owner_of(key))
    with reading(reader_of(context)):
        revisions = threshold_history(context, key)
    return render(
        context,
        "rules_history.html",
        history=revisions,
        wrong=wrong,
        writes=may_write(context, key),
    )


@router.post("/thresholds/{key:path}/rollback")
def roll_back_threshold(
    context: Context, key: str, to: _Word, mark: _Word, reason: _Text = ""
) -> Response:
    """Restore an earlier revision."""
    return _revise(
        context,
        key,
        lambda writing: service_thresholds.roll_back_threshold(
            writing, key, to, stamp_of(context, reason, None), expected=mark
        ),
        then=f"/thresholds/{key}?saved=1",
    )


@router.post("/thresholds/{key:path}/withdraw")
def withdraw_threshold(context: Context, key: str, mark: _Word, reason: _Text = "") -> Response:
    """Withdraw a threshold: rules that need it no longer apply there."""
    return _revise(
        context,
        key,
        lambda writing: service_thresholds.withdraw_threshold(
            writing, key, stamp_of(context, reason, None), expected=mark
        ),
        then=f"/thresholds/{key}/history",
    )


@router.post("/thresholds/{key:path}/events")
def note_event(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    key: str,
    kind: _Word,
    begins: _Word,
    ends: _Word = "",
    peak: _Word = "",
    note: _Text = "",
    value: _Word = "",
) -> Response:
    """Report an event at the site; the value in the form is kept."""
    site = view.site_of(context, owner_of(key), key.rpartition("/")[2])
    allow(context, site)
    try:
        first = _parse_local_time(begins, context)
        with context.writing() as connection:
            past_events.note(
                connection,
                registry_queries.load(connection),
                site=site,
                river=None,
                kind=kind,
                begins=first,
                ends=_parse_local_time(ends, context) if ends else first,
                peak=peak or None,
                unit=view.unit_of(context, key),
                note=note,
                author=context.person.name,
            )
    except BacktestError as error:
        event_fields = {"kind": kind, "begins": begins, "ends": ends, "peak": peak, "note": note}
        return _render_page(
            context,
            request,
            key,
            TrialQuery(value=value),
            note_wrong=refusal(error),
            event_fields=event_fields,
        )
    more = f"?value={value}" if value else ""
    return RedirectResponse(f"/thresholds/{key}{more}", status_code=303)


@router.get("/thresholds/{key:path}")
def show_threshold(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    key: str,
    value: _Value = "",
    span: _Short = "",
    rule: _Short = "",
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
    value: _Word = "",
    reason: _Text = "",
    mark: _Word = "",
    span: _Word = "",
    rule: _Word = "",
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
                stamp_of(context, reason, None),
                expected=mark,
            )
    except StaleError:
        return _render_page(context, request, key, query, reason=reason, stale=mark)
    except RulebookError as error:
        return _render_page(
            context, request, key, query, reason=reason, wrong=view.format_error(error, key)
        )
    return RedirectResponse(f"/thresholds/{key}?saved=1", status_code=303)


def may_write(context: RequestContext, key: str) -> bool:
    """Whether the user may change the threshold."""
    try:
        context.require(Duty.WRITE_RULES, subject=owner_of(key))
    except ForbiddenError:
        return False
    return True


def _render_page(  # noqa: PLR0913  what the page is made of
    context: RequestContext,
    request: Request,
    key: str,
    query: TrialQuery,
    *,
    saved: bool = False,
    reason: str = "",
    wrong: str = "",
    reason_wrong: str = "",
    stale: str = "",
    note_wrong: str = "",
    event_fields: dict[str, str] | None = None,
) -> HTMLResponse:
    with reading(reader_of(context, request)):
        page = view.load_page(context, request, key, query)
        conflict = view.find_conflict(context, key, stale) if stale else None
    refused = wrong or reason_wrong or note_wrong
    return render(
        context,
        "rules_threshold.html",
        status_code=409 if stale else 422 if refused else 200,
        sheet=page,
        saved=saved,
        reason=reason,
        wrong=wrong,
        reason_wrong=reason_wrong,
        conflict=conflict,
        note_wrong=note_wrong,
        event_fields={**_EMPTY_EVENT, **(event_fields or {})},
        writes=may_write(context, key),
        notes=view.list_event_kinds(page.place.domain),
        **TOOLS,
    )


def _revise(
    context: RequestContext, key: str, act: Callable[[Connection], object], *, then: str
) -> Response:
    """Run an action of the history page; if refused, render the page with the reason."""
    context.require(Duty.WRITE_RULES, subject=owner_of(key))
    try:
        with context.writing() as connection:
            act(connection)
    except RulebookError as error:
        return _render_history(context, key, error)
    return RedirectResponse(then, status_code=303)


def _render_history(context: RequestContext, key: str, error: RulebookError) -> HTMLResponse:
    with reading(reader_of(context)):
        revisions = threshold_history(context, key)
    return render_refusal(
        context,
        error,
        history=revisions,
        wrong=view.format_error(error, key),
        writes=may_write(context, key),
    )


def _parse_local_time(text: str, context: RequestContext) -> datetime:
    """A `datetime-local` field in the instance's time zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BacktestError(_("Enter a time such as 2024-10-10T06:00.")) from error
    return at.replace(tzinfo=reader_of(context).zone) if at.tzinfo is None else at
