"""What came in and what did not: gaps, who was due, workers, letters, arrivals, codecs."""

import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from hypervisor.base.instants import BEGINNING, micros, moment
from hypervisor.broker.child import wait_until
from hypervisor.database import feed, gaps, instance
from hypervisor.database.connect import Connection, StoreError, connect
from hypervisor.database.gaps import Gap, Returns
from hypervisor.exercises import queries as exercise_queries
from hypervisor.readings import (
    queries_codecs,
    queries_dead_letters,
    queries_workers,
)
from hypervisor.readings.queries_ingest import Intake
from hypervisor.readings.queries_workers import Tally, Worker
from ingest.message import NewDeadLetter
from ingest.ports import CodecSource, Inventory, OccupiedError, UnavailableError
from sensors._domain import catalogue
from tests.integration.database.standing import HOUR, NOW, TICK, add_device, make_places

pytestmark = pytest.mark.integration

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
NOBODY = "postgresql://nobody@127.0.0.1:1/none"


def _clock(connection: Connection) -> datetime:
    """That of the transaction."""
    (now,) = connection.execute("SELECT now()").fetchone() or (NOW,)
    return now  # type: ignore[no-any-return]


def _add_worker(
    connection: Connection,
    name: str,
    heard: datetime | None,
    drained: datetime | None = None,
) -> None:
    connection.execute(
        "INSERT INTO worker (name, heartbeat_at, joined_at, drained_at) VALUES (%s, %s, %s, %s)",
        [name, heard, NOW - 9 * HOUR, drained],
    )


# -- the ledger of gaps -------------------------------------------------------------------------


def test_gaps_and_deaf_spans_the_latest_first(connection: Connection) -> None:
    def add(cause: gaps.Cause, worker: str, begins: datetime, ends: datetime) -> Gap:
        gap = Gap(cause=cause, worker=worker, begins=begins, ends=ends, messages=4)
        gaps.add(connection, gap)
        return gap

    def deaf(worker: str, begins: datetime, ends: datetime) -> Gap:
        connection.execute("INSERT INTO ingest_gap VALUES (%s, %s, %s)", [worker, begins, ends])
        return Gap(cause="not-listening", worker=worker, begins=begins, ends=ends)

    killed = add("broker-killed", "", NOW - HOUR, NOW)
    lost = add("session-lost", "a", NOW - 2 * HOUR, NOW - HOUR)
    other = add("machine-died", "a", NOW - HOUR / 2, NOW)
    deaf("a", NOW - 2 * HOUR, NOW - HOUR)  # the same as the lost session
    of_b = deaf("b", NOW - 2 * HOUR, NOW - HOUR)
    later = deaf("a", NOW - 2 * HOUR + TICK, NOW - TICK)
    beside = deaf("a", NOW - HOUR / 2, NOW + TICK)  # a death is no lost session
    deaf("a", moment(BEGINNING), NOW + HOUR)
    latest = gaps.latest(connection, limit=9)
    assert latest[:4] == [beside, other, killed, later]
    assert {(gap.cause, gap.worker) for gap in latest[4:]} == {
        (gap.cause, gap.worker) for gap in (lost, of_b)
    }
    assert gaps.latest(connection, limit=2) == [beside, other]
    assert gaps.latest(connection, limit=9, since=NOW - TICK) == [beside, other, killed]
    assert Gap.of("not-listening", "b", micros(of_b.begins), micros(of_b.ends)) == of_b


def test_what_the_broker_dropped_was_dropped_since_the_last_heartbeat(
    connection: Connection,
) -> None:
    now = _clock(connection)
    _add_worker(connection, "one", NOW)
    _add_worker(connection, "new", None)
    _add_worker(connection, "ahead", now + HOUR)
    gaps.note_dropped(connection, "nobody", 3)
    gaps.note_dropped(connection, "one", 0)
    assert gaps.latest(connection, limit=9) == []
    for worker in ("one", "new", "ahead"):
        gaps.note_dropped(connection, worker, 5)
    assert gaps.latest(connection, limit=9) == [
        Gap(cause="broker-dropped", worker=worker, begins=begins, ends=now, messages=5)
        for worker, begins in (("ahead", now), ("one", NOW), ("new", NOW - 9 * HOUR))
    ]
    for worker, count in (("one", 5), ("new", 6), ("ahead", 4)):
        connection.execute("UPDATE worker SET heartbeat_at = %s", [NOW + HOUR])
        gaps.note_dropped(connection, worker, count)
    assert {(gap.worker, gap.messages) for gap in gaps.latest(connection, limit=2)} == {
        ("ahead", 5),
        ("new", 1),
    }


