"""`hypervisor works`: planned works, during which what is there is not to be trusted."""

import json
from datetime import datetime
from typing import Annotated

import typer

Author = Annotated[str, typer.Option(help="Who says so; default: your user name.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Planned works: add, list, end.")
    group.command()(add)
    group.command("list")(list_)
    group.command()(end)
    app.add_typer(group, name="works")


def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A name of their own: rd446-2024.")],
    ends: Annotated[str, typer.Option(help="Until when: 2024-11-04T17:00+01:00.")],
    reason: Annotated[str, typer.Option(help="What is done there.")],
    begins: Annotated[str, typer.Option(help="From when; default: now.")] = "",
    site: Annotated[list[str] | None, typer.Option(help="A site; as often as needed.")] = None,
    device: Annotated[list[str] | None, typer.Option(help="A device.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="A group: a cabinet, a road.")] = None,
    author: Author = "",
    as_json: Json = False,
) -> None:
    """Announce works, or give them another time or place."""
    from hypervisor.database.command import instant
    from hypervisor.registry.announcing import announced
    from hypervisor.registry.apply import Act
    from hypervisor.registry.cli_inventory import change

    given = {"sites": site or [], "devices": device or [], "groups": group or []}
    first = instant(begins, "--begins") if begins else None
    last = instant(ends, "--ends")
    change(
        context,
        lambda _, now: [announced(name, first or _known(now, "--begins"), last, given)],
        act=Act(kind="works", subject=name),
        author=author,
        reason=reason,
        as_json=as_json,
    )


def end(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The works' name.")],
    at: Annotated[str, typer.Option("--at", help="When they were over; default: now.")] = "",
    reason: Annotated[str, typer.Option(help="Why they end now.")] = "works end",
    author: Author = "",
    as_json: Json = False,
) -> None:
    """Say that works are over; those not begun yet are called off."""
    from hypervisor.database.command import instant
    from hypervisor.registry.announcing import ended
    from hypervisor.registry.apply import Act
    from hypervisor.registry.cli_inventory import change

    over = instant(at, "--at") if at else None
    change(
        context,
        lambda registry, now: [ended(registry, name, over or _known(now, "--at"))],
        act=Act(kind="works", subject=name),
        author=author,
        reason=reason,
        as_json=as_json,
    )


def list_(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    as_json: Json = False,
) -> None:
    """Works under way and to come."""
    from hypervisor.database.command import now_of, opened
    from hypervisor.registry import queries_tables
    from hypervisor.registry.announcing import listed
    from hypervisor.registry.showing import works_rows
    from hypervisor.registry.tables import works_table

    with opened(context) as connection:
        every_works = listed(queries_tables.revisions(connection, "works"), now_of(connection))
    every_works = [works for works in every_works if every or works.state != "over"]
    if as_json:
        for row in works_rows(every_works):
            print(json.dumps(row, ensure_ascii=False))
        return
    from rich.console import Console

    Console().print(works_table(every_works) if every_works else "no works are planned")


def _known(now: datetime | None, option: str) -> datetime:
    """The exercise's clock, once it runs."""
    if now is None:
        raise typer.BadParameter("the exercise has not begun: say a time", param_hint=option)
    return now.replace(microsecond=0)
