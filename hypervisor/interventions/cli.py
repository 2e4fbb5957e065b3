"""`hypervisor interventions`: work orders, one with its history, the teams; people act in pages."""

from typing import Annotated, Any

import typer

from hypervisor.database.command import Json, current_time, open_database, print_json


def attach(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True, help="Work orders for teams in the field: list, show, teams."
    )
    group.command("list")(list_)
    group.command("show")(show)
    group.command("teams")(teams)
    app.add_typer(group, name="interventions")


def list_(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Finished ones, too.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those past their time.")] = False,
    team: Annotated[str | None, typer.Option("--team", help="Only those of this team.")] = None,
    as_json: Json = False,
) -> None:
    """List orders, the latest first."""
    from hypervisor.interventions.queries import Selection, list_interventions
    from hypervisor.interventions.schemas import describe

    with open_database(context) as connection:
        now = current_time(connection)
        selection = Selection(
            open=None if every else True, team=team, overdue_at=now if overdue else None
        )
        orders = [] if now is None else list_interventions(connection, selection, limit=1_000)
    if as_json:
        print_json([describe(order, now).model_dump(mode="json") for order in orders if now])
        return
    if not orders or now is None:
        print("no work orders")
        return
    _print_table(
        ("number", "state", "priority", "team", "where", "what", "due"),
        [
            (
                str(order.id),
                order.state.value + (", overdue" if order.is_overdue(now) else ""),
                order.priority.value,
                order.team or "-",
                order.site or order.address or order.commune_name or "-",
                order.title,
                f"{order.due:%Y-%m-%d %H:%M}Z" if order.due else "-",
            )
            for order in orders
        ],
    )


def show(context: typer.Context, number: int, as_json: Json = False) -> None:
    """Show an order and what was done."""
    from hypervisor.interventions.schemas import describe_history
    from hypervisor.interventions.service import find_history

    with open_database(context) as connection:
        history, now = find_history(connection, number), current_time(connection)
    order = history.order
    if as_json:
        body: dict[str, Any] = describe_history(history, now or order.opened_at)
        print_json(
            {
                "intervention": body["intervention"].model_dump(mode="json"),
                "events": [event.model_dump(mode="json") for event in body["events"]],
            }
        )
        return
    print(f"{order.id}: {order.title} ({order.state.value}, {order.team or 'no team'})")
    _print_table(
        ("at", "noted", "who", "act", "state", "text"),
        [
            (
                f"{event.at:%Y-%m-%d %H:%M}Z",
                f"{event.noted_at:%H:%M}Z" if event.came_late else "",
                event.author,
                event.act.value,
                event.state.value,
                event.text,
            )
            for event in history.events
        ],
    )


def teams(context: typer.Context, as_json: Json = False) -> None:
    """List teams with their members."""
    from hypervisor.interventions.queries_teams import list_teams

    with open_database(context) as connection:
        rows = [] if current_time(connection) is None else list_teams(connection)
    if as_json:
        print_json(
            [
                {"name": team.name, "title": team.title, "area": team.area}
                | {"members": list(team.members), "retired": team.retired_at is not None}
                for team in rows
            ]
        )
        return
    if not rows:
        print("no teams: an administrator makes them in the console, under Work orders")
        return
    _print_table(
        ("name", "title", "area", "members"),
        [
            (team.name, team.title, team.area or "everywhere", ", ".join(team.members) or "-")
            for team in rows
        ],
    )


def _print_table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