def test_in_an_exercise_the_broker_dropped_them_just_now(connection: Connection) -> None:
    connection.execute("UPDATE instance SET mode = 'exercise'")
    _add_worker(connection, "one", NOW)
    gaps.note_dropped(connection, "one", 5)
    now = _clock(connection)
    assert gaps.latest(connection, limit=9) == [
        Gap(
            cause="broker-dropped",
            worker="one",
            begins=now - 10 * SECOND,
            ends=now,
            messages=5,
        )
    ]


def test_who_enters_what_was_dropped_looks_when_the_other_is_done(database_url: str) -> None:
    with (
        closing(connect(database_url)) as first,
        closing(connect(database_url)) as second,
        closing(connect(database_url, autocommit=True)) as watching,
    ):
        make_places(first)
        _add_worker(first, "one", NOW)
        first.commit()
        gaps.note_dropped(first, "one", 5)
        other = threading.Thread(target=gaps.note_dropped, args=[second, "one", 7])
        other.start()
        waits = "SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s"
        pid = [second.info.backend_pid]
        assert wait_until(lambda: watching.execute(waits, pid).fetchone() == ("Lock",), seconds=30)
        first.execute("UPDATE worker SET heartbeat_at = clock_timestamp()")
        first.commit()
        other.join()
        second.commit()
        assert sorted(gap.messages or 0 for gap in gaps.latest(watching, limit=9)) == [2, 5]
        assert not gaps.enter(NOBODY, [])
        gap = Gap(cause="machine-died", worker="", begins=NOW, ends=NOW + HOUR)
        assert gaps.enter(database_url, [gap])
        assert gap in gaps.latest(watching, limit=9)


def _returns(
    connection: Connection,
    rows: Mapping[str, list[tuple[float, float | None]]],
    *,
    ends: float = 100,
) -> dict[str, tuple[int, int, int, int]]:
    """Of devices with a reading a minute, what was due from NOW on for `ends` s.

    `rows`: (time, arrival) in s after NOW.
    """
    series = {}
    for device, spoken in rows.items():
        series[device] = add_device(connection, device, "mill", "level")["level"]
        for time, arrival in spoken:
            connection.execute(
                "INSERT INTO reading (series_id, time, received_at, value, quality)"
                " VALUES (%s, %s, %s, 1, 0)",
                [
                    series[device],
                    NOW + time * SECOND,
                    None if arrival is None else NOW + arrival * SECOND,
                ],
            )
    intervals = dict.fromkeys(series.values(), 60.0)
    every = gaps.count_returns(connection, NOW, NOW + ends * SECOND, intervals)
    assert [one.device for one in every] == sorted(one.device for one in every)
    return {one.device: (one.due, one.prompt, one.late, one.missing) for one in every}


def test_who_was_due_in_a_gap(connection: Connection) -> None:
    """Of a series that spoke last at -90 s, what is due at 30 s and 90 s."""
    assert _returns(
        connection,
        {
            "silent-for-ten": [(-600, -600)],
            "silent-for-more": [(-600.000001, -600)],
            "speaks-at-its-beginning": [(-90, -90), (0, 0)],
            "never": [],
            "in-time": [(-90, -90), (30, 100)],
            "late": [(-90, -90), (30, 100.000001), (90, None)],
            "both": [(-90, -90), (30, 30), (90, 200)],
            "on-the-edge": [(-90, -90), (130, 130)],
            "within-the-edge": [(-90, -90), (129.999999, 130)],
            "the-last-is-none-of-them": [(-20, -20)],
        },
    ) == {
        "silent-for-ten": (1, 0, 0, 1),
        "speaks-at-its-beginning": (2, 1, 0, 1),
        "in-time": (2, 1, 0, 1),
        "late": (2, 0, 2, 0),
        "both": (2, 1, 1, 0),
        "on-the-edge": (2, 0, 0, 2),
        "within-the-edge": (2, 0, 1, 1),
        "the-last-is-none-of-them": (2, 0, 0, 2),
    }


def test_where_nothing_was_due_nobody_lacks(connection: Connection) -> None:
    assert _returns(connection, {"gauge": [(-30, -30)], "due": [(-59, -59)]}, ends=2) == {
        "due": (1, 0, 0, 1)
    }


def test_more_than_was_due_is_not_counted(connection: Connection) -> None:
    often: list[tuple[float, float | None]] = [
        (-90.0, -90.0),
        *((at, 50.0) for at in range(0, 50, 10)),
        (90.0, 200.0),
    ]
    assert _returns(connection, {"gauge": often}) == {"gauge": (2, 2, 0, 0)}
    assert Returns(device="d", due=7, prompt=3, late=2).missing == 2


