"""`hypervisor rules log|diff|show|export`: rules in force and their revisions."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.database.command import Json, open_database, print_json, print_table
from hypervisor.rulebook.cli import rules

if TYPE_CHECKING:
    from hypervisor.database.connect import Connection
    from hypervisor.registry.queries_revisions import RecordedRevision

_IN_A_CELL = 4  # differences shown in a table cell; `rules diff` shows all
RuleName = Annotated[str, typer.Argument(metavar="RULE", help="Such as flood-level.")]
Key = Annotated[str, typer.Argument(metavar="RULE|SITE/THRESHOLD", help="orge-mill/alert, too.")]


def attach(app: typer.Typer) -> None:  # noqa: ARG001  they belong to `rules`
    for command in (log, diff, show, export):
        rules.command()(command)


def log(
    context: typer.Context,
    key: Annotated[
        str | None,
        typer.Argument(metavar="[RULE|SITE/THRESHOLD]", help="Without: all rules."),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Maximum number of revisions, the latest.")
    ] = 50,
    as_json: Json = False,
) -> None:
    """Revisions in the order they were recorded: who, when, why, what changed."""
    from hypervisor.registry import queries_revisions
    from hypervisor.registry.formatting import format_minute, format_since
    from hypervisor.rulebook.schemas import RevisionBody

    with open_database(context) as connection:
        revisions: Sequence[RecordedRevision] = (
            _load_revisions(connection, key)
            if key
            else queries_revisions.list_revisions(connection, "rule")
        )
    shown = revisions[-limit:]
    if as_json:
        print_json(RevisionBody.of(recorded, revisions) for recorded in shown)
    elif not shown:
        print("no revisions")
    else:
        rows = [
            (
                str(recorded.id),
                format_minute(recorded.recorded_at),
                recorded.key,
                format_since(recorded.effective),
                recorded.author,
                _summarize(recorded, revisions),
                recorded.reason,
            )
            for recorded in shown
        ]
        print_table(("revision", "recorded", "of", "in force", "who", "what", "why"), rows)


def diff(
    context: typer.Context,
    key: Key,
    before: Annotated[str, typer.Argument(metavar="[REV]", help="A number, or shipped.")] = "",
    after: Annotated[str, typer.Argument(metavar="[REV]", help="Default: the latest.")] = "",
    as_json: Json = False,
) -> None:
    """Compare two revisions; by default the latest and the one before."""
    from dataclasses import replace

    from hypervisor.evaluation import pack_revisions
    from hypervisor.registry.formatting import describe_revision
    from hypervisor.rulebook import model
    from rules._pack import packs

    with open_database(context) as connection:
        revisions = _load_revisions(connection, key)
    last = model.latest(revisions)

    def find(number: str) -> "tuple[str, RecordedRevision]":
        if number == model.TO_SHIPPED:
            shipped = replace(last, value=pack_revisions.value_of(key, packs()))
            return "this version's pack", shipped
        revision = model.find_revision(key, revisions, number)
        return describe_revision(revision), revision

    earlier = model.last_recorded(recorded for recorded in revisions if recorded.id < last.id)
    base = before or (str(earlier.id) if earlier else "")
    old_name, old = find(base) if base else ("nothing", None)
    new_name, new = find(after or str(last.id))
    differences = model.revision_differences(old, new)
    if as_json:
        print_json(differences)
        return
    print(f"{key}: {old_name} -> {new_name}")
    for difference in differences:
        print(f"    {difference}")
    if not differences:
        print("    no difference")


def show(context: typer.Context, rule: RuleName, as_json: Json = False) -> None:
    """Show the current rule: text, effective time and author."""
    from hypervisor.database.command import current_time
    from hypervisor.rulebook.schemas import CurrentRule
    from rules._pack import packs

    with open_database(context) as connection:
        revisions, now = _load_revisions(connection, rule), current_time(connection)
    current = CurrentRule.of(rule, revisions, now=now, packs=packs())
    if as_json:
        print_json([current])
        return
    for line in current.origin:
        print(f"# {line}")
    print(current.text or "(withdrawn)\n", end="")


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
    from hypervisor.base.errors import RulebookError
    from hypervisor.registry.queries_revisions import load_rule_histories
    from hypervisor.rulebook.service import export_packs

    with open_database(context) as connection:
        texts = export_packs(load_rule_histories(connection), domain=domain or None, rule=rule)
    if output is not None and (output.is_dir() or len(texts) > 1):
        texts = {str(output / f"{name}.yaml"): text for name, text in texts.items()}
    elif len(texts) > 1:
        raise RulebookError(
            f"a file holds the rules of one domain: use --domain ({', '.join(sorted(texts))}),"
            " or --output FOLDER for all of them"
        )
    elif output is not None:
        texts = dict.fromkeys([str(output)], *texts.values())
    for name, text in texts.items():
        if output is None:
            print(text, end="")
        else:
            _write_file(Path(name), text, force=force)
            print(f"{name}: {text.count('- id: ')} rules", file=sys.stderr)


def _write_file(path: Path, text: str, *, force: bool) -> None:
    from hypervisor.base.errors import RulebookError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise RulebookError(
            f"{path} exists and may contain your changes: choose another file, or use --force"
        ) from error
    except OSError as error:
        raise RulebookError(f"{path} cannot be written: {error.strerror}") from error


def _load_revisions(connection: "Connection", key: str) -> "Sequence[RecordedRevision]":
    """Revisions of a rule, or of a threshold (its key has a slash)."""
    from hypervisor.registry.queries_revisions import load_rule_histories
    from hypervisor.rulebook import service, service_thresholds

    if "/" in key:
        return service_thresholds.get_history(connection, key)
    return service.get_revisions(load_rule_histories(connection), key)


def _summarize(after: "RecordedRevision", revisions: "Sequence[RecordedRevision]") -> str:
    """What a revision changed, for a table cell."""
    from hypervisor.registry.formatting import format_value
    from hypervisor.rulebook.model import revision_differences

    before = next((other for other in revisions if other.id == after.previous), None)
    if after.kind == "threshold":
        new = format_value(after.value)
        return new if before is None else f"{format_value(before.value)} -> {new}"
    if after.value is None:
        return "withdrawn"
    if before is None or before.value is None:
        return "added"
    lines = [str(difference) for difference in revision_differences(before, after)]
    more = [f"and {len(lines) - _IN_A_CELL} more"] if len(lines) > _IN_A_CELL else []
    return "\n".join([*lines[:_IN_A_CELL], *more]) or "the same again"
