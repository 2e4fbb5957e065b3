"""One's own account: who one is, password, language, sessions, tokens."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access import queries_sessions, queries_tokens
from hypervisor.access import service as access_service
from hypervisor.access.context import ConfirmedContext, Context, RequestContext
from hypervisor.access.errors import AccountError
from hypervisor.access.identity import IDLE_TIMEOUT, get_address
from hypervisor.access.turns import PasswordCheck
from hypervisor.accounts import queries_provider
from hypervisor.accounts import views as view
from hypervisor.accounts.api_signing import Number
from hypervisor.base.duties import Duty
from hypervisor.web import once
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render
from hypervisor.web.roles import ROLES

router = APIRouter()
PAGE: Page | None = None
Text = Annotated[str, Form(max_length=1_000)]


@router.get("/account")
def account_page(context: Context, done: Annotated[str, Query(max_length=20)] = "") -> Response:
    """All of it on one page."""
    return once.page(
        context, lambda flash: _render_account(context, done=done, secret=flash.get("secret", ""))
    )


@router.post("/account")
def set_language(
    context: Context, language: Annotated[str, Form(pattern="^(fr|en|)$")] = ""
) -> Response:
    """The language that pages begin in."""
    with context.writing_own_account() as connection:
        access_service.set_language(connection, context.person, language=language or None)
    response = RedirectResponse("/account?done=changed", status_code=303)
    response.delete_cookie("lang", path="/")  # what was chosen for a visit gives way
    return response


@router.post("/account/password")
def change_password(
    _check: PasswordCheck,
    context: Context,
    request: Request,
    old: Text = "",
    new: Text = "",
    again: Text = "",
) -> Response:
    """Another password."""
    if new != again:
        return _render_account(context, wrong="the two new passwords are not the same")
    try:
        access_service.change_password(
            context.writing_own_account,
            context.person,
            old=old,
            new=new,
            address=get_address(request),
            now=context.clock(),
        )
    except AccountError as error:
        return _render_account(context, wrong=refusal(error))
    return RedirectResponse("/account?done=password", status_code=303)


@router.post("/account/tokens")
def create_token(
    context: ConfirmedContext,
    purpose: Text = "",
    scope: Annotated[list[str], Form()] = [],  # noqa: B006  FastAPI copies it
    days: Annotated[int, Form(ge=1, le=730)] = 90,
) -> Response:
    """A token, shown once."""
    now = context.clock()
    try:
        with context.writing_own_account() as connection:
            _, secret = access_service.create_token(
                connection,
                context.person,
                name=purpose,
                scopes=[Duty(text) for text in scope if text in set(Duty)],
                now=now,
                ends_at=now + timedelta(days=days),
            )
    except AccountError as error:
        return _render_account(context, wrong=refusal(error))
    return once.leads_to(context, "/account", {"secret": secret})


@router.post("/account/tokens/{number}/revoke")
def revoke_token(context: Context, number: Number) -> Response:
    """Make one void."""
    with context.writing_own_account(token=number) as connection:
        access_service.revoke_token(
            connection,
            number,
            now=context.clock(),
            author=context.person.name,
            owner=context.person.account,
        )
    return RedirectResponse("/account?done=revoked", status_code=303)


def _render_account(
    context: RequestContext, *, done: str = "", wrong: str = "", secret: str = ""
) -> Response:
    now = context.clock()
    with context.owning() as connection:
        tokens = [
            token
            for token in queries_tokens.list_tokens(connection, context.person.account)
            if view.is_valid(token, now)
        ]
        sessions = queries_sessions.list_sessions(
            connection, context.person.account, now=now, idle=IDLE_TIMEOUT
        )
        by_provider = queries_provider.is_provider_account(connection, context.person.account)
    return render(
        context,
        "account.html",
        status_code=422 if wrong else 200,
        tokens=tokens,
        sessions=sessions,
        by_provider=by_provider,
        duties=view.list_duties(context.person),
        secret=secret,
        wrong=wrong,
        done=view.CONFIRMATIONS.get(done, ""),
        ROLES=ROLES,
        SCOPES=view.SCOPES,
        ROLE_HELP=view.ROLE_HELP,
        KINDS=view.KINDS,
        whole=False,
    )
