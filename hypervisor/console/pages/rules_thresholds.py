"""A threshold: moved, tried at once over a year or a flood, saved with a reason, taken back."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from hypervisor.accounts.duties import Duty
from hypervisor.accounts.errors import ForbiddenError
from hypervisor.api.access import Access, Asked
from hypervisor.api.past_events import allow
from hypervisor.api.rules import stamped
from hypervisor.api.thresholds import owner_of
from hypervisor.backtest import noted
from hypervisor.backtest.errors import BacktestError
from hypervisor.console.pages.rules_history import refused
from hypervisor.console.reader import reading
from hypervisor.console.refusals import refusal
from hypervisor.console.rendering import fragment, reader_of, render, wants_fragment
from hypervisor.console.views import rules_threshold as view
from hypervisor.console.views.rules_history import threshold_history
from hypervisor.console.views.rules_limits import every_threshold
from hypervisor.console.views.rules_proposal import proposed
from hypervisor.console.views.rules_threshold import Asking
from hypervisor.console.views.rules_words import TOOLS
from hypervisor.console.words import translate as _
from hypervisor.rulebook import thresholds
from hypervisor.rulebook.errors import RulebookError, StaleError
from hypervisor.store.connect import Connection
from hypervisor.store.registry import registry

router = APIRouter()

_Value = Annotated[str, Query(max_length=40)]
_Short = Annotated[str, Query(max_length=200)]
_Text = Annotated[str, Form(max_length=2_000)]
_Word = Annotated[str, Form(max_length=200)]

_UNSAID = dict.fromkeys(("kind", "begins", "ends", "peak", "note"), "")


@router.get("/thresholds")
def every(asked: Asked, q: _Short = "", domain: _Short = "") -> HTMLResponse:
    """All thresholds, by site."""
    with reading(reader_of(asked)):
        found = every_threshold(asked, q, domain)
    name = "rules_limits.html#found" if wants_fragment() else "rules_limits.html"
    make = fragment if wants_fragment() else render
    return make(asked, name, found=found, q=q, domain=domain)


@router.get("/thresholds/{key:path}/trial")
def trial(  # noqa: PLR0913, PLR0917  what the address says
    asked: Asked,
    request: Request,
    key: str,
    value: _Value = "",
    span: _Short = "",
    rule: _Short = "",
) -> HTMLResponse:
    """What a value would have meant: a part of the page."""
    asked.require(Duty.READ, subject=owner_of(key))
    with reading(reader_of(asked)):
        sheet = view.sheet(asked, request, key, Asking(value=value, span=span, rule=rule))
    return fragment(asked, "rules_trial.html", sheet=sheet, **TOOLS)


@router.get("/thresholds/{key:path}/proposal")
def proposal(asked: Asked, key: str) -> HTMLResponse:
    """What the gauge's own record says: a part of the page, or a page by itself."""
    asked.require(Duty.READ, subject=owner_of(key))
    with reading(reader_of(asked)):
        found = proposed(asked, key)
    name = "rules_proposal.html#found" if wants_fragment() else "rules_proposal.html"
    make = fragment if wants_fragment() else render
    return make(asked, name, found=found, key=key, **TOOLS)


@router.get("/thresholds/{key:path}/meanwhile")
def meanwhile(asked: Asked, key: str, mark: _Short = "") -> HTMLResponse:
    """Whether somebody changed it since the page was made: asked when one hears of a change."""
    asked.require(Duty.READ, subject=owner_of(key))
    last = view.since(asked, key, mark)
    return fragment(asked, "rules_meanwhile.html", last=last, back=f"/thresholds/{key}")


@router.get("/thresholds/{key:path}/history")
def history(asked: Asked, key: str, wrong: _Short = "") -> HTMLResponse:
    """Its revisions, each of which can be made to hold again."""
    asked.require(Duty.READ, subject=owner_of(key))
    with reading(reader_of(asked)):
        found = threshold_history(asked, key)
    return render(asked, "rules_history.html", found=found, wrong=wrong, writes=writes(asked, key))


@router.post("/thresholds/{key:path}/rollback")
def rollback(asked: Asked, key: str, to: _Word, mark: _Word, reason: _Text = "") -> Response:
    """Let hold again what a revision said."""
    return _revised(
        asked,
        key,
        lambda writing: thresholds.rollback(
            writing, key, to, stamped(asked, reason, None), expected=mark
        ),
        then=f"/thresholds/{key}?saved=1",
    )


@router.post("/thresholds/{key:path}/withdraw")
def withdraw(asked: Asked, key: str, mark: _Word, reason: _Text = "") -> Response:
    """Let it hold no more: the rules that need it no longer apply there."""
    return _revised(
        asked,
        key,
        lambda writing: thresholds.withdraw(
            writing, key, stamped(asked, reason, None), expected=mark
        ),
        then=f"/thresholds/{key}/history",
    )


