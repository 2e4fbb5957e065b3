"""`hypervisor watch` evaluates what was committed; `rollup` keeps readings by hour and day."""

from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(watch)
    app.command()(rollup)


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
        retention=timedelta(days=settings.raw_retention_days) // timedelta(microseconds=1),
        clock=lambda: datetime.now(UTC),
    )
    run(wiring, stop=asked_to_end(), say=logging.getLogger("hypervisor.watch").info)


def rollup(
    context: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="Roll up what is pending, then end.")
    ] = False,
) -> None:
    """Follow the feed and keep readings rolled up by hour and day, until stopped."""
    import logging

    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.evaluation import lighting_plans
    from hypervisor.readings import rollup as rollups
    from sensors._domain import catalogue

    settings, keep_plans = load_settings(context.obj), lighting_plans.keep
    if once:
        with connect(settings.database_url, autocommit=True) as connection:
            hours = rollups.catch_up(connection, catalogue(), idle_work=keep_plans)
        print(f"{hours:,} hours rolled up")
        return
    log_to_stderr()
    say = logging.getLogger("hypervisor.rollup").info
    rollups.run(
        settings.database_url, catalogue(), stopping=stopping(), idle_work=keep_plans, say=say
    )
