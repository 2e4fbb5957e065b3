"""`hypervisor watch` evaluates what was committed."""

import typer


def attach(app: typer.Typer) -> None:
    app.command()(watch)


def watch(context: typer.Context) -> None:
    """Evaluate committed readings by the rules and record alarms, until stopped."""
    import logging
    from datetime import UTC, datetime, timedelta

    from hypervisor.base.process import asked_to_end, log_to_stderr
    from hypervisor.base.settings import load_settings
    from hypervisor.evaluation.loop import Wiring, run
    from rules._pack import packs
    from sensors._domain import catalogue

    settings = load_settings(context.obj)
    log_to_stderr()
    wiring = Wiring(
        url=settings.database_url,
        catalogue=catalogue(),
        packs=tuple(packs()),
        memory=settings.evaluation_memory * 2**20,
        retention=timedelta(days=settings.raw_retention_days) // timedelta(microseconds=1),
        clock=lambda: datetime.now(UTC),
    )
    run(wiring, stop=asked_to_end(), say=logging.getLogger("hypervisor.watch").info)
