"""Terminal output while playing: progress bar, account, alarms."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from hypervisor.alarms.log import Alarm, as_text
from hypervisor.base.instants import moment, text
from hypervisor.exercises.playing import Outcome
from rules._rule import SEVERITIES
from sensors._foreign import make_showable
from simulators._player import Progress as Played

Notice = Callable[[Played], None]


@contextmanager
def show_progress(title: str, readings: int) -> Iterator[Notice]:
    """Progress bar on stderr: readings published, scenario clock, speed."""
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("readings"),
        TextColumn("{task.fields[clock]}", style="bold"),
        TextColumn("{task.fields[speed]}"),
        console=Console(stderr=True),
    )
    task = progress.add_task(make_showable(title), total=readings, clock="", speed="")

    def notice(played: Played) -> None:
        progress.start()  # start late, so that an error stays one line
        progress.update(
            task,
            completed=played.readings,
            clock=f"{moment(played.clock):%Y-%m-%d %H:%M}Z",
            speed=f"x{played.speed:,.0f}",
        )

    try:
        yield notice
    finally:
        if progress.live.is_started:
            progress.stop()


def print_outcome(outcome: Outcome, *, as_json: bool) -> int:
    """Print the outcome; returns the exit status, 1 if readings were lost."""
    if as_json:
        print(_format_json(outcome))  # noqa: T201  the command's answer
    else:
        _print_text(outcome, Console(markup=False))
    return int(outcome.account is not None and outcome.account.lost > 0)


def _print_text(outcome: Outcome, console: Console) -> None:
    """Print account and alarms as text."""
    tally, account = outcome.tally, outcome.account
    console.print(
        f"published {tally.readings} readings in {tally.publications} messages,"
        f" {tally.seconds:.1f} s; the exercise's clock stands at {text(tally.clock)}"
    )
    if tally.reconnections:
        console.print(f"the broker went away and came back {tally.reconnections} times")
    if account is None:
        return
    console.print(str(account))
    if account.lost:
        more = " …" if len(account.lost_of) > 5 else ""
        console.print(
            f"{account.lost} readings of {', '.join(account.lost_of[:5])}{more} were acknowledged"
            " by the broker, and ingest neither stored nor refused them: their frame port is not"
            " among the `ports` of the codec, or the broker was killed within its autosave second"
            " (publish them again with --again).",
            style="red",
        )
    console.print(alarm_table(outcome.alarms) if outcome.alarms else "no alarm was raised")


def alarm_table(alarms: tuple[Alarm, ...]) -> Table:
    table = Table("began (UTC)", "ended", "severity", "alarm", box=None, pad_edge=False)
    for alarm in alarms:
        episode = alarm.episode
        ended = "stands" if episode.ended is None else f"{moment(episode.ended):%m-%d %H:%M}"
        stale = " (stale)" if episode.stale and episode.stale[-1][1] is None else ""
        table.add_row(
            f"{moment(episode.began):%Y-%m-%d %H:%M}",
            ended + stale,
            max((name for _, name in episode.severity), default="", key=SEVERITIES.index),
            f"{alarm.title} [{episode.rule}]",
        )
    return table


def _format_json(outcome: Outcome) -> str:
    """Account and alarms as one JSON object."""
    tally, account = outcome.tally, outcome.account
    result: dict[str, Any] = {
        "published": tally.readings,
        "messages": tally.publications,
        "seconds": round(tally.seconds, 3),
        "clock": text(tally.clock),
        "reconnections": tally.reconnections,
    }
    if account is not None:
        result |= {
            "stored": account.stored,
            "already_there": account.already_there,
            "dead_letters": dict(account.dead_letters),
            "lost": account.lost,
            **({"lost_of": account.lost_of} if account.lost else {}),
            "alarms": [as_text(alarm) for alarm in outcome.alarms],
        }
    return json.dumps(result, ensure_ascii=False)
