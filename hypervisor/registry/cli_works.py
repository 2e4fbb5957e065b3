"""`hypervisor works`: planned works, during which readings there do not count."""

from datetime import datetime
from typing import Annotated

import typer

from hypervisor.database.command import (
    Author,
    Json,
    current_time,
    open_database,
    parse_instant,
    parse_optional_instant,
    print_json,
)


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Planned works: add, list, end.")
    group.command()(add)
    group.command("list")(list_)
    group.command()(end)
    app.add_typer(group, name="works")


def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A new name such as rd446-2024.")],
    ends: Annotated[str, typer.Option(help="End: 2024-11-04T17:00+01:00.")],
    reason: Annotated[str, typer.Option(help="What is done there.")],
    begins: Annotated[str, typer.Option(help="Start; default: now.")] = "",
    site: Annotated[list[str] | None, typer.Option(help="A site; as often as needed.")] = None,
    device: Annotated[list[str] | None, typer.Option(help="A device.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="A group: a cabinet, a road.")] = None,
    author: Author = "",
    as_json: Json = False,
) -> None:
    """Announce works, or change their time or place."""
    from hypervisor.registry.apply import Act
    from hypervisor.registry.cli_inventory import apply_and_print
    from hypervisor.registry.works import announce_works

    given = {"sites": site or [], "devices": device or [], "groups": group or []}
    first = parse_optional_instant(begins, "--begins")
    last = parse_instant(ends, "--ends")
    apply_and_print(
        context,
        lambda _, now: [announce_works(name, first or _require_now(now, "--begins"), last, given)],
        act=Act(kind="works", subject=name),
        author=author,
        reason=reason,
        as_json=as_json,
    )


def end(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The works' name.")],
    at: Annotated[str, typer.Option("--at", help="When they ended; default: now.")] = "",
    reason: Annotated[str, typer.Option(help="Why they end now.")] = "works end",
    author: Author = "",
    as_json: Json = False,
) -> None:
    """End works; those not begun yet are cancelled."""
    from hypervisor.registry.apply import Act
    from hypervisor.registry.cli_inventory import apply_and_print
    from hypervisor.registry.works import end_works

    over = parse_optional_instant(at, "--at")
    apply_and_print(
        context,
        lambda registry, now: [end_works(registry, name, over or _require_now(now, "--at"))],
        act=Act(kind="works", subject=name),
        author=author,
        reason=reason,
        as_json=as_json,
    )


def list_(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Include finished works.")] = False,
    as_json: Json = False,
) -> None:
    """List current and upcoming works."""
    from hypervisor.registry.tables import works_rows, works_table
    from hypervisor.registry.works import load_works

    with open_database(context) as connection:
        all_works = load_works(connection, current_time(connection))
    all_works = [works for works in all_works if every or works.state != "over"]
    if as_json:
        print_json(works_rows(all_works))
        return
    from rich.console import Console

    Console().print(works_table(all_works) if all_works else "no works are planned")


def _require_now(now: datetime | None, option: str) -> datetime:
    """The instance's time; an exercise has none before it starts."""
    if now is None:
        raise typer.BadParameter("the exercise has not begun: give a time", param_hint=option)
    return now.replace(microsecond=0)
