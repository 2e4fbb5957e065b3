"""`hypervisor broker`: our mosquitto alone, in the foreground, as docker-compose.yml runs it."""

from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(broker)


def broker(
    context: typer.Context,
    exercise: Annotated[
        bool, typer.Option("--exercise/--no-exercise", help="Let the account `player` in, too.")
    ] = False,
    host: Annotated[str, typer.Option(help="Where it listens.")] = "127.0.0.1",
) -> None:
    """Run the broker with our settings, accounts and access list (`up` does this by itself)."""
    from hypervisor.instance import Mode
    from hypervisor.settings import load_settings
    from hypervisor.stack.lone_broker import run

    mode = Mode.EXERCISE if exercise else Mode.LIVE
    run(load_settings(context.obj), host=host, mode=mode)
