"""An exercise with its parts running and somebody who conducts, for what leaders do to it."""

import csv
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.settings import Settings
from hypervisor.broker.mosquitto import Broker
from hypervisor.database import databases
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect
from hypervisor.evaluation.loop import Wiring
from hypervisor.evaluation.loop import run as watch_run
from hypervisor.exercises import queries_runs
from hypervisor.exercises import service as exercise_service
from hypervisor.exercises.conductor import Conductor
from hypervisor.exercises.model import Run, StartPost
from hypervisor.exercises.playable import FOLDER
from hypervisor.exercises.service import Order
from hypervisor.readings import ingest_worker
from rules._pack import packs
from sensors._domain import catalogue
from tests.acceptance.conftest import Exercise
from tests.conftest import TEMPLATE, Stack, _settings

T = TypeVar("T")
BEGINS = datetime(2024, 10, 29, tzinfo=UTC)
FILE = "flood.csv"
GAUGE = "O200004001"  # the example inventory's gauge at Toulouse
SITE = "toulouse-pont-neuf"
HOURS = 48


def level(hour: float) -> float:
    """A flood: up within twelve hours, down within a day; in m."""
    if hour < 10:
        return 1.0
    return 1.0 + max(0.0, 4.0 * min((hour - 10) / 12, 1.0) - max(0.0, hour - 24) * 0.2)


def write_recording(data: Path) -> None:
    """Two days of quarter hours at one gauge; nothing was heard of it for six hours."""
    folder = data / FOLDER
    folder.mkdir(exist_ok=True)
    with (folder / FILE).open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["time_utc", f"H_m_{GAUGE}"])
        for step in range(HOURS * 4):
            at = BEGINS + timedelta(minutes=15 * step)
            if not 30 <= step / 4 < 36:
                rows.writerow([at.isoformat(), f"{level(step / 4):.3f}"])


@dataclass
class Led:
    """An exercise that is led, as the web does: commands go in, the conductor does them."""

    exercise: Exercise
    stop: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        """One worker and the watch, in threads: they begin in a moment."""
        settings = self.settings
        wiring = Wiring(
            url=settings.database_url,
            catalogue=catalogue(),
            packs=tuple(packs()),
            retention=timedelta(days=settings.raw_retention_days) // timedelta(microseconds=1),
            clock=lambda: datetime.now(UTC),
        )
        parts: list[Callable[[], None]] = [
            lambda: ingest_worker.run(settings, self.stop.is_set),
            lambda: watch_run(wiring, stop=self.stop, say=lambda _: None),
        ]
        self.threads = [threading.Thread(target=part) for part in parts]
        for thread in self.threads:
            thread.start()
        self.until(lambda: instance_store.has_joined(settings.database_url, settings.worker))

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(timeout=30)
            assert not thread.is_alive()
        self.exercise.stop()

    @property
    def settings(self) -> Settings:
        return self.exercise.settings

    def ask(self, question: Callable[[Connection], T]) -> T:
        with connect(self.settings.database_url) as connection:
            return question(connection)

    @contextmanager
    def conductor(self) -> Iterator[threading.Event]:
        """Somebody who conducts; the event ends it."""
        stop = threading.Event()
        said: list[str] = []
        made = Conductor(settings=self.settings, stopping=stop.is_set, say=said.append)
        thread = threading.Thread(target=made.run)
        thread.start()
        try:
            yield stop
        finally:
            stop.set()
            thread.join(timeout=30)
            assert not thread.is_alive()

    def start(self, **more: Any) -> int:
        wanted = StartPost(**{"source": FILE, "language": "en", "speed": None, **more})
        return self.ask(
            lambda c: exercise_service.start_run(c, self.settings.data, wanted, "leader")
        )

    def order(self, run: int, kind: str, **details: Any) -> None:
        """Ask for something and wait until it is done.

        Raises:
            RunError: it was refused.
        """
        number = self.ask(
            lambda c: exercise_service.order_run(
                c, run, Order(kind=kind, author="leader", details=details)
            )
        )
        self.done(number)

    def done(self, command: int) -> None:
        self.until(lambda: self.ask(lambda c: exercise_service.is_done(c, command)))

    def run(self, number: int) -> Run:
        found = self.ask(lambda c: queries_runs.get_run(c, number))
        assert found is not None
        return found

    def comes_to(self, number: int, *states: str) -> Run:
        self.until(lambda: self.run(number).state in states, what=lambda: self.run(number))
        return self.run(number)

    def until(
        self,
        true: Callable[[], bool],
        seconds: float = 60,
        what: Callable[[], object] = lambda: "",
    ) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, what()
            time.sleep(0.03)


@pytest.fixture
def led(exercise_settings: Settings) -> Iterator[Led]:
    """The example's Garonne, a recording; nobody conducts yet."""
    made = Led(Exercise(settings=exercise_settings))
    try:
        yield ready(made)
    finally:
        made.end()


@pytest.fixture
def new_led(stack: Stack, broker: Broker) -> Iterator[Callable[[], Led]]:
    """As many as a test likes, one after another: the broker is the same, the database fresh."""
    made: list[Led] = []

    def make() -> Led:
        for one in made:
            one.end()
        name = f"test_{os.urandom(6).hex()}"
        databases.create(stack.maintenance_url, name, template=TEMPLATE)
        what = Instance(mode=Mode.EXERCISE, name="test")
        settings = _settings(stack.database.url(name), broker, what)
        made.append(Led(Exercise(settings=settings)))
        return ready(made[-1])

    yield make
    for one in made:
        one.end()
        databases.drop(stack.maintenance_url, one.settings.database_url.rpartition("/")[2])


def ready(led: Led) -> Led:
    led.exercise.apply("garonne")
    write_recording(led.settings.data)
    led.begin()
    return led
