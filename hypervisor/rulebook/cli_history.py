"""`hypervisor rules log|diff|show|export`: what holds, and who said so."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.rulebook.cli import rules
from hypervisor.rulebook.cli_revisions import Json, RuleName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypervisor.database.connect import Connection
    from hypervisor.registry.queries_revisions import RecordedRevision

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
    from hypervisor.database.command import opened
    from hypervisor.registry import queries_revisions
    from hypervisor.rulebook import formatting

    with opened(context) as connection:
        revisions = (
            revisions_of(connection, key)
            if key
            else queries_revisions.list_revisions(connection, "rule")
        )
    if as_json:
        for one in revisions[-limit:]:
            print(json.dumps(formatting.revision_row(one, revisions), ensure_ascii=False))
        return
    show_log(revisions, revisions[-limit:])


def diff(
    context: typer.Context,
    key: Key,
    before: Annotated[str, typer.Argument(metavar="[REV]", help="A number, or shipped.")] = "",
    after: Annotated[str, typer.Argument(metavar="[REV]", help="Default: the latest.")] = "",
    as_json: Json = False,
) -> None:
    """What two revisions say differently; without numbers, the last one and the one before."""
    from hypervisor.database.command import opened
    from hypervisor.rulebook import comparing, formatting
    from rules._pack import packs

    with opened(context) as connection:
        revisions = revisions_of(connection, key)
    pair = comparing.pair(key, revisions, before, after, packs=packs)
    if as_json:
        for difference in pair.differences:
            print(json.dumps(formatting.difference_row(difference), ensure_ascii=False))
        return
    print(f"{key}: {pair.before.name} -> {pair.after.name}")
    for difference in pair.differences:
        print(f"    {difference}")
    if not pair.differences:
        print("    they say the same")


def show(context: typer.Context, rule: RuleName, as_json: Json = False) -> None:
    """A rule as it stands: its text, since when it holds, and who said so."""
    from hypervisor.database.command import now_of, opened
    from hypervisor.rulebook import model
    from rules._pack import packs

    with opened(context) as connection:
        revisions, now = revisions_of(connection, rule), now_of(connection)
    found = model.shown(rule, revisions, now=now, packs=packs())
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
    from hypervisor.database.command import opened
    from hypervisor.registry.queries_revisions import load_rule_histories
    from hypervisor.rulebook import exporting

    with opened(context) as connection:
        known = load_rule_histories(connection)
    files = exporting.files(known, domain=domain or None, rule=rule)
    if output is None:
        print(exporting.single(files), end="")
        return
    for path, text in exporting.placed(files, output).items():
        exporting.save(path, text, force=force)
        print(f"{path}: {text.count('- id: ')} rules", file=sys.stderr)


def revisions_of(connection: "Connection", key: str) -> "list[RecordedRevision]":
    """Of a rule, or of a threshold, which has a / in its name."""
    from hypervisor.registry.queries_revisions import load_rule_histories
    from hypervisor.rulebook import service, service_thresholds

    if "/" in key:
        return service_thresholds.history(connection, key)
    return list(service.of(load_rule_histories(connection), key))


def show_log(every: "Sequence[RecordedRevision]", shown: "Sequence[RecordedRevision]") -> None:
    """Revisions as a table."""
    from rich.console import Console
    from rich.table import Table

    from hypervisor.registry.formatting import format_minute, format_since
    from hypervisor.rulebook import formatting

    if not shown:
        print("nothing was ever revised")
        return
    table = Table("revision", "recorded", "of", "holds", "who", "what", "why", box=None)
    for recorded in shown:
        what = formatting.summary(formatting.previous(recorded, every), recorded)
        cells = (
            format_minute(recorded.recorded_at),
            recorded.key,
            format_since(recorded.effective),
            recorded.author,
            what,
            recorded.reason,
        )
        table.add_row(str(recorded.id), *cells)
    Console(markup=False, width=None if sys.stdout.isatty() else 200).print(table)
