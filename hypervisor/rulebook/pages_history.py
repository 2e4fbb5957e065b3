"""Page of a rule's revisions: restore one, withdraw the rule."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import RulebookError, StaleError
from hypervisor.base.reader import reading
from hypervisor.rulebook import service
from hypervisor.rulebook.api import stamp_of
from hypervisor.rulebook.pages import may_write
from hypervisor.rulebook.views_history import rule_history
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import reader_of, render
from rules._errors import RuleError
from rules._pack import packs

router = APIRouter()

_Text = Annotated[str, Form(max_length=2_000)]
_Word = Annotated[str, Form(max_length=200)]


@router.get("/rules/{rule}/history")
def show_history(context: Context, rule: str) -> HTMLResponse:
    """The revisions of a rule."""
    with reading(reader_of(context)):
        revisions = rule_history(context, rule)
    return render(
        context, "rules_history.html", history=revisions, wrong="", writes=may_write(context)
    )


@router.post("/rules/{rule}/rollback")
def roll_back_rule(
    context: Context, rule: str, to: _Word, mark: _Word, reason: _Text = ""
) -> Response:
    """Restore an earlier revision."""
    context.require(Duty.WRITE_RULES)
    try:
        with context.writing() as connection:
            service.roll_back_rule(
                connection,
                rule,
                to,
                stamp_of(context, reason, None),
                packs=packs() if to == service.TO_SHIPPED else (),
                expected=mark,
            )
    except (RulebookError, RuleError) as error:
        return _render_history(context, rule, error)
    return RedirectResponse(f"/rules/{rule}?saved=1", status_code=303)


@router.post("/rules/{rule}/withdraw")
def withdraw_rule(context: Context, rule: str, mark: _Word, reason: _Text = "") -> Response:
    """Withdraw a rule."""
    context.require(Duty.WRITE_RULES)
    try:
        with context.writing() as connection:
            service.withdraw_rule(connection, rule, stamp_of(context, reason, None), expected=mark)
    except RulebookError as error:
        return _render_history(context, rule, error)
    return RedirectResponse(f"/rules/{rule}/history", status_code=303)


def _render_history(context: RequestContext, rule: str, error: Exception) -> HTMLResponse:
    with reading(reader_of(context)):
        revisions = rule_history(context, rule)
    return render_refusal(
        context, error, history=revisions, wrong=refusal(error), writes=may_write(context)
    )


def render_refusal(context: RequestContext, error: Exception, **shown: Any) -> HTMLResponse:
    """The page of revisions with the reason why an action was refused."""
    status = 409 if isinstance(error, StaleError) else 422
    return render(context, "rules_history.html", status_code=status, **shown)
