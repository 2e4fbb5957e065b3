"""Administration: accounts with their roles and passwords."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from hypervisor.access import passwords, queries_roles, queries_tokens
from hypervisor.access.context import Context, RequestContext
from hypervisor.access.errors import AccountError, ForbiddenError, NoAccountError
from hypervisor.accounts import service
from hypervisor.accounts import views as view
from hypervisor.accounts.service import New, doer_of
from hypervisor.base.duties import Duty
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
def every(context: Context, done: Done = "") -> Response:
    """The accounts, and the form for another."""
    return _listed(context, done=done)


@router.post("/admin/accounts")
def add(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    name: Text = "",
    title: Text = "",
    language: Text = "",
    role: Many = [],  # noqa: B006  FastAPI copies it
    area: Many = [],  # noqa: B006
    kind: Text = "person",
    reason: Text = "",
) -> Response:
    """Make an account; its password is shown once."""
    doer = doer_of(context)
    secret = None if kind == "program" else passwords.made()
    if secret is not None:
        context.require_session()
    said = {"name": name, "title": title, "language": language, "kind": kind, "reason": reason}
    try:
        new = New(
            name=name,
            title=title,
            language=language or None,
            password=secret,
            roles=view.roles(role, area),
        )
        with context.writing() as connection:
            service.add(connection, new, doer, reason=reason)
    except (AccountError, ForbiddenError) as error:
        return _listed(context, wrong=refusal(error), said={**said, "role": role, "area": area})
    return _told(context, name.strip(), secret, done="added")


@router.get("/admin/accounts/{name}")
def one(context: Context, name: str, done: Done = "") -> Response:
    """One account."""
    return once.page(
        context, lambda said: _one(context, name, secret=said.get("secret"), done=done)
    )


@router.post("/admin/accounts/{name}")
def change(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    name: str,
    title: Text = "",
    language: Text = "",
    role: Many = [],  # noqa: B006  FastAPI copies it
    area: Many = [],  # noqa: B006
    reason: Text = "",
) -> Response:
    """Its words and roles."""
    doer = doer_of(context)
    try:
        with context.writing() as connection:
            known = service.administered(connection, name, doer)
            if (title, language or None) != (known.title, known.language):
                service.describe(connection, name, doer, title=title, language=language or None)
            roles = view.roles(role, area)
            if set(roles) != set(queries_roles.held(connection, known.id)):
                service.set_roles(connection, name, roles, doer, reason=reason)
    except NoAccountError:
        raise
    except (AccountError, ForbiddenError) as error:
        return _one(context, name, wrong=refusal(error))
    return RedirectResponse(f"{_address(name)}?done=changed", status_code=303)


@router.post("/admin/accounts/{name}/password")
def password(context: Context, name: str, reason: Text = "") -> Response:
    """Another password, shown once."""
    context.require_session()
    doer = doer_of(context)
    secret = passwords.made()
    with context.writing() as connection:
        service.set_password(connection, name, secret, doer, at=context.clock(), reason=reason)
    return _told(context, name, secret)


@router.post("/admin/accounts/{name}/use")
def use(
    context: Context, name: str, out: Annotated[str, Form(max_length=5)] = "", reason: Text = ""
) -> Response:
    """Out of use, or into it again."""
    doer = doer_of(context)
    at = context.clock() if out else None
    try:
        with context.writing() as connection:
            service.disable(connection, name, doer, at=at, reason=reason)
    except NoAccountError:
        raise
    except AccountError as error:
        return _one(context, name, wrong=refusal(error))
    done = "disabled" if out else "enabled"
    return RedirectResponse(f"{_address(name)}?done={done}", status_code=303)


def _told(context: RequestContext, name: str, secret: str | None, *, done: str = "") -> Response:
    """To the account; its password, where one was made, is shown there once."""
    address = f"{_address(name)}?done={done}" if done else _address(name)
    return once.leads_to(context, address, {} if secret is None else {"secret": secret})


def _address(name: str) -> str:
    return f"/admin/accounts/{quote(name, safe='')}"


def _listed(
    context: RequestContext, *, done: str = "", wrong: str = "", said: dict[str, Any] | None = None
) -> Response:
    doer = doer_of(context)
    with context.owning() as connection:
        rows = view.every(connection, doer, now=context.clock())
        areas = view.areas(connection, doer.territory)
    return render(
        context,
        "admin_accounts.html",
        status_code=422 if wrong else 200,
        rows=rows,
        areas=areas,
        said={**_BLANK, **(said or {})},
        **view.frame(context, "accounts", done=done, wrong=wrong),
    )


def _one(
    context: RequestContext,
    name: str,
    *,
    secret: str | None = None,
    done: str = "",
    wrong: str = "",
) -> Response:
    doer = doer_of(context)
    with context.owning() as connection:
        known = service.administered(connection, name, doer)
        grants = queries_roles.grants(connection, known.id)
        tokens = [
            token
            for token in queries_tokens.listing(connection, known.id)
            if view.is_valid(token, context.clock())
        ]
        areas = view.areas(connection, doer.territory)
    return render(
        context,
        "admin_account.html",
        status_code=422 if wrong else 200,
        known=known,
        grants=grants,
        tokens=tokens,
        areas=areas,
        secret=secret,
        **view.frame(context, "accounts", done=done, wrong=wrong),
    )
