"""A rule's revisions: the page of them, one let hold again, the rule withdrawn."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import RulebookError, StaleError
from hypervisor.base.reader import reading
from hypervisor.rulebook import service
from hypervisor.rulebook.api import stamped
from hypervisor.rulebook.pages import writes
from hypervisor.rulebook.views_history import rule_history
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import reader_of, render
from rules._errors import RuleError
from rules._pack import packs

router = APIRouter()

_Text = Annotated[str, Form(max_length=2_000)]
_Word = Annotated[str, Form(max_length=200)]


@router.get("/rules/{rule}/history")
def history(context: Context, rule: str) -> HTMLResponse:
    """Its revisions, each of which can be made to hold again."""
    with reading(reader_of(context)):
        found = rule_history(context, rule)
    return render(context, "rules_history.html", found=found, wrong="", writes=writes(context))


@router.post("/rules/{rule}/rollback")
def rollback(context: Context, rule: str, to: _Word, mark: _Word, reason: _Text = "") -> Response:
    """Let hold again what a revision said."""
    context.require(Duty.WRITE_RULES)
    try:
        with context.writing() as connection:
            service.rollback(
                connection,
                rule,
                to,
                stamped(context, reason, None),
                packs=packs() if to == service.TO_SHIPPED else (),
                expected=mark,
            )
    except (RulebookError, RuleError) as error:
        return _history_again(context, rule, error)
    return RedirectResponse(f"/rules/{rule}?saved=1", status_code=303)


@router.post("/rules/{rule}/withdraw")
def withdraw(context: Context, rule: str, mark: _Word, reason: _Text = "") -> Response:
    """Let it hold no more."""
    context.require(Duty.WRITE_RULES)
    try:
        with context.writing() as connection:
            service.withdraw(connection, rule, stamped(context, reason, None), expected=mark)
    except RulebookError as error:
        return _history_again(context, rule, error)
    return RedirectResponse(f"/rules/{rule}/history", status_code=303)


def _history_again(context: RequestContext, rule: str, error: Exception) -> HTMLResponse:
    with reading(reader_of(context)):
        found = rule_history(context, rule)
    return refused(context, error, found=found, wrong=refusal(error), writes=writes(context))


def refused(context: RequestContext, error: Exception, **shown: Any) -> HTMLResponse:
    """A page of revisions, of a rule or a threshold, which says why an act on them was refused."""
    status = 409 if isinstance(error, StaleError) else 422
    return render(context, "rules_history.html", status_code=status, **shown)
