"""Settings of the alarm life cycle."""

import json
from typing import Annotated

import typer

from hypervisor.alarms.cli_list import Json


def attach_to(group: typer.Typer) -> None:
    group.command("settings")(list_settings)
    group.command("set")(change_setting)


def list_settings(context: typer.Context, as_json: Json = False) -> None:
    """List the settings."""
    from hypervisor.alarms import queries_lifecycle
    from hypervisor.alarms import settings as dials
    from hypervisor.database.command import opened

    with opened(context) as connection:
        values = dials.format_settings(
            dials.from_stored(queries_lifecycle.read_settings(connection))
        )
    if as_json:
        print(json.dumps(values))
        return
    for name, value in values.items():
        print(f"{name:24} {value}")


def change_setting(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The setting; `alarms settings` lists them.")],
    value: Annotated[str, typer.Argument(help="The new value: 8 h, true, 5.")],
    reason: Annotated[str, typer.Option(help="Why, in a few words.")],
    author: Annotated[str, typer.Option(help="Who does it; default: your user name.")] = "",
) -> None:
    """Change a setting; it takes effect at once."""
    from hypervisor.alarms import service_settings
    from hypervisor.database.command import opened

    with opened(context) as connection:
        before, after = service_settings.change_setting(
            connection, name, value, author=author, reason=reason
        )
    print(f"{name}: {after} (was {before})")
