"""Pages: the lists of rules and thresholds, and their revisions: restore one, withdraw."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import RulebookError, StaleError
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark as mark_word
from hypervisor.database.connect import Connection
from hypervisor.evaluation import queries_setbacks
from hypervisor.rulebook import service, service_thresholds, views_list
from hypervisor.rulebook.api import stamp_of
from hypervisor.rulebook.model import owner_of
from hypervisor.rulebook.views_history import rule_history, threshold_history
from hypervisor.rulebook.views_texts import TOOLS
from hypervisor.rulebook.views_threshold import format_error
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment
from rules._errors import RuleError
from rules._pack import packs

router = APIRouter()
PAGE = Page(
    key="rules",
    title=mark_word("Rules"),
    address="/rules",
    order=20,
    shortcut="r",
    also=("/thresholds",),
)

_ASIDE_SHOWN = 100
Short = Annotated[str, Query(max_length=200)]
Text = Annotated[str, Form(max_length=2_000)]
Word = Annotated[str, Form(max_length=200)]


@router.get("/rules")
def list_rules(
    context: Context, request: Request, q: Short = "", domain: Short = ""
) -> HTMLResponse:
    """The list of rules, or its results alone."""
    with reading(reader_of(context)):
        rule_list = views_list.list_rules(context, request, q, domain)
    aside = queries_setbacks.listing(context.connection)
    return render_results(
        context,
        "rules.html",
        rule_list=rule_list,
        q=q,
        domain=domain,
        writes=context.may(Duty.WRITE_RULES),
        set_aside=aside[:_ASIDE_SHOWN],
        **TOOLS,
    )


@router.get("/thresholds")
def list_thresholds(context: Context, q: Short = "", domain: Short = "") -> HTMLResponse:
    """The list of thresholds by site."""
    with reading(reader_of(context)):
        limits = views_list.list_thresholds(context, q, domain)
    return render_results(context, "rules_limits.html", threshold_list=limits, q=q, domain=domain)


@router.get("/rules/{rule}/history")
def show_rule_history(context: Context, rule: str) -> HTMLResponse:
    """The revisions of a rule."""
    return _render_history(context, rule=rule)


@router.get("/thresholds/{key:path}/history")
def show_threshold_history(context: Context, key: str) -> HTMLResponse:
    """The revisions of a threshold."""
    context.require(Duty.READ, subject=owner_of(key))
    return _render_history(context, key=key)


@router.post("/rules/{rule}/rollback")
def roll_back_rule(
    context: Context, rule: str, to: Word, mark: Word, reason: Text = ""
) -> Response:
    """Restore an earlier revision."""

    def act(writing: Connection) -> object:
        stamp = stamp_of(context, reason)
        return service.roll_back_rule(writing, rule, to, stamp, packs=packs, expected=mark)

    return _revise(context, act, f"/rules/{rule}?saved=1", rule=rule)


@router.post("/rules/{rule}/withdraw")
def withdraw_rule(context: Context, rule: str, mark: Word, reason: Text = "") -> Response:
    """Withdraw a rule."""

    def act(writing: Connection) -> object:
        return service.withdraw_rule(writing, rule, stamp_of(context, reason), expected=mark)

    return _revise(context, act, f"/rules/{rule}/history", rule=rule)


@router.post("/thresholds/{key:path}/rollback")
def roll_back_threshold(
    context: Context, key: str, to: Word, mark: Word, reason: Text = ""
) -> Response:
    """Restore an earlier revision."""

    def act(writing: Connection) -> object:
        stamp = stamp_of(context, reason)
        return service_thresholds.roll_back_threshold(writing, key, to, stamp, expected=mark)

    return _revise(context, act, f"/thresholds/{key}?saved=1", key=key)


@router.post("/thresholds/{key:path}/withdraw")
def withdraw_threshold(context: Context, key: str, mark: Word, reason: Text = "") -> Response:
    """Withdraw a threshold: rules that need it no longer apply there."""

    def act(writing: Connection) -> object:
        stamp = stamp_of(context, reason)
        return service_thresholds.withdraw_threshold(writing, key, stamp, expected=mark)

    return _revise(context, act, f"/thresholds/{key}/history", key=key)


def render_results(context: RequestContext, template: str, **shown: Any) -> HTMLResponse:
    """A page, or only its block of results if htmx wants that."""
    if wants_fragment():
        return fragment(context, f"{template}#results", **shown)
    return render(context, template, **shown)


def _revise(
    context: RequestContext,
    act: Callable[[Connection], object],
    then: str,
    *,
    rule: str = "",
    key: str | None = None,
) -> Response:
    """Run an action of the history page; if refused, render the page with the reason."""
    context.require(Duty.WRITE_RULES, subject=owner_of(key) if key else None)
    try:
        with context.writing() as connection:
            act(connection)
    except (RulebookError, RuleError) as error:
        return _render_history(context, rule=rule, key=key, error=error)
    return RedirectResponse(then, status_code=303)


def _render_history(
    context: RequestContext,
    *,
    rule: str = "",
    key: str | None = None,
    error: Exception | None = None,
) -> HTMLResponse:
    """The revisions of a rule or a threshold; `error`: why an action was refused."""
    with reading(reader_of(context)):
        history = threshold_history(context, key) if key else rule_history(context, rule)
        wrong = format_error(error, key or "") if error else ""
    refused = 409 if isinstance(error, StaleError) else 422
    return render(
        context,
        "rules_history.html",
        status_code=refused if error else 200,
        history=history,
        wrong=wrong,
        writes=context.may(Duty.WRITE_RULES, subject=owner_of(key) if key else None),
    )
