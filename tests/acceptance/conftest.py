"""An exercise with its parts running, for tests that drive the hypervisor's own commands."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms.log import log_entry
from hypervisor.base.instance import Instance, Mode
from hypervisor.base.settings import Settings
from hypervisor.broker.child import stop, wait_until
from hypervisor.broker.mosquitto import Broker
from hypervisor.database import databases
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.changes import Changes
from hypervisor.registry.inventory_files import read_sources
from hypervisor.registry.model import Revision
from hypervisor.stack.parts import interpreter_command, part_environment
from tests.conftest import TEMPLATE, Stack, _settings

REPOSITORY = Path(__file__).parents[2]
GARONNE = REPOSITORY / "simulators" / "recordings" / "garonne-2022-01.hubeau.csv.gz"


@pytest.fixture(scope="session")
def floods() -> Path:
    """Recorded floods that may not be shipped, beside the checkout."""
    shared = Path(os.environ.get("HYPERVISOR_SHARED", REPOSITORY.parent / "shared"))
    folder = shared / "data" / "floods"
    if not folder.is_dir():
        pytest.skip(f"no recorded floods at {folder} (HYPERVISOR_SHARED says where)")
    return folder


def command(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run `hypervisor` as a person would."""
    return subprocess.run(
        [*interpreter_command(), *words],
        capture_output=True,
        text=True,
        check=False,
        env=part_environment(),
        cwd="/",
    )


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """A fresh exercise: servers of its own, and the parts that were started."""

    settings: Settings
    parts: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(self, part: str, *words: str) -> None:
        command = [*interpreter_command(), "--data", str(self.settings.data), part, *words]
        log = (self.settings.data / "log" / f"{part}.log").open("ab")
        with log:
            self.parts.append(
                subprocess.Popen(
                    command, stdout=log, stderr=subprocess.STDOUT, env=part_environment(), cwd="/"
                )
            )

    def await_worker(self, name: str = "ingest-1") -> None:
        joined = wait_until(
            lambda: instance_store.has_joined(self.settings.database_url, name), seconds=20
        )
        assert joined, (self.settings.data / "log" / "ingest.log").read_text()

    def apply(self, *sources: str) -> None:
        with connect(self.settings.database_url) as connection:
            apply_inventory(connection, read_sources(list(sources)), author="test", now=None)

    def revise(self, *revisions: Revision) -> None:
        with connect(self.settings.database_url) as connection:
            registry_queries.write(connection, Changes(revisions=revisions))

    def replay(self, file: Path, *words: str) -> dict[str, Any]:
        """Replay a file to its end; the account."""
        done = command("--data", str(self.settings.data), "replay", str(file), "--json", *words)
        assert done.returncode == 0, done.stderr
        loads: dict[str, Any] = json.loads(done.stdout)
        return loads

    def thresholds(self, site: str) -> dict[str, float]:
        """The values of a site's thresholds, by name."""
        with connect(self.settings.database_url) as connection:
            revisions = registry_queries.load(connection).revisions
        return {
            revision.key.rpartition("/")[2]: float(revision.value["value"])
            for revision in revisions
            if revision.kind == "threshold" and revision.key.startswith(f"{site}/")
            if revision.value is not None
        }

    def log(self, *, rules: Sequence[str] | None = None) -> list[dict[str, Any]]:
        return alarm_log(self.settings.database_url, rules=rules)

    def stop(self) -> None:
        for part in reversed(self.parts):
            stop(part)


def alarm_log(url: str, *, rules: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """The alarm log, in an order of its own."""
    with connect(url) as connection:
        alarms = alarm_queries.list_alarms(connection, alarm_queries.Selection())
    entries = [log_entry(alarm.episode) for alarm in alarms]
    chosen = [entry for entry in entries if rules is None or entry["rule"] in rules]
    return sorted(chosen, key=lambda entry: (entry["rule"], entry["subject"], entry["since"]))


@pytest.fixture
def exercise(exercise_settings: Settings) -> Iterator[Exercise]:
    """One worker and the watch."""
    made = _begun(exercise_settings)
    yield made
    made.stop()


@pytest.fixture
def new_exercise(stack: Stack, broker: Broker) -> Iterator[Callable[[], Exercise]]:
    """As many as a test likes, one after another: the broker is the same, the database fresh."""
    made: list[Exercise] = []

    def make() -> Exercise:
        if made:
            made[-1].stop()
        name = f"test_{os.urandom(6).hex()}"
        databases.create(stack.maintenance_url, name, template=TEMPLATE)
        what = Instance(mode=Mode.EXERCISE, name="test")
        made.append(_begun(_settings(stack.database.url(name), broker, what)))
        return made[-1]

    yield make
    for exercise in made:
        exercise.stop()
        databases.drop(stack.maintenance_url, exercise.settings.database_url.rpartition("/")[2])


def _begun(settings: Settings) -> Exercise:
    made = Exercise(settings=settings)
    made.start("ingest")
    made.start("watch")
    made.await_worker()
    return made
