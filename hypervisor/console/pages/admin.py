"""Administration: accounts with their roles and passwords."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from hypervisor.accounts import administering, passwords
from hypervisor.accounts.administering import New
from hypervisor.accounts.duties import Duty
from hypervisor.accounts.errors import AccountError, ForbiddenError, NoAccountError
from hypervisor.api.access import Access, Asked
from hypervisor.api.accounts import doer_of
from hypervisor.console import once
from hypervisor.console.page import Page
from hypervisor.console.refusals import refusal
from hypervisor.console.rendering import render
from hypervisor.console.views import admin as view
from hypervisor.console.words import mark
from hypervisor.store.accounts import account_roles, account_tokens

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
def every(asked: Asked, done: Done = "") -> Response:
    """The accounts, and the form for another."""
    return _listed(asked, done=done)


@router.post("/admin/accounts")
def add(  # noqa: PLR0913, PLR0917  the fields of the form
    asked: Asked,
    name: Text = "",
    title: Text = "",
    language: Text = "",
    role: Many = [],  # noqa: B006  FastAPI copies it
    area: Many = [],  # noqa: B006
    kind: Text = "person",
    reason: Text = "",
) -> Response:
    """Make an account; its password is shown once."""
    doer = doer_of(asked)
    secret = None if kind == "program" else passwords.made()
    if secret is not None:
        asked.require_session()
    said = {"name": name, "title": title, "language": language, "kind": kind, "reason": reason}
    try:
        new = New(
            name=name,
            title=title,
            language=language or None,
            password=secret,
            roles=view.roles(role, area),
        )
        with asked.writing() as connection:
            administering.add(connection, new, doer, reason=reason)
    except (AccountError, ForbiddenError) as error:
        return _listed(asked, wrong=refusal(error), said={**said, "role": role, "area": area})
    return _told(asked, name.strip(), secret, done="added")


@router.get("/admin/accounts/{name}")
def one(asked: Asked, name: str, done: Done = "") -> Response:
    """One account."""
    return once.page(asked, lambda said: _one(asked, name, secret=said.get("secret"), done=done))


@router.post("/admin/accounts/{name}")
def change(  # noqa: PLR0913, PLR0917  the fields of the form
    asked: Asked,
    name: str,
    title: Text = "",
    language: Text = "",
    role: Many = [],  # noqa: B006  FastAPI copies it
    area: Many = [],  # noqa: B006
    reason: Text = "",
) -> Response:
    """Its words and roles."""
    doer = doer_of(asked)
    try:
        with asked.writing() as connection:
            known = administering.administered(connection, name, doer)
            if (title, language or None) != (known.title, known.language):
                administering.describe(
                    connection, name, doer, title=title, language=language or None
                )
            wanted = view.roles(role, area)
            if set(wanted) != set(account_roles.held(connection, known.id)):
                administering.set_roles(connection, name, wanted, doer, reason=reason)
    except NoAccountError:
        raise
    except (AccountError, ForbiddenError) as error:
        return _one(asked, name, wrong=refusal(error))
    return RedirectResponse(f"{_address(name)}?done=changed", status_code=303)


@router.post("/admin/accounts/{name}/password")
def password(asked: Asked, name: str, reason: Text = "") -> Response:
    """Another password, shown once."""
    asked.require_session()
    doer = doer_of(asked)
    secret = passwords.made()
    with asked.writing() as connection:
        administering.set_password(connection, name, secret, doer, at=asked.clock(), reason=reason)
    return _told(asked, name, secret)


@router.post("/admin/accounts/{name}/use")
def use(
    asked: Asked, name: str, out: Annotated[str, Form(max_length=5)] = "", reason: Text = ""
) -> Response:
    """Out of use, or into it again."""
    doer = doer_of(asked)
    at = asked.clock() if out else None
    try:
        with asked.writing() as connection:
            administering.disable(connection, name, doer, at=at, reason=reason)
    except NoAccountError:
        raise
    except AccountError as error:
        return _one(asked, name, wrong=refusal(error))
    done = "disabled" if out else "enabled"
    return RedirectResponse(f"{_address(name)}?done={done}", status_code=303)


def _told(asked: Access, name: str, secret: str | None, *, done: str = "") -> Response:
    """To the account; its password, where one was made, is shown there once."""
    address = f"{_address(name)}?done={done}" if done else _address(name)
    return once.leads_to(asked, address, {} if secret is None else {"secret": secret})


def _address(name: str) -> str:
    return f"/admin/accounts/{quote(name, safe='')}"


def _listed(
    asked: Access, *, done: str = "", wrong: str = "", said: dict[str, Any] | None = None
) -> Response:
    doer = doer_of(asked)
    with asked.owning() as connection:
        rows = view.every(connection, doer, now=asked.clock())
        areas = view.areas(connection, doer.territory)
    return render(
        asked,
        "admin_accounts.html",
        status_code=422 if wrong else 200,
        rows=rows,
        areas=areas,
        said={**_BLANK, **(said or {})},
        **view.frame(asked, "accounts", done=done, wrong=wrong),
    )


def _one(
    asked: Access, name: str, *, secret: str | None = None, done: str = "", wrong: str = ""
) -> Response:
    doer = doer_of(asked)
    with asked.owning() as connection:
        known = administering.administered(connection, name, doer)
        grants = account_roles.grants(connection, known.id)
        tokens = [
            one
            for one in account_tokens.listing(connection, known.id)
            if view.is_valid(one, asked.clock())
        ]
        areas = view.areas(connection, doer.territory)
    return render(
        asked,
        "admin_account.html",
        status_code=422 if wrong else 200,
        known=known,
        grants=grants,
        tokens=tokens,
        areas=areas,
        secret=secret,
        **view.frame(asked, "accounts", done=done, wrong=wrong),
    )
