"""`hypervisor incidents`: alarms grouped into incidents."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command("incidents")(list_incidents)


def list_incidents(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Include closed incidents.")] = False,
    domain: Annotated[str | None, typer.Option(help="Only of this domain.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List incidents, latest first."""
    from hypervisor.alarms.listing import list_incidents, refresh_incidents
    from hypervisor.database.command import opened

    with opened(context) as connection:
        refresh_incidents(connection)
        rows = list_incidents(connection, wall=datetime.now(UTC), every=every, domain=domain)
    if as_json:
        for incident in rows:
            print(json.dumps(incident, ensure_ascii=False))
        return
    if not rows:
        print("no incidents")
        return
    from rich.table import Table

    from hypervisor.alarms.cli_tables import format_minute, open_console

    table = Table("", "severity", "incident", "opened", "ended", "alarms", box=None)
    for incident in rows:
        table.add_row(
            str(incident["number"]),
            incident["severity"],
            incident["title"],
            format_minute(incident["opened"]),
            format_minute(incident["ended"]) if incident["ended"] else "lasts",
            f"{incident['active']} of {len(incident['alarms'])} active: "
            + ", ".join(str(number) for number in incident["alarms"]),
        )
    open_console().print(table)
