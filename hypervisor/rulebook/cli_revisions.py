"""`hypervisor rules apply|rollback|withdraw|threshold …`, each with author and reason."""

import inspect
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hypervisor.database.command import (
    Author,
    Json,
    current_time,
    name_author,
    open_database,
    parse_optional_instant,
    print_json,
    print_note,
    print_table,
)
from hypervisor.rulebook import cli_history
from hypervisor.rulebook.cli import Packs, rules
from hypervisor.rulebook.cli_history import RuleName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypervisor.database.connect import Connection
    from hypervisor.evaluation.rule_text import Proposed
    from hypervisor.rulebook.model import Stamp
    from hypervisor.rulebook.service import Change
    from hypervisor.rulebook.service_thresholds import ThresholdChange
    from rules._pack import Pack

Reason = Annotated[
    str, typer.Option(help="Why; kept with each revision. Prompted for at a terminal.")
]
Effective = Annotated[
    str, typer.Option(help="Event time from which it is in force; default: now.", metavar="TIME")
]
Number = Annotated[str, typer.Option("--to", help="The revision's number.", metavar="REV")]
Owner = Annotated[str, typer.Argument(metavar="SITE", help="A site, or device/<device>.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Such as alert.")]

thresholds = typer.Typer(no_args_is_help=True, help="Thresholds: set, list, log, roll back.")


def attach(app: typer.Typer) -> None:  # noqa: ARG001  they belong to `rules`
    rules.command()(apply)
    for group, name, act, show in ACTS:
        group.command(name)(_changing(act, show))
    thresholds.command("list")(list_thresholds)
    thresholds.command("log")(log_threshold)
    rules.add_typer(thresholds, name="threshold")


def apply(
    context: typer.Context,
    files: Packs = None,
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
    if not files:
        _apply_shipped(context, domain, author, dry_run=dry_run, as_json=as_json)
        return
    from hypervisor.evaluation.rule_text import merge_files, read_file
    from hypervisor.rulebook.service import apply_rules

    read = [read_file(file, domain=domain or None) for file in files]
    proposed = merge_files(rules for _, rules in read)
    with _stamped(context, reason, author, effective, asks=not dry_run) as (connection, stamp):
        connection.commit()
        planned = apply_rules(connection, proposed, stamp, dry_run=True)
        connection.commit()  # the tests run without a lock
        if not untested:
            _require_passing_tests(
                [pack for pack, _ in read], {change.key for change in planned.doing}
            )
        if not dry_run:
            planned = apply_rules(connection, proposed, stamp)
    _print_rule_changes(planned.changes, as_json=as_json, dry_run=dry_run)
    if not dry_run:
        for file, (_, rules) in zip(files, read, strict=True):
            _rebase(file, rules, planned.changes)


def roll_back_rule(
    connection: "Connection",
    stamp: "Stamp",
    rule: RuleName,
    to: Annotated[str, typer.Option(help="The revision's number, or shipped.", metavar="REV")],
) -> "Change":
    """Restore an earlier revision, or the rule shipped with this version."""
    from hypervisor.rulebook import service
    from rules._pack import packs

    return service.roll_back_rule(connection, rule, to, stamp, packs=packs)


def withdraw_rule(connection: "Connection", stamp: "Stamp", rule: RuleName) -> "Change":
    """Withdraw a rule. Its revisions are kept: `rules rollback` restores it."""
    from hypervisor.rulebook import service

    return service.withdraw_rule(connection, rule, stamp)


def set_threshold(
    connection: "Connection",
    stamp: "Stamp",
    site: Owner,
    name: Name,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="A value with its unit: '2.10 m'.")],
    quantity: Annotated[
        str, typer.Option(help="Its quantity, for a threshold that no domain defines.")
    ] = "",
) -> "ThresholdChange":
    """Set a threshold. It takes effect now, in an exercise at its clock, or at --effective."""
    from hypervisor.rulebook import service_thresholds as service

    key = f"{site}/{name}"
    return service.set_threshold(connection, key, value, stamp, quantity=quantity or None)


