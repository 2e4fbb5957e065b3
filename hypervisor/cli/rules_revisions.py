"""`hypervisor rules apply|log|diff|show|export|rollback|withdraw`: what holds, and who said so."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.cli.rules import rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypervisor.rulebook.applying import Change
    from hypervisor.rulebook.reading import Proposed
    from hypervisor.rulebook.stamping import Stamp
    from hypervisor.store.connect import Connection
    from hypervisor.store.rulebook import Recorded
    from rules._pack import Pack

Reason = Annotated[str, typer.Option(help="Why; kept with each revision. Asked for at a terminal.")]
Author = Annotated[str, typer.Option(help="Who changes it; default: your user name.")]
Effective = Annotated[
    str, typer.Option(help="From which event time it holds; default: now.", metavar="TIME")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
RuleName = Annotated[str, typer.Argument(metavar="RULE", help="Such as flood-level.")]
Key = Annotated[str, typer.Argument(metavar="RULE|SITE/THRESHOLD", help="orge-mill/alert, too.")]


def attach(app: typer.Typer) -> None:  # noqa: ARG001  they belong to `rules`
    rules.command()(apply)
    rules.command()(log)
    rules.command()(diff)
    rules.command()(show)
    rules.command()(export)
    rules.command()(rollback)
    rules.command()(withdraw)


def apply(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE…]", help="Packs; without any, those of the installation."),
    ] = None,
    domain: Annotated[
        str, typer.Option(help="The files' domain, where their name does not tell it.")
    ] = "",
    reason: Reason = "",
    author: Author = "",
    effective: Effective = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the difference, change nothing.")
    ] = False,
    untested: Annotated[
        bool, typer.Option("--untested", help="Apply although tests of the rules fail.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring rules into force as revisions; rules that the files do not name stay as they are.

    Refused where somebody changed a rule since the file was written (its key `based on`, which
    `rules export` writes and `rules apply` brings up to date).
    """
    from hypervisor.cli.inventory import opened

    if not files:
        _apply_shipped(context, domain, author, dry_run=dry_run, as_json=as_json)
        return
    from hypervisor.rulebook.applying import apply as apply_rules
    from hypervisor.rulebook.reading import read_file, together

    read = [read_file(file, domain=domain or None) for file in files]
    proposed = together(found for _, found in read)
    why = reason if dry_run else asked(reason)
    with opened(context) as connection:
        stamp = stamped(connection, author, why, effective)
        connection.commit()
        planned = apply_rules(connection, proposed, stamp, dry_run=True)
        connection.commit()  # nobody waits for our tests
        if not untested:
            _require_tested([pack for pack, _ in read], {one.key for one in planned.doing})
        if not dry_run:
            planned = apply_rules(connection, proposed, stamp)
    tell(planned.changes, as_json=as_json, dry_run=dry_run)
    if not dry_run:
        for file, (_, found) in zip(files, read, strict=True):
            _rebase(file, found, planned.changes)


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
    from hypervisor.store import rulebook

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


def rollback(
    context: typer.Context,
    rule: RuleName,
    to: Annotated[str, typer.Option(help="The revision's number, or shipped.", metavar="REV")],
    reason: Reason = "",
    author: Author = "",
    effective: Effective = "",
    as_json: Json = False,
) -> None:
    """Let hold again what a revision said, or what the packs of this version say."""
    from hypervisor.cli.inventory import opened
    from hypervisor.rulebook import revising
    from rules._pack import packs

    why = asked(reason)
    with opened(context) as connection:
        stamp = stamped(connection, author, why, effective)
        change = revising.rollback(connection, rule, to, stamp, packs=packs())
    tell([change], as_json=as_json)


def withdraw(
    context: typer.Context,
    rule: RuleName,
    reason: Reason = "",
    author: Author = "",
    effective: Effective = "",
    as_json: Json = False,
) -> None:
    """Let a rule hold no more. Its revisions stay: `rules rollback` brings it back."""
    from hypervisor.cli.inventory import opened
    from hypervisor.rulebook import revising

    why = asked(reason)
    with opened(context) as connection:
        stamp = stamped(connection, author, why, effective)
        change = revising.withdraw(connection, rule, stamp)
    tell([change], as_json=as_json)


def tell(changes: "Sequence[Change]", *, as_json: bool, dry_run: bool = False) -> None:
    """What changed, or would."""
    from hypervisor.rulebook import telling

    if as_json:
        for one in changes:
            print(json.dumps(telling.change_row(one), ensure_ascii=False))
        return
    for line in telling.change_lines(changes):
        print(line)
    print(telling.changed_line(changes, dry_run=dry_run))


def asked(reason: str) -> str:
    """The reason; asked for where a person sits at a terminal."""
    if reason.strip() or not sys.stdin.isatty():
        return reason
    return str(typer.prompt("Why is it changed"))


def stamped(connection: "Connection", author: str, reason: str, effective: str) -> "Stamp":
    """Who, why, and from when."""
    from hypervisor.cli.inventory import instant, now_of
    from hypervisor.rulebook.stamping import Stamp
    from hypervisor.store.audit import whoever

    return Stamp(
        author=author or whoever(),
        reason=reason,
        now=now_of(connection),
        effective=instant(effective, "--effective") if effective else None,
    )


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


def _apply_shipped(
    context: typer.Context, domain: str, author: str, *, dry_run: bool, as_json: bool
) -> None:
    from hypervisor.cli.inventory import now_of, opened
    from hypervisor.rulebook import shipped
    from hypervisor.store.audit import whoever
    from rules._pack import packs

    with opened(context) as connection:
        found = shipped.record(
            connection,
            packs(),
            now=now_of(connection),
            only=domain or None,
            by=author or whoever(),
            dry_run=dry_run,
        )
    for one in found.revisions:
        row = {"rule": one.key, "reason": one.reason}
        print(json.dumps(row) if as_json else f"{one.key}: {one.reason}")
    for kept in found.kept:
        print(kept, file=sys.stderr)
    if not as_json and not found.revisions:
        print("nothing to change")


def _require_tested(packs: "Sequence[Pack]", rules: set[str]) -> None:
    """The tests of these rules; those of a whole pack take their time."""
    from hypervisor.rulebook.errors import RulebookError
    from hypervisor.rulebook.testing import outcomes

    wrong = [one for pack in packs for one in outcomes(pack, rules) if one.differences]
    if wrong:
        said = "\n".join(
            f"{one.place}: {one.rule}: test {one.name!r}: {one.differences[0]}" for one in wrong
        )
        raise RulebookError(
            f"{said}\nnothing was changed: mend the rules or their tests, or say --untested"
        )


def _rebase(file: Path, found: "Sequence[Proposed]", changes: "Sequence[Change]") -> None:
    """Write into the file on which revisions it is based now."""
    from hypervisor.rulebook.basing import rebased
    from hypervisor.rulebook.reading import file_text

    marks = {one.key: one.mark for one in changes}
    own = {one.rule.id: marks[one.rule.id] for one in found}
    text = file_text(file)
    after = rebased(text, own)
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
    print(f"{file}: says now on which revisions it is based", file=sys.stderr)
