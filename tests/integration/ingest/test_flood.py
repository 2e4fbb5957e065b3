"""A device that floods the broker, in any way: others lose no readings, and ingest listens on."""

import json
import re
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hypervisor.base.settings import Settings
from hypervisor.bench.load import encoded
from hypervisor.broker import accounts, passwords
from hypervisor.broker.child import find_processes, stop_pid, wait_until
from hypervisor.broker.keeper import FIRST_SECONDS, Keeper
from hypervisor.broker.mosquitto import LARGEST_PACKET, Broker
from hypervisor.broker.probe import ACCEPTED, REFUSED, SILENT, connack
from hypervisor.database.connect import connect
from hypervisor.stack.servers import start_broker
from tests.integration.ingest.conftest import GAUGES, Publisher, ingest, publisher, wait_for

pytestmark = pytest.mark.integration

FLOODER, VICTIM = GAUGES[:2]
NOW = datetime.now(UTC).replace(microsecond=0)


class Raw:
    """A connection by hand: it may send what no client library would."""

    def __init__(self, settings: Settings, user: str, password: str) -> None:
        self.acknowledged = 0
        self.ended = threading.Event()
        self._socket = socket.create_connection((settings.broker_host, settings.broker_port))
        words = (b"any", user.encode(), password.encode())
        body = b"\x00\x04MQTT\x04\xc2\x00\x3c"
        body += b"".join(struct.pack("!H", len(word)) + word for word in words)
        self._socket.sendall(b"\x10" + bytes([len(body)]) + body)
        assert self._socket.recv(4) == b"\x20\x02\x00\x00"
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        received = 0
        with suppress(OSError):
            while data := self._socket.recv(65_536):
                received += len(data)
                self.acknowledged = received // 4
        self.ended.set()

    def send(self, data: bytes) -> bool:
        """Whether the broker still takes it."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()


def reading(number: int, *, step: timedelta = timedelta(milliseconds=1)) -> bytes:
    at = (NOW - number * step).isoformat(timespec="milliseconds")
    return b'{"time":"%s","values":{"level":1.0}}' % at.encode()


def stored_of(settings: Settings, device: str) -> int:
    with connect(settings.database_url) as connection:
        (found,) = connection.execute(
            "SELECT count(*) FROM reading JOIN series ON series.id = series_id"
            " JOIN device ON device.id = series.device WHERE device.name = %s",
            [device],
        ).fetchone()  # type: ignore[misc]
    return int(found)


def ingest_gaps(settings: Settings) -> list[tuple[object, ...]]:
    """Since the instance's first day."""
    with connect(settings.database_url) as connection:
        return connection.execute(
            "SELECT from_at, to_at FROM ingest_gap WHERE from_at > '2000-01-01Z'"
        ).fetchall()


def sessions(settings: Settings) -> int:
    """How often ingest has connected."""
    log = (settings.data / "log" / "broker.log").read_text()
    return log.count(f" as {passwords.SESSION} (")


@contextmanager
def speaking(device: Publisher) -> Iterator[list[datetime]]:
    """The victim says what time it is, ten times a second, and remembers when it did."""
    said: list[datetime] = []
    done = threading.Event()

    def speak() -> None:
        while not done.wait(0.1):
            said.append(datetime.now(UTC))
            values = {"time": said[-1].isoformat(), "values": {"level": len(said)}}
            device.send(VICTIM, json.dumps(values).encode())

    thread = threading.Thread(target=speak)
    thread.start()
    yield said
    done.set()
    thread.join()
    device.flush()


@pytest.mark.long
def test_one_that_sends_more_than_we_store_is_put_out_for_a_while(
    instance_settings: Settings, gauges: dict[str, str], broker: Broker
) -> None:
    settings = instance_settings.model_copy(update={"batch_rows": 10, "heartbeat_seconds": 0.5})
    said: list[str] = []
    ahead = [0.0]
    keeper = Keeper(broker, said.append, ticks=lambda: time.monotonic() + ahead[0])
    with (
        ingest(settings),
        publisher(settings, VICTIM, gauges[VICTIM]) as victim,
        speaking(victim) as times,
    ):
        connected = sessions(settings)
        raw = Raw(settings, FLOODER, gauges[FLOODER])
        sent, end = 0, time.monotonic() + 60
        while not raw.ended.is_set() and time.monotonic() < end:
            data = b"".join(
                encoded(f"devices/{FLOODER}/readings", reading(sent + n), n) for n in range(500)
            )
            raw.send(data)
            sent += 500
            keeper.tend()
        assert said == [f"{FLOODER} floods the broker: suspended for 30 s"]
        port = settings.broker_port
        assert connack(settings.broker_host, port, FLOODER, gauges[FLOODER]) in REFUSED
        ahead[0] = FIRST_SECONDS
        keeper.tend()
        assert wait_until(
            lambda: connack(settings.broker_host, port, FLOODER, gauges[FLOODER]) == ACCEPTED,
            seconds=30,
        )
        wait_for(settings, lambda _: stored_of(settings, FLOODER) >= raw.acknowledged, seconds=120)
        assert sessions(settings) == connected
    keeper.close()
    raw.close()
    assert raw.acknowledged > 1_000
    wait_for(settings, lambda _: stored_of(settings, VICTIM) == len(times))
    assert ingest_gaps(settings) == []
    with connect(settings.database_url) as connection:
        (late,) = connection.execute(
            "SELECT max(received_at - time) FROM reading JOIN series ON series.id = series_id"
            " JOIN device ON device.id = series.device WHERE device.name = %s",
            [VICTIM],
        ).fetchone()  # type: ignore[misc]
    assert late < timedelta(seconds=3 * settings.heartbeat_seconds)


