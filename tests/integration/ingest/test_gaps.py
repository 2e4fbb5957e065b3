"""The ledger of gaps: when messages may be lost, which devices were due, which have sent since."""

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from hypervisor.base.settings import Settings
from hypervisor.broker import crash_notes
from hypervisor.broker.child import find_processes, stop, stop_pid
from hypervisor.broker.folder import GAP_NOTES, DataFolder, open_folder
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.server_account import current_account
from hypervisor.database import gaps
from hypervisor.database.connect import Connection, connect
from hypervisor.database.gaps import Gap
from hypervisor.readings.device_health import Recovery, assess_recovery
from hypervisor.stack.doctor_gaps import check_gaps as doctor_gaps
from sensors._domain import catalogue
from tests.integration.ingest.conftest import GAUGES, ingest, publisher, wait_for

pytestmark = pytest.mark.integration

NOON = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
BEGINS, ENDS = NOON + timedelta(minutes=2), NOON + timedelta(minutes=5)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def connection(instance_settings: Settings) -> Iterator[Connection]:
    """Five gauges that report a level every minute, and one that reports on change."""
    with connect(instance_settings.database_url) as opened:
        opened.execute("INSERT INTO site (name, title, domain) VALUES ('s', 'S', 'flood')")
        for name in ("prompt", "refilled", "partly", "gone", "silent", "on-change"):
            opened.execute(
                "INSERT INTO device (name, site, commissioned) VALUES (%s, 1, '2020-01-01Z')",
                [name],
            )
            opened.execute(
                "INSERT INTO series (device, quantity) SELECT id, 'level' FROM device"
                " WHERE name = %s",
                [name],
            )
            reporting = "on change" if name == "on-change" else "periodic"
            opened.execute(
                "INSERT INTO revision (kind, key, value, effective, author, reason) VALUES"
                " ('series', %s || '/level', jsonb_build_object('interval_s', 60,"
                " 'reporting', %s::text), '-infinity', 't', 't')",
                [name, reporting],
            )
        yield opened


def store(connection: Connection, device: str, minutes: list[int], *, arrives: datetime) -> None:
    """Readings half a minute past these minutes after noon; they arrive then, or as given."""
    for minute in minutes:
        at = NOON + minute * MINUTE + MINUTE / 2
        connection.execute(
            "INSERT INTO reading (series_id, time, received_at, value, quality)"
            " SELECT s.id, %s, %s, 1, 0 FROM series s JOIN device d ON d.id = s.device"
            " WHERE d.name = %s",
            [at, max(at, arrives), device],
        )


@pytest.fixture
def after_a_gap(connection: Connection) -> Connection:
    """Of each three readings were due: those of 12:02:30, 12:03:30 and 12:04:30."""
    store(connection, "prompt", [*range(-5, 8)], arrives=NOON - MINUTE * 10)
    for device in ("refilled", "partly", "gone"):
        store(connection, device, [*range(-5, 2), *range(5, 8)], arrives=NOON - MINUTE * 10)
    store(connection, "refilled", [2, 3, 4], arrives=NOON + MINUTE * 30)
    store(connection, "partly", [3], arrives=NOON + MINUTE * 30)
    store(connection, "silent", [-40, -39], arrives=NOON - MINUTE * 60)
    store(connection, "on-change", [0], arrives=NOON - MINUTE * 60)
    return connection


def looked(connection: Connection, begins: datetime = BEGINS, ends: datetime = ENDS) -> Recovery:
    gap = Gap(cause="broker-killed", worker="", begins=begins, ends=ends)
    (found,) = assess_recovery(connection, catalogue(), [gap])
    return found


def test_who_was_due_and_who_has_sent_since(after_a_gap: Connection) -> None:
    refill = looked(after_a_gap)
    assert {
        each.device: (each.due, each.prompt, each.late, each.missing) for each in refill.devices
    } == {
        "prompt": (3, 3, 0, 0),
        "refilled": (3, 0, 3, 0),
        "partly": (3, 0, 1, 2),
        "gone": (3, 0, 0, 3),
    }
    assert [each.device for each in refill.refilled] == ["refilled"]
    assert [each.device for each in refill.lacking] == ["gone", "partly"]


def test_in_a_second_only_those_whose_turn_it_was_are_due(after_a_gap: Connection) -> None:
    second = timedelta(seconds=1)
    at = NOON + MINUTE * 2.5
    assert looked(after_a_gap, at - second, at + second).due == 4
    assert looked(after_a_gap, at + 5 * second, at + 7 * second).due == 0


def test_the_ledger_is_append_only_and_knows_no_gap_twice(connection: Connection) -> None:
    gap = Gap(cause="session-lost", worker="one", begins=BEGINS, ends=ENDS)
    gaps.add(connection, gap)
    gaps.add(connection, gap)
    connection.execute(
        "INSERT INTO ingest_gap VALUES ('one', %s, %s), ('one', %s, %s)",
        [BEGINS, ENDS, BEGINS - MINUTE * 60, BEGINS - MINUTE * 50],
    )
    connection.commit()
    assert gaps.latest(connection, limit=9) == [
        gap,
        Gap(
            cause="not-listening",
            worker="one",
            begins=BEGINS - MINUTE * 60,
            ends=BEGINS - MINUTE * 50,
        ),
    ]
    assert gaps.latest(connection, limit=9, since=ENDS) == []
    for statement in (b"DELETE FROM message_loss", b"UPDATE message_loss SET to_at = now()"):
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            connection.execute(statement)
        connection.rollback()


