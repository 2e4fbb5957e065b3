"""What operators do to alarms: a command for each act."""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from hypervisor.alarms.lifecycle import ActKind
from hypervisor.database.command import (
    Author,
    Json,
    name_author,
    open_database,
    parse_instant,
    print_json,
    print_note,
)

if TYPE_CHECKING:
    from hypervisor.alarms.model import HandledAlarm
    from hypervisor.database.connect import Connection

_REQUIRED = inspect.Parameter.empty
_HANDLING = {
    *("state", "version", "acknowledged", "assignee", "closing"),
    *("merged_into", "split_from", "hold"),
}


class Command(NamedTuple):
    """A command of an act. `reason`: the option that holds it; `option`: one more, and its help."""

    name: str
    kind: ActKind
    help: str
    needs_reason: bool = False
    reason: str = "reason"
    option: tuple[str, str] | None = None


_ASSIGNEE = ("to", "The assignee; empty: no one.")
_UNTIL = ("until", "The end, as 2024-11-04T17:00+01:00, or how long, as 2 h.")
_SILENCE = "Send no notifications for the alarm's rule and subject"
COMMANDS = (
    Command("ack", ActKind.ACKNOWLEDGE, "Acknowledge: you have seen it and take care of it."),
    Command("unack", ActKind.UNACKNOWLEDGE, "Withdraw an acknowledgement.", needs_reason=True),
    Command("assign", ActKind.ASSIGN, "Assign alarms to somebody.", option=_ASSIGNEE),
    Command("comment", ActKind.COMMENT, "Comment on alarms.", needs_reason=True, reason="text"),
    Command("shelve", ActKind.SHELVE, f"{_SILENCE} for a while.", needs_reason=True, option=_UNTIL),
    Command("unshelve", ActKind.UNSHELVE, "End shelving early."),
    Command(
        "out-of-service",
        ActKind.OUT_OF_SERVICE,
        f"{_SILENCE} until return-to-service.",
        needs_reason=True,
    ),
    Command("return-to-service", ActKind.RETURN_TO_SERVICE, "Send notifications again."),
    Command(
        "close",
        ActKind.CLOSE,
        "End alarms whose condition still holds; they can begin again once it was false.",
        needs_reason=True,
    ),
)


def attach_to(group: typer.Typer) -> None:
    for command in COMMANDS:
        group.command(command.name, help=command.help)(_build(command))


def _build(command: Command) -> Callable[..., None]:
    """The command's function, with the options of its act as its signature."""
    reason_help = "The comment." if command.reason == "text" else "Why, in a few words."
    options: dict[str, tuple[Any, Any]] = {
        "context": (typer.Context, _REQUIRED),
        "numbers": (Annotated[list[int], typer.Argument(help="Alarm numbers.")], _REQUIRED),
        command.reason: (
            Annotated[str, typer.Option(help=reason_help)],
            _REQUIRED if command.needs_reason else "",
        ),
        "author": (Author, ""),
        "version": (
            Annotated[
                int | None,
                typer.Option(
                    help="The version you saw: refused if the alarm has changed. One alarm only."
                ),
            ],
            None,
        ),
        "as_json": (Json, False),
    }
    if command.option is not None:
        name, text = command.option
        options[name] = (Annotated[str, typer.Option(help=text)], _REQUIRED)

    def run(**values: Any) -> None:
        _perform_all(command, **{"reason": values.pop(command.reason), **values})

    run.__annotations__ = {name: kind for name, (kind, _) in options.items()}
    run.__dict__["__signature__"] = inspect.Signature(
        [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default
            )
            for name, (kind, default) in options.items()
        ]
    )
    return run


def _perform_all(
    command: Command,
    *,
    context: typer.Context,
    numbers: list[int],
    reason: str,
    author: str,
    version: int | None,
    as_json: bool,
    to: str | None = None,
    until: str | None = None,
) -> None:
    """Act on each alarm in its own transaction; one refusal does not stop the others."""
    from hypervisor.alarms.errors import AlarmError
    from hypervisor.alarms.service import Act, perform

    if version is not None and len(numbers) > 1:
        raise typer.BadParameter("--version works with one alarm only")
    refused = 0
    with open_database(context) as connection:
        end = _parse_end(connection, until) if until is not None else None
        for number in numbers:
            request = Act(
                alarm=number,
                kind=command.kind,
                author=name_author(author),
                reason=reason,
                version=version,
                assignee=to,
                until=end,
            )
            try:
                result = perform(connection, request, now=datetime.now(UTC))
                connection.commit()
                _print_result(result, as_json=as_json)
            except AlarmError as error:
                refused += 1
                print_note(f"error: {error}")
    if refused:
        raise typer.Exit(2)


def _print_result(alarm: "HandledAlarm", *, as_json: bool) -> None:
    from hypervisor.base.instants import text_if

    if as_json:
        plain = alarm.model_dump(mode="json", include=_HANDLING)
        print_json([{"alarm": alarm.id, **plain}])
        return
    hold = ""
    if alarm.hold is not None:
        until = f" until {text_if(alarm.hold.until)}" if alarm.hold.until else ""
        hold = f", {alarm.hold.kind}{until}"
    assigned = f", assigned to {alarm.assignee}" if alarm.assignee else ""
    print(f"{alarm.id} {alarm.title}: {alarm.state}{hold}{assigned}")


def _parse_end(connection: "Connection", until: str) -> datetime:
    """A time, or a duration from now on the instance's clock."""
    from hypervisor.alarms import queries_lifecycle
    from sensors._scalars import ScalarError, duration_micros

    try:
        span = duration_micros(until.removeprefix("for "))
    except ScalarError:
        return parse_instant(until, "--until")
    now = datetime.now(UTC)
    return (queries_lifecycle.read_clock(connection, now) or now) + timedelta(microseconds=span)
