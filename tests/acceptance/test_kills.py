"""kill -9 of every part under load: nothing acknowledged is lost, nothing doubled, the log equal.

The broker stands apart: killed outright it may lose what it acknowledged since it last saved its
queues (its autosave second). What it lost is counted, bounded, and healed by publishing again.
"""

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hypervisor.alarms import queries as alarm_queries
from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings
from hypervisor.broker.child import wait_until
from hypervisor.database.connect import connect
from hypervisor.exercises import playing
from hypervisor.stack import detached, run_state
from simulators._recordings import read
from tests.acceptance.conftest import GARONNE, Exercise, alarm_log

pytestmark = pytest.mark.acceptance

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
        found = run_state.read_state(self.settings.data)
        return None if found is None else found.pids.get(part)

    def kill(self, *parts: str) -> None:
        """Kill them, half a second apart, as soon as they run."""
        killed = {}
        for part in parts:
            assert wait_until(lambda: self._runs(part), seconds=60), f"{part} did not come back"  # noqa: B023  at once
            killed[part] = self.pid(part)
            os.kill(killed[part] or 0, signal.SIGKILL)
            time.sleep(0.5 if len(parts) > 1 else 0)
        wait_until(lambda: all(self.pid(p) != pid for p, pid in killed.items()), seconds=60)

    def _runs(self, part: str) -> bool:
        pid = self.pid(part)
        return pid is not None and Path(f"/proc/{pid}/exe").exists()


@contextmanager
def instance(folder: Path, inventory: str) -> Iterator[Killed]:
    data = folder / "killed"
    settings = detached.start(data, mode=Mode.EXERCISE, name="killed", say=lambda _line: None)
    made = Killed(settings=settings)
    try:
        Exercise(settings=settings).apply(inventory)
        yield made
    finally:
        detached.stop(data)


def january(first: int, last: int) -> pd.DataFrame:
    """What the Garonne's 22 gauges recorded from one day of January to another, both included."""
    start = datetime(2022, 1, first, tzinfo=UTC)
    end = datetime(2022, 1, last, 23, 59, tzinfo=UTC)
    return read(GARONNE, start=start, end=end).rows


def play_under(
    killed: Killed,
    played: pd.DataFrame,
    turns: Sequence[tuple[str, ...]],
    seconds: float,
    chance: random.Random,
) -> playing.Outcome:
    """Play for about `seconds` while parts are killed, turn after turn, at random moments."""
    span = (played["time"].iloc[-1] - played["time"].iloc[0]).total_seconds()
    manner = playing.PlayOptions(speed=span / seconds)
    slot = seconds / len(turns)
    with ThreadPoolExecutor(1) as pool:
        begun = time.monotonic()
        outcome = pool.submit(playing.play, killed.settings, played, manner)
        for number, parts in enumerate(turns):
            due = begun + slot * (number + chance.uniform(0.1, 0.9))
            time.sleep(max(0.0, due - time.monotonic()))
            killed.kill(*parts)
        return outcome.result(timeout=300)


def lost_of(outcome: playing.Outcome) -> int:
    account = outcome.account
    assert account is not None
    assert dict(account.dead_letters) == {}
    assert account.already_there == 0  # nothing doubled: a key is stored once
    assert account.published == account.stored + account.lost
    return account.lost


def told_once(url: str) -> None:
    """Each alarm is raised and cleared once, and each of what is to be told is in the outbox."""
    with connect(url) as connection:
        every = alarm_queries.list_alarms(connection, alarm_queries.Selection(withdrawn=True))
        transitions = alarm_queries.list_transitions(connection, [one.id for one in every])
        rows = connection.execute("SELECT alarm, event, count(*) FROM outbox GROUP BY 1, 2")
        put = {(alarm, event): count for alarm, event, count in rows}
    split = {
        transition.alarm for transition in transitions if transition.kind == "split"
    }  # told as raised while it lasts
    for kind in ("raised", "cleared", "revised"):
        counter = Counter(transition.alarm for transition in transitions if transition.kind == kind)
        assert kind == "revised" or set(counter.values()) <= {1}
        sent = {alarm: count for (alarm, event), count in put.items() if event == kind}
        assert set(sent.values()) <= {1} or kind == "revised"
        assert counter == {a: n for a, n in sent.items() if a in counter or a not in split}
    assert any(event == "raised" for _, event in put)


def undisturbed(exercise: Exercise, inventory: str, played: pd.DataFrame) -> list[dict[str, Any]]:
    """The log of an exercise in which nothing was killed."""
    exercise.apply(inventory)
    playing.play(exercise.settings, played, playing.PlayOptions())
    return exercise.log()


def safe_kills(
    killed: Killed, played: pd.DataFrame, load: Load, tell: Callable[[str], None]
) -> None:
    """Parts whose death loses nothing: what they had not finished is still the broker's."""
    chance = random.Random(load.seed)
    turns = [(SAFE[i % len(SAFE)],) for i in range(load.kills)]
    chance.shuffle(turns)
    outcome = play_under(killed, played, turns, load.seconds, chance)
    lost = lost_of(outcome)
    tell(
        f"{load.kills} kills -9 of {', '.join(SAFE)}: {outcome.tally.readings} readings published"
        f" and acknowledged, {lost} lost, 0 doubled"
    )
    assert lost == 0


def broker_kills(
    killed: Killed, played: pd.DataFrame, load: Load, tell: Callable[[str], None]
) -> None:
    """What the broker loses is bounded, counted, and comes in when it is published again.

    While ingest runs nothing waits in the broker and next to nothing can be lost; so ingest dies
    first each time, and what came in the meantime is only the broker's when it dies too.
    """
    chance = random.Random(load.seed)
    outcome = play_under(killed, played, [("ingest", "broker")] * load.kills, load.seconds, chance)
    lost = lost_of(outcome)
    rate = len(played) / load.seconds
    tell(
        f"{load.kills} kills -9 of ingest and then the broker: {outcome.tally.readings} readings"
        f" published and acknowledged, {lost} lost ({lost / rate:.2f} s of them), 0 doubled"
    )
    assert lost <= load.kills * AUTOSAVE * rate
    again = playing.play(killed.settings, played, playing.PlayOptions(again=True)).account
    assert again is not None
    assert again.lost == 0
    assert again.stored == lost


def test_three_kills(exercise: Exercise, open_tmp: Path, tell: Callable[[str], None]) -> None:
    played = january(9, 10)
    with instance(open_tmp, "garonne") as killed:
        safe_kills(killed, played, Load(kills=3, seconds=6, seed=1), tell)
        log = alarm_log(killed.settings.database_url)
        told_once(killed.settings.database_url)
    assert log
    assert log == undisturbed(exercise, "garonne", played)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_thirty_kills(exercise: Exercise, open_tmp: Path, tell: Callable[[str], None]) -> None:
    played = january(1, 31)
    with instance(open_tmp, "garonne") as killed:
        safe_kills(killed, played, Load(kills=30, seconds=150, seed=2), tell)
        log = alarm_log(killed.settings.database_url)
        told_once(killed.settings.database_url)
    assert log == undisturbed(exercise, "garonne", played)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_broker_killed_in_full_flow(
    exercise: Exercise, open_tmp: Path, tell: Callable[[str], None]
) -> None:
    played = january(1, 31)
    with instance(open_tmp, "garonne") as killed:
        broker_kills(killed, played, Load(kills=4, seconds=20, seed=3), tell)
        log = alarm_log(killed.settings.database_url)
    assert log == undisturbed(exercise, "garonne", played)
