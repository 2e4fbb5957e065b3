"""`hypervisor simulate`, `replay`, `conduct`, `demo`: play into an exercise."""

import math
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hypervisor.base.settings import Settings
    from hypervisor.exercises.playing import PlayOptions
    from simulators._recordings import Recording

Speed = Annotated[
    str, typer.Option(help="Scenario seconds per second, such as 600; max: as fast as possible.")
]


def _require_finite(value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter("expected a number")
    return value


Hours = Annotated[
    float | None, typer.Option(help="Only the first hours.", callback=_require_finite)
]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Wait until all readings are stored and evaluated.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def attach(app: typer.Typer) -> None:
    for command in (simulate, replay, conduct, demo):
        app.command()(command)


def simulate(
    context: typer.Context,
    scenario: Annotated[
        str, typer.Argument(help="A scenario of --list, or your own file (.yaml).")
    ] = "october-flood",
    seed: Annotated[int, typer.Option(help="The same seed gives the same readings.")] = 1,
    speed: Speed = "3600",
    hours: Hours = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="KIND:WHO:FROM..TO, such as drop-out:orge-arpajon:30h..36h; repeatable."),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the scenarios.")] = False,
    describe: Annotated[
        bool, typer.Option(help="Describe the scenario without playing it.")
    ] = False,
    truth: Annotated[
        bool,
        typer.Option(help="For leaders: show the events, and after playing which were detected."),
    ] = False,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Play a simulated scenario into an exercise; refused in a live instance."""
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.exercises import playing, progress, scoring
    from hypervisor.exercises.briefing import describe_scenario, format_failing, list_scenarios
    from hypervisor.exercises.plan import load_field, make_label, make_messages
    from simulators import _options
    from simulators._scenarios import load_scenario
    from simulators._simulation import list_failing_actuators

    if listed:
        typer.echo("\n".join(list_scenarios()))
        return
    story = load_scenario(scenario)
    if describe:
        typer.echo("\n".join(describe_scenario(story, truth=truth)))
        return
    settings = load_settings(context.obj)
    playing.require_exercise_instance(settings, "a simulation")
    faults = [_options.parse_fault(text) for text in fault or ()]
    options = playing.PlayOptions(speed=_options.parse_speed(speed), wait=wait)
    messages = make_messages(settings, story, seed=seed, hours=hours, faults=faults)
    label = make_label(scenario, story, seed=seed, hours=hours, faults=fault or ())
    with progress.show_progress(scenario, len(messages.rows)) as notice:
        outcome = playing.play(settings, messages, options, notice=notice, label=label)
    status = progress.print_outcome(outcome, as_json=as_json)
    if truth and wait:
        with connect(settings.database_url) as connection:
            field = load_field(connection, story)
        for line in scoring.format_score(scoring.score_alarms(story, field, seed, outcome.alarms)):
            typer.echo(line, err=as_json)
        for line in format_failing(list_failing_actuators(story, field, seed)):
            typer.echo(line, err=as_json)
    raise typer.Exit(status)


def replay(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Hub'Eau's layout or wide CSV, plain or gzip.")],
    speed: Speed = "600",
    station: Annotated[
        list[str] | None, typer.Option(help="Only this station (may be repeated).")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="First time, ISO 8601; UTC without an offset.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Last time, likewise.")] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--columns",
            "--column",
            help="Meaning of a column: 'NAME=discharge\\[m3/s]' or …@DEVICE.",
        ),
    ] = None,
    shuffle: Annotated[
        float,
        typer.Option(
            help="Maximum random delay per message, in seconds.", callback=_require_finite
        ),
    ] = 0.0,
    double: Annotated[bool, typer.Option("--double", help="Send every message twice.")] = False,
    outage: Annotated[
        list[str] | None,
        typer.Option(help="FROM..TO: hold messages back, then send the newest first."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the random delays.")] = 0,
    linger: Annotated[
        str, typer.Option(help="Time that the clock runs on after the end, such as 6h.")
    ] = "0s",
    again: Annotated[
        bool, typer.Option("--again", help="Publish a recording again that was already played.")
    ] = False,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Play a recorded flood into an exercise with the times of the readings."""
    from hypervisor.base.settings import load_settings
    from hypervisor.exercises import playing
    from simulators import _options
    from simulators._publications import Disturbance
    from simulators._recordings import read

    settings = load_settings(context.obj)
    playing.require_exercise_instance(settings, "a replay")
    options = playing.PlayOptions(
        speed=_options.parse_speed(speed),
        linger=_options.parse_duration(linger),
        disturbance=Disturbance(
            shuffle=shuffle,
            double=double,
            outages=tuple(map(_options.parse_span, outage or ())),
            seed=seed,
        ),
        again=again,
        wait=wait,
    )
    start, end = _instant(from_), _instant(to)
    recording = read(file, stations=station, start=start, end=end, columns=columns)
    raise typer.Exit(_play_recording(settings, file.name, recording, options, as_json=as_json))


def _play_recording(
    settings: "Settings",
    name: str,
    recording: "Recording",
    options: "PlayOptions",
    *,
    as_json: bool,
) -> int:
    from hypervisor.database.command import print_note
    from hypervisor.exercises import model, playing, progress

    for note in recording.notes:
        print_note(note)
    copies = 2 if options.disturbance.double else 1
    label = model.RunLabel(kind="recording", source=name, title=name)
    with progress.show_progress(name, copies * len(recording.rows)) as notice:
        outcome = playing.play(settings, recording.rows, options, notice=notice, label=label)
    return progress.print_outcome(outcome, as_json=as_json)


def _instant(text: str | None) -> datetime | None:
    from simulators import _options

    return None if text is None else _options.parse_instant(text)


def conduct(context: typer.Context) -> None:
    """Run the exercise player until stopped; `up` starts it in an exercise."""
    import logging

    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.exercises import playing
    from hypervisor.exercises.conductor import Conductor

    settings = load_settings(context.obj)
    playing.require_exercise_instance(settings, "conducting")
    log_to_stderr()
    say = logging.getLogger("hypervisor.conduct").info
    Conductor(settings=settings, stopping=stopping(), say=say).run()


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
    hours: Hours = None,
    stop: Annotated[bool, typer.Option("--stop", help="Stop a running demonstration.")] = False,
) -> None:
    """Start an exercise, replay an October flood, print a summary."""
    import json

    from hypervisor.alarms.log import as_text
    from hypervisor.exercises import demo, progress
    from hypervisor.exercises.story import format_story
    from simulators import _options

    folder = demo.folder(data or context.obj)
    if stop:
        print("stopped" if demo.stop(folder) else f"no demonstration is up in {folder}")
        return
    pace = _options.parse_speed(speed)

    def say(line: str) -> None:
        typer.echo(line, err=True)

    keep = False
    try:
        settings = demo.prepare(folder, say)
        members = demo.make_accounts(settings)
        say(f"look on at http://{settings.web_host}:{settings.web_port} as")
        for line in demo.format_members(members):
            say(f"  {line}")
        messages = demo.make_messages(settings, hours=hours)
        with progress.show_progress("October flood", len(messages.rows)) as notice:
            result = demo.play(folder, settings, messages, speed=pace, notice=notice)
        if as_json:
            for alarm in result.outcome.alarms:
                print(json.dumps(as_text(alarm), ensure_ascii=False))
        else:
            for line in format_story(result, members, complete=hours is None):
                print(line)
        keep = not until_alarm
    finally:
        if not keep and demo.stop(folder):
            say("the demonstration's instance was stopped")
