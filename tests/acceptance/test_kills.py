"""kill -9 of every part under load: nothing acknowledged is lost, nothing doubled, the log equal.

The broker stands apart: killed outright it may lose what it acknowledged since it last saved its
queues (its autosave second). What it lost is counted, bounded, and healed by publishing again.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hypervisor import exercise as playing
from hypervisor.instance import Mode
from hypervisor.settings import Settings
from hypervisor.stack import detached, state
from hypervisor.stack.process import wait_until
from simulators._recordings import read
from tests.acceptance.conftest import Exercise, alarm_log

pytestmark = pytest.mark.acceptance

STATIONS = ["O001004003", "O123251001", "O187401001", "O200001001", "O200004001"]
BEGINS = datetime(2022, 1, 8, tzinfo=UTC)
SAFE = ("ingest", "watch", "database")
AUTOSAVE = 2.0  # s: mosquitto's second, and the time it takes to write


@dataclass(frozen=True, kw_only=True)
class Load:
    """How many kills over about how many seconds of playing."""

    kills: int
    seconds: float
    seed: int


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Counts are printed, whether or not the test passes."""

    def say(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return say


@dataclass(frozen=True, kw_only=True)
class Killed:
    """An instance kept up by its supervisor, to kill parts of."""

    settings: Settings

    def pid(self, part: str) -> int | None:
        found = state.read(self.settings.data)
        return None if found is None else found.pids.get(part)

    def kill(self, part: str) -> None:
        """Kill it as soon as it runs."""
        assert wait_until(lambda: self._runs(part), seconds=60), f"{part} did not come back"
        pid = self.pid(part)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.pid(part) != pid, seconds=60)

    def _runs(self, part: str) -> bool:
        pid = self.pid(part)
        return pid is not None and Path(f"/proc/{pid}/exe").exists()


@contextmanager
def instance(folder: Path) -> Iterator[Killed]:
    data = folder / "killed"
    settings = detached.start(data, mode=Mode.EXERCISE, name="killed", say=lambda _line: None)
    made = Killed(settings=settings)
    try:
        Exercise(settings=settings).apply("garonne")
        yield made
    finally:
        detached.stop(data)


def rows(floods: Path, first: float, last: float) -> pd.DataFrame:
    """The record from one day to another, counted from its beginning here."""
    return read(
        floods / "garonne-2022-01.hubeau.csv.gz",
        stations=STATIONS,
        start=BEGINS + timedelta(days=first),
        end=BEGINS + timedelta(days=last) - timedelta(seconds=1),
    ).rows


def play_under(
    killed: Killed, played: pd.DataFrame, parts: list[str], seconds: float, chance: random.Random
) -> playing.Outcome:
    """Play for about `seconds` while the parts are killed in turn at random moments."""
    span = (played["time"].iloc[-1] - played["time"].iloc[0]).total_seconds()
    manner = playing.Manner(speed=span / seconds)
    slot = seconds / len(parts)
    with ThreadPoolExecutor(1) as pool:
        begun = time.monotonic()
        outcome = pool.submit(playing.play, killed.settings, played, manner)
        for number, part in enumerate(parts):
            due = begun + slot * (number + chance.uniform(0.1, 0.9))
            time.sleep(max(0.0, due - time.monotonic()))
            killed.kill(part)
        return outcome.result(timeout=300)


def lost_of(outcome: playing.Outcome) -> int:
    account = outcome.account
    assert account is not None
    assert dict(account.dead_letters) == {}
    assert account.already_there == 0  # nothing doubled: a key is stored once
    assert account.published == account.stored + account.lost
    return account.lost


def undisturbed(exercise: Exercise, *plays: pd.DataFrame) -> list[dict[str, Any]]:
    """The log of an exercise in which nothing was killed."""
    exercise.apply("garonne")
    for played in plays:
        playing.play(exercise.settings, played, playing.Manner())
    return exercise.log()


def safe_kills(
    killed: Killed, played: pd.DataFrame, load: Load, tell: Callable[[str], None]
) -> None:
    """Parts whose death loses nothing: what they had not finished is still the broker's."""
    chance = random.Random(load.seed)
    parts = [SAFE[i % len(SAFE)] for i in range(load.kills)]
    chance.shuffle(parts)
    outcome = play_under(killed, played, parts, load.seconds, chance)
    lost = lost_of(outcome)
    tell(
        f"{load.kills} kills -9 of {', '.join(SAFE)}: {outcome.tally.readings} readings published"
        f" and acknowledged, {lost} lost, 0 doubled"
    )
    assert lost == 0


def broker_kills(
    killed: Killed, played: pd.DataFrame, load: Load, tell: Callable[[str], None]
) -> None:
    """What the broker loses is bounded, counted, and comes in when it is published again."""
    chance = random.Random(load.seed)
    outcome = play_under(killed, played, ["broker"] * load.kills, load.seconds, chance)
    lost = lost_of(outcome)
    rate = len(played) / load.seconds
    tell(
        f"{load.kills} kills -9 of the broker: {outcome.tally.readings} readings published and"
        f" acknowledged, {lost} lost ({lost / rate:.2f} s of them), 0 doubled"
    )
    assert lost <= load.kills * AUTOSAVE * rate
    again = playing.play(killed.settings, played, playing.Manner(again=True)).account
    assert again is not None
    assert again.lost == 0
    assert again.stored == lost


def test_three_kills(
    exercise: Exercise, open_tmp: Path, floods: Path, tell: Callable[[str], None]
) -> None:
    played = rows(floods, 0, 5)
    with instance(open_tmp) as killed:
        safe_kills(killed, played, Load(kills=3, seconds=6, seed=1), tell)
        log = alarm_log(killed.settings.database_url)
    assert log
    assert log == undisturbed(exercise, played)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_thirty_kills(
    exercise: Exercise, open_tmp: Path, floods: Path, tell: Callable[[str], None]
) -> None:
    first, then = rows(floods, 0, 6), rows(floods, 6, 10)
    with instance(open_tmp) as killed:
        safe_kills(killed, first, Load(kills=24, seconds=120, seed=2), tell)
        broker_kills(killed, then, Load(kills=6, seconds=40, seed=3), tell)
        log = alarm_log(killed.settings.database_url)
    assert log == undisturbed(exercise, first, then)
