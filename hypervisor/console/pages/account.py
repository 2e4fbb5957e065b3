"""One's own account: who one is, password, language, sessions, tokens."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from hypervisor.accounts import signing
from hypervisor.accounts.duties import Duty
from hypervisor.accounts.errors import AccountError
from hypervisor.api.access import Access, Asked
from hypervisor.api.auth import Number
from hypervisor.api.identity import IDLE
from hypervisor.console import once
from hypervisor.console.page import Page
from hypervisor.console.refusals import refusal
from hypervisor.console.rendering import render
from hypervisor.console.views import admin as view
from hypervisor.store.accounts import account_sessions, account_tokens

router = APIRouter()
PAGE: Page | None = None
Text = Annotated[str, Form(max_length=1_000)]


@router.get("/account")
def account(asked: Asked, done: Annotated[str, Query(max_length=20)] = "") -> Response:
    """All of it on one page."""
    return once.page(asked, lambda said: _shown(asked, done=done, secret=said.get("secret", "")))


@router.post("/account")
def language(asked: Asked, language: Annotated[str, Form(pattern="^(fr|en|)$")] = "") -> Response:
    """The language that pages begin in."""
    with asked.writing_own_account() as connection:
        signing.prefer(connection, asked.person, language=language or None)
    response = RedirectResponse("/account?done=changed", status_code=303)
    response.delete_cookie("lang", path="/")  # what was chosen for a visit gives way
    return response


@router.post("/account/password")
def password(asked: Asked, old: Text = "", new: Text = "", again: Text = "") -> Response:
    """Another password."""
    try:
        if new != again:
            return _shown(asked, wrong="the two new passwords are not the same")
        with asked.writing_own_account() as connection:
            signing.change_password(connection, asked.person, old=old, new=new)
    except AccountError as error:
        return _shown(asked, wrong=refusal(error))
    return RedirectResponse("/account?done=password", status_code=303)


@router.post("/account/tokens")
def make(
    asked: Asked,
    purpose: Text = "",
    scope: Annotated[list[str], Form()] = [],  # noqa: B006  FastAPI copies it
    days: Annotated[int, Form(ge=1, le=730)] = 90,
) -> Response:
    """A token, shown once."""
    now = asked.clock()
    try:
        with asked.writing_own_account() as connection:
            _, secret = signing.make_token(
                connection,
                asked.person,
                name=purpose[:100],
                scopes=[Duty(one) for one in scope if one in set(Duty)],
                now=now,
                ends_at=now + timedelta(days=days),
            )
    except AccountError as error:
        return _shown(asked, wrong=refusal(error))
    return once.leads_to(asked, "/account", {"secret": secret})


@router.post("/account/tokens/{number}/revoke")
def revoke(asked: Asked, number: Number) -> Response:
    """Make one void."""
    with asked.writing_own_account(token=number) as connection:
        signing.revoke_token(
            connection,
            number,
            now=asked.clock(),
            author=asked.person.name,
            owner=asked.person.account,
        )
    return RedirectResponse("/account?done=revoked", status_code=303)


def _shown(asked: Access, *, done: str = "", wrong: str = "", secret: str = "") -> Response:
    now = asked.clock()
    with asked.owning() as connection:
        tokens = [
            one
            for one in account_tokens.listing(connection, asked.person.account)
            if view.is_valid(one, now)
        ]
        sessions = account_sessions.listing(connection, asked.person.account, now=now, idle=IDLE)
    return render(
        asked,
        "account.html",
        status_code=422 if wrong else 200,
        tokens=tokens,
        sessions=sessions,
        duties=view.held(asked.person),
        secret=secret,
        wrong=wrong,
        done=view.DONE.get(done, ""),
        ROLES=view.ROLES,
        SCOPES=view.SCOPES,
        ROLE_HELP=view.ROLE_HELP,
        KINDS=view.KINDS,
        whole=False,
    )