def test_the_doctor_says_what_may_be_lost_and_who_lacks(
    after_a_gap: Connection, instance_settings: Settings
) -> None:
    after_a_gap.commit()
    assert [each.state for each in doctor_gaps(instance_settings, ENDS)] == ["good"]
    gaps.add(after_a_gap, Gap(cause="broker-killed", worker="", begins=BEGINS, ends=ENDS))
    after_a_gap.commit()
    (found,) = doctor_gaps(instance_settings, ENDS)
    assert found.state == "warning"
    assert "the broker died before it had saved" in found.what
    assert "4 devices were due, 1 sent later, 2 lack readings: gone, partly" in found.what


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = open_folder(tmp_path / "data", current_account())
    made.folder(made.broker)
    return made


def test_a_death_is_noted_and_entered_once_the_database_answers(
    connection: Connection, instance_settings: Settings, folder: DataFolder
) -> None:
    assert crash_notes.note_death(folder) is None  # it ended in order: its number was taken away
    crash_notes.pid_file(folder).touch()
    (folder.broker / "mosquitto.db").touch()
    before = datetime.now(UTC)
    noted = crash_notes.note_death(folder, until=before + timedelta(minutes=5))
    assert noted is not None
    assert noted.cause == "broker-killed"
    assert noted.begins <= before
    assert crash_notes.note_death(folder) is None  # noted already

    assert crash_notes.enter_gaps(folder, "postgresql://nobody@127.0.0.1:1/none") == []
    bare = f"{instance_settings.database_url.rpartition('/')[0]}/postgres"  # no migration there
    assert crash_notes.enter_gaps(folder, bare) == []
    assert (folder.root / GAP_NOTES).exists()
    assert crash_notes.enter_gaps(folder, instance_settings.database_url) == [noted]
    assert not (folder.root / GAP_NOTES).exists()
    assert list(gaps.latest(connection, limit=9)) == [noted]


def levels(first: int, count: int) -> Iterator[bytes]:
    for number in range(first, first + count):
        at = datetime.now(UTC) - timedelta(seconds=10 * number + 60)
        yield json.dumps({"time": at.isoformat(), "values": {"level": 1.0}}).encode()


@pytest.mark.usefixtures("gauges")
def test_what_the_broker_drops_for_want_of_room_is_entered(
    instance_settings: Settings, broker: Broker
) -> None:
    """A queue of ten, and a hundred messages while ingest is away."""
    settings = instance_settings
    with ingest(settings):
        wait_for(settings, lambda c: dropped(c) == 0)
    (pid,) = find_processes(broker.is_mine)
    stop_pid(pid, signal.SIGTERM, seconds=20)
    file = broker.settings_file
    file.write_text(
        file.read_text().replace("max_queued_messages 2000000", "max_queued_messages 10")
    )
    child = broker.start()
    try:
        with publisher(settings, "player", settings.player_password) as player:
            for body in levels(0, 100):
                player.send(GAUGES[0], body)
            player.flush()
        with ingest(settings):
            wait_for(settings, lambda c: bool(dropped(c)), seconds=30)
        with connect(settings.database_url) as connection:
            found = [gap for gap in gaps.latest(connection, limit=9) if gap.messages]
            (stored,) = connection.execute("SELECT count(*) FROM reading").fetchone() or (0,)
        assert {gap.cause for gap in found} == {"broker-dropped"}
        assert sum(gap.messages or 0 for gap in found) == 100 - stored > 50
    finally:
        stop(child)


def dropped(connection: Connection) -> int | None:
    row = connection.execute("SELECT broker_dropped FROM worker").fetchone()
    return None if row is None else row[0]


@pytest.mark.usefixtures("gauges")
def test_a_session_that_the_broker_had_lost_is_entered(
    instance_settings: Settings, broker: Broker
) -> None:
    """Its saved queues are gone, as after a damaged disk."""
    settings = instance_settings
    with ingest(settings):
        wait_for(settings, lambda c: dropped(c) == 0)
    (pid,) = find_processes(broker.is_mine)
    stop_pid(pid, signal.SIGTERM, seconds=20)
    (broker.folder.broker / "mosquitto.db").unlink()
    child = broker.start()
    try:
        with ingest(settings):
            wait_for(settings, lost_sessions)
    finally:
        stop(child)


def lost_sessions(connection: Connection) -> bool:
    return any(gap.cause == "session-lost" for gap in gaps.latest(connection, limit=9))


def test_the_count_of_dropped_messages_goes_on_over_a_restart_of_the_broker(
    connection: Connection,
) -> None:
    connection.execute("INSERT INTO worker (name, joined_at) VALUES ('one', now())")
    for count in (0, 7, 7, 9, 4, 4):  # 7, 2 more; restarted, and 4 since
        gaps.note_dropped(connection, "one", count)
        connection.commit()
        connection.execute("UPDATE worker SET heartbeat_at = clock_timestamp()")
    found = gaps.latest(connection, limit=9)
    assert sorted(gap.messages or 0 for gap in found) == [2, 4, 7]
