"""`hypervisor rules log|diff|show|export`: what holds, and who said so."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.cli.rules import rules
from hypervisor.cli.rules_revisions import Json, RuleName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypervisor.store.connect import Connection
    from hypervisor.store.watch.rulebook import Recorded

Key = Annotated[str, typer.Argument(metavar="RULE|SITE/THRESHOLD", help="orge-mill/alert, too.")]


def attach(app: typer.Typer) -> None:  # noqa: ARG001  they belong to `rules`
    rules.command()(log)
    rules.command()(diff)
    rules.command()(show)
    rules.command()(export)


def log(
    context: typer.Context,
    key: Annotated[
        str | None,
        typer.Argument(metavar="[RULE|SITE/THRESHOLD]", help="Without: all rules."),
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the latest.")] = 50,
    as_json: Json = False,
) -> None:
    """Revisions in the order they were recorded: who, when, why, what changed."""
    from hypervisor.cli.inventory import opened
    from hypervisor.rulebook import telling
    from hypervisor.store.watch import rulebook

    with opened(context) as connection:
        found = revisions_of(connection, key) if key else rulebook.history(connection, "rule")
    if as_json:
        for one in found[-limit:]:
            print(json.dumps(telling.revision_row(one, found), ensure_ascii=False))
        return
    show_log(found, found[-limit:])


def diff(
    context: typer.Context,
    key: Key,
    before: Annotated[str, typer.Argument(metavar="[REV]", help="A number, or shipped.")] = "",
    after: Annotated[str, typer.Argument(metavar="[REV]", help="Default: the latest.")] = "",
    as_json: Json = False,
) -> None:
    """What two revisions say differently; without numbers, the last one and the one before."""
    from hypervisor.cli.inventory import opened
    from hypervisor.rulebook import comparing, telling
    from rules._pack import packs

    with opened(context) as connection:
        revisions = revisions_of(connection, key)
    pair = comparing.pair(key, revisions, before, after, packs=packs)
    if as_json:
        for one in pair.differences:
            print(json.dumps(telling.difference_row(one), ensure_ascii=False))
        return
    print(f"{key}: {pair.before.name} -> {pair.after.name}")
    for one in pair.differences:
        print(f"    {one}")
    if not pair.differences:
        print("    they say the same")


def show(context: typer.Context, rule: RuleName, as_json: Json = False) -> None:
    """A rule as it stands: its text, since when it holds, and who said so."""
    from hypervisor.cli.inventory import now_of, opened
    from hypervisor.rulebook import showing
    from rules._pack import packs

    with opened(context) as connection:
        revisions, now = revisions_of(connection, rule), now_of(connection)
    found = showing.shown(rule, revisions, now=now, packs=packs())
    if as_json:
        print(json.dumps(found.row, ensure_ascii=False))
        return
    for line in found.lines:
        print(f"# {line}")
    print(found.text, end="")


def export(
    context: typer.Context,
    rule: Annotated[
        str | None, typer.Argument(metavar="[RULE]", help="One rule; without: all of a domain.")
    ] = None,
    domain: Annotated[str, typer.Option(help="Only the rules of this domain.")] = "",
    output: Annotated[
        Path | None,
        typer.Option(help="A file; or a folder, for one file a domain. Default: standard output."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
) -> None:
    """Write the rules as they stand, ready to be edited and applied."""
    from hypervisor.cli.inventory import opened
    from hypervisor.rulebook import exporting
    from hypervisor.rulebook.applying import histories

    with opened(context) as connection:
        known = histories(connection)
    files = exporting.files(known, domain=domain or None, rule=rule)
    if output is None:
        print(exporting.single(files), end="")
        return
    for path, text in exporting.placed(files, output).items():
        exporting.save(path, text, force=force)
        print(f"{path}: {text.count('- id: ')} rules", file=sys.stderr)


def revisions_of(connection: "Connection", key: str) -> "list[Recorded]":
    """Of a rule, or of a threshold, which has a / in its name."""
    from hypervisor.rulebook import revising, thresholds
    from hypervisor.rulebook.applying import histories

    if "/" in key:
        return thresholds.history(connection, key)
    return list(revising.of(histories(connection), key))


def show_log(every: "Sequence[Recorded]", shown: "Sequence[Recorded]") -> None:
    """Revisions as a table."""
    from rich.console import Console
    from rich.table import Table

    from hypervisor.rulebook import telling
    from hypervisor.rulebook.wording import day, since

    if not shown:
        print("nothing was ever revised")
        return
    table = Table("revision", "recorded", "of", "holds", "who", "what", "why", box=None)
    for one in shown:
        what = telling.summary(telling.previous(one, every), one)
        cells = (day(one.recorded_at), one.key, since(one.effective), one.author, what, one.reason)
        table.add_row(str(one.id), *cells)
    Console(markup=False, width=None if sys.stdout.isatty() else 200).print(table)
