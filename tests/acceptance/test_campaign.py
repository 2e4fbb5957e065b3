"""A campaign of faults against a live instance whose devices publish 500 messages a second.

Every part, the broker, the database and the whole machine are killed and halted, stopped in order
and cut off. Whatever the broker acknowledged must be stored, but for the second before the broker
was killed outright. `make kills KILLS=100 SEED=7` runs a long one.
"""

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hypervisor.base.instance import Mode
from hypervisor.base.instants import micros
from hypervisor.base.settings import Settings
from hypervisor.broker import accounts
from hypervisor.broker.child import wait_until
from hypervisor.broker.folder import GAP_NOTES
from hypervisor.database import gaps
from hypervisor.database.connect import connect
from hypervisor.database.gaps import Gap
from hypervisor.stack import detached
from simulators._publications import MessageSet
from tests.acceptance import faults
from tests.acceptance.aftermath import (
    Loss,
    as_arrived,
    await_judged,
    list_gauges,
    losses,
    replay,
    stored_by_device,
)
from tests.acceptance.conftest import Exercise, alarm_log
from tests.acceptance.faults import Event, Victim
from tests.acceptance.publisher import Gauge, Publisher
from tests.acceptance.test_kills import told_once

pytestmark = [pytest.mark.acceptance, pytest.mark.long]

RATE = 500.0  # messages/s
KILLS = int(os.environ.get("KILLS", "18"))
SEED = int(os.environ.get("SEED", "1"))
INVENTORY = "garonne"
AUTOSAVE = 2.0  # s: mosquitto's second, and the time it takes to write
HISTORY = timedelta(days=24)  # how long ago the first message was measured


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Counts are printed, whether or not the test passes."""

    def say(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    return say


@contextmanager
def live_instance(data: Path) -> Iterator[Settings]:
    settings = detached.start(data, mode=Mode.LIVE, name="campaign", say=lambda _: None)
    try:
        Exercise(settings=settings).apply(INVENTORY)
        yield settings
    finally:
        detached.stop(data)


def gauges(settings: Settings) -> dict[str, Gauge]:
    """Every gauge of the inventory, with an account."""
    made = list_gauges(settings)
    broker = accounts.local_broker(settings)
    accounts.change(broker, put={gauge.name: gauge.password for gauge in made.values()})
    return made


def excused(loss: Loss, events: Sequence[Event]) -> bool:
    """Whether it lies in the second before the broker was killed outright."""
    deaths = (event.broker_died for event in events if event.broker_died is not None)
    return any(died - AUTOSAVE <= loss.at <= died + 0.1 for died in deaths)


def entered(loss: Loss, ledger: Sequence[Gap]) -> bool:
    """Whether the ledger of gaps says that something may be lost from then."""
    at = datetime.fromtimestamp(loss.at, UTC)
    moment = timedelta(seconds=0.2)  # in which the acknowledgement was under way
    return any(gap.begins - moment <= at <= gap.ends + moment for gap in ledger)


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """What an instance holds once all is judged.

    `deaf`: spans in µs; `gaps`: as the ledger has them; `odd`: dead letters, readings corrected.
    """

    stored: dict[str, dict[int, float | None]]
    log: list[dict[str, Any]]
    arrived: MessageSet
    deaf: list[tuple[int, int]]
    odd: tuple[int, int]
    gaps: list[Gap]


def look_at(settings: Settings, publisher: Publisher) -> Aftermath:
    await_judged(settings.database_url, datetime.now(UTC))
    told_once(settings.database_url)
    noted = settings.data / GAP_NOTES  # entered into the ledger every few seconds
    assert wait_until(lambda: not noted.exists(), seconds=60, every=0.2), "a gap was not entered"
    with connect(settings.database_url) as connection:
        odd = connection.execute(
            "SELECT (SELECT count(*) FROM dead_letter), (SELECT count(*) FROM reading_version)"
        ).fetchone()
        deaf = connection.execute("SELECT from_at, to_at FROM ingest_gap").fetchall()
        return Aftermath(
            stored=stored_by_device(connection, publisher),
            log=alarm_log(settings.database_url),
            arrived=as_arrived(connection),
            deaf=[(micros(begins), micros(ends)) for begins, ends in deaf],
            odd=odd or (-1, -1),
            gaps=[
                gap for gap in gaps.latest(connection, limit=10_000) if gap.cause != "not-listening"
            ],
        )


def attack(
    publisher: Publisher, victim: Victim, chance: random.Random, tell: Callable[[str], None]
) -> float:
    """One fault after the other while devices publish; how long it took (s)."""
    began = time.monotonic()
    publisher.start()
    for number, kind in enumerate(faults.plan(KILLS, chance), start=1):
        time.sleep(chance.uniform(0.5, 4))
        victim.suffer(kind, chance)
        tell(f"{time.monotonic() - began:6.0f} s  fault {number}: {kind}")
    assert publisher.finish(seconds=180), "the broker does not acknowledge everything"
    return time.monotonic() - began


def summary(
    publisher: Publisher, victim: Victim, after: Aftermath, lost: Sequence[Loss], took: float
) -> str:
    """The figures, and about which faults messages were lost."""
    kinds = Counter(event.kind for event in victim.events)
    outside = sum(not excused(loss, victim.events) for loss in lost)
    faults_done = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    uncut = "" if victim.cuts_wires else " (no wire was cut: that needs root)"
    rows = sum(map(len, after.stored.values()))
    sent = f"{publisher.acknowledged} messages acknowledged, {RATE:.0f}/s"
    lines = [
        f"{len(victim.events)} faults in {took:.0f} s, seed {SEED}: {faults_done}{uncut}",
        f"{sent}, over {publisher.connections} connections; {rows} stored",
        f"{len(lost) - outside} lost in the second before the broker was killed",
        f"{outside} lost otherwise; {len(after.gaps)} gaps in the ledger; {len(after.log)} alarms",
    ]
    for event in victim.events:
        count = sum(event.began - AUTOSAVE <= loss.at <= event.ended for loss in lost)
        if count:
            lines.append(f"  {count} lost about {event.kind!r}, {event.ended - event.began:.1f} s")
    return "\n".join(lines)


@pytest.mark.timeout(300 + 120 * KILLS)
def test_what_is_acknowledged_is_stored_whatever_dies(
    exercise: Exercise, open_tmp: Path, tell: Callable[[str], None]
) -> None:
    chance = random.Random(SEED)
    with faults.own_network() as cuts_wires, live_instance(open_tmp / "campaign") as settings:
        publisher = Publisher(
            port=settings.broker_port,
            gauges=gauges(settings),
            rate=RATE,
            begins=datetime.now(UTC).replace(microsecond=0) - HISTORY,
        )
        victim = Victim(settings=settings, say=lambda _: None, cuts_wires=cuts_wires)
        took = attack(publisher, victim, chance, tell)
        after = look_at(settings, publisher)
    lost = losses(publisher, after.stored)
    tell(summary(publisher, victim, after, lost, took))
    assert [loss for loss in lost if not excused(loss, victim.events)] == []
    assert [loss for loss in lost if not entered(loss, after.gaps)] == []
    assert after.odd == (0, 0)  # nothing refused, nothing told twice and differently
    for name, values in after.stored.items():
        assert values == {n: pytest.approx(publisher.gauges[name].level(n)) for n in values}
        assert -1 not in values
    assert after.log
    assert after.log == replay(exercise, INVENTORY, after.arrived, after.deaf)
