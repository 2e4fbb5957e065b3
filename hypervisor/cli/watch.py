"""`hypervisor watch`: judge what was committed, until stopped."""

import typer


def attach(app: typer.Typer) -> None:
    app.command()(watch)


def watch(context: typer.Context) -> None:
    """Judge committed readings by the rules and record alarms, until stopped."""
    import logging
    import signal
    from datetime import UTC, datetime, timedelta
    from threading import Event

    from hypervisor.running import log_to_stderr
    from hypervisor.settings import load_settings
    from hypervisor.watch.loop import Wiring, run
    from rules._pack import packs
    from sensors._domain import catalogue

    settings = load_settings(context.obj)
    log_to_stderr()
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    run(
        Wiring(
            url=settings.database_url,
            catalogue=catalogue(),
            packs=tuple(packs()),
            retention=timedelta(days=settings.raw_retention_days) // timedelta(microseconds=1),
            clock=lambda: datetime.now(UTC),
        ),
        stop=stop,
        say=logging.getLogger("hypervisor.watch").info,
    )
