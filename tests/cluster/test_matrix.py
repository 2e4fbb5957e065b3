"""Any one of three machines, or a part of it, is lost while devices publish and rules judge.

Of each cell: what was acknowledged is stored, nothing is doubled, the alarm log is that of the same
readings undisturbed, every event is delivered under its key; and how long the gap was. The figures
are printed, and with MATRIX=FILE written there as JSON.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hypervisor.base.instants import micros
from hypervisor.broker.accounts import open_accounts
from hypervisor.broker.child import wait_until
from hypervisor.database.connect import StoreError, connect
from hypervisor.database.locks import Lock
from simulators._publications import MessageSet
from tests.acceptance.aftermath import (
    as_arrived,
    await_judged,
    list_gauges,
    losses,
    replay,
    stored_by_device,
)
from tests.acceptance.conftest import Exercise, alarm_log
from tests.acceptance.publisher import Gauge, Publisher
from tests.acceptance.test_kills import told_once
from tests.cluster.disturbances import CELLS, Cell, count_shares, disturb
from tests.cluster.machines import Cluster, cluster
from tests.cluster.monitor import Delays, monitoring
from tests.integration.notifications.servers import Webhook

RATE = 60.0  # messages/s of all devices
PERIOD = 240  # messages from one flood to the next: two hours
QUIET_SECONDS = 4.0  # of publishing before a fault and after it
SILENCE_SECONDS = 4.0  # after which a device takes another broker
HISTORY = timedelta(days=10)  # how long ago the first message was measured
HEAL_SECONDS = 90.0
INVENTORY = "garonne"
FIGURES_FILE = os.environ.get("MATRIX", "")

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Of one cell. `stored`, `evaluated`: seconds from when a device has a reading to send.

    `differing`: entries of the alarm log that the undisturbed one lacks, and the other way round.
    """

    component: str
    fault: str
    machine: int
    acknowledged: int
    lost: int
    doubled: int
    events: int
    undelivered: int
    alarms: int
    differing: int
    stored: Delays | None
    evaluated: Delays | None
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        wrong = (self.lost, self.doubled, self.undelivered, self.differing, *self.problems)
        return not any(wrong) and self.stored is not None and self.evaluated is not None

    def line(self) -> str:
        delays = [
            f"{each.median:7.1f}, {each.worst:7.1f}" if each else f"{'never':>16}"
            for each in (self.stored, self.evaluated)
        ]
        counts = (
            f"{self.component:17} {self.fault:14} {self.machine:2} {self.acknowledged:6}"
            f" {self.lost:4} {self.doubled:7} {self.events:6} {self.undelivered:7}"
            f" {self.alarms:6} {self.differing:6}"
        )
        return " ".join([counts, *delays, *self.problems])


@dataclass(kw_only=True)
class Bench:
    """A cluster with devices and a receiver of events, for one cell after the other."""

    cluster: Cluster
    hook: Webhook
    gauges: dict[str, Gauge]
    begins: datetime  # of the next cell's first message
    healthy: bool = True

    @contextmanager
    def publishing(self) -> Iterator[Publisher]:
        """Devices outside publish meanwhile, at QoS 1, each to one of the three brokers."""
        publisher = Publisher(
            port=self.cluster.plan.ports.mqtt,
            gauges=self.gauges,
            rate=RATE,
            begins=self.begins,
            hosts=self.cluster.plan.addresses,
            silence=SILENCE_SECONDS,
        )
        with self.cluster.network.outside.inside():
            publisher.start()
        yield publisher
        assert publisher.finish(seconds=HEAL_SECONDS), "the brokers do not acknowledge everything"
        most = max(sent.count for sent in publisher.sent.values())
        self.begins = publisher.measured_at(most)

    def await_shared_out(self) -> None:
        """Every machine receives, and evaluates."""
        works = (Lock.WORKER, Lock.WATCH)

        def is_shared_out() -> bool:
            return all(len(count_shares(self.cluster, work)) == 3 for work in works)

        assert wait_until(is_shared_out, seconds=HEAL_SECONDS, every=0.5)

    def await_healed(self) -> None:
        self.healthy = False
        self.cluster.await_complete(HEAL_SECONDS)
        self.healthy = True


