"""`hypervisor ingest`: stores what devices send; a second one stands by."""

from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(ingest)


def ingest(
    context: typer.Context,
    worker: Annotated[
        str | None,
        typer.Option(help="Its name in the database and on *Quality* (default: settings)."),
    ] = None,
) -> None:
    """Store what devices send: received, decoded, checked, stored, and only then acknowledged.

    Where another process does so already, stand by and take over once it is gone.
    """
    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.readings import ingesting

    settings = load_settings(context.obj)
    log_to_stderr()
    if worker is not None:
        settings = settings.model_copy(update={"worker": worker})
    ingesting.run(settings, stopping())
