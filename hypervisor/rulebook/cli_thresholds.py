"""`hypervisor rules threshold`: set, list, log, roll back, withdraw."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.rulebook import cli_history
from hypervisor.rulebook.cli import rules
from hypervisor.rulebook.cli_revisions import Author, Effective, Json, Reason, changing

if TYPE_CHECKING:
    from hypervisor.rulebook.service_thresholds import ThresholdChange

Owner = Annotated[str, typer.Argument(metavar="SITE", help="A site, or device/<device>.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Such as alert.")]


def attach(app: typer.Typer) -> None:  # noqa: ARG001  they belong to `rules`
    group = typer.Typer(no_args_is_help=True, help="Thresholds of sites: set, list, log, rollback.")
    group.command("set")(set_)
    group.command("list")(list_)
    group.command("log")(log)
    group.command("rollback")(rollback)
    group.command("withdraw")(withdraw)
    rules.add_typer(group, name="threshold")


def set_(
    context: typer.Context,
    site: Owner,
    name: Name,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="With its unit: '2.10 m'.")],
    reason: Reason = "",
    author: Author = "",
    effective: Effective = "",
    quantity: Annotated[
        str, typer.Option(help="Its quantity, for a threshold that no domain defines.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Set a threshold. It takes effect now, in an exercise at its clock, or at --effective."""
    from hypervisor.rulebook import service_thresholds

    with changing(context, reason, author, effective) as (connection, stamp):
        key = service_thresholds.key_of(site, name)
        change = service_thresholds.set_threshold(
            connection, key, value, stamp, quantity=quantity or None
        )
    _print_change(change, as_json=as_json)


def list_(
    context: typer.Context,
    site: Annotated[str | None, typer.Argument(metavar="[SITE]")] = None,
    as_json: Json = False,
) -> None:
    """List the thresholds in force."""
    from hypervisor.database.command import current_time, open_database
    from hypervisor.rulebook import formatting, service_thresholds

    with open_database(context) as connection:
        revisions = service_thresholds.list_in_force(connection, site, now=current_time(connection))
    if as_json:
        for recorded in revisions:
            print(json.dumps(formatting.revision_row(recorded), ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    from hypervisor.registry.formatting import format_since, format_value

    table = Table("threshold", "value", "holds", "who", "why", "revision", box=None)
    for recorded in revisions:
        value = format_value(recorded.value) + (" (illustrative)" if recorded.illustrative else "")
        table.add_row(
            recorded.key,
            value,
            format_since(recorded.effective),
            recorded.author,
            recorded.reason,
            str(recorded.id),
        )
    Console(markup=False, width=None if sys.stdout.isatty() else 200).print(table)


def log(context: typer.Context, site: Owner, name: Name, as_json: Json = False) -> None:
    """A threshold's revisions in the order they were recorded."""
    cli_history.log(context, f"{site}/{name}", limit=0, as_json=as_json)


def rollback(
    context: typer.Context,
    site: Owner,
    name: Name,
    to: Annotated[str, typer.Option(help="The revision's number.", metavar="REV")],
    reason: Reason = "",
    author: Author = "",
    effective: Effective = "",
    as_json: Json = False,
) -> None:
    """Restore an earlier revision."""
    from hypervisor.rulebook import service_thresholds

    with changing(context, reason, author, effective) as (connection, stamp):
        change = service_thresholds.roll_back_threshold(
            connection, service_thresholds.key_of(site, name), to, stamp
        )
    _print_change(change, as_json=as_json)


def withdraw(
    context: typer.Context,
    site: Owner,
    name: Name,
    reason: Reason = "",
    author: Author = "",
    effective: Effective = "",
    as_json: Json = False,
) -> None:
    """Withdraw a threshold: rules that need it no longer apply there."""
    from hypervisor.rulebook import service_thresholds

    with changing(context, reason, author, effective) as (connection, stamp):
        change = service_thresholds.withdraw_threshold(
            connection, service_thresholds.key_of(site, name), stamp
        )
    _print_change(change, as_json=as_json)


def _print_change(change: "ThresholdChange", *, as_json: bool) -> None:
    from hypervisor.registry.formatting import format_since, format_value
    from hypervisor.rulebook import formatting

    after = change.after
    if as_json:
        row = formatting.revision_row(after) if after else {}
        print(json.dumps({**row, "key": change.key, "changed": change.changed}, ensure_ascii=False))
        return
    if not change.changed or after is None:
        print(f"{change.key} is {format_value(after.value) if after else 'not set'} already")
        return
    before = "not set" if change.before is None else format_value(change.before.value)
    print(f"{change.key}: {before} -> {format_value(after.value)}, revision {after.id}")
    print(formatting.format_in_force(format_since(after.effective)))