def huge(raw: Raw) -> bool:
    """A message of 250 MB: its first bytes are enough."""
    return raw.send(b"\x32\xff\xff\xff\x7f" + b"x" * 2_000_000)


def just_too_large(raw: Raw) -> bool:
    return raw.send(encoded(f"devices/{FLOODER}/readings", b"x" * LARGEST_PACKET, 1))


@pytest.mark.parametrize("send", [huge, just_too_large])
def test_what_the_broker_does_not_take_ends_the_senders_connection_only(
    instance_settings: Settings, gauges: dict[str, str], send: Callable[[Raw], bool]
) -> None:
    settings = instance_settings.model_copy(update={"heartbeat_seconds": 0.5})
    with (
        ingest(settings),
        publisher(settings, VICTIM, gauges[VICTIM]) as victim,
        speaking(victim) as times,
    ):
        connected = sessions(settings)
        for _ in range(3):
            raw = Raw(settings, FLOODER, gauges[FLOODER])
            send(raw)
            assert raw.ended.wait(10)
            raw.close()
        assert sessions(settings) == connected
    with ingest(settings):
        wait_for(settings, lambda _: stored_of(settings, VICTIM) == len(times))
    assert stored_of(settings, FLOODER) == 0
    assert ingest_gaps(settings) == []


def test_a_storm_of_connections_of_one_account(
    instance_settings: Settings, gauges: dict[str, str]
) -> None:
    settings = instance_settings.model_copy(update={"heartbeat_seconds": 0.5})
    with (
        ingest(settings),
        publisher(settings, VICTIM, gauges[VICTIM]) as victim,
        speaking(victim) as times,
    ):
        connected = sessions(settings)
        raws = [Raw(settings, FLOODER, gauges[FLOODER]) for _ in range(200)]
        assert all(raw.ended.wait(10) for raw in raws[:-1])  # each ends the one before
        assert not raws[-1].ended.is_set()
        for raw in raws:
            raw.close()
        assert sessions(settings) == connected
    with ingest(settings):
        wait_for(settings, lambda _: stored_of(settings, VICTIM) == len(times))
    assert ingest_gaps(settings) == []


def test_the_broker_may_have_as_many_files_as_its_doors_take(broker: Broker) -> None:
    """A process begins with 1,024 on most machines: full long before the devices' door is."""
    (pid,) = find_processes(broker.is_mine)
    limits = Path(f"/proc/{pid}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max open files")]
    soft, hard = line.split()[3:5]
    assert soft == hard
    doors = re.findall(r"max_connections (\d+)", broker.settings_file.read_text())
    assert sum(map(int, doors)) < int(soft)


def test_devices_that_take_every_connection_of_their_door_keep_no_part_out(
    instance_settings: Settings,
    gauges: dict[str, str],
    broker: Broker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = instance_settings
    monkeypatch.setattr("hypervisor.broker.mosquitto.DEVICES", 8)
    for pid in find_processes(broker.is_mine):
        assert stop_pid(pid, signal.SIGTERM, seconds=20)
    narrow = start_broker(broker)
    host, port = settings.broker_host, settings.broker_port
    with ExitStack() as taken, publisher(settings, VICTIM, gauges[VICTIM]) as victim:
        for _ in range(20):
            taken.enter_context(socket.create_connection((host, port)))
        assert wait_until(lambda: connack(host, port) == SILENT, seconds=30)
        with ingest(settings):
            assert broker.answers()
            assert accounts.change(broker, put={"late-comer": "secret"})
            victim.send(VICTIM, reading(1))
            victim.flush()
            wait_for(settings, lambda _: stored_of(settings, VICTIM) == 1)
    narrow.halt()
