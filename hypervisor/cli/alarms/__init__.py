"""`hypervisor alarms`: the alarm log, what operators do to alarms, and their load."""

import typer

from hypervisor.cli.alarms import acting, loading, setting
from hypervisor.cli.alarms.listing import alarms, show

__all__ = ["alarms", "attach", "show"]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(
        callback=alarms,
        invoke_without_command=True,
        help="Print the alarm log, the latest to begin first; act on alarms.",
    )
    group.command()(show)
    acting.attach(group)
    loading.attach(group)
    setting.attach(group)
    app.add_typer(group, name="alarms")
