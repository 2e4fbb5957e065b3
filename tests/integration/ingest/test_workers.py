"""Workers join, share, correct each other, and are drained, on the real broker; nothing is lost."""

import json
import signal
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor import ingesting
from hypervisor.settings import Settings
from hypervisor.store.connect import StoreError, connect
from hypervisor.store.intake import workers
from tests.integration.ingest.conftest import (
    GAUGES,
    Publisher,
    count,
    hypervisor,
    ingest,
    publisher,
    start_ingest,
    wait_for,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("gauges")]

NOW = datetime.now(UTC).replace(microsecond=0)


def named(settings: Settings, worker: str) -> Settings:
    return settings.model_copy(update={"worker": worker})


def send(player: Publisher, first: int, messages: int) -> None:
    for number in range(first, first + messages):
        at = (NOW - timedelta(seconds=10 * number)).isoformat()
        body = json.dumps({"time": at, "values": {"level": 1.0, "battery": 90}}).encode()
        player.send(GAUGES[number % len(GAUGES)], body)


def test_a_second_worker_joins_and_is_drained(instance_settings: Settings) -> None:
    settings = instance_settings
    with (
        ingest(settings, "one"),
        publisher(settings, "player", settings.player_password) as player,
    ):
        second = start_ingest(settings, "two")
        sending = threading.Thread(target=send, args=[player, 0, 4_000])
        sending.start()
        time.sleep(0.3)
        second.send_signal(signal.SIGKILL)  # its share goes on piling up in its queue
        second.communicate()
        sending.join()
        player.flush()
        time.sleep(0.5)
        with connect(settings.database_url) as connection:
            assert count(connection) < 8_000
        left = ingesting.drain(named(settings, "two"), last=False)
        assert left > 0
        wait_for(settings, lambda c: count(c) == 8_000)
        send(player, 4_000, 500)  # all of it to the one who is left
        wait_for(settings, lambda c: count(c) == 9_000)
    with connect(settings.database_url) as connection:
        one, two = workers.every(connection)
        assert (one.drained_at, two.drained_at is None) == (None, False)
        both = connection.execute("SELECT DISTINCT worker FROM feed WHERE kind = 'readings'")
        assert {name for (name,) in both} == {"one", "two"}


def test_draining_is_refused_where_it_would_lose(instance_settings: Settings) -> None:
    with ingest(instance_settings, "one"):
        with pytest.raises(StoreError, match="last worker"):
            ingesting.drain(named(instance_settings, "one"), last=False)
        with ingest(instance_settings, "two"), pytest.raises(StoreError, match="stop it"):
            ingesting.drain(named(instance_settings, "two"), last=False)
        with pytest.raises(StoreError, match="no worker 'three'"):
            ingesting.drain(named(instance_settings, "three"), last=False)


def test_corrections_by_two_workers(instance_settings: Settings) -> None:
    """Of many values for one time the one that arrived last stands, whoever stored it."""
    settings = instance_settings
    times = [(NOW - timedelta(minutes=minute)).isoformat() for minute in range(20)]
    with (
        ingest(settings, "one"),
        ingest(settings, "two"),
        publisher(settings, "player", settings.player_password) as player,
    ):
        for value in range(1, 11):
            for at in times:
                body = json.dumps({"time": at, "values": {"level": value}}).encode()
                player.send("gauge-0", body)
            player.flush()
        wait_for(settings, lambda c: count(c, "reading_version") == 200)
    with connect(settings.database_url) as connection:
        latest = connection.execute(
            "SELECT DISTINCT ON (series_id, time) value FROM reading_version"
            " ORDER BY series_id, time, received_at DESC"
        ).fetchall()
        stands = connection.execute("SELECT value FROM reading ORDER BY series_id, time").fetchall()
        assert stands == latest
        assert len(stands) == 20


def test_a_device_added_while_ingest_runs(instance_settings: Settings) -> None:
    settings = instance_settings
    with (
        ingest(settings),
        publisher(settings, "player", settings.player_password) as player,
    ):
        body = json.dumps({"time": NOW.isoformat(), "values": {"level": 1.0}}).encode()
        player.send("late-comer", body)
        wait_for(settings, lambda c: count(c, "dead_letter") == 1)
        with connect(settings.database_url) as connection:
            connection.execute(
                "INSERT INTO device (name, site, commissioned)"
                " SELECT 'late-comer', id, '2000-01-01+00' FROM site"
            )
            connection.execute(
                "INSERT INTO series (device, quantity)"
                " SELECT id, 'level' FROM device WHERE name = 'late-comer'"
            )
            connection.execute("INSERT INTO feed (kind) VALUES ('registry')")
        player.send("late-comer", body)  # at once: not one of its messages is refused
        wait_for(settings, lambda c: count(c) == 1)
        sent = hypervisor(settings, "dead-letters", "redrive")
        assert "1 letters: 1 readings stored, 0 letters refused again" in sent
    with connect(settings.database_url) as connection:
        assert count(connection) == 1  # the same reading, and its arrival is the first one
        (early,) = connection.execute(
            "SELECT reading.received_at = dead_letter.received_at FROM reading, dead_letter"
        ).fetchone()  # type: ignore[misc]
        assert early


def test_a_worker_that_only_the_broker_remembers_works_its_queue_off(
    instance_settings: Settings,
) -> None:
    """A database begun anew: the answer to the subscription stands behind a whole queue."""
    settings = instance_settings.model_copy(update={"batch_rows": 200})
    with ingest(settings, "one"):
        pass
    with publisher(settings, "player", settings.player_password) as player:
        send(player, 0, 2_000)
        player.flush()
    with connect(settings.database_url) as connection:
        connection.execute("TRUNCATE worker")
    with ingest(settings, "one"):
        wait_for(settings, lambda connection: count(connection) == 4_000)
