"""`hypervisor rollup` follows the feed: readings by hour and day, lighting plans, forecasts."""

from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(rollup)


def rollup(
    context: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="Roll up what is pending, then end.")
    ] = False,
) -> None:
    """Follow the feed: roll readings up by hour and day, and store forecasts, until stopped."""
    import logging

    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import Connection, connect
    from hypervisor.evaluation import lighting_plans
    from hypervisor.forecast.issuing import Issuing
    from hypervisor.readings import rollup as rollups
    from sensors._domain import Catalogue, catalogue

    def keep(connection: Connection, catalogue: Catalogue, /, *, zone: str) -> bool:
        lighting_plans.keep(connection, catalogue, zone=zone)
        return issue(connection, catalogue, zone=zone)

    settings, issue = load_settings(context.obj), Issuing()
    if once:
        with connect(settings.database_url, autocommit=True) as connection:
            hours = rollups.catch_up(connection, catalogue(), idle_work=keep)
        print(f"{hours:,} hours rolled up")
        return
    log_to_stderr()
    say = logging.getLogger("hypervisor.rollup").info
    rollups.run(settings.database_url, catalogue(), stopping=stopping(), idle_work=keep, say=say)
