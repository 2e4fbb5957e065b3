"""A threshold: moved, tried at once over a year or a flood, saved with a reason, taken back."""

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
from hypervisor.rulebook import service_thresholds
from hypervisor.rulebook import views_threshold as view
from hypervisor.rulebook.api import stamped
from hypervisor.rulebook.api_thresholds import owner_of
from hypervisor.rulebook.pages_history import refused
from hypervisor.rulebook.views_history import threshold_history
from hypervisor.rulebook.views_limits import every_threshold
from hypervisor.rulebook.views_proposal import proposed
from hypervisor.rulebook.views_threshold import TrialQuery
from hypervisor.rulebook.views_words import TOOLS
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment

router = APIRouter()

_Value = Annotated[str, Query(max_length=40)]
_Short = Annotated[str, Query(max_length=200)]
_Text = Annotated[str, Form(max_length=2_000)]
_Word = Annotated[str, Form(max_length=200)]

_UNSAID = dict.fromkeys(("kind", "begins", "ends", "peak", "note"), "")


@router.get("/thresholds")
def every(context: Context, q: _Short = "", domain: _Short = "") -> HTMLResponse:
    """All thresholds, by site."""
    with reading(reader_of(context)):
        limits = every_threshold(context, q, domain)
    name = "rules_limits.html#found" if wants_fragment() else "rules_limits.html"
    make = fragment if wants_fragment() else render
    return make(context, name, found=limits, q=q, domain=domain)


@router.get("/thresholds/{key:path}/trial")
def trial(  # noqa: PLR0913, PLR0917  what the address says
    context: Context,
    request: Request,
    key: str,
    value: _Value = "",
    span: _Short = "",
    rule: _Short = "",
) -> HTMLResponse:
    """What a value would have meant: a part of the page."""
    context.require(Duty.READ, subject=owner_of(key))
    with reading(reader_of(context)):
        sheet = view.sheet(context, request, key, TrialQuery(value=value, span=span, rule=rule))
    return fragment(context, "rules_trial.html", sheet=sheet, **TOOLS)


@router.get("/thresholds/{key:path}/proposal")
def proposal(context: Context, key: str) -> HTMLResponse:
    """What the gauge's own record says: a part of the page, or a page by itself."""
    context.require(Duty.READ, subject=owner_of(key))
    with reading(reader_of(context)):
        found = proposed(context, key)
    name = "rules_proposal.html#found" if wants_fragment() else "rules_proposal.html"
    make = fragment if wants_fragment() else render
    return make(context, name, found=found, key=key, **TOOLS)


@router.get("/thresholds/{key:path}/meanwhile")
def meanwhile(context: Context, key: str, mark: _Short = "") -> HTMLResponse:
    """Whether somebody changed it since the page was made: asked when one hears of a change."""
    context.require(Duty.READ, subject=owner_of(key))
    last = view.since(context, key, mark)
    return fragment(context, "rules_meanwhile.html", last=last, back=f"/thresholds/{key}")


@router.get("/thresholds/{key:path}/history")
def history(context: Context, key: str, wrong: _Short = "") -> HTMLResponse:
    """Its revisions, each of which can be made to hold again."""
    context.require(Duty.READ, subject=owner_of(key))
    with reading(reader_of(context)):
        found = threshold_history(context, key)
    return render(
        context, "rules_history.html", found=found, wrong=wrong, writes=writes(context, key)
    )


@router.post("/thresholds/{key:path}/rollback")
def rollback(context: Context, key: str, to: _Word, mark: _Word, reason: _Text = "") -> Response:
    """Let hold again what a revision said."""
    return _revised(
        context,
        key,
        lambda writing: service_thresholds.rollback(
            writing, key, to, stamped(context, reason, None), expected=mark
        ),
        then=f"/thresholds/{key}?saved=1",
    )


@router.post("/thresholds/{key:path}/withdraw")
def withdraw(context: Context, key: str, mark: _Word, reason: _Text = "") -> Response:
    """Let it hold no more: the rules that need it no longer apply there."""
    return _revised(
        context,
        key,
        lambda writing: service_thresholds.withdraw(
            writing, key, stamped(context, reason, None), expected=mark
        ),
        then=f"/thresholds/{key}/history",
    )


