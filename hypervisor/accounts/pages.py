"""Administration: accounts with their roles and passwords."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from hypervisor.access import passwords, queries_roles, queries_tokens
from hypervisor.access.context import ConfirmedContext, Context, RequestContext
from hypervisor.access.errors import AccountError, ForbiddenError, NoAccountError
from hypervisor.accounts import service
from hypervisor.accounts import views as view
from hypervisor.accounts.service import NewAccount, require_administrator
from hypervisor.base.duties import Duty
from hypervisor.base.errors import ConflictError
from hypervisor.base.translation import mark
from hypervisor.web import once
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render

router = APIRouter()
PAGE = Page(
    key="admin",
    title=mark("Administration"),
    address="/admin",
    order=62,
    shortcut="g",
    needs=Duty.ADMINISTER.value,
)
Text = Annotated[str, Form(max_length=1_000)]
Many = Annotated[list[str], Form()]
_BLANK = {"name": "", "title": "", "language": "", "kind": "person", "role": [], "area": []}
Done = Annotated[str, Query(max_length=20)]


@router.get("/admin")
def accounts_page(context: Context, done: Done = "") -> Response:
    """The accounts, and the form for another."""
    return _render_accounts(context, done=done)


@router.post("/admin/accounts")
def create_account(  # noqa: PLR0913, PLR0917  the fields of the form
    context: ConfirmedContext,
    name: Text = "",
    title: Text = "",
    language: Text = "",
    role: Many = [],  # noqa: B006  FastAPI copies it
    area: Many = [],  # noqa: B006
    kind: Text = "person",
    reason: Text = "",
) -> Response:
    """Make an account; its password is shown once."""
    administrator = require_administrator(context)
    secret = None if kind == "program" else passwords.generate()
    fields = {"name": name, "title": title, "language": language, "kind": kind, "reason": reason}
    try:
        new = NewAccount(
            name=name,
            title=title,
            language=language or None,
            password=secret,
            roles=view.parse_roles(role, area),
        )
        with context.writing() as connection:
            service.create_account(connection, new, administrator, reason=reason)
    except (AccountError, ForbiddenError) as error:
        return _render_accounts(
            context, wrong=refusal(error), fields={**fields, "role": role, "area": area}
        )
    return _redirect_to_account(context, name.strip(), secret, done="added")


@router.get("/admin/accounts/{name}")
def account_page(context: Context, name: str, done: Done = "") -> Response:
    """One account."""
    return once.page(
        context, lambda flash: _render_account(context, name, secret=flash.get("secret"), done=done)
    )


@router.post("/admin/accounts/{name}")
def update_account(  # noqa: PLR0913, PLR0917  the fields of the form
    context: ConfirmedContext,
    name: str,
    title: Text = "",
    language: Text = "",
    role: Many = [],  # noqa: B006  FastAPI copies it
    area: Many = [],  # noqa: B006
    reason: Text = "",
    seen: Text = "",
) -> Response:
    """Its words and roles."""
    administrator = require_administrator(context)
    try:
        with context.writing() as connection:
            account = service.require_seen(connection, name, administrator, seen)
            if account.by_provider:  # both follow the provider's claims; the form has neither
                title, role = account.title, []
            if (title, language or None) != (account.title, account.language):
                service.update_description(
                    connection, name, administrator, title=title, language=language or None
                )
            roles = view.parse_roles(role, area)
            held = set(queries_roles.list_roles(connection, account.id))
            if set(roles) != held and not account.by_provider:
                service.set_roles(connection, name, roles, administrator, reason=reason)
    except NoAccountError:
        raise
    except ConflictError as error:
        return _render_account(context, name, wrong=refusal(error), status=409)
    except (AccountError, ForbiddenError) as error:
        return _render_account(context, name, wrong=refusal(error))
    return RedirectResponse(f"{_account_url(name)}?done=changed", status_code=303)


@router.post("/admin/accounts/{name}/password")
def reset_password(context: ConfirmedContext, name: str, reason: Text = "") -> Response:
    """Another password, shown once."""
    administrator = require_administrator(context)
    secret = passwords.generate()
    with context.writing() as connection:
        service.set_password(
            connection, name, secret, administrator, at=context.clock(), reason=reason
        )
    return _redirect_to_account(context, name, secret)


@router.post("/admin/accounts/{name}/use")
def set_disabled(
    context: ConfirmedContext,
    name: str,
    out: Annotated[str, Form(max_length=5)] = "",
    reason: Text = "",
) -> Response:
    """Out of use, or into it again."""
    administrator = require_administrator(context)
    at = context.clock() if out else None
    try:
        with context.writing() as connection:
            service.set_disabled(connection, name, administrator, at=at, reason=reason)
    except NoAccountError:
        raise
    except AccountError as error:
        return _render_account(context, name, wrong=refusal(error))
    done = "disabled" if out else "enabled"
    return RedirectResponse(f"{_account_url(name)}?done={done}", status_code=303)


def _redirect_to_account(
    context: RequestContext, name: str, secret: str | None, *, done: str = ""
) -> Response:
    """To the account; its password, where one was made, is shown there once."""
    address = f"{_account_url(name)}?done={done}" if done else _account_url(name)
    return once.leads_to(context, address, {} if secret is None else {"secret": secret})


def _account_url(name: str) -> str:
    return f"/admin/accounts/{quote(name, safe='')}"


def _render_accounts(
    context: RequestContext,
    *,
    done: str = "",
    wrong: str = "",
    fields: dict[str, Any] | None = None,
) -> Response:
    administrator = require_administrator(context)
    with context.owning() as connection:
        rows = view.list_account_rows(connection, administrator, now=context.clock())
        areas = view.list_grantable_areas(connection, administrator.territory)
    return render(
        context,
        "admin_accounts.html",
        status_code=422 if wrong else 200,
        rows=rows,
        areas=areas,
        fields={**_BLANK, **(fields or {})},
        **view.admin_context(context, "accounts", done=done, wrong=wrong),
    )


def _render_account(  # noqa: PLR0913  what the page may show
    context: RequestContext,
    name: str,
    *,
    secret: str | None = None,
    done: str = "",
    wrong: str = "",
    status: int = 422,
) -> Response:
    administrator = require_administrator(context)
    with context.owning() as connection:
        account = service.get_administered_account(connection, name, administrator)
        grants = queries_roles.list_grants(connection, account.id)
        tokens = [
            token
            for token in queries_tokens.list_tokens(connection, account.id)
            if view.is_valid(token, context.clock())
        ]
        areas = view.list_grantable_areas(connection, administrator.territory)
        seen = service.mark_account(connection, account)
    return render(
        context,
        "admin_account.html",
        status_code=status if wrong else 200,
        account=account,
        seen=seen,
        grants=grants,
        tokens=tokens,
        areas=areas,
        secret=secret,
        **view.admin_context(context, "accounts", done=done, wrong=wrong),
    )
