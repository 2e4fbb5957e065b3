"""`hypervisor doctor`: what is missing or unhealthy, and how to mend it."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hypervisor.base.settings import Settings
    from hypervisor.stack.finding import Finding


def attach(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Look at machine and instance; exit status 1 if anything is bad."""
    from hypervisor.base.settings import load_settings

    findings = _examine(load_settings(context.obj))
    if as_json:
        for finding in findings:
            print(json.dumps(asdict(finding)))
    else:
        _print(findings)
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)


def _examine(settings: "Settings") -> "list[Finding]":
    from datetime import UTC, datetime
    from functools import partial

    from hypervisor.stack import doctor_instance as instance
    from hypervisor.stack import doctor_machine as machine
    from hypervisor.stack.doctor_gaps import gaps

    private = instance.is_private(settings)
    found = [*machine.python(), *machine.clock()]
    if private:  # else somebody else runs the servers
        found += [*machine.programs(), *machine.user()]
        found += instance.guarded(partial(machine.folder, settings.data), "data folder")
        if not settings.database_url:
            return [*found, *instance.unmade(settings)]
        found += instance.guarded(partial(instance.supervision, settings), "up")
        if (
            found[-1].subject == "up" and found[-1].state == "bad"
        ):  # nothing runs, and what follows would only say so again
            return found
    found += instance.guarded(partial(instance.broker, settings), "broker")
    found += instance.database(settings, datetime.now(UTC))
    found += gaps(settings, datetime.now(UTC))
    found += instance.web(settings)
    return found


def _print(findings: "list[Finding]") -> None:
    from rich.console import Console
    from rich.markup import escape

    colours = {"good": "green", "warning": "yellow", "bad": "red"}
    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        state = f"[{colours[finding.state]}]{finding.state:8}[/]"
        console.print(f"{state} {finding.subject:16} {escape(finding.what)}")
        if finding.mend:
            console.print(f"{'':25} -> {escape(finding.mend)}")