def roll_back_threshold(
    connection: "Connection", stamp: "Stamp", site: Owner, name: Name, to: Number
) -> "ThresholdChange":
    """Restore an earlier revision."""
    from hypervisor.rulebook import service_thresholds as service

    return service.roll_back_threshold(connection, f"{site}/{name}", to, stamp)


def withdraw_threshold(
    connection: "Connection", stamp: "Stamp", site: Owner, name: Name
) -> "ThresholdChange":
    """Withdraw a threshold: rules that need it no longer apply there."""
    from hypervisor.rulebook import service_thresholds as service

    return service.withdraw_threshold(connection, f"{site}/{name}", stamp)


def list_thresholds(
    context: typer.Context,
    site: Annotated[str | None, typer.Argument(metavar="[SITE]")] = None,
    as_json: Json = False,
) -> None:
    """List the thresholds in force."""
    from hypervisor.registry.formatting import format_since, format_value
    from hypervisor.rulebook import service_thresholds
    from hypervisor.rulebook.schemas import RevisionBody

    with open_database(context) as connection:
        revisions = service_thresholds.list_in_force(connection, site, now=current_time(connection))
    if as_json:
        print_json(map(RevisionBody.of, revisions))
        return
    rows = [
        (
            recorded.key,
            format_value(recorded.value) + (" (illustrative)" if recorded.illustrative else ""),
            format_since(recorded.effective),
            recorded.author,
            recorded.reason,
            str(recorded.id),
        )
        for recorded in revisions
    ]
    print_table(("threshold", "value", "in force", "who", "why", "revision"), rows)


def log_threshold(context: typer.Context, site: Owner, name: Name, as_json: Json = False) -> None:
    """A threshold's revisions in the order they were recorded."""
    cli_history.log(context, f"{site}/{name}", limit=0, as_json=as_json)


def _changing(act: Callable[..., Any], show: Callable[..., None]) -> Callable[..., None]:
    """A command: an act with --reason, --author and --effective, and its result shown."""

    def command(
        *,
        context: typer.Context,
        reason: Reason = "",
        author: Author = "",
        effective: Effective = "",
        as_json: Json = False,
        **given: Any,
    ) -> None:
        with _stamped(context, reason, author, effective) as (connection, stamp):
            change = act(connection, stamp, **given)
        show(change, as_json=as_json)

    own = [*inspect.signature(act).parameters.values()][2:]
    common = [*inspect.signature(command).parameters.values()][:-1]
    options = [part.replace(kind=inspect.Parameter.KEYWORD_ONLY) for part in (*own, *common)]
    command.__dict__["__signature__"] = inspect.Signature(options)
    command.__annotations__ = {option.name: option.annotation for option in options}
    command.__doc__ = act.__doc__
    return command


def _print_rule_change(change: "Change", *, as_json: bool) -> None:
    _print_rule_changes([change], as_json=as_json)


def _print_rule_changes(
    changes: "Sequence[Change]", *, as_json: bool, dry_run: bool = False
) -> None:
    """Print each change that was made, or with `dry_run` would be; unchanged rules are counted."""
    from hypervisor.registry.formatting import describe_revision, format_minute, format_since

    if as_json:
        print_json(change.row for change in changes)
        return
    signs = {"add": "+", "change": "~", "withdraw": "-"}
    doing = [change for change in changes if change.does != "equal"]
    for change in doing:
        title = (change.after or change.before or {}).get("title", "")
        print(f"{signs[change.does]} {change.key}: {title}")
        for difference in change.differences if change.does == "change" else ():
            print(f"    {difference}")
        if change.ends is not None:
            until = format_minute(change.ends.effective)
            print(f"    until {until}: then {describe_revision(change.ends)} takes over")
    equal = len(changes) - len(doing)
    if equal:
        print(f"= {equal} {_rules(equal)} unchanged")
    if not doing:
        print("nothing to change")
        return
    since = format_since(doing[0].holds_from)
    head = f"{len(doing)} {_rules(len(doing))}"
    if dry_run:
        print(f"{head} would change, in force {since} of event time; nothing was written")
    else:
        print(f"{head} changed; {_in_force(since)}")


