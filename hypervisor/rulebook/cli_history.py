"""`hypervisor rules log|diff|show|export`: rules in force and their revisions."""

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
    limit: Annotated[int, typer.Option(help="Maximum number of revisions, the latest.")] = 50,
    as_json: Json = False,
) -> None:
    """Revisions in the order they were recorded: who, when, why, what changed."""
    from hypervisor.database.command import open_database
    from hypervisor.registry import queries_revisions
    from hypervisor.rulebook import formatting

    with open_database(context) as connection:
        revisions = (
            revisions_of(connection, key)
            if key
            else queries_revisions.list_revisions(connection, "rule")
        )
    if as_json:
        for recorded in revisions[-limit:]:
            print(json.dumps(formatting.revision_row(recorded, revisions), ensure_ascii=False))
        return
    print_log(revisions, revisions[-limit:])


def diff(
    context: typer.Context,
    key: Key,
    before: Annotated[str, typer.Argument(metavar="[REV]", help="A number, or shipped.")] = "",
    after: Annotated[str, typer.Argument(metavar="[REV]", help="Default: the latest.")] = "",
    as_json: Json = False,
) -> None:
    """Compare two revisions; by default the latest and the one before."""
    from hypervisor.database.command import open_database
    from hypervisor.rulebook import formatting, revision_diff
    from rules._pack import packs

    with open_database(context) as connection:
        revisions = revisions_of(connection, key)
    pair = revision_diff.compare_revisions(key, revisions, before, after, packs=packs)
    if as_json:
        for difference in pair.differences:
            print(json.dumps(formatting.difference_row(difference), ensure_ascii=False))
        return
    print(f"{key}: {pair.before.name} -> {pair.after.name}")
    for difference in pair.differences:
        print(f"    {difference}")
    if not pair.differences:
        print("    no difference")


def show(context: typer.Context, rule: RuleName, as_json: Json = False) -> None:
    """Show the current rule: text, effective time and author."""
    from hypervisor.database.command import current_time, open_database
    from hypervisor.rulebook import model
    from rules._pack import packs

    with open_database(context) as connection:
        revisions, now = revisions_of(connection, rule), current_time(connection)
    current = model.current_rule(rule, revisions, now=now, packs=packs())
    if as_json:
        print(json.dumps(current.row, ensure_ascii=False))
        return
    for line in current.lines:
        print(f"# {line}")
    print(current.text, end="")


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
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Write the current rules to files, ready to be edited and applied."""
    from hypervisor.database.command import open_database
    from hypervisor.registry.queries_revisions import load_rule_histories
    from hypervisor.rulebook import pack_export

    with open_database(context) as connection:
        revisions = load_rule_histories(connection)
    files = pack_export.export_texts(revisions, domain=domain or None, rule=rule)
    if output is None:
        print(pack_export.single_text(files), end="")
        return
    for path, text in pack_export.output_paths(files, output).items():
        pack_export.write_file(path, text, force=force)
        print(f"{path}: {text.count('- id: ')} rules", file=sys.stderr)


def revisions_of(connection: "Connection", key: str) -> "list[RecordedRevision]":
    """Revisions of a rule, or of a threshold (its key has a slash)."""
    from hypervisor.registry.queries_revisions import load_rule_histories
    from hypervisor.rulebook import service, service_thresholds

    if "/" in key:
        return service_thresholds.get_history(connection, key)
    return list(service.get_revisions(load_rule_histories(connection), key))


def print_log(revisions: "Sequence[RecordedRevision]", rows: "Sequence[RecordedRevision]") -> None:
    """Revisions as a table."""
    from rich.console import Console
    from rich.table import Table

    from hypervisor.registry.formatting import format_minute, format_since
    from hypervisor.rulebook import formatting

    if not rows:
        print("no revisions")
        return
    table = Table("revision", "recorded", "of", "holds", "who", "what", "why", box=None)
    for recorded in rows:
        what = formatting.summarize_revision(
            formatting.previous_revision(recorded, revisions), recorded
        )
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
