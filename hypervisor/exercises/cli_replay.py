"""`hypervisor replay`: play a recording into an exercise."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(replay)


def replay(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Hub'Eau's layout or wide CSV, plain or gzip.")],
    speed: Annotated[
        str,
        typer.Option(help="Scenario seconds per second, such as 600; max: as fast as possible."),
    ] = "600",
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
            "--columns", "--column", help="Meaning of a column: 'NAME=discharge[m3/s]' or …@DEVICE."
        ),
    ] = None,
    shuffle: Annotated[
        float, typer.Option(help="Maximum random delay per message, in seconds.")
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
    wait: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help="Wait until all readings are stored and evaluated."),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Play a recorded flood into an exercise with the times of the readings."""
    from rich.console import Console

    from hypervisor.base.settings import load_settings
    from hypervisor.exercises import playing, progress
    from simulators import _options, _recordings
    from simulators._publications import Disturbance

    settings = load_settings(context.obj)
    playing.require_exercise_instance(settings, "a replay")
    manner = playing.PlayOptions(
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

    def instant(text: str | None) -> datetime | None:
        return None if text is None else _options.parse_instant(text)

    recording = _recordings.read(
        file, stations=station, start=instant(from_), end=instant(to), columns=columns
    )
    console = Console(stderr=True)
    for note in recording.notes:
        console.print(note, style="dim")
    readings = len(recording.rows) * (2 if double else 1)
    with progress.show_progress(file.name, readings) as notice:
        label = playing.RunLabel(kind="recording", source=file.name, title=file.name)
        outcome = playing.play(settings, recording.rows, manner, notice=notice, label=label)
    raise typer.Exit(progress.print_outcome(outcome, as_json=as_json))
