"""`hypervisor account factor`: second factors that were lost, and the roles that must have any."""

from typing import Annotated

import typer

from hypervisor.database.command import Author, name_author, open_database, print_note

Reason = Annotated[str, typer.Option(help="Why.")]


def attach_factors(group: typer.Typer) -> None:
    factor = typer.Typer(no_args_is_help=True, help="Second factors: remove, require.")
    factor.command("remove")(remove_factors)
    factor.command("require")(require_factors)
    group.add_typer(factor, name="factor")


def remove_factors(
    context: typer.Context, name: str, author: Author = "", reason: Reason = ""
) -> None:
    """Take the second factor and the recovery codes from an account: its sessions end."""
    from hypervisor.access import factors

    with open_database(context) as connection:
        kinds = factors.remove_lost_factors(
            connection, name, author=name_author(author), reason=reason
        )
    print_note(f"{name} had {', '.join(kinds) or 'no second factor'}; its sessions are over")


def require_factors(
    context: typer.Context,
    roles: Annotated[
        list[str] | None, typer.Argument(help="Roles, and no others; none: no role.")
    ] = None,
    author: Author = "",
    reason: Reason = "",
) -> None:
    """Let these roles ask for a second factor, from the next sign-in of each account."""
    from datetime import UTC, datetime

    from hypervisor.access import factors
    from hypervisor.base.duties import Role

    wrong = [role for role in roles or [] if role not in set(Role)]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r}: expected one of {', '.join(Role)}")
    with open_database(context) as connection:
        factors.require_by_role(
            connection,
            [Role(role) for role in roles or []],
            author=name_author(author),
            reason=reason,
            now=datetime.now(UTC),
        )
    print_note(f"a second factor is asked of: {', '.join(roles or []) or 'no role'}")
