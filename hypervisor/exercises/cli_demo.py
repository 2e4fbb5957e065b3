"""`hypervisor demo`: an October flood from the first rain to the alarms."""

from pathlib import Path
from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Data folder of the demonstration, recreated each time."),
    ] = None,
    until_alarm: Annotated[
        bool, typer.Option("--until-alarm", help="Stop the instance at the end.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The alarm log on stdout, one JSON object a line.")
    ] = False,
    speed: Annotated[str, typer.Option(help="Scenario seconds per second, or max.")] = "7200",
    hours: Annotated[float | None, typer.Option(help="Only the first hours.")] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Stop a running demonstration.")] = False,
) -> None:
    """Start an exercise, replay an October flood, print a summary."""
    import json
    import sys

    from hypervisor.alarms.queries import as_text
    from hypervisor.exercises import demo, demo_accounts, progress
    from hypervisor.exercises.story import format_story
    from simulators import _options

    folder = demo.folder(data or context.obj)
    if stop:
        print("stopped" if demo.stop(folder) else f"no demonstration is up in {folder}")
        return
    pace = _options.parse_speed(speed)

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    keep = False
    try:
        settings = demo.prepare(folder, say)
        members = demo.make_accounts(settings)
        say(f"look on at http://{settings.web_host}:{settings.web_port} as")
        for line in demo_accounts.format_members(members):
            say(f"  {line}")
        spoken = demo.make_messages(settings, hours=hours)
        with progress.show_progress("October flood", len(spoken.rows)) as notice:
            shown = demo.play(folder, settings, spoken, speed=pace, notice=notice)
        if as_json:
            for alarm in shown.outcome.alarms:
                print(json.dumps(as_text(alarm), ensure_ascii=False))
        else:
            for line in format_story(shown, members, whole=hours is None):
                print(line)
        keep = not until_alarm
    finally:
        if not keep and demo.stop(folder):
            say("the demonstration's instance was stopped")
