"""`hypervisor incidents`: alarms that belong together."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(incidents)


def incidents(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Those that are closed, too.")] = False,
    domain: Annotated[str | None, typer.Option(help="Only of this domain.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Incidents, the latest to open first; with --all those that are closed."""
    from hypervisor.alarms.listing import incidents_viewed, regroup
    from hypervisor.database.command import opened

    with opened(context) as connection:
        regroup(connection)
        found = incidents_viewed(connection, wall=datetime.now(UTC), every=every, domain=domain)
    if as_json:
        for one in found:
            print(json.dumps(one, ensure_ascii=False))
        return
    if not found:
        print("no incident")
        return
    from rich.table import Table

    from hypervisor.alarms.cli_tables import console, short

    table = Table("", "severity", "incident", "opened", "ended", "alarms", box=None)
    for one in found:
        table.add_row(
            str(one["number"]),
            one["severity"],
            one["title"],
            short(one["opened"]),
            short(one["ended"]) if one["ended"] else "lasts",
            f"{one['active']} of {len(one['alarms'])} active: "
            + ", ".join(str(number) for number in one["alarms"]),
        )
    console().print(table)
