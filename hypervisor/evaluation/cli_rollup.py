"""`hypervisor rollup`: readings by hour and day, kept equal to what is stored."""

from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(rollup)


def rollup(
    context: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="Roll up what is to be done now, and end.")
    ] = False,
) -> None:
    """Follow the feed and keep readings rolled up by hour and day, until stopped."""
    import logging

    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.evaluation import lighting_plans
    from hypervisor.readings import rollup as following
    from sensors._domain import catalogue

    settings = load_settings(context.obj)
    if once:
        with connect(settings.database_url, autocommit=True) as connection:
            hours = following.catch_up(connection, catalogue(), idle_work=lighting_plans.keep)
        print(f"{hours:,} hours rolled up")
        return
    log_to_stderr()
    following.run(
        settings.database_url,
        catalogue(),
        stopping=stopping(),
        idle_work=lighting_plans.keep,
        say=logging.getLogger("hypervisor.rollup").info,
    )
