"""Advisory locks: the holder of one does not block a session that takes another."""

import re
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

import hypervisor.database
from hypervisor import cli
from hypervisor.base.instance import Instance, Mode
from hypervisor.broker.child import wait_until
from hypervisor.database import instance, locks
from hypervisor.database.connect import Connection, StoreError, connect, store_errors
from hypervisor.database.locks import Lock
from hypervisor.notifications import queries_deliveries
from hypervisor.readings import queries_corrections, queries_workers

pytestmark = pytest.mark.integration


@pytest.fixture
def two(database_url: str) -> Iterator[tuple[Connection, Connection]]:
    with connect(database_url) as one, connect(database_url) as other:
        other.execute("SET lock_timeout = '2s'")
        yield one, other


def test_who_acts_on_readings_does_not_wait_for_the_conductor(
    two: tuple[Connection, Connection],
) -> None:
    conductor, person = two
    assert locks.take(conductor, Lock.CONDUCTOR)
    queries_corrections.lock_corrections(person)


def test_notifications_do_not_wait_for_the_copy_by_columns(
    two: tuple[Connection, Connection],
) -> None:
    housekeeper, notifier = two
    assert locks.take(housekeeper, Lock.COPYING)
    assert queries_deliveries.lock_decisions(notifier)


def test_each_lock_is_held_once_and_keeps_nobody_from_another(
    two: tuple[Connection, Connection],
) -> None:
    one, other = two
    for held, asked in permutations(Lock, 2):
        assert locks.take(one, held)
        assert not locks.take(other, held)
        assert locks.take(other, asked), (held, asked)
        locks.release(one, held)
        locks.release(other, asked)


def test_a_lock_is_seen_to_be_held_by_its_number_in_its_database_alone(
    two: tuple[Connection, Connection], shared_url: str
) -> None:
    one, other = two
    for lock in Lock:
        assert not locks.is_held(other, lock)
        assert locks.take(one, lock)
        assert [each for each in Lock if locks.is_held(other, each)] == [lock]
        locks.release(one, lock)
    one.execute("SELECT pg_advisory_lock(%s, 3)", [Lock.WORKER.value])  # of two numbers
    one.execute("SELECT pg_advisory_lock(3, %s)", [Lock.WORKER.value])
    one.execute("SELECT pg_advisory_lock(0, %s)", [Lock.WATCH.value])
    one.execute("LOCK instance")  # a lock that is not advisory
    assert not [each for each in Lock if locks.is_held(other, each)]
    with connect(shared_url) as elsewhere:
        assert locks.take(elsewhere, Lock.WATCH)
        assert not locks.is_held(other, Lock.WATCH)
        assert locks.is_held(elsewhere, Lock.WATCH)


def test_a_lock_of_a_transaction_ends_with_it(two: tuple[Connection, Connection]) -> None:
    one, other = two
    other.commit()  # its time limit stays after what is rolled back
    assert locks.take_in_transaction(one, Lock.WATCH)
    assert not locks.take_in_transaction(other, Lock.WATCH)
    one.rollback()
    assert locks.take_in_transaction(other, Lock.WATCH)
    other.rollback()
    locks.wait_for(one, Lock.WATCH)
    assert not locks.take(other, Lock.WATCH)
    with pytest.raises(StoreError, match="other work has held"):
        locks.wait_for(other, Lock.WATCH)
    other.rollback()
    one.commit()
    assert locks.take(other, Lock.WATCH)


def test_who_stands_by_says_so_and_stops_when_it_is_to(
    two: tuple[Connection, Connection],
) -> None:
    one, other = two
    said: list[str] = []
    assert locks.take(one, Lock.FEEDS)
    assert not locks.stand_by(other, Lock.FEEDS, lambda: len(said) > 0, said.append)
    assert said == ["another process has the lock FEEDS: standing by until it ends"]
    locks.release(one, Lock.FEEDS)
    assert locks.stand_by(other, Lock.FEEDS, lambda: False, said.append)
    assert len(said) == 1


def test_no_session_waits_for_a_lock_of_any_kind_without_an_end(
    two: tuple[Connection, Connection],
) -> None:
    one, other = two
    limit = one.execute("SHOW lock_timeout").fetchone()
    assert limit == (locks.LONGEST_WAIT,)
    other.commit()
    one.execute("LOCK instance")
    with pytest.raises(StoreError, match="try again when that work has ended"), store_errors():
        other.execute("SELECT FROM instance")


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("SELECT FROM instance", "error: other work has held for too long"),
        (
            "SELECT 1 LIMIT 99999999999999999999",
            "error: a value that the database cannot hold: bigint",
        ),
        ("SELECT pg_terminate_backend(pg_backend_pid())", "error: the database says: terminating"),
    ],
)
def test_a_command_that_loses_the_database_ends_with_a_sentence(
    two: tuple[Connection, Connection],
    capsys: pytest.CaptureFixture[str],
    statement: str,
    sentence: str,
) -> None:
    one, other = two
    other.commit()
    one.execute("LOCK instance")
    with pytest.raises(SystemExit) as end:
        cli.main(lambda: other.execute(statement.encode()))
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(sentence)


def test_numbers_of_locks_stand_in_one_file() -> None:
    folder = Path(hypervisor.database.__file__).parent
    said = re.compile(r"advisory\w*lock\(\s*\d|\b73[56]\d\b")
    spelt = [file for file in folder.rglob("*.py") if said.search(file.read_text("utf-8"))]
    assert spelt == [folder / "locks.py"]


@pytest.mark.parametrize(
    ("mode", "heard_ago", "expected"),
    [("live", -60, False), ("live", 60, True), ("exercise", 60, False)],
)
def test_who_is_heard_or_plays_an_exercise_keeps_its_claim(
    database_url: str, mode: str, heard_ago: int, *, expected: bool
) -> None:
    with connect(database_url) as holder, connect(database_url, autocommit=True) as other:
        instance.create(other, Instance(mode=Mode(mode), name="test"))
        other.execute(
            "INSERT INTO worker (name, joined_at, heartbeat_at)"
            " VALUES ('one', '2020-01-01', now() - %s * interval '1 s')",
            [heard_ago],
        )
        assert queries_workers.claim(holder)
        holder.commit()
        assert (
            queries_workers.find_silent_claim(other, lease=3600) is None
        )  # it has just done something
        pid = holder.info.backend_pid if expected else None
        assert wait_until(
            lambda: queries_workers.find_silent_claim(other, lease=0.0) == pid, seconds=30
        )
        holder.pgconn.send_query(b"SELECT pg_sleep(60)")
        active = "SELECT state = 'active' FROM pg_stat_activity WHERE pid = %s"
        mine = [holder.info.backend_pid]
        assert wait_until(lambda: other.execute(active, mine).fetchone() == (True,), seconds=30)
        assert (
            queries_workers.find_silent_claim(other, lease=0.0) is None
        )  # it waits for a statement
        queries_workers.end_claim(other, holder.info.backend_pid)
        assert wait_until(lambda: queries_workers.claim(other), seconds=30)
        holder.close()
