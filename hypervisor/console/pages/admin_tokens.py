"""Administration: the API tokens of the accounts that one administers."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from hypervisor.accounts import administering, signing
from hypervisor.accounts.administering import Doer
from hypervisor.accounts.duties import Duty
from hypervisor.accounts.errors import AccountError, NoAccountError
from hypervisor.accounts.person import Person
from hypervisor.api.access import Access, Asked
from hypervisor.api.accounts import doer_of
from hypervisor.api.auth import Number
from hypervisor.console import once
from hypervisor.console.page import Page
from hypervisor.console.refusals import refusal
from hypervisor.console.rendering import render
from hypervisor.console.views import admin as view
from hypervisor.store.accounts import account_tokens, accounts
from hypervisor.store.connect import Connection

router = APIRouter()
PAGE: Page | None = None
Text = Annotated[str, Form(max_length=200)]
Days = Annotated[int, Form(ge=1, le=730)]
Name = Annotated[str, Path(max_length=100)]


@router.get("/admin/tokens")
def every(asked: Asked, done: Annotated[str, Query(max_length=20)] = "") -> Response:
    """Those that are valid, and the form for a program's."""
    return once.page(asked, lambda said: _listed(asked, done=done, secret=said.get("secret", "")))


@router.post("/admin/tokens")
def make(
    asked: Asked,
    account: Text = "",
    purpose: Text = "",
    scope: Annotated[list[str], Form()] = [],  # noqa: B006  FastAPI copies it
    days: Days = 90,
) -> Response:
    """A token of an account that only serves programs; shown once."""
    doer = doer_of(asked)
    asked.require_session()
    now = asked.clock()
    try:
        with asked.writing() as connection:
            owner = _program(connection, account, doer)
            _, secret = signing.make_token(
                connection,
                owner,
                name=purpose,
                scopes=[Duty(one) for one in scope if one in set(Duty)],
                now=now,
                ends_at=now + timedelta(days=days),
                author=asked.person.name,
            )
    except AccountError as error:
        return _listed(asked, wrong=refusal(error))
    return once.leads_to(asked, "/admin/tokens", {"secret": secret})


def _program(connection: Connection, account: str, doer: Doer) -> Person:
    """The account, where it only serves programs: nobody acts in a person's name.

    Raises:
        AccountError: somebody signs in with it.
    """
    known = administering.administered(connection, account, doer)
    owner = accounts.of_account(connection, known.id)
    if known.signs_in or owner is None:
        raise AccountError(f"{account} signs in, and makes its own tokens")
    return owner


@router.post("/admin/tokens/{number}/revoke")
def revoke(asked: Asked, number: Number) -> Response:
    """Make one void."""
    doer = doer_of(asked)
    with asked.writing() as connection:
        token = account_tokens.one(connection, number)
        if token.account not in {one.id for one in administering.every(connection, doer)}:
            raise NoAccountError(f"no token has the number {number}")
        signing.revoke_token(connection, number, now=asked.clock(), author=asked.person.name)
    return RedirectResponse("/admin/tokens?done=revoked", status_code=303)


def _listed(asked: Access, *, done: str = "", wrong: str = "", secret: str = "") -> Response:
    doer = doer_of(asked)
    with asked.owning() as connection:
        known = {one.id: one for one in administering.every(connection, doer)}
        tokens = [
            one
            for one in account_tokens.listing(connection)
            if one.account in known and view.is_valid(one, asked.clock())
        ]
    return render(
        asked,
        "admin_tokens.html",
        status_code=422 if wrong else 200,
        known=known,
        tokens=tokens,
        programs=[one for one in known.values() if not one.signs_in and one.disabled_at is None],
        secret=secret,
        **view.frame(asked, "tokens", done=done, wrong=wrong),
    )
