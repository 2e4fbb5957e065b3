"""`hypervisor publications`: what was published; people publish in the console."""

from pathlib import Path
from typing import Annotated

import typer

from hypervisor.database.command import (
    Json,
    current_time,
    open_database,
    print_json,
    print_table,
)


def attach(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True, help="Warnings to citizens. Two people publish in the console."
    )
    group.command("list")(list_)
    group.command("check")(check)
    app.add_typer(group, name="publications")


def list_(context: typer.Context, as_json: Json = False) -> None:
    """List publications, the latest first."""
    from rich.console import Console
    from rich.table import Table

    from hypervisor.publications.queries import list_publications
    from hypervisor.publications.schemas import describe

    with open_database(context) as connection:
        now = current_time(connection)
        publications = list_publications(connection)
    if now is None or not publications:
        print_json([]) if as_json else print("nothing was published yet")
        return
    if as_json:
        bodies = [describe(each, now=now, is_stale=False) for each in publications]
        print_json([body.model_dump(mode="json") for body in bodies])
        return
    table = Table("number", "state", "status", "where", "headline", "until", box=None)
    for each in publications:
        written = [event for event in each.events if event.content and event.areas]
        content, areas = written[-1].content, written[-1].areas
        if content is None or areas is None:
            continue
        table.add_row(
            str(each.id),
            each.state(now).value + (", draft to sign" if each.draft and each.messages else ""),
            each.status,
            ", ".join(area.name for area in areas),
            content.fr.headline,
            f"{content.expires:%Y-%m-%d %H:%M}Z",
        )
    Console().print(table)


def check(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Default: HYPERVISOR_HAZARDS.")] = None,
) -> None:
    """Check a file of hazards and advice; list the hazards with it."""
    from hypervisor.base.settings import load_settings
    from hypervisor.publications.hazards import find_file, read_file, read_shipped

    chosen = file or find_file(load_settings(context.obj))
    hazards = read_shipped() if chosen is None else read_file(chosen)
    rows = [
        (name, hazard.title.fr, hazard.title.en, f"{hazard.hours} h", ", ".join(hazard.rules))
        for name, hazard in hazards.items()
    ]
    print_table(("hazard", "French", "English", "holds", "alarms of rules"), rows)
