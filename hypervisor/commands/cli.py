"""`hypervisor commands`: commands to devices, given, listed and sent.

There is no second signature here: the same operating-system account could give both.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hypervisor.database.command import (
    Author,
    Json,
    name_author,
    open_database,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from hypervisor.commands.model import Command
    from sensors._domain import Catalogue

_Key = Annotated[str, typer.Argument(help="The key of a command, or of what was given at once.")]
_Reason = Annotated[str, typer.Option(help="Why, in a few words.")]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True,
        help="Commands to devices. Two people sign in the console or over the API.",
    )
    group.command("kinds")(list_kinds)
    group.command("give")(give_command)
    group.command("list")(list_commands)
    group.command("show")(show_command)
    group.command("cancel")(cancel_command)
    group.command("send")(run_sender)
    app.add_typer(group, name="commands")


def list_kinds(as_json: Json = False) -> None:
    """List the commands that devices understand."""
    from hypervisor.commands.schemas import describe_kinds
    from sensors._domain import catalogue

    kinds = describe_kinds(catalogue())
    if as_json:
        print_json([kind.model_dump(mode="json") for kind in kinds])
        return
    print_table(
        ("kind", "domain", "parameters", "valid", "confirmed by", "people", "models"),
        (
            (
                *(kind.name, kind.domain),
                ", ".join(parameter.name for parameter in kind.parameters),
                f"{kind.valid_seconds:g} s",
                ", ".join(kind.confirmed_by),
                *(str(kind.signatures), ", ".join(kind.models)),
            )
            for kind in kinds
        ),
    )


def give_command(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="See `hypervisor commands kinds`.")],
    target: Annotated[str, typer.Argument(help="device/NAME, group/NAME or devices/NAME,NAME.")],
    parameters: Annotated[list[str], typer.Argument(help="NAME=VALUE, such as level=40.")],
    reason: _Reason,
    override: Annotated[str, typer.Option(help="Why it may pass its interlocks.")] = "",
    author: Author = "",
    as_json: Json = False,
) -> None:
    """Command a device, or the devices of a group; what takes two people waits for the second."""
    from hypervisor.commands import service
    from sensors._domain import catalogue

    values = dict(_parse_parameter(text) for text in parameters)
    words = catalogue()
    with open_database(context) as connection:
        order = service.Order(
            kind=kind,
            target=target,
            parameters=values,
            author=name_author(author),
            reason=reason,
            override=override,
        )
        commands = service.give(connection, service.make_plan(connection, words, order))
    _print(commands, words, as_json=as_json)


def _parse_parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r}: expected NAME=VALUE", param_hint="PARAMETERS")
    return name, value


def list_commands(
    context: typer.Context,
    is_open: Annotated[bool, typer.Option("--open", help="Only those under way.")] = False,
    device: Annotated[str, typer.Option(help="Only to this device.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List commands, the latest first."""
    from hypervisor.commands import queries
    from sensors._domain import catalogue

    selection = queries.CommandFilter(open=is_open or None, device=device or None)
    with open_database(context) as connection:
        commands = queries.list_commands(connection, selection, limit=limit)
    _print(commands, catalogue(), as_json=as_json)


def show_command(context: typer.Context, key: _Key, as_json: Json = False) -> None:
    """Show a command's life."""
    from hypervisor.commands import queries
    from hypervisor.commands.schemas import describe_event

    with open_database(context) as connection:
        events = queries.list_events(connection, _parse_key(key))
    if as_json:
        print_json([describe_event(event).model_dump(mode="json") for event in events])
        return
    print_table(
        ("at", "state", "who", "why"),
        (
            (f"{event.at:%Y-%m-%d %H:%M:%S}Z", event.to_state.value, event.who, event.why)
            for event in events
        ),
        empty="no command has this key",
    )


def cancel_command(context: typer.Context, key: _Key, reason: _Reason, author: Author = "") -> None:
    """Take back what is not sent yet."""
    from hypervisor.commands import service
    from sensors._domain import catalogue

    with open_database(context) as connection:
        commands = service.cancel(connection, _parse_key(key), who=name_author(author), why=reason)
    _print(commands, catalogue(), as_json=False)


def _parse_key(text: str) -> Any:
    from uuid import UUID

    try:
        return UUID(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no key of a command", param_hint="KEY") from error


def _print(commands: "list[Command]", words: "Catalogue", *, as_json: bool) -> None:
    from hypervisor.commands.schemas import describe

    bodies = [describe(command, words) for command in commands]
    if as_json:
        print_json([body.model_dump(mode="json") for body in bodies])
        return
    print_table(
        ("key", "given", "device", "command", "state", "author", "reason"),
        (
            (
                *(str(body.id), f"{body.drafted_at:%Y-%m-%d %H:%M:%S}Z", body.device, body.words),
                *(body.state.value, body.author, body.reason),
            )
            for body in bodies
        ),
        empty="nothing was commanded",
        unwrapped=("key",),
    )


def run_sender(context: typer.Context) -> None:
    """Send commands until stopped (part of `up`); a second sender stands by."""
    import logging

    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.commands import sending

    log_to_stderr()
    say = logging.getLogger("hypervisor.commands").info
    sending.run(load_settings(context.obj), stopping=stopping(), say=say)
