"""`hypervisor rules apply|rollback|withdraw`: what holds, changed with author and reason."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.rulebook.cli import rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypervisor.database.connect import Connection
    from hypervisor.evaluation.rule_text import Proposed
    from hypervisor.rulebook.service_apply import Change
    from hypervisor.rulebook.stamps import Stamp
    from rules._pack import Pack

Reason = Annotated[str, typer.Option(help="Why; kept with each revision. Asked for at a terminal.")]
Author = Annotated[str, typer.Option(help="Who changes it; default: your user name.")]
Effective = Annotated[
    str, typer.Option(help="From which event time it holds; default: now.", metavar="TIME")
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
    from hypervisor.database.command import opened

    if not files:
        _apply_shipped(context, domain, author, dry_run=dry_run, as_json=as_json)
        return
    from hypervisor.evaluation.rule_text import merge_files, read_file
    from hypervisor.rulebook.service_apply import apply as apply_rules

    read = [read_file(file, domain=domain or None) for file in files]
    proposed = merge_files(found for _, found in read)
    why = reason if dry_run else asked(reason)
    with opened(context) as connection:
        stamp = stamped(connection, author, why, effective)
        connection.commit()
        planned = apply_rules(connection, proposed, stamp, dry_run=True)
        connection.commit()  # nobody waits for our tests
        if not untested:
            _require_tested([pack for pack, _ in read], {change.key for change in planned.doing})
        if not dry_run:
            planned = apply_rules(connection, proposed, stamp)
    tell(planned.changes, as_json=as_json, dry_run=dry_run)
    if not dry_run:
        for file, (_, found) in zip(files, read, strict=True):
            _rebase(file, found, planned.changes)


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
    from hypervisor.database.command import opened
    from hypervisor.rulebook import service
    from rules._pack import packs

    why = asked(reason)
    with opened(context) as connection:
        stamp = stamped(connection, author, why, effective)
        change = service.rollback(connection, rule, to, stamp, packs=packs())
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
    from hypervisor.database.command import opened
    from hypervisor.rulebook import service

    why = asked(reason)
    with opened(context) as connection:
        stamp = stamped(connection, author, why, effective)
        change = service.withdraw(connection, rule, stamp)
    tell([change], as_json=as_json)


def tell(changes: "Sequence[Change]", *, as_json: bool, dry_run: bool = False) -> None:
    """What changed, or would."""
    from hypervisor.rulebook import formatting

    if as_json:
        for one in changes:
            print(json.dumps(formatting.change_row(one), ensure_ascii=False))
        return
    for line in formatting.change_lines(changes):
        print(line)
    print(formatting.changed_line(changes, dry_run=dry_run))


def asked(reason: str) -> str:
    """The reason; asked for where a person sits at a terminal."""
    if reason.strip() or not sys.stdin.isatty():
        return reason
    return str(typer.prompt("Why is it changed"))


def stamped(connection: "Connection", author: str, reason: str, effective: str) -> "Stamp":
    """Who, why, and from when."""
    from hypervisor.database.audit import whoever
    from hypervisor.database.command import instant, now_of
    from hypervisor.rulebook.stamps import Stamp

    return Stamp(
        author=author or whoever(),
        reason=reason,
        now=now_of(connection),
        effective=instant(effective, "--effective") if effective else None,
    )


def _apply_shipped(
    context: typer.Context, domain: str, author: str, *, dry_run: bool, as_json: bool
) -> None:
    from hypervisor.database.audit import whoever
    from hypervisor.database.command import now_of, opened
    from hypervisor.evaluation import shipped
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
    for revision in found.revisions:
        row = {"rule": revision.key, "reason": revision.reason}
        print(json.dumps(row) if as_json else f"{revision.key}: {revision.reason}")
    for kept in found.kept:
        print(kept, file=sys.stderr)
    if not as_json and not found.revisions:
        print("nothing to change")


def _require_tested(packs: "Sequence[Pack]", rules: set[str]) -> None:
    """The tests of these rules; those of a whole pack take their time."""
    from hypervisor.base.errors import RulebookError
    from hypervisor.rulebook.testing import outcomes

    wrong = [outcome for pack in packs for outcome in outcomes(pack, rules) if outcome.differences]
    if wrong:
        said = "\n".join(
            f"{tested.place}: {tested.rule}: test {tested.name!r}: {tested.differences[0]}"
            for tested in wrong
        )
        raise RulebookError(
            f"{said}\nnothing was changed: mend the rules or their tests, or say --untested"
        )


def _rebase(file: Path, found: "Sequence[Proposed]", changes: "Sequence[Change]") -> None:
    """Write into the file on which revisions it is based now."""
    from hypervisor.evaluation.based_on import rebase
    from hypervisor.evaluation.rule_text import file_text

    marks = {change.key: change.mark for change in changes}
    own = {proposed.rule.id: marks[proposed.rule.id] for proposed in found}
    text = file_text(file)
    after = rebase(text, own)
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