@router.post("/thresholds/{key:path}/events")
def note(  # noqa: PLR0913, PLR0917  the fields of the form
    asked: Asked,
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
    site = view.site_of(asked, owner_of(key), key.rpartition("/")[2])
    allow(asked, site)
    try:
        first = _local(begins, asked)
        with asked.writing() as connection:
            noted.note(
                connection,
                registry.load(connection),
                site=site,
                river=None,
                kind=kind,
                begins=first,
                ends=_local(ends, asked) if ends else first,
                peak=peak or None,
                unit=view.unit_of(asked, key),
                note=note,
                author=asked.person.name,
            )
    except BacktestError as error:
        said = {"kind": kind, "begins": begins, "ends": ends, "peak": peak, "note": note}
        return _page(asked, request, key, Asking(value=value), note_wrong=refusal(error), said=said)
    more = f"?value={value}" if value else ""
    return RedirectResponse(f"/thresholds/{key}{more}", status_code=303)


@router.get("/thresholds/{key:path}")
def one(  # noqa: PLR0913, PLR0917  the fields of the form
    asked: Asked,
    request: Request,
    key: str,
    value: _Value = "",
    span: _Short = "",
    rule: _Short = "",
    saved: bool = False,  # noqa: FBT001, FBT002  a parameter of the address
) -> HTMLResponse:
    """The form, the picture, before and after."""
    asked.require(Duty.READ, subject=owner_of(key))
    asking = Asking(value=value, span=span, rule=rule)
    return _page(asked, request, key, asking, saved=saved)


@router.post("/thresholds/{key:path}")
def save(  # noqa: PLR0913, PLR0917  the fields of the form
    asked: Asked,
    request: Request,
    key: str,
    value: _Word = "",
    reason: _Text = "",
    mark: _Word = "",
    span: _Word = "",
    rule: _Word = "",
) -> Response:
    """Save it with its reason; where somebody changed it meanwhile, show both."""
    asked.require(Duty.WRITE_RULES, subject=owner_of(key))
    asking = Asking(value=value, span=span, rule=rule)
    if not value.strip():
        return _page(asked, request, key, asking, reason=reason, wrong=_("A value is needed."))
    if not reason.strip():
        words = _("Say in a few words why: it is kept for good.")
        return _page(asked, request, key, asking, reason_wrong=words)
    try:
        with asked.writing() as connection:
            thresholds.put(
                connection,
                key,
                view.with_unit(value, view.unit_of(asked, key)),
                stamped(asked, reason, None),
                expected=mark,
            )
    except StaleError:
        return _page(asked, request, key, asking, reason=reason, stale=mark)
    except RulebookError as error:
        return _page(asked, request, key, asking, reason=reason, wrong=view.plainly(error, key))
    return RedirectResponse(f"/thresholds/{key}?saved=1", status_code=303)


def writes(asked: Access, key: str) -> bool:
    """Whether the person may change it."""
    try:
        asked.require(Duty.WRITE_RULES, subject=owner_of(key))
    except ForbiddenError:
        return False
    return True


def _page(  # noqa: PLR0913  what the page is made of
    asked: Access,
    request: Request,
    key: str,
    asking: Asking,
    *,
    saved: bool = False,
    reason: str = "",
    wrong: str = "",
    reason_wrong: str = "",
    stale: str = "",
    note_wrong: str = "",
    said: dict[str, str] | None = None,
) -> HTMLResponse:
    with reading(reader_of(asked, request)):
        sheet = view.sheet(asked, request, key, asking)
        conflict = view.conflict(asked, key, stale) if stale else None
    refused = wrong or reason_wrong or note_wrong
    return render(
        asked,
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
        writes=writes(asked, key),
        notes=view.notes_kinds(sheet.place.domain),
        **TOOLS,
    )


def _revised(
    asked: Access, key: str, act: Callable[[Connection], object], *, then: str
) -> Response:
    """An act of the history's page; where it is refused, that page says why."""
    asked.require(Duty.WRITE_RULES, subject=owner_of(key))
    try:
        with asked.writing() as connection:
            act(connection)
    except RulebookError as error:
        return _history_again(asked, key, error)
    return RedirectResponse(then, status_code=303)


def _history_again(asked: Access, key: str, error: RulebookError) -> HTMLResponse:
    with reading(reader_of(asked)):
        found = threshold_history(asked, key)
    return refused(
        asked, error, found=found, wrong=view.plainly(error, key), writes=writes(asked, key)
    )


def _local(text: str, asked: Access) -> datetime:
    """A time as a browser's field has it, of the instance's clock."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BacktestError(_("A time is needed, such as 2024-10-10T06:00.")) from error
    return at.replace(tzinfo=reader_of(asked).zone) if at.tzinfo is None else at
