"""Ingest from a cluster's broker: processes, broker and database are killed in mid-flood."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.settings import Settings
from hypervisor.database import instance as instance_store
from hypervisor.database import locks
from hypervisor.database.connect import Connection, connect
from hypervisor.database.locks import Lock
from ingest.queues import DEAD, queue_name
from tests.cluster.one_broker import PASSWORD, USER, OneBroker, one_broker
from tests.conftest import Stack
from tests.integration.ingest.conftest import count, publisher, seed, wait_for

pytestmark = pytest.mark.timeout(300)

PARTS = 6
NAMES = tuple(f"gauge-{number}" for number in range(24))
PATIENT_SECONDS = 3.0  # between heartbeats: a busy machine is not deaf when it pauses for some
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def broker(shared_folder: Path) -> Iterator[OneBroker]:
    with one_broker(shared_folder / "rabbitmq") as made:
        yield made


@pytest.fixture
def settings(broker: OneBroker, stack: Stack, open_tmp: Path) -> Iterator[Settings]:
    """A live instance with gauges; the broker has no queue of ingest."""
    with stack.fresh_database() as url:
        with connect(url) as connection:
            instance_store.create(connection, Instance(mode=Mode.LIVE, name="test"))
        seed(url, NAMES)
        yield Settings(
            data=open_tmp,
            database_url=url,
            broker_port=broker.mqtt,
            broker_amqp_port=broker.amqp,
            broker_parts=PARTS,
            broker_user=USER,
            broker_password=PASSWORD,
            heartbeat_seconds=1.0,
        )
        broker.delete_queues(queue_name(part) for part in range(1, PARTS + 1))


@dataclass(kw_only=True)
class Process:
    """`hypervisor ingest` as a process of its own."""

    settings: Settings
    name: str
    log: Path = field(init=False)
    _process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.settings.data / f"{self.name}.log"
        self.start()

    def start(self) -> None:
        named = self.settings.model_dump(
            mode="json",
            include={
                *("data", "database_url", "broker_port", "broker_amqp_port", "broker_parts"),
                *("broker_user", "broker_password", "heartbeat_seconds", "batch_rows"),
            },
        )
        environment = {f"HYPERVISOR_{key.upper()}": str(value) for key, value in named.items()}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hypervisor", "ingest", "--worker", self.name],
                env={**os.environ, **environment},
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        assert self._process.wait(40) in {0, -signal.SIGKILL}, self.log.read_text()


@contextmanager
def receiving(settings: Settings, count: int) -> Iterator[list[Process]]:
    """So many processes, between which the parts are shared out."""
    processes = [Process(settings=settings, name=f"ingest-{number + 1}") for number in range(count)]
    try:
        each = [PARTS // count] * count
        wait_for(settings, lambda c: share_sizes(c) == each, seconds=90)  # on a busy machine
        yield processes
    finally:
        for process in processes:
            process.stop()


def share_sizes(connection: Connection) -> list[int]:
    """How many parts each session holds."""
    rows = connection.execute(
        "SELECT count(*)::int FROM pg_locks JOIN pg_database d ON d.oid = database"
        " WHERE d.datname = current_database() AND locktype = 'advisory' AND granted"
        " AND classid = %s AND objsubid = 2 GROUP BY pid ORDER BY 1",
        [Lock.WORKER.value],
    )
    return [each for (each,) in rows]


@dataclass(kw_only=True)
class Flood:
    """Numbered readings of every gauge, by MQTT; sent again until they are acknowledged."""

    settings: Settings
    messages: int = 6_000
    acknowledged: int = 0
    pause: float = 0.01  # seconds after twenty messages
    _thread: threading.Thread | None = None
    _failed: list[BaseException] = field(default_factory=list)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            with publisher(self.settings, USER, PASSWORD) as player:
                for number in range(self.messages):
                    at = (NOW - timedelta(seconds=10 * (number // len(NAMES)))).isoformat()
                    body = {"time": at, "values": {"level": 1.0 + number % 7, "battery": 90}}
                    player.send(NAMES[number % len(NAMES)], json.dumps(body).encode())
                    if number % 20 == 0:
                        time.sleep(self.pause)
                player.flush(seconds=90)
                self.acknowledged = len(player.acked)
        except BaseException as error:  # noqa: BLE001  raised again in `check`
            self._failed.append(error)

    def progress(self, share: float) -> None:
        """Wait until so much of it is stored."""
        wait_for(self.settings, lambda c: count(c) >= share * 2 * self.messages, seconds=60)

    def check(self) -> None:
        """All of it is acknowledged; and stored once."""
        assert self._thread is not None
        self._thread.join(120)
        if self._failed:
            raise self._failed[0]
        assert self.acknowledged == self.messages
        wait_for(self.settings, lambda c: count(c) >= 2 * self.messages, seconds=60)
        time.sleep(1.0)  # what would come doubled comes now
        with connect(self.settings.database_url) as connection:
            assert count(connection) == 2 * self.messages
            assert count(connection, "dead_letter") == 0
            assert count(connection, "reading_version") == 0


def heartbeats(connection: Connection) -> dict[str, datetime]:
    rows = connection.execute("SELECT name, heartbeat_at FROM worker WHERE drained_at IS NULL")
    return dict(rows.fetchall())


def all_beat_since(since: datetime) -> Callable[[Connection], bool]:
    """Whether every part was heard after a time."""

    def beaten(connection: Connection) -> bool:
        heard = heartbeats(connection)
        return len(heard) == PARTS and all(at is not None and at > since for at in heard.values())

    return beaten


def count_gaps(connection: Connection) -> int:
    return count(connection, "ingest_gap WHERE from_at > '2000-01-01'")


def test_a_process_that_is_killed_leaves_its_parts_to_the_others(settings: Settings) -> None:
    settings = settings.model_copy(update={"heartbeat_seconds": PATIENT_SECONDS})
    flood = Flood(settings=settings)
    with receiving(settings, 3) as processes:
        flood.start()
        flood.progress(0.3)
        processes[0].kill()
        wait_for(settings, lambda c: share_sizes(c) == [3, 3])
        flood.progress(0.6)
        processes[0].start()
        wait_for(settings, lambda c: share_sizes(c) == [2, 2, 2])
        flood.check()
        wait_for(settings, all_beat_since(datetime.now(UTC)))
        with connect(settings.database_url) as connection:
            assert count_gaps(connection) == 0  # the others' heartbeats went through every part
            assert not locks.is_held(connection, Lock.WORKER)


def test_a_broker_that_is_killed(settings: Settings, broker: OneBroker) -> None:
    """What it acknowledged is on its disk; while it is away nothing can be heard."""
    flood = Flood(settings=settings)
    with receiving(settings, 2):
        flood.start()
        flood.progress(0.3)
        broker.kill()
        broker.start()
        flood.check()
        wait_for(settings, all_beat_since(datetime.now(UTC)))
        with connect(settings.database_url) as connection:
            deaf = connection.execute(
                "SELECT DISTINCT worker FROM ingest_gap ORDER BY 1"
            ).fetchall()
            assert [worker for (worker,) in deaf] == [f"part-{n + 1}" for n in range(PARTS)]
            assert count(connection, "message_loss") == 0


def test_a_database_that_ends_every_session(settings: Settings) -> None:
    """Parts go back and forth; the heartbeats go on, so that no silence is taken for deafness."""
    settings = settings.model_copy(update={"heartbeat_seconds": PATIENT_SECONDS})
    flood = Flood(settings=settings)
    with (
        receiving(settings, 2),
        connect(settings.database_url, autocommit=True) as connection,
    ):
        flood.start()
        for _ in range(6):
            time.sleep(0.7)
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        flood.check()
        wait_for(settings, lambda c: share_sizes(c) == [3, 3])
        wait_for(settings, all_beat_since(datetime.now(UTC)))
        assert count_gaps(connection) == 0


def test_a_process_that_hangs_loses_its_parts(settings: Settings) -> None:
    flood = Flood(settings=settings)
    with receiving(settings, 2) as processes:
        flood.start()
        flood.progress(0.2)
        processes[0].signal(signal.SIGSTOP)
        wait_for(settings, lambda c: share_sizes(c) == [PARTS], seconds=60)
        flood.check()
        processes[0].signal(signal.SIGCONT)
        wait_for(settings, lambda c: share_sizes(c) == [3, 3])
        flood.check()  # what it held when it hung is not stored again


def test_a_queue_that_is_gone_is_entered_in_the_ledger(
    settings: Settings, broker: OneBroker
) -> None:
    with receiving(settings, 1):
        wait_for(settings, all_beat_since(datetime.now(UTC)))
        broker.delete_queues(["ingest.part-3"])
        wait_for(settings, lambda c: count(c, "message_loss") > 0)
        wait_for(settings, all_beat_since(datetime.now(UTC)))
        with connect(settings.database_url) as connection:
            lost = connection.execute("SELECT DISTINCT worker, cause FROM message_loss").fetchall()
            assert lost == [("part-3", "session-lost")]
        flood = Flood(settings=settings, messages=1_000)
        flood.start()
        flood.check()


def test_a_message_that_kills_whoever_receives_it_becomes_a_dead_letter(
    settings: Settings, broker: OneBroker
) -> None:
    """The broker gives it up after many deliveries; here it is put where it then comes."""
    with receiving(settings, 2):
        broker.publish(DEAD, "devices.gauge-1.readings", b"poison")
        wait_for(settings, lambda c: count(c, "dead_letter") == 1)
        with connect(settings.database_url) as connection:
            (letter,) = connection.execute("SELECT topic, payload, reason FROM dead_letter")
            assert letter == ("devices/gauge-1/readings", b"poison", "not-storable")