@contextmanager
def make_bench(folder: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        made = stack.enter_context(cluster(folder, clocks=True))
        first = made.members[0]
        hook = Webhook(host=made.network.outside.address)
        with made.network.outside.inside():
            hook.start()
        stack.callback(hook.stop)
        routes = folder / "routes.yaml"
        # Not the revisions: a flood in seconds has thousands, more than are sent meanwhile.
        routes.write_text(
            "routes: [{name: duty, when: {events: [raised, severity, cleared, withdrawn]},"
            f" channels: [{{webhook: '{hook.url}'}}]}}]\n"
        )
        with first.machine.inside():
            Exercise(settings=made.settings).apply(INVENTORY)
            gauges = list_gauges(made.settings, period=PERIOD)
            passwords = {gauge.name: gauge.password for gauge in gauges.values()}
            open_accounts(made.settings).change(put=passwords)
        applied = first.command("notify", "routes", "apply", str(routes), "--reason", "test")
        assert applied.returncode == 0, applied.stderr
        bench = Bench(
            cluster=made,
            hook=hook,
            gauges=gauges,
            begins=datetime.now(UTC).replace(microsecond=0) - HISTORY,
        )
        bench.await_shared_out()
        yield bench


class Benches:
    """A bench for the cells of one fault, or a fresh one where a cell left a broken cluster.

    Alarms that flood every few seconds would have thousands of revisions after all faults.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.figures: list[Figures] = []
        self._stack = ExitStack()
        self._bench: Bench | None = None
        self._fault = ""

    def get(self, fault: str) -> Bench:
        if self._bench is None or not self._bench.healthy or fault != self._fault:
            self.close()
            folder = Path(tempfile.mkdtemp(dir=self.folder))
            folder.chmod(0o755)
            self._bench = self._stack.enter_context(make_bench(folder))
            self._fault = fault
        return self._bench

    def close(self) -> None:
        self._stack.close()
        self._bench = None


@pytest.fixture(scope="module")
def benches(shared_folder: Path) -> Iterator[Benches]:
    made = Benches(shared_folder)
    yield made
    made.close()
    sys.stdout.write(f"\n{table(made.figures)}\n")


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_cell(
    benches: Benches, cell: Cell, exercise: Exercise, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = benches.get(cell.fault)
    figures = measure(bench, cell, exercise)
    benches.figures.append(figures)
    if FIGURES_FILE:
        written = [asdict(each) for each in benches.figures]
        Path(FIGURES_FILE).write_text(json.dumps(written, indent=1))
    with capsys.disabled():
        sys.stdout.write(f"{table([figures])}\n")
    assert figures.holds, figures


def measure(bench: Bench, cell: Cell, exercise: Exercise) -> Figures:
    """Disturb, let it heal, and look at everything."""
    with monitoring(bench.cluster, bench.begins) as monitor:
        with bench.publishing() as publisher:
            time.sleep(QUIET_SECONDS)
            since = time.monotonic()
            member = disturb(bench.cluster, cell)
            bench.await_healed()
            time.sleep(QUIET_SECONDS)
        with bench.cluster.members[0].machine.inside():
            url = bench.cluster.patient_url
            await_judged(url, datetime.now(UTC))
            after = look(url, publisher, bench.hook)
        delays = monitor.stored(publisher, since), monitor.evaluated(publisher, since)
    lost = losses(publisher, after.stored)
    undisturbed = replay(exercise, INVENTORY, after.arrived, after.deaf)
    return Figures(
        component=cell.component,
        fault=cell.fault,
        machine=member.number,
        acknowledged=publisher.acknowledged,
        lost=len(lost),
        doubled=after.doubled,
        events=after.events,
        undelivered=len(after.undelivered),
        stored=delays[0],
        evaluated=delays[1],
        alarms=len(after.log),
        differing=len(differences(after.log, undisturbed)),
        problems=after.problems,
    )


@dataclass(frozen=True, kw_only=True)
class After:
    """What the cluster holds once all is judged. `deaf`: spans in µs in which ingest heard nothing.

    `doubled`: dead letters, and readings that came twice and differently.
    """

    stored: dict[str, dict[int, float | None]]
    log: list[dict[str, Any]]
    arrived: MessageSet
    deaf: list[tuple[int, int]]
    doubled: int
    events: int
    undelivered: set[str]
    problems: tuple[str, ...]


def look(url: str, publisher: Publisher, hook: Webhook) -> After:
    problems = []
    try:
        told_once(url)
    except AssertionError as error:
        problems.append(f"an event is not in the outbox exactly once: {error}")
    undelivered = await_delivered(url, hook)
    with connect(url) as connection:
        ((doubled, events),) = connection.execute(
            "SELECT (SELECT count(*) FROM dead_letter) + (SELECT count(*) FROM reading_version),"
            " (SELECT count(*) FROM outbox)"
        )
        deaf = connection.execute("SELECT from_at, to_at FROM ingest_gap").fetchall()
        return After(
            stored=stored_by_device(connection, publisher),
            log=alarm_log(url),
            arrived=as_arrived(connection),
            deaf=[(micros(begins), micros(ends)) for begins, ends in deaf],
            doubled=doubled,
            events=events,
            undelivered=undelivered,
            problems=tuple(problems),
        )


def await_delivered(url: str, hook: Webhook) -> set[str]:
    """Keys of what was to be sent and did not come, once for a while nothing more came."""

    def list_missing() -> set[str]:
        with suppress(StoreError), connect(url) as connection:
            rows = connection.execute("SELECT key FROM delivery").fetchall()
            ((undecided,),) = connection.execute(
                "SELECT count(*) FROM outbox WHERE decided_at IS NULL AND due < clock_timestamp()"
            )
            waiting = {"events that nobody decided on"} if undecided else set()
            return {key for (key,) in rows} - set(hook.keys) | waiting
        return {"no primary database"}  # a busy machine may lose its lease

    missing = list_missing()
    since = time.monotonic()
    while missing and time.monotonic() - since < HEAL_SECONDS:
        time.sleep(0.5)
        before, missing = missing, list_missing()
        if missing != before:
            since = time.monotonic()
    return missing


def differences(
    log: Sequence[Mapping[str, Any]], undisturbed: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Entries that only one of the two logs has."""
    lines = [
        {json.dumps(entry, default=str, sort_keys=True) for entry in each}
        for each in (log, undisturbed)
    ]
    return sorted(lines[0] ^ lines[1])


def table(figures: Sequence[Figures]) -> str:
    """One line a cell."""
    head = (
        f"{'component':17} {'fault':14} {'on':>2} {'acked':>6} {'lost':>4} {'doubled':>7}"
        f" {'events':>6} {'missing':>7} {'alarms':>6} {'differ':>6}"
        f" {'stored after':>16} {'evaluated after':>16} s (median, worst)"
    )
    return "\n".join([head, *(each.line() for each in figures)])