@router.post("/thresholds/{key:path}/events")
def note(  # noqa: PLR0913, PLR0917  the fields of the form
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
    """Note that something was seen here; what was typed as a value is kept."""
    site = view.site_of(context, owner_of(key), key.rpartition("/")[2])
    allow(context, site)
    try:
        first = _local(begins, context)
        with context.writing() as connection:
            past_events.note(
                connection,
                registry_queries.load(connection),
                site=site,
                river=None,
                kind=kind,
                begins=first,
                ends=_local(ends, context) if ends else first,
                peak=peak or None,
                unit=view.unit_of(context, key),
                note=note,
                author=context.person.name,
            )
    except BacktestError as error:
        said = {"kind": kind, "begins": begins, "ends": ends, "peak": peak, "note": note}
        return _page(
            context, request, key, TrialQuery(value=value), note_wrong=refusal(error), said=said
        )
    more = f"?value={value}" if value else ""
    return RedirectResponse(f"/thresholds/{key}{more}", status_code=303)


@router.get("/thresholds/{key:path}")
def one(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    key: str,
    value: _Value = "",
    span: _Short = "",
    rule: _Short = "",
    saved: bool = False,  # noqa: FBT001, FBT002  a parameter of the address
) -> HTMLResponse:
    """The form, the picture, before and after."""
    context.require(Duty.READ, subject=owner_of(key))
    asking = TrialQuery(value=value, span=span, rule=rule)
    return _page(context, request, key, asking, saved=saved)


@router.post("/thresholds/{key:path}")
def save(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    key: str,
    value: _Word = "",
    reason: _Text = "",
    mark: _Word = "",
    span: _Word = "",
    rule: _Word = "",
) -> Response:
    """Save it with its reason; where somebody changed it meanwhile, show both."""
    context.require(Duty.WRITE_RULES, subject=owner_of(key))
    asking = TrialQuery(value=value, span=span, rule=rule)
    if not value.strip():
        return _page(context, request, key, asking, reason=reason, wrong=_("A value is needed."))
    if not reason.strip():
        words = _("Say in a few words why: it is kept for good.")
        return _page(context, request, key, asking, reason_wrong=words)
    try:
        with context.writing() as connection:
            service_thresholds.put(
                connection,
                key,
                view.with_unit(value, view.unit_of(context, key)),
                stamped(context, reason, None),
                expected=mark,
            )
    except StaleError:
        return _page(context, request, key, asking, reason=reason, stale=mark)
    except RulebookError as error:
        return _page(context, request, key, asking, reason=reason, wrong=view.plainly(error, key))
    return RedirectResponse(f"/thresholds/{key}?saved=1", status_code=303)


def writes(context: RequestContext, key: str) -> bool:
    """Whether the person may change it."""
    try:
        context.require(Duty.WRITE_RULES, subject=owner_of(key))
    except ForbiddenError:
        return False
    return True


def _page(  # noqa: PLR0913  what the page is made of
    context: RequestContext,
    request: Request,
    key: str,
    asking: TrialQuery,
    *,
    saved: bool = False,
    reason: str = "",
    wrong: str = "",
    reason_wrong: str = "",
    stale: str = "",
    note_wrong: str = "",
    said: dict[str, str] | None = None,
) -> HTMLResponse:
    with reading(reader_of(context, request)):
        sheet = view.sheet(context, request, key, asking)
        conflict = view.conflict(context, key, stale) if stale else None
    refused = wrong or reason_wrong or note_wrong
    return render(
        context,
        "rules_threshold.html",
        status_code=409 if stale else 422 if refused else 200,
        sheet=sheet,
        saved=saved,
        reason=reason,
        wrong=wrong,
        reason_wrong=reason_wrong,
        conflict=conflict,
        note_wrong=note_wrong,
        said={**_UNSAID, **(said or {})},
        writes=writes(context, key),
        notes=view.notes_kinds(sheet.place.domain),
        **TOOLS,
    )


def _revised(
    context: RequestContext, key: str, act: Callable[[Connection], object], *, then: str
) -> Response:
    """An act of the history's page; where it is refused, that page says why."""
    context.require(Duty.WRITE_RULES, subject=owner_of(key))
    try:
        with context.writing() as connection:
            act(connection)
    except RulebookError as error:
        return _history_again(context, key, error)
    return RedirectResponse(then, status_code=303)


def _history_again(context: RequestContext, key: str, error: RulebookError) -> HTMLResponse:
    with reading(reader_of(context)):
        found = threshold_history(context, key)
    return refused(
        context, error, found=found, wrong=view.plainly(error, key), writes=writes(context, key)
    )


def _local(text: str, context: RequestContext) -> datetime:
    """A time as a browser's field has it, of the instance's clock."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BacktestError(_("A time is needed, such as 2024-10-10T06:00.")) from error
    return at.replace(tzinfo=reader_of(context).zone) if at.tzinfo is None else at
