"""Administration: the API tokens of the accounts that one administers."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from hypervisor.access import queries as access_queries
from hypervisor.access import queries_tokens
from hypervisor.access import service as access_service
from hypervisor.access.context import ConfirmedContext, Context, RequestContext
from hypervisor.access.errors import AccountError, NoAccountError
from hypervisor.accounts import service
from hypervisor.accounts import views as view
from hypervisor.accounts.api_signing import Number
from hypervisor.accounts.service import Administrator, require_administrator
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


@router.get("/admin/tokens")
def tokens_page(context: Context, done: Annotated[str, Query(max_length=20)] = "") -> Response:
    """Those that are valid, and the form for a program's."""
    return once.page(
        context, lambda flash: _render_tokens(context, done=done, secret=flash.get("secret", ""))
    )


@router.post("/admin/tokens")
def create_token(
    context: ConfirmedContext,
    account: Text = "",
    purpose: Text = "",
    scope: Annotated[list[str], Form()] = [],  # noqa: B006  FastAPI copies it
    days: Days = 90,
) -> Response:
    """A token of an account that only serves programs; shown once."""
    administrator = require_administrator(context)
    now = context.clock()
    try:
        with context.writing() as connection:
            owner = _get_program_account(connection, account, administrator)
            _, secret = access_service.create_token(
                connection,
                owner,
                name=purpose,
                scopes=[Duty(text) for text in scope if text in set(Duty)],
                now=now,
                ends_at=now + timedelta(days=days),
                author=context.person.name,
            )
    except AccountError as error:
        return _render_tokens(context, wrong=refusal(error))
    return once.leads_to(context, "/admin/tokens", {"secret": secret})


def _get_program_account(
    connection: Connection, account: str, administrator: Administrator
) -> Person:
    """An account that only serves programs: persons make their own tokens.

    Raises AccountError: somebody signs in with it.
    """
    program = service.get_administered_account(connection, account, administrator)
    if program.signs_in:
        raise AccountError("{account} can sign in and makes its own tokens", account)
    return access_queries.get_person(connection, program.id)


@router.post("/admin/tokens/{number}/revoke")
def revoke_token(context: Context, number: Number) -> Response:
    """Make one void."""
    administrator = require_administrator(context)
    context.require_session()
    with context.writing() as connection:
        token = queries_tokens.get_token(connection, number)
        if token.account not in {
            row.id for row in service.list_accounts(connection, administrator)
        }:
            raise NoAccountError("no token has the number {number}", number)
        access_service.revoke_token(
            connection, number, now=context.clock(), author=context.person.name
        )
    return RedirectResponse("/admin/tokens?done=revoked", status_code=303)


def _render_tokens(
    context: RequestContext, *, done: str = "", wrong: str = "", secret: str = ""
) -> Response:
    administrator = require_administrator(context)
    with context.owning() as connection:
        accounts = {row.id: row for row in service.list_accounts(connection, administrator)}
        tokens = [
            token
            for token in queries_tokens.list_tokens(connection)
            if token.account in accounts and view.is_valid(token, context.clock())
        ]
    return render(
        context,
        "admin_tokens.html",
        status_code=422 if wrong else 200,
        accounts=accounts,
        tokens=tokens,
        programs=[row for row in accounts.values() if not row.signs_in and row.disabled_at is None],
        secret=secret,
        **view.admin_context(context, "tokens", done=done, wrong=wrong),
    )
