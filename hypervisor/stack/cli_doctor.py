"""`hypervisor doctor`: what is missing or unhealthy, and how to fix it."""

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
    """Check machine and instance; exit status 1 if anything is bad."""
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
    from hypervisor.stack.doctor_gaps import check_gaps

    private = instance.is_private(settings)
    findings = [
        *machine.check_python(),
        *machine.check_clock(),
        *machine.check_school_holidays(datetime.now(UTC).date()),
    ]
    if private:  # else somebody else runs the servers
        findings += [*machine.check_programs(), *machine.check_user()]
        findings += instance.guard_access(
            partial(machine.check_folder, settings.data), "data folder"
        )
        if not settings.database_url:
            return [*findings, *instance.report_missing(settings)]
        findings += instance.guard_access(partial(instance.check_supervision, settings), "up")
        if (
            findings[-1].subject == "up" and findings[-1].state == "bad"
        ):  # nothing runs, and what follows would only say so again
            return findings
    findings += instance.guard_access(partial(instance.check_broker, settings), "broker")
    findings += instance.check_database(settings, datetime.now(UTC))
    findings += check_gaps(settings, datetime.now(UTC))
    findings += instance.check_web(settings)
    return findings


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
