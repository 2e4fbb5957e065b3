"""`hypervisor account`: who may sign in, as what and where; their passwords and tokens."""

from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.accounts.cli_factors import attach_factors
from hypervisor.base.duties import Duty, Role
from hypervisor.database.command import (
    Author,
    Json,
    name_author,
    open_database,
    print_json,
    print_note,
    print_table,
)

if TYPE_CHECKING:
    from hypervisor.accounts.service import Administrator, Roles

Reason = Annotated[str, typer.Option(help="Why.")]
Ask = Annotated[bool, typer.Option("--ask", help="Ask for a password instead of making one.")]
_ROLES = f"ROLE, or ROLE:AREA (a code): {', '.join(Role)}; repeatable."


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Accounts, their roles, passwords and tokens.")
    group.command("add")(add_account)
    group.command("list")(list_accounts)
    group.command("password")(set_password)
    group.command("role")(set_roles)
    group.command("disable")(disable_account)
    group.command("enable")(enable_account)
    token = typer.Typer(no_args_is_help=True, help="API tokens: add, list, revoke.")
    token.command("add")(add_token)
    token.command("list")(list_tokens)
    token.command("revoke")(revoke_token)
    group.add_typer(token, name="token")
    attach_factors(group)
    app.add_typer(group, name="account")


def add_account(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What they sign in with, and sign their acts with.")],
    role: Annotated[list[str] | None, typer.Option(help=_ROLES)] = None,
    title: Annotated[str, typer.Option(help="Their name as people read it.")] = "",
    language: Annotated[str | None, typer.Option(help="fr or en.")] = None,
    ask: Ask = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="It only serves tokens.")
    ] = False,
    author: Author = "",
    reason: Reason = "",
) -> None:
    """Make an account; its password, if none is asked for, is made and shown once."""
    from hypervisor.accounts import service

    secret = None if no_password else _read_or_generate_password(ask=ask)
    with open_database(context) as connection:
        new = service.NewAccount(
            name=name,
            title=title,
            password=secret,
            language=language,
            roles=_parse_roles(role or []),
        )
        service.create_account(connection, new, _administrator(author), reason=reason)
    _print_secret(secret, ask=ask)
    print_note(f"{name} may sign in" if secret else f"{name} serves tokens")


def list_accounts(context: typer.Context, as_json: Json = False) -> None:
    """All accounts with their roles."""
    from hypervisor.access import queries as access_queries
    from hypervisor.access import queries_roles

    with open_database(context) as connection:
        accounts = [
            (account, queries_roles.list_roles(connection, account.id))
            for account in access_queries.list_accounts(connection)
        ]
    if as_json:
        print_json(
            {
                "name": account.name,
                "title": account.title,
                "roles": [{"role": role.value, "area": area} for role, area in held],
                "by_provider": account.by_provider,
                "disabled": account.disabled_at is not None,
                "signed_in_at": account.signed_in_at and account.signed_in_at.isoformat(),
            }
            for account, held in accounts
        )
        return
    rows = []
    for account, held in accounts:
        words = ", ".join(role if area is None else f"{role} of {area}" for role, area in held)
        seen = f"{account.signed_in_at:%Y-%m-%d %H:%M}" if account.signed_in_at else "never"
        state = "out of use" if account.disabled_at else seen
        rows.append((account.name, account.title, words or "none", state))
    columns = ("account", "name", "roles", "last signed in (UTC)")
    print_table(columns, rows, empty="no account yet: hypervisor account add NAME")


def set_password(
    context: typer.Context, name: str, ask: Ask = False, author: Author = "", reason: Reason = ""
) -> None:
    """Give an account another password: its sessions end, its tokens are void."""
    from datetime import UTC, datetime

    from hypervisor.accounts import service

    secret = _read_or_generate_password(ask=ask)
    with open_database(context) as connection:
        service.set_password(
            connection, name, secret, _administrator(author), at=datetime.now(UTC), reason=reason
        )
    _print_secret(secret, ask=ask)
    print_note(f"the old password and the tokens of {name} are void, its sessions are over")


def set_roles(
    context: typer.Context,
    name: str,
    roles: Annotated[list[str], typer.Argument(help=_ROLES)],
    author: Author = "",
    reason: Reason = "",
) -> None:
    """Give an account these roles and no others."""
    from hypervisor.accounts import service

    parsed = _parse_roles(roles)
    with open_database(context) as connection:
        service.set_roles(connection, name, parsed, _administrator(author), reason=reason)
    print_note(f"{name}: {', '.join(roles)}")


