"""The feed: in the order of commit, nothing skipped, doubled or cut; what pruning keeps."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hypervisor.base.instants import micros
from hypervisor.database import feed, transactions
from hypervisor.database.connect import Connection, connect, listen, wait_for_notification
from sensors._row import ROW

pytestmark = pytest.mark.integration
DAY = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def watch(database_url: str) -> Iterator[Connection]:
    with closing(connect(database_url, autocommit=True)) as made:
        yield made


@pytest.fixture
def early(database_url: str) -> Iterator[Connection]:
    """Somebody who begins a transaction early and commits it late."""
    with closing(connect(database_url)) as made:
        yield made


def _beat(connection: Connection, *workers: str) -> None:
    with connection.transaction():
        for worker in workers:
            feed.append(connection, "heartbeat", worker=worker)


def _workers(connection: Connection, cursor: str, most: int | None = None) -> tuple[list[str], str]:
    entries, upto = feed.read(connection, cursor, most=most)
    return [entry.worker for entry in entries], upto


def _xid(connection: Connection, worker: str) -> int:
    row = connection.execute(
        "SELECT min(xid)::text FROM feed WHERE worker = %s", [worker]
    ).fetchone()
    assert row is not None
    return int(row[0])


def _readings(*times: datetime) -> bytes:
    rows = np.zeros(len(times), dtype=ROW)
    rows["time"] = [micros(time) for time in times]
    return rows.tobytes()


def test_what_is_committed_late_is_neither_skipped_nor_overtaken(
    watch: Connection, early: Connection
) -> None:
    _beat(watch, "before")
    feed.append(early, "heartbeat", worker="late")
    _beat(watch, "after")
    seen, cursor = _workers(watch, "0")
    assert seen == ["before"]
    assert _workers(watch, cursor)[0] == []
    early.commit()
    seen, cursor = _workers(watch, cursor)
    assert seen == ["late", "after"], "by transaction, whichever was committed first"
    assert _workers(watch, cursor) == ([], cursor)


def test_one_that_is_rolled_back_holds_up_nothing(watch: Connection, early: Connection) -> None:
    feed.append(early, "heartbeat", worker="never")
    _beat(watch, "after")
    early.rollback()
    assert _workers(watch, "0")[0] == ["after"]


def test_in_pieces_each_transaction_comes_whole_and_once(watch: Connection) -> None:
    for batch in (("a1", "a2", "a3"), ("b1",), ("c1", "c2")):
        _beat(watch, *batch)
    for most, pieces in {1: 3, 2: 2, 3: 2, 4: 2, 5: 1, 6: 1}.items():
        assert _pieces(watch, most) == pieces


def _pieces(watch: Connection, most: int) -> int:
    """In how many pieces all is read."""
    whole = {"a": 3, "b": 1, "c": 2}
    read: list[str] = []
    pieces, cursor = 0, "0"
    while piece := (read_now := _workers(watch, cursor, most))[0]:
        for name in {worker[0] for worker in piece}:
            assert sum(worker[0] == name for worker in piece) == whole[name], "never a part"
        read += piece
        cursor = read_now[1]
        pieces += 1
    assert read == ["a1", "a2", "a3", "b1", "c1", "c2"]
    return pieces


def test_ahead_of_whatever_is_committed_while_an_earlier_one_runs(
    watch: Connection, early: Connection
) -> None:
    """A copy of the registry made now is as new as this, and not only as the oldest that runs."""
    feed.append(early, "registry")
    _beat(watch, "committed")
    ahead = feed.ahead(watch)
    assert ahead > _xid(watch, "committed")
    _beat(watch, "next")
    assert ahead <= _xid(watch, "next")


def test_pruning_keeps_what_is_not_read_and_how_often_the_registry_changed(
    watch: Connection,
) -> None:
    for _ in range(3):
        with watch.transaction():
            feed.append(watch, "registry")
    _beat(watch, "read")
    _beat(watch, "at the cursor")
    _beat(watch, "beyond")
    feed.prune(watch, str(_xid(watch, "at the cursor")))
    assert feed.registry_version(watch) == 3
    assert _workers(watch, "0")[0] == ["", "", "", "at the cursor", "beyond"]
    feed.prune(watch, str(feed.ahead(watch)))
    assert feed.registry_version(watch) == 3
    assert _workers(watch, "0")[0] == ["", "", ""]


def test_pruning_remembers_the_days_that_changed_since_they_were_copied(watch: Connection) -> None:
    copied = DAY + timedelta(days=2)
    watch.execute(
        "INSERT INTO columnar_part (first, last, xid, file, rows) VALUES (%s, %s, '0', 'x', 0)",
        [DAY, copied],
    )
    for times in (
        (DAY + timedelta(hours=5), DAY + timedelta(days=1, hours=23)),
        (DAY + timedelta(hours=6),),
        (copied, copied + timedelta(hours=1)),  # not in the copy
    ):
        with watch.transaction():
            feed.append(watch, "readings", rows=_readings(*times))
    xids = [int(xid) for (xid,) in watch.execute("SELECT xid::text FROM feed ORDER BY xid")]
    feed.prune(watch, str(feed.ahead(watch)))
    dirty = watch.execute("SELECT day, xid::text::bigint FROM columnar_dirty ORDER BY day")
    assert dirty.fetchall() == [
        (DAY.date(), xids[1]),
        ((DAY + timedelta(days=1)).date(), xids[0]),
    ]
    with watch.transaction():
        feed.append(watch, "readings", rows=_readings(DAY + timedelta(days=1)))
    (last,) = watch.execute("SELECT max(xid)::text::bigint FROM feed").fetchone() or (0,)
    feed.prune(watch, str(feed.ahead(watch)))
    dirty = watch.execute("SELECT day, xid::text::bigint FROM columnar_dirty ORDER BY day")
    assert dirty.fetchall() == [
        (DAY.date(), xids[1]),
        ((DAY + timedelta(days=1)).date(), last),
    ]


def test_hours_that_readings_lie_in() -> None:
    def hours(*minutes: int) -> str:
        rows = np.frombuffer(_readings(*(DAY + timedelta(minutes=at) for at in minutes)), dtype=ROW)
        return feed.hours_of(rows).replace("2024-01-01T", "").replace("+00:00", "")

    assert hours() == "{}"
    assert hours(0) == hours(0, 59) == "{[00:00:00,01:00:00)}"
    assert hours(59, 60) == "{[00:00:00,02:00:00)}"
    assert hours(200, 10, 70) == "{[00:00:00,02:00:00),[03:00:00,04:00:00)}"
    many = [n * 120 for n in range(64)]
    assert feed.hours_of(_rows(many)).count("[") == 64
    assert feed.hours_of(_rows([*many, 64 * 120])).count("[") == 1, "of very many it is one"


def _rows(minutes: list[int]) -> np.ndarray:
    return np.frombuffer(_readings(*(DAY + timedelta(minutes=at) for at in minutes)), dtype=ROW)


def test_what_one_has_written_itself_is_not_beyond_the_cursor(watch: Connection) -> None:
    with watch.transaction():
        feed.append(watch, "heartbeat", worker="own")
        seen, cursor = _workers(watch, "0")
        assert seen == []
    assert _workers(watch, cursor)[0] == ["own"]


def test_what_only_wakes_others_waits_for_no_disk(database_url: str, watch: Connection) -> None:
    listen(watch, feed.CHANNEL)
    with closing(connect(database_url, autocommit=True)) as ingest:
        transactions.wake_later(ingest)
        ingest.execute("SET synchronous_commit = on")  # off in tests
        with ingest.pipeline():
            transactions.begin(ingest)
            feed.append(ingest, "heartbeat", worker="one")
            durable = ingest.execute("SHOW synchronous_commit")
            transactions.commit(ingest)
        assert wait_for_notification(watch, 10.0), "whoever listens is woken"
        with ingest.transaction():
            ingest.execute("SELECT wake('other'), wake_waiting()")
            waits = ingest.execute("SHOW synchronous_commit").fetchone()
        with ingest.transaction():  # what is written in the same transaction is on the disk
            feed.append(ingest, "heartbeat", worker="two")
            ingest.execute("SELECT wake_waiting()")
            written = ingest.execute("SHOW synchronous_commit").fetchone()
        after = ingest.execute("SHOW synchronous_commit").fetchone()
    assert durable.fetchone() == written == after == ("on",)
    assert waits == ("off",)
