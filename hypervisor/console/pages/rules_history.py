"""A rule's revisions: the page of them, one let hold again, the rule withdrawn."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from hypervisor.accounts.duties import Duty
from hypervisor.api.access import Access, Asked
from hypervisor.api.rules import stamped
from hypervisor.console.pages.rules import writes
from hypervisor.console.reader import reading
from hypervisor.console.refusals import refusal
from hypervisor.console.rendering import reader_of, render
from hypervisor.console.views.rules_history import rule_history
from hypervisor.rulebook import revising
from hypervisor.rulebook.errors import RulebookError, StaleError
from rules._errors import RuleError
from rules._pack import packs

router = APIRouter()

_Text = Annotated[str, Form(max_length=2_000)]
_Word = Annotated[str, Form(max_length=200)]


@router.get("/rules/{rule}/history")
def history(asked: Asked, rule: str) -> HTMLResponse:
    """Its revisions, each of which can be made to hold again."""
    with reading(reader_of(asked)):
        found = rule_history(asked, rule)
    return render(asked, "rules_history.html", found=found, wrong="", writes=writes(asked))


@router.post("/rules/{rule}/rollback")
def rollback(asked: Asked, rule: str, to: _Word, mark: _Word, reason: _Text = "") -> Response:
    """Let hold again what a revision said."""
    asked.require(Duty.WRITE_RULES)
    try:
        with asked.writing() as connection:
            revising.rollback(
                connection,
                rule,
                to,
                stamped(asked, reason, None),
                packs=packs() if to == revising.TO_SHIPPED else (),
                expected=mark,
            )
    except (RulebookError, RuleError) as error:
        return _history_again(asked, rule, error)
    return RedirectResponse(f"/rules/{rule}?saved=1", status_code=303)


@router.post("/rules/{rule}/withdraw")
def withdraw(asked: Asked, rule: str, mark: _Word, reason: _Text = "") -> Response:
    """Let it hold no more."""
    asked.require(Duty.WRITE_RULES)
    try:
        with asked.writing() as connection:
            revising.withdraw(connection, rule, stamped(asked, reason, None), expected=mark)
    except RulebookError as error:
        return _history_again(asked, rule, error)
    return RedirectResponse(f"/rules/{rule}/history", status_code=303)


def _history_again(asked: Access, rule: str, error: Exception) -> HTMLResponse:
    with reading(reader_of(asked)):
        found = rule_history(asked, rule)
    return refused(asked, error, found=found, wrong=refusal(error), writes=writes(asked))


def refused(asked: Access, error: Exception, **shown: Any) -> HTMLResponse:
    """A page of revisions, of a rule or a threshold, which says why an act on them was refused."""
    status = 409 if isinstance(error, StaleError) else 422
    return render(asked, "rules_history.html", status_code=status, **shown)
