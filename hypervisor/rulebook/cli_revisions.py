"""`hypervisor rules apply|rollback|withdraw`, each with author and reason."""

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.rulebook.cli import rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hypervisor.database.connect import Connection
    from hypervisor.evaluation.rule_text import Proposed
    from hypervisor.rulebook.service_apply import Change
    from hypervisor.rulebook.stamps import Stamp
    from rules._pack import Pack

Reason = Annotated[
    str, typer.Option(help="Why; kept with each revision. Prompted for at a terminal.")
]
Author = Annotated[str, typer.Option(help="Who changes it; default: your user name.")]
Effective = Annotated[
    str, typer.Option(help="Event time from which it is in force; default: now.", metavar="TIME")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
RuleName = Annotated[str, typer.Argument(metavar="RULE", help="Such as flood-level.")]


def attach(app: typer.Typer) -> None:  # noqa: ARG001  they belong to `rules`
    rules.command()(apply)
    rules.command()(rollback)
    rules.command()(withdraw)


def apply(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE…]", help="Packs; without any, those of the installation."),
    ] = None,
    domain: Annotated[
        str, typer.Option(help="The files' domain, if their name does not give it.")
    ] = "",
    reason: Reason = "",
    author: Author = "",
    effective: Effective = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the difference, change nothing.")
    ] = False,
    untested: Annotated[
        bool, typer.Option("--untested", help="Apply even if tests of the rules fail.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Apply rule packs as new revisions; rules that are not in the files stay as they are.

    Refused if a rule was changed after the file was written (see the key `based on`, which
    `rules export` writes and `rules apply` brings up to date).
    """
    from hypervisor.database.command import open_database

    if not files:
        _apply_shipped(context, domain, author, dry_run=dry_run, as_json=as_json)
        return
    from hypervisor.evaluation.rule_text import merge_files, read_file
    from hypervisor.rulebook.service_apply import apply_rules

    read = [read_file(file, domain=domain or None) for file in files]
    proposed = merge_files(rules for _, rules in read)
    why = reason if dry_run else prompt_reason(reason)
    with open_database(context) as connection:
        stamp = stamp_of(connection, author, why, effective)
        connection.commit()
        planned = apply_rules(connection, proposed, stamp, dry_run=True)
        connection.commit()  # the tests run without a lock
        if not untested:
            _require_passing_tests(
                [pack for pack, _ in read], {change.key for change in planned.doing}
            )
        if not dry_run:
            planned = apply_rules(connection, proposed, stamp)
    print_changes(planned.changes, as_json=as_json, dry_run=dry_run)
    if not dry_run:
        for file, (_, rules) in zip(files, read, strict=True):
            _rebase(file, rules, planned.changes)


def rollback(
    context: typer.Context,
    rule: RuleName,
    to: Annotated[str, typer.Option(help="The revision's number, or shipped.", metavar="REV")],
    reason: Reason = "",
    author: Author = "",
    effective: Effective = "",
    as_json: Json = False,
) -> None:
    """Restore an earlier revision, or the rule shipped with this version."""
    from hypervisor.rulebook import service
    from rules._pack import packs

    with changing(context, reason, author, effective) as (connection, stamp):
        change = service.roll_back_rule(connection, rule, to, stamp, packs=packs())
    print_changes([change], as_json=as_json)


def withdraw(
    context: typer.Context,
    rule: RuleName,
    reason: Reason = "",
    author: Author = "",
    effective: Effective = "",
    as_json: Json = False,
) -> None:
    """Withdraw a rule. Its revisions are kept: `rules rollback` restores it."""
    from hypervisor.rulebook import service

    with changing(context, reason, author, effective) as (connection, stamp):
        change = service.withdraw_rule(connection, rule, stamp)
    print_changes([change], as_json=as_json)


def print_changes(changes: "Sequence[Change]", *, as_json: bool, dry_run: bool = False) -> None:
    """Print changes that were made, or with `dry_run` would be."""
    from hypervisor.rulebook import formatting

    if as_json:
        for change in changes:
            print(json.dumps(formatting.change_row(change), ensure_ascii=False))
        return
    for line in formatting.format_changes(changes):
        print(line)
    print(formatting.format_summary(changes, dry_run=dry_run))


@contextmanager
def changing(
    context: typer.Context, reason: str, author: str, effective: str
) -> "Iterator[tuple[Connection, Stamp]]":
    """A connection and the stamp of a change; a missing reason is prompted for at a terminal."""
    from hypervisor.database.command import open_database

    why = prompt_reason(reason)
    with open_database(context) as connection:
        yield connection, stamp_of(connection, author, why, effective)


def prompt_reason(reason: str) -> str:
    """The reason; prompted for at a terminal if empty."""
    if reason.strip() or not sys.stdin.isatty():
        return reason
    return str(typer.prompt("Reason for the change"))


def stamp_of(connection: "Connection", author: str, reason: str, effective: str) -> "Stamp":
    """Author, reason and effective time of a change."""
    from hypervisor.database.audit import current_user
    from hypervisor.database.command import current_time, parse_instant
    from hypervisor.rulebook.stamps import Stamp

    return Stamp(
        author=author or current_user(),
        reason=reason,
        now=current_time(connection),
        effective=parse_instant(effective, "--effective") if effective else None,
    )


def _apply_shipped(
    context: typer.Context, domain: str, author: str, *, dry_run: bool, as_json: bool
) -> None:
    from hypervisor.database.audit import current_user
    from hypervisor.database.command import current_time, open_database
    from hypervisor.evaluation import pack_revisions
    from rules._pack import packs

    with open_database(context) as connection:
        outcome = pack_revisions.record(
            connection,
            packs(),
            now=current_time(connection),
            only=domain or None,
            by=author or current_user(),
            dry_run=dry_run,
        )
    for revision in outcome.revisions:
        row = {"rule": revision.key, "reason": revision.reason}
        print(json.dumps(row) if as_json else f"{revision.key}: {revision.reason}")
    for kept in outcome.kept:
        print(kept, file=sys.stderr)
    if not as_json and not outcome.revisions:
        print("nothing to change")


def _require_passing_tests(packs: "Sequence[Pack]", rules: set[str]) -> None:
    """Run the tests of these rules only: a whole pack takes longer."""
    from hypervisor.base.errors import RulebookError
    from hypervisor.rulebook.pack_tests import run_pack_tests

    wrong = [
        outcome for pack in packs for outcome in run_pack_tests(pack, rules) if outcome.differences
    ]
    if wrong:
        failures = "\n".join(
            f"{tested.place}: {tested.rule}: test {tested.name!r}: {tested.differences[0]}"
            for tested in wrong
        )
        raise RulebookError(
            f"{failures}\nnothing was changed: correct the rules or their tests, or use --untested"
        )


def _rebase(file: Path, rules: "Sequence[Proposed]", changes: "Sequence[Change]") -> None:
    """Update the `based on` keys of the file."""
    from hypervisor.evaluation.rule_text import file_text, rebase

    marks = {change.key: change.mark for change in changes}
    marks_of_file = {proposed.rule.id: marks[proposed.rule.id] for proposed in rules}
    text = file_text(file)
    after = rebase(text, marks_of_file)
    if after == text:
        return
    try:
        file.write_text(after, encoding="utf-8")
    except OSError as error:
        print(
            f"{file} cannot be written ({error.strerror}): `hypervisor rules export` writes a file"
            " that says on which revisions it is based",
            file=sys.stderr,
        )
        return
    print(f"{file}: `based on` updated", file=sys.stderr)
