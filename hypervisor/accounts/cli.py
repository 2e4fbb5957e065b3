"""`hypervisor account`: who may sign in, as what and where; their passwords and tokens."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hypervisor.accounts.service import Doer, Roles
    from hypervisor.base.duties import Duty
    from hypervisor.database.connect import Connection

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Author = Annotated[str, typer.Option(help="Who says so; default: your user name.")]
Reason = Annotated[str, typer.Option(help="Why.")]
Ask = Annotated[bool, typer.Option("--ask", help="Ask for a password instead of making one.")]
_ROLES = "ROLE, or ROLE:AREA (a code): viewer, operator, author, administrator; as often as needed."


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Accounts, their roles, passwords and tokens.")
    group.command()(add)
    group.command("list")(list_)
    group.command()(password)
    group.command()(role)
    group.command()(disable)
    group.command()(enable)
    token = typer.Typer(no_args_is_help=True, help="API tokens: add, list, revoke.")
    token.command("add")(token_add)
    token.command("list")(token_list)
    token.command("revoke")(token_revoke)
    group.add_typer(token, name="token")
    app.add_typer(group, name="account")


def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What they sign in with, and sign their acts with.")],
    role: Annotated[list[str] | None, typer.Option(help=_ROLES)] = None,
    title: Annotated[str, typer.Option(help="Their name as people read it.")] = "",
    language: Annotated[str | None, typer.Option(help="fr or en.")] = None,
    ask: Ask = False,
    no_password: Annotated[bool, typer.Option(help="It only serves tokens.")] = False,
    author: Author = "",
    reason: Reason = "",
) -> None:
    """Make an account; its password, if none is asked for, is made and shown once."""
    from hypervisor.accounts import service

    secret = None if no_password else _password(ask=ask)
    with _writing(context) as connection:
        new = service.New(
            name=name, title=title, password=secret, language=language, roles=_roles(role or [])
        )
        service.add(connection, new, _doer(author), reason=reason)
    _show(secret, ask=ask)
    _say(f"{name} may sign in" if secret else f"{name} serves tokens")


def list_(context: typer.Context, as_json: Json = False) -> None:
    """All accounts with their roles."""
    from hypervisor.access import queries as access_queries
    from hypervisor.access import queries_roles

    with _writing(context) as connection:
        found = [
            (one, queries_roles.held(connection, one.id))
            for one in access_queries.every(connection)
        ]
    if as_json:
        for one, held in found:
            told = {
                "name": one.name,
                "title": one.title,
                "roles": [{"role": role.value, "area": area} for role, area in held],
                "disabled": one.disabled_at is not None,
                "signed_in_at": one.signed_in_at and one.signed_in_at.isoformat(),
            }
            print(json.dumps(told, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("account", "name", "roles", "last signed in (UTC)", box=None)
    for one, held in found:
        words = ", ".join(role if area is None else f"{role} of {area}" for role, area in held)
        seen = f"{one.signed_in_at:%Y-%m-%d %H:%M}" if one.signed_in_at else "never"
        table.add_row(
            one.name, one.title, words or "none", "out of use" if one.disabled_at else seen
        )
    Console(markup=False).print(table if found else "no account yet: hypervisor account add NAME")


def password(
    context: typer.Context, name: str, ask: Ask = False, author: Author = "", reason: Reason = ""
) -> None:
    """Give an account another password: its sessions end, its tokens are void."""
    from datetime import UTC, datetime

    from hypervisor.accounts import service

    secret = _password(ask=ask)
    with _writing(context) as connection:
        service.set_password(
            connection, name, secret, _doer(author), at=datetime.now(UTC), reason=reason
        )
    _show(secret, ask=ask)
    _say(f"the old password and the tokens of {name} are void, its sessions are over")


def role(
    context: typer.Context,
    name: str,
    roles: Annotated[list[str], typer.Argument(help=_ROLES)],
    author: Author = "",
    reason: Reason = "",
) -> None:
    """Give an account these roles and no others."""
    from hypervisor.accounts import service

    wanted = _roles(roles)
    with _writing(context) as connection:
        service.set_roles(connection, name, wanted, _doer(author), reason=reason)
    _say(f"{name}: {', '.join(roles)}")


def disable(context: typer.Context, name: str, author: Author = "", reason: Reason = "") -> None:
    """Take an account out of use: its sessions end, its tokens are void for good."""
    from datetime import UTC, datetime

    from hypervisor.accounts import service

    with _writing(context) as connection:
        at = datetime.now(UTC)
        service.disable(connection, name, _doer(author), at=at, reason=reason)
    _say(f"{name} is out of use")


def enable(context: typer.Context, name: str, author: Author = "", reason: Reason = "") -> None:
    """Take an account into use again."""
    from hypervisor.accounts import service

    with _writing(context) as connection:
        service.disable(connection, name, _doer(author), at=None, reason=reason)
    _say(f"{name} is in use")


def token_add(
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="Whose it is: it never may more than they.")],
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="read, operate, rules, administer; default: read.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=730, help="Until it ends.")] = 90,
    author: Author = "",
) -> None:
    """Make an API token; it is shown once."""
    from datetime import UTC, datetime, timedelta

    from hypervisor.access import queries as access_queries
    from hypervisor.access import service as access_service

    now = datetime.now(UTC)
    with _writing(context) as connection:
        owner = access_queries.of_account(connection, access_queries.named(connection, account).id)
        if owner is None:
            raise typer.BadParameter(f"no account is named {account!r}")
        _, secret = access_service.make_token(
            connection,
            owner,
            name=name,
            scopes=_scopes(scope or ["read"]),
            now=now,
            ends_at=now + timedelta(days=days),
            author=_doer(author).name,
        )
    print(secret)
    _say(f"valid for {days} days: Authorization: Bearer …")


def token_list(context: typer.Context, as_json: Json = False) -> None:
    """Tokens that are valid, with when each was last used."""
    from datetime import UTC, datetime

    from hypervisor.access import queries as access_queries
    from hypervisor.access import queries_tokens

    now = datetime.now(UTC)
    with _writing(context) as connection:
        names = {one.id: one.name for one in access_queries.every(connection)}
        tokens = [
            token
            for token in queries_tokens.listing(connection)
            if token.revoked_at is None and token.ends_at > now
        ]
    if as_json:
        for one in tokens:
            told = {
                "token": one.id,
                "account": names[one.account],
                "name": one.name,
                "scopes": list(one.scopes),
                "ends_at": one.ends_at.isoformat(),
                "used_at": one.used_at and one.used_at.isoformat(),
            }
            print(json.dumps(told, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("token", "account", "for", "begins", "may", "ends", "last used (UTC)", box=None)
    for one in tokens:
        used = f"{one.used_at:%Y-%m-%d %H:%M}" if one.used_at else "never"
        table.add_row(
            *(str(one.id), names[one.account], one.name, one.shown, ", ".join(one.scopes)),
            *(f"{one.ends_at:%Y-%m-%d}", used),
        )
    Console(markup=False).print(table if tokens else "no token is valid")


def token_revoke(context: typer.Context, number: int, author: Author = "") -> None:
    """Make a token void."""
    from datetime import UTC, datetime

    from hypervisor.access import service as access_service

    with _writing(context) as connection:
        access_service.revoke_token(
            connection, number, now=datetime.now(UTC), author=_doer(author).name
        )
    _say(f"token {number} is void")


@contextmanager
def _writing(context: typer.Context) -> "Iterator[Connection]":
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect

    with connect(load_settings(context.obj).database_url) as connection:
        yield connection


def _doer(author: str) -> "Doer":
    from hypervisor.accounts.service import Doer
    from hypervisor.database.audit import whoever

    return Doer(name=author.strip() or whoever())


def _roles(said: list[str]) -> "Roles":
    from hypervisor.base.duties import Role

    found = []
    for one in said:
        role, _, area = one.partition(":")
        if role not in set(Role):
            raise typer.BadParameter(f"{role!r}: expected one of {', '.join(Role)}")
        found.append((Role(role), area or None))
    return found


def _scopes(said: list[str]) -> "list[Duty]":
    from hypervisor.base.duties import Duty

    wrong = [one for one in said if one not in set(Duty)]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r}: expected one of {', '.join(Duty)}")
    return [Duty(one) for one in said]


def _password(*, ask: bool) -> str:
    """One that somebody types twice, or one that is made."""
    from hypervisor.access import passwords

    if not ask:
        return passwords.made()
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return typed


def _show(secret: str | None, *, ask: bool) -> None:
    if secret is not None and not ask:
        print(secret)


def _say(text: str) -> None:
    """Beside the secrets, which are all that stands on standard output."""
    print(text, file=sys.stderr)
