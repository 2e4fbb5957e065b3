"""What operators do to alarms."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.alarms.cli_list import Json

if TYPE_CHECKING:
    from hypervisor.alarms.service import Act, ActResult
    from hypervisor.database.connect import Connection

Numbers = Annotated[list[int], typer.Argument(help="The alarms' numbers.")]
Reason = Annotated[str, typer.Option(help="Why, in a few words.")]
Author = Annotated[str, typer.Option(help="Who does it; default: your user name.")]
Version = Annotated[
    int | None,
    typer.Option(help="Of the alarm as you saw it: refused if it has changed since. One alarm."),
]


def attach_to(group: typer.Typer) -> None:
    group.command()(ack)
    group.command()(unack)
    group.command()(assign)
    group.command()(comment)
    group.command()(shelve)
    group.command()(unshelve)
    group.command("out-of-service")(out_of_service)
    group.command("return-to-service")(return_to_service)
    group.command()(close)


def ack(
    context: typer.Context,
    numbers: Numbers,
    *,
    reason: Reason = "",
    author: Author = "",
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Acknowledge: I have seen it and take care."""
    _act(context, numbers, "acknowledge", reason, author, version=version, as_json=as_json)


def unack(
    context: typer.Context,
    numbers: Numbers,
    *,
    reason: Reason,
    author: Author = "",
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Take an acknowledgement back: somebody else must look."""
    _act(context, numbers, "unacknowledge", reason, author, version=version, as_json=as_json)


def assign(
    context: typer.Context,
    numbers: Numbers,
    *,
    to: Annotated[str, typer.Option(help="To whom; empty: to nobody any more.")],
    reason: Reason = "",
    author: Author = "",
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Hand over to somebody."""
    _act(context, numbers, "assign", reason, author, version=version, to=to, as_json=as_json)


def comment(
    context: typer.Context,
    numbers: Numbers,
    *,
    text: Annotated[str, typer.Option(help="What is to be remembered.")],
    author: Author = "",
    as_json: Json = False,
) -> None:
    """Say something about it."""
    _act(context, numbers, "comment", text, author, as_json=as_json)


def shelve(
    context: typer.Context,
    numbers: Numbers,
    *,
    until: Annotated[
        str, typer.Option(help="Until when: 2024-11-04T17:00+01:00; or for how long: 2 h.")
    ],
    reason: Reason,
    author: Author = "",
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Let the alarm's rule at its subject notify nobody for a while."""
    _act(context, numbers, "shelve", reason, author, version=version, until=until, as_json=as_json)


def unshelve(
    context: typer.Context,
    numbers: Numbers,
    *,
    reason: Reason = "",
    author: Author = "",
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Let it speak again before its time."""
    _act(context, numbers, "unshelve", reason, author, version=version, as_json=as_json)


def out_of_service(
    context: typer.Context,
    numbers: Numbers,
    *,
    reason: Reason,
    author: Author = "",
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Let the alarm's rule at its subject notify nobody until somebody returns it."""
    _act(context, numbers, "out-of-service", reason, author, version=version, as_json=as_json)


def return_to_service(
    context: typer.Context,
    numbers: Numbers,
    *,
    reason: Reason = "",
    author: Author = "",
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Let it speak again."""
    _act(context, numbers, "return-to-service", reason, author, version=version, as_json=as_json)


def close(
    context: typer.Context,
    numbers: Numbers,
    *,
    reason: Reason,
    author: Author = "",
    version: Version = None,
    as_json: Json = False,
) -> None:
    """End it although its condition holds; it may begin again once that was false."""
    _act(context, numbers, "close", reason, author, version=version, as_json=as_json)


def _act(
    context: typer.Context,
    numbers: list[int],
    kind: str,
    reason: str,
    author: str,
    *,
    version: int | None = None,
    to: str | None = None,
    until: str | None = None,
    as_json: bool,
) -> None:
    """Each alarm for itself: what is refused of one does not hold up the others."""
    from hypervisor.alarms.errors import AlarmError
    from hypervisor.alarms.lifecycle import ActKind
    from hypervisor.alarms.service import Act
    from hypervisor.database.audit import whoever
    from hypervisor.database.command import opened

    if version is not None and len(numbers) > 1:
        raise typer.BadParameter("--version is of one alarm")
    refused = 0
    with opened(context) as connection:
        ends = _end(connection, until) if until is not None else None
        for number in numbers:
            request = Act(
                alarm=number,
                kind=ActKind(kind),
                author=author or whoever(),
                reason=reason,
                version=version,
                assignee=to,
                until=ends,
            )
            try:
                _tell(_do(connection, request), as_json=as_json)
            except AlarmError as error:
                refused += 1
                print(f"error: {error}", file=sys.stderr)
    if refused:
        raise typer.Exit(2)


def _do(connection: "Connection", what: "Act") -> "ActResult":
    from hypervisor.alarms.service import perform

    done = perform(connection, what, now=datetime.now(UTC))
    connection.commit()
    return done


def _tell(done: "ActResult", *, as_json: bool) -> None:
    from hypervisor.alarms import queries_lifecycle

    handled = queries_lifecycle.as_text(done.handling)
    if as_json:
        print(json.dumps({"alarm": done.alarm.id, **handled}, ensure_ascii=False))
        return
    held = handled["hold"]
    silent = ""
    if held is not None:
        until = f" until {held['until']}" if held["until"] else ""
        silent = f", {held['kind']}{until}"
    whose = f", assigned to {handled['assignee']}" if handled["assignee"] else ""
    print(f"{done.alarm.id} {done.alarm.title}: {handled['state']}{silent}{whose}")


def _end(connection: "Connection", until: str) -> datetime:
    """A time, or a length of time from now on, by the instance's clock."""
    from hypervisor.alarms import queries_lifecycle
    from hypervisor.database.command import instant
    from rules._duration import parse_duration
    from rules._errors import RuleError
    from rules._tree import Place

    try:
        span = parse_duration(until.removeprefix("for "), Place(file="", line=0, column=0))
    except RuleError:
        return instant(until, "--until")
    now = datetime.now(UTC)
    return (queries_lifecycle.read_clock(connection, now) or now) + timedelta(microseconds=span)
