"""`hypervisor broker`: our mosquitto alone, in the foreground, as docker-compose.yml runs it."""

from pathlib import Path
from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(broker)


def broker(
    context: typer.Context,
    exercise: Annotated[
        bool, typer.Option("--exercise/--no-exercise", help="Also admit the account `player`.")
    ] = False,
    host: Annotated[str, typer.Option(help="Where it listens to devices.")] = "127.0.0.1",
    parts_host: Annotated[
        str, typer.Option(help="Where it listens to the hypervisor's own parts.")
    ] = "127.0.0.1",
    tls_cert: Annotated[
        Path | None,
        typer.Option(envvar="HYPERVISOR_BROKER_TLS_CERT", help="Its certificate's chain (PEM)."),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(envvar="HYPERVISOR_BROKER_TLS_KEY", help="The certificate's key (PEM)."),
    ] = None,
    tls_port: Annotated[
        int, typer.Option(envvar="HYPERVISOR_BROKER_TLS_PORT", help="Where it listens by TLS.")
    ] = 8883,
    tls_only: Annotated[
        bool,
        typer.Option(
            "--tls-only",
            envvar="HYPERVISOR_BROKER_TLS_ONLY",
            help="Keep the plain port to this machine.",
        ),
    ] = False,
) -> None:
    """Run the broker with our settings, accounts and access list (`up` does this by itself)."""
    from hypervisor.base.instance import Mode
    from hypervisor.base.settings import load_settings
    from hypervisor.broker import tls
    from hypervisor.stack import broker_process

    mode = Mode.EXERCISE if exercise else Mode.LIVE
    secured = tls.read_options(cert=tls_cert, key=tls_key, port=tls_port, host=host, only=tls_only)
    status = broker_process.run(
        load_settings(context.obj), host=host, parts_host=parts_host, mode=mode, secured=secured
    )
    raise typer.Exit(abs(status))
