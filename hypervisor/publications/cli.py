"""`hypervisor publications`: what was published; people publish in the console."""

import typer

from hypervisor.database.command import Json, current_time, open_database, print_json


def attach(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True, help="Warnings to citizens: list. Two people publish in the console."
    )
    group.command("list")(list_)
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
