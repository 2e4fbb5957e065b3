"""`hypervisor personal`: who looked at homes, and deleting what one measured."""

from typing import Annotated

import typer

from hypervisor.database.command import (
    Author,
    Json,
    name_author,
    open_database,
    print_json,
    print_note,
    print_table,
)


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Personal data: who looked, and deleting it.")
    group.command("looks")(list_looks)
    group.command("forget")(forget_home)
    app.add_typer(group, name="personal")


def list_looks(
    context: typer.Context,
    site: Annotated[str | None, typer.Option(help="Only at this home.")] = None,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 100,
    as_json: Json = False,
) -> None:
    """Who looked at which home, by which page or route: the latest first."""
    from hypervisor.base.instants import micros, text
    from hypervisor.stack import queries_personal

    with open_database(context) as connection:
        looks = queries_personal.list_looks(connection, subject=site, author=account, limit=limit)
    if as_json:
        print_json(
            {
                "site": look.subject,
                "account": look.author,
                "way": look.way,
                "route": look.route,
                "first_at": look.first_at.isoformat(),
                "last_at": look.last_at.isoformat(),
                "times": look.times,
            }
            for look in looks
        )
        return
    rows = [
        (
            text(micros(look.last_at)),
            look.author,
            look.subject,
            look.way,
            look.route,
            str(look.times),
        )
        for look in looks
    ]
    print_table(("last", "who", "home", "by", "route", "times"), rows, empty="no looks")


def forget_home(
    context: typer.Context,
    site: Annotated[str, typer.Argument(help="The pseudonym.")],
    reason: Annotated[str, typer.Option(help="Why; the audit keeps it.")],
    author: Author = "",
) -> None:
    """Delete at once all that a home measured, and its alarms."""
    from hypervisor.stack import personal_data

    with open_database(context) as connection, connection.transaction():
        readings, alarms = personal_data.forget(
            connection, site, author=name_author(author), reason=reason
        )
    print_note(f"{site}: {readings:,} readings and {alarms:,} alarms deleted")
