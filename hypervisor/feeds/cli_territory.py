"""`hypervisor territory`: from a département's number to a running inventory."""

from pathlib import Path
from typing import Annotated

import typer

from hypervisor.database.command import Author, name_author, open_instance, print_note

_WITHOUT_INTERNET = (
    "without internet: `hypervisor inventory seed` makes a file of communes; describe gauges in"
    " another (docs/inventory.md) and `hypervisor inventory apply` them; or set"
    " HYPERVISOR_FEEDS_URL to a mirror of the services (docs/feeds.md)"
)


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="A territory to begin with.")
    group.command()(start)
    group.callback()(lambda: None)
    app.add_typer(group, name="territory")


def start(
    context: typer.Context,
    departement: Annotated[str, typer.Argument(help="Its number, such as 91 or 2A.")],
    author: Author = "",
) -> None:
    """Fill the inventory from official services: communes, gauges, reaches, proposed thresholds.

    Writes a notification route to fill in. May be repeated: it adds what is new.
    """
    from hypervisor.feeds.routes_draft import write_routes
    from hypervisor.feeds.territory import start_territory

    connection, settings = open_instance(context, autocommit=True)
    code = departement.strip().upper()
    with connection:
        begun, changes = start_territory(
            connection, settings, code, author=name_author(author), say=print
        )
    levels = sum(len(gauge.levels) for gauge in begun.gauges)
    print(
        f"{len(begun.communes)} communes, {len(begun.gauges)} gauges,"
        f" {len(begun.reaches)} official reaches, {levels} proposed thresholds"
        + ("" if changes else ": nothing new")
    )
    file = write_routes(Path(settings.data), code)
    if file is not None:
        print(f"fill in who is notified: {file}, then `hypervisor notify routes apply {file}`")
    for note in begun.notes:
        print_note(note)
    if begun.notes:
        print_note("run it again once these answer: it adds what is missing")
        if not begun.gauges and not begun.reaches:
            print_note(_WITHOUT_INTERNET)
        raise typer.Exit(1)
