"""What is cleared of an exercise that begins again, and how sessions that hold it are ended."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime

import psycopg
import pytest

from hypervisor.backtest import queries_past_events
from hypervisor.broker.child import wait_until
from hypervisor.database import feed, locks
from hypervisor.database.connect import Connection, StoreError, connect
from hypervisor.database.locks import Lock
from hypervisor.exercises import queries_reset
from tests.integration.database.standing import (
    HOUR,
    NOW,
    TICK,
    add_device,
    raise_alarm,
    revise,
    store,
)

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _exercise(connection: Connection) -> None:
    connection.execute("UPDATE instance SET mode = 'exercise'")


@pytest.fixture
def others(shared_url: str) -> Iterator[Callable[[], Connection]]:
    """Connections of others; they hold what they lock for longer than anybody waits."""
    with ExitStack() as stack:

        def make() -> Connection:
            other = connect(shared_url)
            stack.callback(other.close)
            return other

        yield make


def _cut_off(other: Connection) -> bool:
    try:
        other.execute("SELECT 1")
    except psycopg.OperationalError:
        return True
    return False


def _rows(connection: Connection, table: str) -> int:
    (rows,) = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() or (0,)  # noqa: S608
    return int(rows)


def _record(connection: Connection, kind: str, key: str, at: datetime) -> int:
    """A revision that was recorded then, which replaces the one before; its number."""
    revise(connection, kind, key, {})
    (number,) = connection.execute(
        "UPDATE revision r SET recorded_at = %s, previous ="
        " (SELECT max(id) FROM revision p WHERE p.id < r.id AND p.key = r.key)"
        " WHERE id = (SELECT max(id) FROM revision) RETURNING id",
        [at],
    ).fetchone() or (0,)
    return int(number)


def test_what_happened_is_cleared_and_what_is_there_stays(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]
    store(connection, level, [(NOW, 1, 0)])
    raise_alarm(connection, "high", "mill")
    connection.execute("INSERT INTO feed (kind) VALUES ('registry'), ('heartbeat'), ('readings')")
    connection.execute(
        "INSERT INTO worker (name, joined_at, drained_at) VALUES ('a', %s, NULL), ('b', %s, %s)",
        [NOW, NOW, NOW],
    )
    connection.execute("UPDATE rollup_state SET fill = NULL, frozen = now()")
    kept = _record(connection, "rule", "high", NOW - TICK)
    assert queries_reset.clear_exercise(connection, since=None) == 0
    assert [_rows(connection, table) for table in ("reading", "alarm", "site", "series")] == [
        *(0, 0, 4, 1)
    ]
    assert connection.execute("SELECT kind FROM feed").fetchall() == [("registry",)] * 2
    assert feed.registry_version(connection) == 2
    assert connection.execute(
        "SELECT name, drained_at = now(), drained_at = %s FROM worker ORDER BY 1", [NOW]
    ).fetchall() == [("a", True, False), ("b", False, True)]
    assert connection.execute("SELECT fill::text, frozen::text FROM rollup_state").fetchall() == [
        ("-infinity", "-infinity")
    ]
    assert connection.execute("SELECT id FROM revision").fetchall() == [(kept,)]


def test_what_people_edited_since_is_taken_back(connection: Connection) -> None:
    def note(at: datetime) -> int:
        number = queries_past_events.add(
            connection,
            site="mill",
            river=None,
            kind="flood",
            begins=NOW,
            ends=NOW,
            peak=None,
            unit=None,
            note="n",
            author="ann",
        )
        connection.execute("UPDATE past_event SET recorded_at = %s WHERE id = %s", [at, number])
        return number

    kept = [
        _record(connection, "rule", "high", NOW - TICK),
        _record(connection, "device", "gauge", NOW + HOUR),
    ]
    for kind, key, at in (
        ("rule", "high", NOW),
        ("rule", "high", NOW + HOUR),
        ("threshold", "mill/alert", NOW),
        ("works", "bridge", NOW),
    ):
        _record(connection, kind, key, at)
    later = _record(connection, "device", "high", NOW + HOUR)  # of the rule, as it happens
    early, _ = note(NOW - TICK), note(NOW)
    assert queries_reset.clear_exercise(connection, since=NOW) == 4
    assert connection.execute("SELECT id, previous FROM revision ORDER BY id").fetchall() == [
        (kept[0], None),
        (kept[1], None),
        (later, None),
    ]
    assert [event.id for event in queries_past_events.list_events(connection)] == [early]


def test_the_tables_that_this_database_has(connection: Connection) -> None:
    assert queries_reset.list_tables(connection) == sorted(queries_reset.CLEARED)
    connection.execute("ALTER TABLE handover RENAME TO elsewhere")
    assert queries_reset.list_tables(connection) == sorted({*queries_reset.CLEARED} - {"handover"})


def test_the_watch_is_cut_off_and_nobody_else(
    connection: Connection, others: Callable[[], Connection]
) -> None:
    watch, notifier, reader = others(), others(), others()
    assert locks.take_parts(watch, Lock.WATCH, [3, 4])
    assert locks.take(notifier, Lock.COPYING)
    assert reader.execute("SELECT count(*) FROM site").fetchone() == (0,)
    assert locks.take(connection, Lock.CORRECTING)
    queries_reset.clear_exercise(connection, since=None)
    assert wait_until(lambda: _cut_off(watch), seconds=30)
    assert not _cut_off(notifier)
    assert not _cut_off(reader)
    locks.release(connection, Lock.CORRECTING)


def test_who_holds_a_table_again_and_again_is_cut_off(
    connection: Connection,
    others: Callable[[], Connection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queries_reset, "WAIT", "10ms")
    holder, bystander = others(), others()
    assert holder.execute("SELECT count(*) FROM alarm").fetchone() == (0,)
    assert bystander.execute("SELECT count(*) FROM site").fetchone() == (0,)
    queries_reset.clear_exercise(connection, since=None)
    assert _cut_off(holder)
    assert not _cut_off(bystander)


def test_who_comes_back_at_once_is_waited_for_twice_and_cut_off_five_times(
    connection: Connection,
    others: Callable[[], Connection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two polite tries, of which the second ends in force; six in all."""
    monkeypatch.setattr(queries_reset, "WAIT", "10ms")
    cut: list[int] = []
    monkeypatch.setattr(
        queries_reset, "_terminate_holders", lambda _, tables: cut.append(len(tables))
    )
    holder = others()
    holder.execute("LOCK TABLE alarm IN ACCESS SHARE MODE")
    with pytest.raises(StoreError) as refusal:
        queries_reset.clear_exercise(connection, since=None)
    assert str(refusal.value) == ("the tables to clear stay locked by other connections; try later")
    assert cut == [len(queries_reset.CLEARED)] * 5
