"""Confirming that it is you; the form that waited goes on to where it led."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access import factors, passkeys
from hypervisor.access.context import Context, RequestContext
from hypervisor.access.errors import AccountError
from hypervisor.access.identity import get_address
from hypervisor.access.turns import PasswordCheck
from hypervisor.accounts.views_confirm import Held, render_confirmation
from hypervisor.accounts.views_factors import find_party
from hypervisor.web.page import Page
from hypervisor.web.plain import plain
from hypervisor.web.refusals import refusal

router = APIRouter(prefix="/confirm")
PAGE: Page | None = None


@router.post("")
def confirm(_check: PasswordCheck, context: Context, request: Request, held: Held) -> Response:
    """Check the proof, then let the browser send the form again, to where it led (307)."""
    try:
        passkey = held.proof.get("proof-passkey", "")
        if passkey:
            _confirm_by_passkey(context, request, passkey)
        else:
            factors.confirm(
                context.writing_own_account,
                context.person,
                password=held.proof.get("proof-password", ""),
                code=held.proof.get("proof-code", "")[:100],
                address=get_address(request),
                now=context.clock(),
            )
    except AccountError as error:
        return render_confirmation(
            request, context.person, held, wrong=refusal(error), status_code=422
        )
    return RedirectResponse(held.target, status_code=307)


def _confirm_by_passkey(context: RequestContext, request: Request, answer: str) -> None:
    writing, person, now = context.writing_own_account, context.person, context.clock()
    kind = passkeys.check(writing, person, find_party(request), answer, now=now)
    with writing() as connection:
        factors.show_factor(connection, person, kind, now=now)


@router.get("/done")
def show_done(_context: Context, request: Request) -> Response:
    """Where the identity provider leads back to, in the window that it was opened in."""
    return plain(request, "confirmed.html")
