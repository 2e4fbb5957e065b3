"""`hypervisor interlocks`: what must be true of a site before an actuator there is commanded."""

from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.database.command import (
    Author,
    Json,
    name_author,
    open_database,
    parse_optional_instant,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from hypervisor.commands.interlock_trials import Spell

_Owner = Annotated[str, typer.Argument(help="device/NAME, or a site: of all actuators there.")]
_Kind = Annotated[str, typer.Argument(help="See `hypervisor commands kinds`.")]
_Choice = Annotated[str, typer.Option("--only", help="Only commands with this choice.")]
_Reason = Annotated[str, typer.Option(help="Why, in a few words.")]
_Condition = Annotated[str, typer.Argument(help="Such as 'level < threshold.alert'.")]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True, help="Conditions on which commands are sent; as rules write them."
    )
    group.command("list")(list_interlocks)
    group.command("set")(set_interlock)
    group.command("withdraw")(withdraw_interlock)
    group.command("try")(try_interlock)
    app.add_typer(group, name="interlocks")


def list_interlocks(context: typer.Context, as_json: Json = False) -> None:
    """List the interlocks in force: the domains' defaults, and those of sites and devices."""
    from hypervisor.commands.schemas_interlocks import describe_interlocks
    from sensors._domain import catalogue

    with open_database(context) as connection:
        rows = describe_interlocks(connection, catalogue())
    if as_json:
        print_json([row.model_dump(mode="json") for row in rows])
        return
    print_table(
        ("command", "only", "of", "condition", "asks", "author", "reason"),
        (
            (
                *(row.kind, row.choice, row.owner or "default", row.condition or ""),
                *(row.place or "its own site", row.author or "", row.reason or ""),
            )
            for row in rows
        ),
    )


def set_interlock(
    context: typer.Context,
    owner: _Owner,
    kind: _Kind,
    condition: _Condition,
    reason: _Reason,
    only: _Choice = "",
    at: Annotated[str, typer.Option(help="The site whose readings it asks.")] = "",
    effective: Annotated[str, typer.Option(help="Start; default: now.")] = "",
    author: Author = "",
) -> None:
    """Hold commands to a condition, in place of the domain's default."""
    from hypervisor.commands.interlocks import Setting, change
    from hypervisor.registry.queries import load
    from sensors._domain import catalogue

    setting = Setting(
        owner=owner,
        kind=kind,
        choice=only,
        condition=condition,
        place=at or None,
        effective=parse_optional_instant(effective, "--effective"),
        author=name_author(author),
        reason=reason,
    )
    with open_database(context) as connection:
        change(connection, load(connection), catalogue(), setting)
    typer.echo(f"{kind} of {owner} requires: {condition}")


def withdraw_interlock(
    context: typer.Context,
    owner: _Owner,
    kind: _Kind,
    reason: _Reason,
    only: _Choice = "",
    author: Author = "",
) -> None:
    """Withdraw an interlock of a site or device: what is more general holds again."""
    from hypervisor.commands.interlocks import Setting, change
    from hypervisor.registry.queries import load
    from sensors._domain import catalogue

    setting = Setting(
        owner=owner,
        kind=kind,
        choice=only,
        condition=None,
        author=name_author(author),
        reason=reason,
    )
    with open_database(context) as connection:
        change(connection, load(connection), catalogue(), setting)
    typer.echo(f"{kind} of {owner} has no interlock of its own")


def try_interlock(
    context: typer.Context,
    condition: _Condition,
    at: Annotated[str, typer.Option(help="The site whose readings it asks.")],
    as_json: Json = False,
) -> None:
    """Check a condition: what it says now, and what it said in the last event there."""
    from dataclasses import asdict

    from hypervisor.commands.interlock_trials import try_condition
    from hypervisor.commands.interlocks import Condition
    from hypervisor.registry.queries import load
    from sensors._domain import catalogue

    with open_database(context) as connection:
        trial = try_condition(
            connection,
            load(connection),
            catalogue(),
            Condition(text=condition, place=at, own=True),
        )
    if as_json:
        print_json([asdict(trial)])
        return
    print_table(
        ("at", "command", "values"),
        [_row(trial.now), *(_row(spell) for spell in trial.event)],
    )


def _row(spell: "Spell") -> tuple[str, str, str]:
    words = {True: "may go", False: "refused", None: "refused: not known"}
    return f"{spell.at:%Y-%m-%d %H:%M:%S}Z", words[spell.holds], spell.seen