# -- workers ------------------------------------------------------------------------------------


def test_who_takes_over_goes_on_where_the_last_one_stood(connection: Connection) -> None:
    _add_worker(connection, "a", NOW)
    _add_worker(connection, "b", NOW + HOUR)
    _add_worker(connection, "gone", NOW + 5 * HOUR, NOW)
    joined = queries_workers.take_over(connection, "new")
    assert (joined.name, joined.heartbeat_at, joined.drained_at) == ("new", NOW + HOUR, None)
    now = _clock(connection)
    assert joined.joined_at == now
    assert [(one.name, one.drained_at) for one in queries_workers.list_workers(connection)] == [
        ("a", now),
        ("b", now),
        ("gone", NOW),
        ("new", None),
    ]
    assert feed.registry_version(connection) == 1
    assert queries_workers.take_over(connection, "new").heartbeat_at == NOW + HOUR
    assert feed.registry_version(connection) == 1, "nobody's clock is another's"
    assert connection.execute("SELECT count(*) FROM ingest_gap").fetchone() == (0,)
    queries_workers.record_heartbeat(connection, "new", micros(NOW + 3 * HOUR))
    _add_worker(connection, "c", NOW + 2 * HOUR)
    assert queries_workers.take_over(connection, "new").heartbeat_at == NOW + 3 * HOUR, "never back"
    assert queries_workers.take_over(connection, "a").heartbeat_at == NOW + 3 * HOUR


def test_until_somebody_joined_nobody_listened(connection: Connection) -> None:
    now = _clock(connection)
    _add_worker(connection, "a", NOW, NOW + HOUR)
    _add_worker(connection, "b", NOW, NOW + 2 * HOUR)
    again = queries_workers.join(connection, "a")
    assert (again.heartbeat_at, again.joined_at, again.drained_at) == (None, now, None)
    assert connection.execute("SELECT * FROM ingest_gap").fetchall() == [("a", NOW + 2 * HOUR, now)]
    queries_workers.join(connection, "b", NOW)
    assert connection.execute("SELECT count(*) FROM ingest_gap").fetchone() == (1,)


def test_a_worker_and_what_it_did(connection: Connection) -> None:
    queries_workers.join(connection, "a")
    tally = Tally(messages=1, rows=2, refused=3, batches=4, retries=5, repeated=6)
    queries_workers.record_heartbeat(connection, "a", micros(NOW), tally)
    queries_workers.record_heartbeat(connection, "a", micros(NOW), tally)
    assert queries_workers.list_workers(connection) == [
        Worker(
            name="a",
            heartbeat_at=NOW,
            joined_at=_clock(connection),
            drained_at=None,
            done=Tally(messages=2, rows=4, refused=6, batches=8, retries=10, repeated=12),
        )
    ]
    assert Tally() == Tally(messages=0, rows=0, refused=0, batches=0, retries=0, repeated=0)


def test_a_worker_that_is_expected_keeps_its_claim_by_what_it_said(database_url: str) -> None:
    """Of several rows one that joined lately is enough; one that was sent away is not."""
    with (
        closing(connect(database_url, autocommit=True)) as holder,
        closing(connect(database_url, autocommit=True)) as connection,
    ):
        make_places(connection)
        now = _clock(connection)
        assert queries_workers.claim(holder)
        pid = holder.info.backend_pid
        assert wait_until(
            lambda: queries_workers.find_silent_claim(connection, lease=0.0) == pid, seconds=30
        )
        for heard, drained, silent in (
            (None, None, False),
            (NOW, None, True),
            (now + HOUR, None, False),
            (now + HOUR, now, True),
        ):
            connection.execute("DELETE FROM worker")
            _add_worker(connection, "old", NOW)
            connection.execute(
                "INSERT INTO worker (name, heartbeat_at, joined_at, drained_at)"
                " VALUES ('one', %s, %s, %s)",
                [heard, now + HOUR, drained],
            )
            assert (queries_workers.find_silent_claim(connection, lease=0.0) == pid) == silent


# -- letters, arrivals, codecs ------------------------------------------------------------------


def _letter(name: str, reason: str = "not-json", **columns: Any) -> NewDeadLetter:
    return NewDeadLetter(
        **{
            "topic": name,
            "payload": name.encode(),
            "reason": reason,
            "detail": f"of {name}",
            "received_at": micros(NOW),
            "again": False,
            **columns,
        }
    )


_list_latest = partial(queries_dead_letters.list_letters, newest_first=True)


