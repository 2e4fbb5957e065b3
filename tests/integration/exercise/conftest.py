"""An exercise with its parts running and somebody who conducts, for what leaders do to it."""

import csv
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from hypervisor.exercise import leading
from hypervisor.exercise.conductor import Conductor
from hypervisor.exercise.leading import Order, Start
from hypervisor.exercise.playable import FOLDER
from hypervisor.settings import Settings
from hypervisor.store import conducting
from hypervisor.store.conducting import Run
from hypervisor.store.connect import Connection, connect
from tests.acceptance.conftest import Exercise, _begun, new_exercise

__all__ = ["new_exercise"]

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
    stops: list[threading.Event] = field(default_factory=list)

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
        wanted = Start(**{"source": FILE, "author": "leader", "speed": None, **more})
        run, _ = self.ask(lambda c: leading.start(c, self.settings.data, wanted))
        return run

    def order(self, run: int, kind: str, **details: Any) -> None:
        """Ask for something and wait until it is done.

        Raises:
            RunError: it was refused.
        """
        number = self.ask(
            lambda c: leading.order(c, run, Order(kind=kind, author="leader", details=details))
        )
        self.done(number)

    def done(self, command: int) -> None:
        self.until(lambda: self.ask(lambda c: leading.outcome(c, command)) is not None)

    def run(self, number: int) -> Run:
        found = self.ask(lambda c: conducting.find(c, number))
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
    """One worker and the watch, the example's Garonne, a recording; nobody conducts yet."""
    made = ready(_begun(exercise_settings))
    yield made
    made.exercise.stop()


@pytest.fixture
def new_led(new_exercise: Callable[[], Exercise]) -> Callable[[], Led]:
    """As many as a test likes, one after another."""
    return lambda: ready(new_exercise())


def ready(exercise: Exercise) -> Led:
    exercise.apply("garonne")
    write_recording(exercise.settings.data)
    return Led(exercise)
