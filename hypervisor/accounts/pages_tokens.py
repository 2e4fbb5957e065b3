"""Administration: the API tokens of the accounts that one administers."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from hypervisor.access import queries as access_queries
from hypervisor.access import queries_tokens
from hypervisor.access import service as access_service
from hypervisor.access.context import Context, RequestContext
from hypervisor.access.errors import AccountError, NoAccountError
from hypervisor.accounts import service
from hypervisor.accounts import views as view
from hypervisor.accounts.api_signing import Number
from hypervisor.accounts.service import Doer, doer_of
from hypervisor.base.duties import Duty
from hypervisor.base.person import Person
from hypervisor.database.connect import Connection
from hypervisor.web import once
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render

router = APIRouter()
PAGE: Page | None = None
Text = Annotated[str, Form(max_length=200)]
Days = Annotated[int, Form(ge=1, le=730)]
Name = Annotated[str, Path(max_length=100)]


@router.get("/admin/tokens")
def every(context: Context, done: Annotated[str, Query(max_length=20)] = "") -> Response:
    """Those that are valid, and the form for a program's."""
    return once.page(
        context, lambda said: _listed(context, done=done, secret=said.get("secret", ""))
    )


@router.post("/admin/tokens")
def make(
    context: Context,
    account: Text = "",
    purpose: Text = "",
    scope: Annotated[list[str], Form()] = [],  # noqa: B006  FastAPI copies it
    days: Days = 90,
) -> Response:
    """A token of an account that only serves programs; shown once."""
    doer = doer_of(context)
    context.require_session()
    now = context.clock()
    try:
        with context.writing() as connection:
            owner = _program(connection, account, doer)
            _, secret = access_service.make_token(
                connection,
                owner,
                name=purpose,
                scopes=[Duty(one) for one in scope if one in set(Duty)],
                now=now,
                ends_at=now + timedelta(days=days),
                author=context.person.name,
            )
    except AccountError as error:
        return _listed(context, wrong=refusal(error))
    return once.leads_to(context, "/admin/tokens", {"secret": secret})


def _program(connection: Connection, account: str, doer: Doer) -> Person:
    """The account, where it only serves programs: nobody acts in a person's name.

    Raises:
        AccountError: somebody signs in with it.
    """
    known = service.administered(connection, account, doer)
    owner = access_queries.of_account(connection, known.id)
    if known.signs_in or owner is None:
        raise AccountError(f"{account} signs in, and makes its own tokens")
    return owner


@router.post("/admin/tokens/{number}/revoke")
def revoke(context: Context, number: Number) -> Response:
    """Make one void."""
    doer = doer_of(context)
    with context.writing() as connection:
        token = queries_tokens.one(connection, number)
        if token.account not in {one.id for one in service.every(connection, doer)}:
            raise NoAccountError(f"no token has the number {number}")
        access_service.revoke_token(
            connection, number, now=context.clock(), author=context.person.name
        )
    return RedirectResponse("/admin/tokens?done=revoked", status_code=303)


def _listed(
    context: RequestContext, *, done: str = "", wrong: str = "", secret: str = ""
) -> Response:
    doer = doer_of(context)
    with context.owning() as connection:
        known = {one.id: one for one in service.every(connection, doer)}
        tokens = [
            token
            for token in queries_tokens.listing(connection)
            if token.account in known and view.is_valid(token, context.clock())
        ]
    return render(
        context,
        "admin_tokens.html",
        status_code=422 if wrong else 200,
        known=known,
        tokens=tokens,
        programs=[one for one in known.values() if not one.signs_in and one.disabled_at is None],
        secret=secret,
        **view.frame(context, "tokens", done=done, wrong=wrong),
    )
