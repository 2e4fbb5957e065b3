"""`hypervisor ingest`: one worker that stores what devices send; or taking one away for good."""

from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(ingest)


def ingest(
    context: typer.Context,
    worker: Annotated[
        str | None,
        typer.Option(help="Its name: the broker keeps its queue under it (default: settings)."),
    ] = None,
    drain: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Store what the broker holds for NAME; then end it."),
    ] = None,
    last: Annotated[
        bool, typer.Option("--last", help="With --drain: though no other worker is left.")
    ] = False,
) -> None:
    """Store what devices send: received, decoded, checked, stored, and only then acknowledged."""
    from hypervisor import ingesting
    from hypervisor.running import log_to_stderr, stopping
    from hypervisor.settings import load_settings

    settings = load_settings(context.obj)
    log_to_stderr()
    if drain is not None:
        named = settings.model_copy(update={"worker": drain})
        readings = ingesting.drain(named, last=last)
        print(f"{drain}: drained, {readings} readings stored from its queue; nobody waits for it")
        return
    if worker is not None:
        settings = settings.model_copy(update={"worker": worker})
    ingesting.run(settings, stopping())
