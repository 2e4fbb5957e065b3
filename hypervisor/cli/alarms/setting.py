"""How the instance handles its alarms."""

import json
from typing import Annotated

import typer

from hypervisor.cli.alarms.listing import Json


def attach(group: typer.Typer) -> None:
    group.command()(settings)
    group.command("set")(set_)


def settings(context: typer.Context, as_json: Json = False) -> None:
    """The settings of the life cycle."""
    from hypervisor.alarms import dials
    from hypervisor.cli.inventory import opened
    from hypervisor.store.alarms import lifecycle

    with opened(context) as connection:
        found = dials.shown(dials.of(lifecycle.settings(connection)))
    if as_json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:24} {value}")


def set_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the setting: `alarms settings` lists them.")],
    value: Annotated[str, typer.Argument(help="What it shall be: 8 h, true, 5.")],
    reason: Annotated[str, typer.Option(help="Why, in a few words.")],
    author: Annotated[str, typer.Option(help="Who does it; default: your user name.")] = "",
) -> None:
    """Change a setting, at once and for all parts of the instance."""
    from hypervisor.alarms import setting
    from hypervisor.cli.inventory import opened

    with opened(context) as connection:
        before, after = setting.change(connection, name, value, author=author, reason=reason)
    print(f"{name}: {after} (was {before})")