def test_a_letter_as_it_is_kept(connection: Connection) -> None:
    queries_dead_letters.store_letters(connection, [_letter("a")], "one")
    (letter,) = queries_dead_letters.list_letters(connection)
    assert asdict(letter) == {
        "id": letter.id,
        "topic": "a",
        "payload": b"a",
        "reason": "not-json",
        "detail": "of a",
        "received_at": NOW,
        "worker": "one",
        "replayed_at": None,
        "outcome": None,
    }
    assert queries_dead_letters.get_dead_letter(connection, letter.id) == letter
    queries_dead_letters.record_outcome(connection, letter.id, outcome="stored", done=True)
    done = queries_dead_letters.get_dead_letter(connection, letter.id)
    assert done is not None
    assert (done.replayed_at, done.outcome) == (_clock(connection), "stored")
    assert _list_latest(connection, limit=9) == []
    assert queries_dead_letters.list_letters(
        connection, newest_first=True, limit=9, waiting=False
    ) == [done]
    assert not queries_dead_letters.lock_letter(connection, letter.id)


def test_a_letter_that_may_be_there_is_so_by_topic_reason_and_bytes(
    connection: Connection,
) -> None:
    queries_dead_letters.store_letters(connection, [_letter("a")], "one")
    others = [
        _letter("a", again=True),
        _letter("b", payload=b"a", again=True),
        _letter("a", "empty", again=True),
        _letter("a", payload=b"b", again=True),
    ]
    queries_dead_letters.store_letters(connection, others, "one")
    letters = queries_dead_letters.list_letters(connection)
    assert [(one.topic, one.reason, one.payload) for one in letters] == [
        ("a", "not-json", b"a"),
        ("b", "not-json", b"a"),
        ("a", "empty", b"a"),
        ("a", "not-json", b"b"),
    ]


def test_fifty_letters_are_found_unless_more_are_wanted(connection: Connection) -> None:
    queries_dead_letters.store_letters(
        connection, [_letter(str(n), "rare" if n else "r") for n in range(51)], "w"
    )
    first = queries_dead_letters.list_letters(connection)
    assert [letter.topic for letter in first] == [str(n) for n in range(50)]
    (last,) = queries_dead_letters.list_letters(connection, after=first[-1].id)
    assert last.topic == "50"
    assert len(queries_dead_letters.list_letters(connection, limit=None)) == 51
    assert [
        one.topic
        for one in queries_dead_letters.list_letters(
            connection, newest_first=True, before=last.id, limit=1
        )
    ] == ["49"]
    assert [
        one.topic
        for one in queries_dead_letters.list_letters(
            connection, newest_first=True, reason="r", limit=9
        )
    ] == ["0"]
    assert [
        one.topic
        for one in queries_dead_letters.list_letters(
            connection, newest_first=True, topic="7", limit=9
        )
    ] == ["7"]
    counts = queries_dead_letters.count_by_reason(connection)
    assert [(row.reason, row.waiting, row.replayed) for row in counts] == [
        ("rare", 50, 0),
        ("r", 1, 0),
    ]


def test_reasons_with_as_many_letters_by_the_last_of_them(connection: Connection) -> None:
    for reason, at in (("b", NOW), ("a", NOW + HOUR), ("c", NOW - HOUR)):
        queries_dead_letters.store_letters(
            connection, [_letter("x", reason, received_at=micros(at))], "w"
        )
    queries_dead_letters.store_letters(
        connection, [_letter("y", "c", received_at=micros(NOW - HOUR))], "w"
    )
    rows = queries_dead_letters.count_by_reason(connection, since=NOW)
    assert [(row.reason, row.waiting, row.lately, row.topics) for row in rows] == [
        ("c", 2, 0, 2),
        ("a", 1, 1, 1),
        ("b", 1, 0, 1),
    ]


def test_arrivals_of_a_step_and_how_late_they_were(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]
    day = timedelta(days=1)
    for time, received in (
        (NOW - MINUTE, NOW - MINUTE + SECOND),
        (NOW - 3 * MINUTE, NOW - MINUTE + 3 * SECOND),
        (NOW + day, NOW),
        (NOW + day + TICK, NOW),
    ):
        connection.execute(
            "INSERT INTO reading (series_id, time, received_at, value, quality)"
            " VALUES (%s, %s, %s, 1, 0)",
            [level, time, received],
        )
    rows = queries_workers.list_arrivals(connection, since=NOW - HOUR, until=NOW, step=HOUR / 2)
    (first, last) = rows
    assert (first.at, first.readings) == (NOW - HOUR / 2, 2)
    assert first.median_s == pytest.approx((1 + 123) / 2)
    assert first.most_s == pytest.approx(1 + 0.95 * 122)
    assert (last.at, last.readings, last.median_s) == (NOW, 1, -86_400)


