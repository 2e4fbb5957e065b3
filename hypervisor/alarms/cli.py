"""`hypervisor alarms`: the alarm log, acts on alarms, the operators' load, settings."""

import typer

from hypervisor.alarms import cli_acts, cli_load, cli_settings
from hypervisor.alarms.cli_list import list_alarms, show_alarm


def attach(app: typer.Typer) -> None:
    group = typer.Typer(
        callback=list_alarms,
        invoke_without_command=True,
        help="List alarms, latest first; act on them.",
    )
    group.command("show")(show_alarm)
    cli_acts.attach_to(group)
    cli_load.attach_to(group)
    cli_settings.attach_to(group)
    app.add_typer(group, name="alarms")
