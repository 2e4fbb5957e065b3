"""What the broker acknowledged is stored: over restarts, attacks on the session, and an upgrade."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from hypervisor.base.settings import Settings
from hypervisor.broker import accounts, passwords
from hypervisor.broker.child import find_processes, stop_pid, wait_until
from hypervisor.broker.keeper import Keeper, run_keeper
from hypervisor.broker.mosquitto import DEMANDS, Broker
from hypervisor.database.connect import connect
from hypervisor.stack.servers import Running, start_broker
from ingest.topics import READINGS
from tests.integration.ingest.conftest import (
    GAUGES,
    Publisher,
    count,
    ingest,
    publisher,
    wait_for,
)

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC).replace(microsecond=0)
WORKER = "ingest-1"  # the default name, which was the session's client id once


def send(device: Publisher, name: str, first: int, messages: int) -> None:
    """As the device itself; everything acknowledged when it returns."""
    for number in range(first, first + messages):
        at = (NOW - timedelta(seconds=10 * number)).isoformat()
        device.send(name, json.dumps({"time": at, "values": {"level": 1.0}}).encode())
    device.flush()


@pytest.fixture
def again(broker: Broker) -> Iterator[Callable[[signal.Signals], None]]:
    """Stop the broker by a signal and start it again."""
    started: list[Running] = []

    def restart(by: signal.Signals) -> None:
        for pid in find_processes(broker.is_mine):
            assert stop_pid(pid, by, seconds=20)
        started.append(start_broker(broker))

    yield restart
    for each in started:
        each.halt()


def test_an_account_made_while_ingest_is_away_after_a_restart(
    instance_settings: Settings,
    gauges: dict[str, str],
    broker: Broker,
    again: Callable[[signal.Signals], None],
) -> None:
    """The broker reloads then, and takes a session whose password it never heard for a stranger."""
    settings, name = instance_settings, GAUGES[0]
    again(signal.SIGKILL)
    assert accounts.change(broker, put={"late-comer": "secret"})
    with publisher(settings, name, gauges[name]) as device:
        send(device, name, 0, 100)
    with ingest(settings):
        wait_for(settings, lambda c: count(c) == 100)


def test_what_comes_between_the_brokers_return_and_ingests_is_stored(
    instance_settings: Settings,
    gauges: dict[str, str],
    again: Callable[[signal.Signals], None],
) -> None:
    settings, name = instance_settings, GAUGES[0]
    with publisher(settings, name, gauges[name]) as device:
        send(device, name, 0, 100)  # before any worker ever came
    with ingest(settings):
        wait_for(settings, lambda c: count(c) == 100)
    with ingest(settings):
        wait_for(settings, lambda c: count(c) == 100)
    for turn in range(1, 3):
        again(signal.SIGTERM)
        with publisher(settings, name, gauges[name]) as device:
            send(device, name, turn * 100, 100)
    with ingest(settings):
        wait_for(settings, lambda c: count(c) == 300)


@pytest.mark.parametrize("protocol", [MQTTv311, MQTTv5])
def test_a_device_takes_nobodys_session_over(
    instance_settings: Settings, gauges: dict[str, str], protocol: int
) -> None:
    """Whatever client id it claims, with a clean session, again and again, at either door."""
    settings, thief, victim = instance_settings, GAUGES[0], GAUGES[1]
    claims = (WORKER, passwords.SESSION, "ingest", "player", victim, "")
    with ingest(settings), publisher(settings, victim, gauges[victim]) as device:
        send(device, victim, 0, 20)
        before = connections(settings, victim), connections(settings, passwords.SESSION)
        for turn, claimed in enumerate(claims, start=1):
            for port in (settings.broker_port, settings.parts_port):
                attack(settings, port, thief, gauges[thief], claimed, protocol)
            send(device, victim, turn * 20, 20)
        wait_for(settings, lambda c: count(c) == 20 * (1 + len(claims)))
        after = connections(settings, victim), connections(settings, passwords.SESSION)
        assert after == before  # nobody had to come back
    with publisher(settings, victim, gauges[victim]) as device:
        send(device, victim, 1_000, 20)  # nobody is there but the session
    for claimed in claims:
        attack(settings, settings.broker_port, thief, gauges[thief], claimed, protocol)
    with ingest(settings):
        wait_for(settings, lambda c: count(c) == 20 * (2 + len(claims)))
    with connect(settings.database_url) as connection:
        assert count(connection, "ingest_gap") == 1  # before the instance's first day


def attack(  # noqa: PLR0913, PLR0917  who, where, as whom
    settings: Settings, port: int, user: str, password: str, claimed: str, protocol: int
) -> None:
    """Connect under a client id with a clean session, subscribe to everything, and leave."""
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=claimed,
        protocol=protocol,  # type: ignore[arg-type]
        clean_session=None if protocol == MQTTv5 else True,
    )
    client.username_pw_set(user, password)
    client.will_set(f"devices/{user}/readings", b"gone", qos=1)
    granted: list[int] = []
    client.on_subscribe = lambda *told: granted.append(told[2])
    if protocol == MQTTv5:
        client.connect(settings.broker_host, port, clean_start=True)
    else:
        client.connect(settings.broker_host, port)
    client.loop_start()
    client.subscribe("#", qos=1)
    assert wait_until(lambda: bool(granted), seconds=30)
    client.disconnect()
    client.loop_stop()


def connections(settings: Settings, name: str) -> int:
    """How often the broker's log has seen this client id connect."""
    log = (settings.data / "log" / "broker.log").read_text()
    return log.count(f" as {name} (")