def disable_account(
    context: typer.Context, name: str, author: Author = "", reason: Reason = ""
) -> None:
    """Take an account out of use: its sessions end, its tokens are void for good."""
    from datetime import UTC, datetime

    from hypervisor.accounts import service

    with open_database(context) as connection:
        at = datetime.now(UTC)
        service.set_disabled(connection, name, _administrator(author), at=at, reason=reason)
    print_note(f"{name} is out of use")


def enable_account(
    context: typer.Context, name: str, author: Author = "", reason: Reason = ""
) -> None:
    """Take an account into use again."""
    from hypervisor.accounts import service

    with open_database(context) as connection:
        service.set_disabled(connection, name, _administrator(author), at=None, reason=reason)
    print_note(f"{name} is in use")


def add_token(
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="Whose it is: it never may more than they.")],
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"{', '.join(Duty)}; repeatable; default: {Duty.READ}."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=730, help="Until it ends.")] = 90,
    author: Author = "",
) -> None:
    """Make an API token; it is shown once."""
    from datetime import UTC, datetime, timedelta

    from hypervisor.access import queries as access_queries
    from hypervisor.access import service as access_service

    now = datetime.now(UTC)
    with open_database(context) as connection:
        number = access_queries.get_account(connection, account).id
        _, secret = access_service.create_token(
            connection,
            access_queries.get_person(connection, number),
            name=name,
            scopes=_parse_scopes(scope or [Duty.READ]),
            now=now,
            ends_at=now + timedelta(days=days),
            author=_administrator(author).name,
        )
    print(secret)
    print_note(f"valid for {days} days: Authorization: Bearer …")


def list_tokens(context: typer.Context, as_json: Json = False) -> None:
    """Tokens that are valid, with when each was last used."""
    from datetime import UTC, datetime

    from hypervisor.access import queries as access_queries
    from hypervisor.access import queries_tokens

    now = datetime.now(UTC)
    with open_database(context) as connection:
        names = {account.id: account.name for account in access_queries.list_accounts(connection)}
        tokens = [
            token
            for token in queries_tokens.list_tokens(connection)
            if token.revoked_at is None and token.ends_at > now
        ]
    if as_json:
        print_json(
            {
                "token": token.id,
                "account": names[token.account],
                "name": token.name,
                "scopes": list(token.scopes),
                "ends_at": token.ends_at.isoformat(),
                "used_at": token.used_at and token.used_at.isoformat(),
            }
            for token in tokens
        )
        return
    rows = [
        (
            *(str(token.id), names[token.account], token.name, token.prefix),
            *(", ".join(token.scopes), f"{token.ends_at:%Y-%m-%d}"),
            f"{token.used_at:%Y-%m-%d %H:%M}" if token.used_at else "never",
        )
        for token in tokens
    ]
    columns = ("token", "account", "for", "begins", "may", "ends", "last used (UTC)")
    print_table(columns, rows, empty="no token is valid")


def revoke_token(context: typer.Context, number: int, author: Author = "") -> None:
    """Make a token void."""
    from datetime import UTC, datetime

    from hypervisor.access import service as access_service

    with open_database(context) as connection:
        access_service.revoke_token(
            connection, number, now=datetime.now(UTC), author=_administrator(author).name
        )
    print_note(f"token {number} is void")


def _administrator(author: str) -> "Administrator":
    from hypervisor.accounts.service import Administrator

    return Administrator(name=name_author(author))


def _parse_roles(texts: list[str]) -> "Roles":
    roles = []
    for text in texts:
        role, _, area = text.partition(":")
        if role not in set(Role):
            raise typer.BadParameter(f"{role!r}: expected one of {', '.join(Role)}")
        roles.append((Role(role), area or None))
    return roles


def _parse_scopes(texts: list[str]) -> list[Duty]:
    wrong = [text for text in texts if text not in set(Duty)]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r}: expected one of {', '.join(Duty)}")
    return [Duty(text) for text in texts]


def _read_or_generate_password(*, ask: bool) -> str:
    """One that somebody types twice, or one that is made."""
    from hypervisor.access import passwords

    if not ask:
        return passwords.generate()
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return typed


def _print_secret(secret: str | None, *, ask: bool) -> None:
    if secret is not None and not ask:
        print(secret)
