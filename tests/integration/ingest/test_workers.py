"""One process works and others stand by, on the real broker; nothing is lost."""

import json
import signal
import threading
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.base.settings import Settings
from hypervisor.broker.child import wait_until
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect
from hypervisor.database.locks import Lock
from hypervisor.readings import ingest_worker, queries_workers
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


def send(player: Publisher, first: int, messages: int) -> None:
    for number in range(first, first + messages):
        at = (NOW - timedelta(seconds=10 * number)).isoformat()
        body = json.dumps({"time": at, "values": {"level": 1.0, "battery": 90}}).encode()
        player.send(GAUGES[number % len(GAUGES)], body)


def test_a_second_process_stands_by_and_takes_over(instance_settings: Settings) -> None:
    """Under the same name or another: the session is one, and what the first one left it gets."""
    settings = instance_settings
    with publisher(settings, "player", settings.player_password) as player:
        first = start_ingest(settings, "one")
        with ingest(settings, "two", joined=False):
            sending = threading.Thread(target=send, args=[player, 0, 4_000])
            sending.start()
            wait_for(settings, lambda c: count(c) > 0)
            assert standing(settings) == ["one"]
            first.send_signal(signal.SIGKILL)
            first.communicate()
            sending.join()
            player.flush()
            wait_for(settings, lambda c: count(c) == 8_000)
            wait_for(settings, lambda _: standing(settings) == ["two"])
            wait_for(settings, is_heard_after_the_first)


def is_heard_after_the_first(connection: Connection) -> bool:
    row = connection.execute(
        "SELECT two.heartbeat_at >= one.heartbeat_at FROM worker one, worker two"
        " WHERE one.name = 'one' AND two.name = 'two'"
    ).fetchone()
    return row == (True,)


def standing(settings: Settings) -> list[str]:
    """The workers that are expected to be heard."""
    with connect(settings.database_url) as connection:
        return [
            each.name
            for each in queries_workers.list_workers(connection)
            if each.drained_at is None
        ]


def test_one_whose_database_gives_it_up_leaves_the_work_to_the_other(
    instance_settings: Settings,
) -> None:
    """Two processes that both believed in their claim would put each other out at the broker."""
    settings = instance_settings
    with (
        ingest(settings, "one"),
        ingest(settings, "two", joined=False),
        publisher(settings, "player", settings.player_password) as player,
        connect(settings.database_url, autocommit=True) as connection,
    ):
        for turn in range(4):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                " AND objid = %s AND granted AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())",
                [Lock.WORKER.value],
            )
            send(player, turn * 500, 500)
            player.flush()
        wait_for(settings, lambda c: count(c) == 4_000)


def test_corrections(instance_settings: Settings) -> None:
    """Of many values for one time the one that arrived last stands."""
    settings = instance_settings
    times = [(NOW - timedelta(minutes=minute)).isoformat() for minute in range(20)]
    with (
        ingest(settings),
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
        sent = hypervisor(settings, "dead-letters", "replay")
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
    """A database begun again: the answer to the subscription stands behind a whole queue."""
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


@pytest.mark.long
def test_one_that_hangs_loses_its_claim_and_stands_by_when_it_is_back(
    instance_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection lives, for the kernel answers for it; its absence is a deaf span."""
    monkeypatch.setattr(ingest_worker, "LEASE_SECONDS", 8.0)
    settings = instance_settings
    first = start_ingest(settings, "one")
    try:
        wait_for(settings, lambda c: heard(c, "one") is not None)
        with ingest(settings, "two", joined=False):
            first.send_signal(signal.SIGSTOP)
            with publisher(settings, "player", settings.player_password) as player:
                send(player, 0, 500)
                player.flush()
            with connect(settings.database_url) as connection:
                last = heard(connection, "one")
            wait_for(settings, lambda c: heard(c, "two") != last and count(c) == 1_000, seconds=60)
            assert standing(settings) == ["two"]
            first.send_signal(signal.SIGCONT)
            with connect(settings.database_url, autocommit=True) as connection:
                back = heard(connection, "two")
                wait_for(settings, lambda c: heard(c, "two") != back)
                spans = connection.execute(
                    "SELECT from_at, to_at - from_at >= interval '8 s' FROM ingest_gap"
                    " WHERE worker = 'two'"
                ).fetchall()
            assert (last, True) in spans
            assert standing(settings) == ["two"]
            assert first.poll() is None
    finally:
        first.kill()
        first.communicate()


def heard(connection: Connection, worker: str) -> datetime | None:
    row = connection.execute("SELECT heartbeat_at FROM worker WHERE name = %s", [worker]).fetchone()
    return row[0] if row else None


def test_one_that_joined_once_is_not_there_for_that(instance_settings: Settings) -> None:
    """`up` said that everything was up after a restart, before ingest was there."""
    settings = instance_settings
    with ingest(settings, "one"):
        assert instance_store.has_joined(settings.database_url, "one")
    # Its server process ends some time after it.
    assert wait_until(
        lambda: not instance_store.has_joined(settings.database_url, "one"), seconds=30
    )