def test_while_ingest_is_away_the_broker_saves_at_once(
    instance_settings: Settings,
    gauges: dict[str, str],
    broker: Broker,
    monkeypatch: pytest.MonkeyPatch,
    again: Callable[[signal.Signals], None],
) -> None:
    """By itself it saves every second or two: what it acknowledged since then dies with it."""
    settings, name = instance_settings, GAUGES[0]
    monkeypatch.setitem(DEMANDS, "autosave_interval", "1800")
    again(signal.SIGTERM)
    kept = broker.folder.broker / "mosquitto.db"

    def saves(keeper: Keeper, seconds: float) -> bool:
        before, end = kept.stat().st_mtime_ns, time.monotonic() + seconds
        while kept.stat().st_mtime_ns == before and time.monotonic() < end:
            keeper.tend()
            time.sleep(0.05)
        return kept.stat().st_mtime_ns > before

    with run_keeper(broker, lambda _said: None) as keeper:
        with ingest(settings), publisher(settings, name, gauges[name]) as device:
            send(device, name, 0, 10)
            assert wait_until(lambda: not saves(keeper, 0.5), seconds=30)
        assert saves(keeper, 20)  # ingest has left
        with publisher(settings, name, gauges[name]) as device:
            send(device, name, 100, 50)
        for _ in range(2):  # one that was under way may lack the last message
            assert saves(keeper, 20)
    again(signal.SIGKILL)
    with ingest(settings):
        wait_for(settings, lambda c: count(c) == 60)


@pytest.mark.parametrize("left", [None, b"", b"no database of mosquitto's" * 9])
def test_a_queue_that_the_broker_lost_is_a_deaf_span(
    instance_settings: Settings, gauges: dict[str, str], broker: Broker, left: bytes | None
) -> None:
    """Its file is gone, empty or not to be read: the session is made again, and that is said."""
    settings, name = instance_settings, GAUGES[0]
    with ingest(settings):
        wait_for(settings, lambda c: count(c, "worker WHERE heartbeat_at IS NOT NULL") == 1)
    with publisher(settings, name, gauges[name]) as device:
        send(device, name, 0, 50)  # what will be lost
    for pid in find_processes(broker.is_mine):
        assert stop_pid(pid, signal.SIGTERM, seconds=20)
    kept = broker.folder.broker / "mosquitto.db"
    if left is None:
        kept.unlink()
    else:
        kept.write_bytes(left)
    back = start_broker(broker)
    try:
        with publisher(settings, name, gauges[name]) as device:
            send(device, name, 100, 50)
        with ingest(settings):
            wait_for(settings, lambda c: count(c) == 50)
    finally:
        back.halt()
    with connect(settings.database_url) as connection:
        (found,) = connection.execute(
            "SELECT to_at - from_at < INTERVAL '1 minute' AND to_at <= (SELECT min(received_at)"
            " FROM reading) FROM ingest_gap WHERE from_at > '2000-01-01Z' ORDER BY from_at"
            " LIMIT 1"
        ).fetchone()  # type: ignore[misc]
        assert found
    assert bool(list(kept.parent.glob("mosquitto.db.unreadable-*"))) == bool(left)


def test_what_a_session_of_an_earlier_version_holds_is_moved(
    instance_settings: Settings, gauges: dict[str, str], broker: Broker, open_tmp: Path
) -> None:
    """It was subscribed by `$share` under the worker's name; its queue outlives the upgrade."""
    for pid in find_processes(broker.is_mine):
        assert stop_pid(pid, signal.SIGTERM, seconds=20)
    (broker.folder.broker / "mosquitto.db").unlink()
    old = open_tmp / "old.conf"
    old.write_text(
        broker.settings_file.read_text().replace("use_username_as_clientid true", "")
        + "user root\n" * (os.geteuid() == 0)
    )
    child = subprocess.Popen([str(broker.programs.mosquitto), "-c", str(old)])
    assert wait_until(broker.answers, seconds=30)
    worker = Client(
        CallbackAPIVersion.VERSION2, client_id=WORKER, clean_session=False, protocol=MQTTv311
    )
    worker.username_pw_set(passwords.INGEST, instance_settings.broker_password)
    granted: list[int] = []
    worker.on_subscribe = lambda *told: granted.append(told[2])
    worker.connect(instance_settings.broker_host, instance_settings.broker_port)
    worker.loop_start()
    worker.subscribe([(f"$share/ingest/{READINGS}", 1), (f"hypervisor/heartbeat/{WORKER}", 1)])
    assert wait_until(lambda: bool(granted), seconds=30)
    worker.disconnect()
    worker.loop_stop()
    name = GAUGES[0]
    with publisher(instance_settings, name, gauges[name]) as device:
        send(device, name, 0, 3_000)
    child.terminate()
    child.wait()
    broker.folder.account.own(broker.folder.broker / "mosquitto.db")

    new = start_broker(broker)
    try:
        with ingest(instance_settings):
            wait_for(instance_settings, lambda c: count(c) == 3_000)
    finally:
        new.halt()