def test_a_deaf_span_as_it_is_told(connection: Connection) -> None:
    exercise_queries.insert_gap(connection, micros(NOW), micros(NOW + HOUR))
    assert gaps.latest(connection, limit=1) == [
        Gap(cause="not-listening", worker="scenario", begins=NOW, ends=NOW + HOUR)
    ]


def test_a_codec_as_it_is_kept(connection: Connection) -> None:
    queries_codecs.save_codec(connection, "b", CodecSource(mapping="m", script="s"), "ada")
    queries_codecs.save_codec(connection, "b", CodecSource(mapping="n"), "ben")
    assert queries_codecs.list_codecs(connection) == [
        queries_codecs.StoredCodec(
            name="b", mapping="n", script=None, author="ben", changed_at=_clock(connection)
        )
    ]


# -- a worker's connection ----------------------------------------------------------------------


def test_a_worker_looks_once_a_second_whether_the_registry_changed(database_url: str) -> None:
    clock = 0.5

    def ticks() -> float:
        return clock

    with (
        closing(connect(database_url, autocommit=True)) as other,
        closing(Intake(url=database_url, worker="w", catalogue=catalogue(), ticks=ticks)) as intake,
    ):
        make_places(other)

        def changed(at: float, *, at_once: bool = False) -> bool:
            nonlocal clock
            clock = at
            return isinstance(intake.changed(at_once=at_once), Inventory)

        def change() -> None:
            feed.append(other, "registry")

        assert changed(0.5), "the first look is not waited for"
        assert not changed(1.5), "nothing is new"
        change()
        assert not changed(2.4)
        assert changed(2.5)
        change()
        assert changed(2.6, at_once=True)
        change()
        assert not changed(3.5)
        assert changed(3.6)
        mine = intake.open()
        assert intake.open() is mine
        with closing(
            Intake(url=database_url, worker="w", catalogue=catalogue(), ticks=ticks)
        ) as second:
            with pytest.raises(OccupiedError) as refusal:
                second.open()
            assert str(refusal.value) == "another process stores what devices send"
        other.execute("SELECT pg_terminate_backend(%s)", [mine.info.backend_pid])
        with pytest.raises(UnavailableError, match=r"terminat|closed the connection"):
            changed(9)
        assert wait_until(lambda: not _claimed(other), seconds=30)
        change()
        assert changed(99), "it is opened again"
        mended = intake.open()
        other.execute("ALTER TABLE codec RENAME TO elsewhere")
        change()
        with pytest.raises(Exception, match='relation "codec" does not exist'):
            changed(100)
        other.execute("ALTER TABLE elsewhere RENAME TO codec")
        assert changed(101)
        assert intake.open() is mended, "a mistake of ours is no lost connection"


def _claimed(connection: Connection) -> bool:
    return (
        connection.execute(
            "SELECT FROM pg_locks WHERE locktype = 'advisory' AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone()
        is not None
    )


def test_where_no_database_answers_a_worker_waits() -> None:
    intake = Intake(url=NOBODY, worker="w", catalogue=catalogue())
    with pytest.raises(UnavailableError, match=r"no database answers at 127\.0\.0\.1:1"):
        intake.open()
    intake.close()


def test_a_question_is_put_again_where_the_connection_was_lost(shared_url: str) -> None:
    questions = exercise_queries.RetryingConnection(shared_url)
    lost: list[Connection] = []

    def question(connection: Connection) -> int:
        if not lost:
            lost.append(connection)
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        row = connection.execute("SELECT 7").fetchone()
        return row[0] if row else 0

    assert questions.ask(question) == 7
    held: list[Connection] = []
    questions.ask(held.append)
    questions.ask(held.append)
    assert held[0] is held[1]
    assert held[0] is not lost[0]
    questions.close()
    assert held[0].closed
    questions.close()
    away = exercise_queries.RetryingConnection(NOBODY, patience=0)
    with pytest.raises(StoreError, match=r"^the database is unreachable: no database answers at"):
        away.ask(lambda _: None)


def test_a_worker_that_must_join_again(database_url: str) -> None:
    with connect(database_url, autocommit=True) as connection:
        for worker, drained in (("there", None), ("gone", NOW)):
            connection.execute(
                "INSERT INTO worker (name, joined_at, drained_at) VALUES (%s, %s, %s)",
                [worker, NOW, drained],
            )
    assert instance.is_drained(database_url, "gone")
    assert not instance.is_drained(database_url, "there")
    assert not instance.is_drained(database_url, "nobody")
