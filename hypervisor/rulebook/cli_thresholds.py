"""`hypervisor rules threshold`: set, list, log, take back; each with author and reason."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.rulebook.cli import rules
from hypervisor.rulebook.cli_revisions import Author, Effective, Json, Reason

if TYPE_CHECKING:
    from hypervisor.rulebook.service_thresholds import Set

Owner = Annotated[
    str, typer.Argument(metavar="SITE", help="A site's name, or device/<device> for its own.")
]
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
        str, typer.Option(help="Of a threshold of your own: what it is one of.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Set a threshold. It holds from now, in an exercise from its clock, or from --effective."""
    from hypervisor.database.command import opened
    from hypervisor.rulebook import service_thresholds
    from hypervisor.rulebook.cli_revisions import asked, stamped

    why = asked(reason)
    with opened(context) as connection:
        found = service_thresholds.put(
            connection,
            service_thresholds.key_of(site, name),
            value,
            stamped(connection, author, why, effective),
            quantity=quantity or None,
        )
    _tell(found, as_json=as_json)


def list_(
    context: typer.Context,
    site: Annotated[str | None, typer.Argument(metavar="[SITE]")] = None,
    as_json: Json = False,
) -> None:
    """Thresholds as they stand: value, since when, by whom."""
    from hypervisor.database.command import now_of, opened
    from hypervisor.rulebook import formatting, service_thresholds

    with opened(context) as connection:
        every_revisions = service_thresholds.standing(connection, site, now=now_of(connection))
    if as_json:
        for recorded in every_revisions:
            print(json.dumps(formatting.revision_row(recorded), ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    from hypervisor.registry.formatting import format_since, format_value

    table = Table("threshold", "value", "holds", "who", "why", "revision", box=None)
    for recorded in every_revisions:
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
    from hypervisor.database.command import opened
    from hypervisor.rulebook import formatting, service_thresholds
    from hypervisor.rulebook.cli_history import show_log

    with opened(context) as connection:
        every_revisions = service_thresholds.history(
            connection, service_thresholds.key_of(site, name)
        )
    if as_json:
        for recorded in every_revisions:
            print(
                json.dumps(formatting.revision_row(recorded, every_revisions), ensure_ascii=False)
            )
        return
    show_log(every_revisions, every_revisions)


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
    """Let hold again what a revision said."""
    from hypervisor.database.command import opened
    from hypervisor.rulebook import service_thresholds
    from hypervisor.rulebook.cli_revisions import asked, stamped

    why = asked(reason)
    with opened(context) as connection:
        stamp = stamped(connection, author, why, effective)
        found = service_thresholds.rollback(
            connection, service_thresholds.key_of(site, name), to, stamp
        )
    _tell(found, as_json=as_json)


def withdraw(
    context: typer.Context,
    site: Owner,
    name: Name,
    reason: Reason = "",
    author: Author = "",
    effective: Effective = "",
    as_json: Json = False,
) -> None:
    """Let a threshold hold no more: rules that need it no longer apply there."""
    from hypervisor.database.command import opened
    from hypervisor.rulebook import service_thresholds
    from hypervisor.rulebook.cli_revisions import asked, stamped

    why = asked(reason)
    with opened(context) as connection:
        stamp = stamped(connection, author, why, effective)
        found = service_thresholds.withdraw(
            connection, service_thresholds.key_of(site, name), stamp
        )
    _tell(found, as_json=as_json)


def _tell(found: "Set", *, as_json: bool) -> None:
    from hypervisor.registry.formatting import format_since, format_value
    from hypervisor.rulebook import formatting

    after = found.after
    if as_json:
        row = formatting.revision_row(after) if after else {}
        print(json.dumps({**row, "key": found.key, "changed": found.changed}, ensure_ascii=False))
        return
    if not found.changed or after is None:
        print(f"{found.key} is {format_value(after.value) if after else 'not set'} already")
        return
    before = "not set" if found.before is None else format_value(found.before.value)
    print(f"{found.key}: {before} -> {format_value(after.value)}, revision {after.id}")
    print(formatting.taken_up(format_since(after.effective)))