def _rules(count: int) -> str:
    return "rule" if count == 1 else "rules"


def _in_force(since: str) -> str:
    return f"in force {since} of event time; evaluation picks it up without a restart"


def _print_threshold_change(change: "ThresholdChange", *, as_json: bool) -> None:
    from hypervisor.registry.formatting import format_since, format_value
    from hypervisor.rulebook.schemas import RevisionBody

    after = change.after
    if as_json:
        row = dict(RevisionBody.of(after)) if after else {}
        print_json([{**row, "key": change.key, "changed": change.changed}])
    elif not change.changed or after is None:
        print(f"{change.key} is {format_value(after.value) if after else 'not set'} already")
    else:
        before = "not set" if change.before is None else format_value(change.before.value)
        print(f"{change.key}: {before} -> {format_value(after.value)}, revision {after.id}")
        print(_in_force(format_since(after.effective)))


@contextmanager
def _stamped(
    context: typer.Context, reason: str, author: str, effective: str, *, asks: bool = True
) -> "Iterator[tuple[Connection, Stamp]]":
    """A connection and the stamp of a change; `asks`: for a missing reason, at a terminal."""
    from hypervisor.rulebook.model import Stamp

    if asks and not reason.strip() and sys.stdin.isatty():
        reason = str(typer.prompt("Reason for the change"))
    with open_database(context) as connection:
        yield (
            connection,
            Stamp(
                author=name_author(author),
                reason=reason,
                now=current_time(connection),
                effective=parse_optional_instant(effective, "--effective"),
            ),
        )


def _apply_shipped(
    context: typer.Context, domain: str, author: str, *, dry_run: bool, as_json: bool
) -> None:
    from hypervisor.evaluation import pack_revisions
    from rules._pack import packs

    with open_database(context) as connection:
        outcome = pack_revisions.record(
            connection,
            packs(),
            now=current_time(connection),
            only=domain or None,
            by=name_author(author),
            dry_run=dry_run,
        )
    for revision in outcome.revisions:
        row = {"rule": revision.key, "reason": revision.reason}
        print(json.dumps(row) if as_json else f"{revision.key}: {revision.reason}")
    for kept in outcome.kept:
        print_note(str(kept))
    if not as_json and not outcome.revisions:
        print("nothing to change")


def _require_passing_tests(packs: "Sequence[Pack]", rules: set[str]) -> None:
    """Run the tests of these rules only: a whole pack takes longer."""
    from hypervisor.base.errors import RulebookError
    from hypervisor.rulebook.pack_checks import run_pack_tests

    failures = [
        f"{tested.place}: {tested.rule}: test {tested.name!r}: {tested.differences[0]}\n"
        for pack in packs
        for tested in run_pack_tests(pack, rules)
        if tested.differences
    ]
    if failures:
        raise RulebookError(
            f"{''.join(failures)}nothing was changed: correct the rules or their tests, or use"
            " --untested"
        )


def _rebase(file: Path, rules: "Sequence[Proposed]", changes: "Sequence[Change]") -> None:
    """Update the `based on` keys of the file."""
    from hypervisor.evaluation.rule_text import file_text, rebase

    marks = {change.key: change.mark for change in changes}
    text = file_text(file)
    after = rebase(text, {proposed.rule.id: marks[proposed.rule.id] for proposed in rules})
    if after == text:
        return
    try:
        file.write_text(after, encoding="utf-8")
    except OSError as error:
        print_note(
            f"{file} cannot be written ({error.strerror}): `hypervisor rules export` writes a file"
            " that says on which revisions it is based"
        )
        return
    print_note(f"{file}: `based on` updated")


ACTS: tuple[tuple[typer.Typer, str, Callable[..., Any], Callable[..., None]], ...] = (
    (rules, "rollback", roll_back_rule, _print_rule_change),
    (rules, "withdraw", withdraw_rule, _print_rule_change),
    (thresholds, "set", set_threshold, _print_threshold_change),
    (thresholds, "rollback", roll_back_threshold, _print_threshold_change),
    (thresholds, "withdraw", withdraw_threshold, _print_threshold_change),
)
