"""What the database keeps of ingest itself: workers, what they heard, deaf spans, dead letters."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.base.instants import micros
from hypervisor.broker.child import wait_until
from hypervisor.database import feed, gaps
from hypervisor.database.connect import Connection, connect
from hypervisor.readings import (
    queries_codecs,
    queries_dead_letters,
    queries_workers,
)
from hypervisor.readings.queries_workers import Tally
from ingest.message import NewDeadLetter
from ingest.ports import CodecSource
from sensors._row import NEVER
from tests.integration.ingest.conftest import count

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url, autocommit=True) as made:
        made.execute("INSERT INTO instance (mode, name) VALUES ('live', 'here')")
        yield made


def at(seconds: float) -> int:
    return micros(NOW) + round(seconds * 1e6)


def moment(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_what_was_heard_never_goes_back(connection: Connection) -> None:
    """A heartbeat sent again, or a clock set back: silence up to there is judged already."""
    for name in ("one", "two"):
        queries_workers.join(connection, name)
    queries_workers.record_heartbeat(
        connection, "one", at(10), Tally(messages=3, rows=5, refused=1, batches=2)
    )
    queries_workers.record_heartbeat(
        connection, "one", at(4), Tally(messages=1, rows=1, refused=1, retries=7)
    )
    one, two = queries_workers.list_workers(connection)
    assert (one.name, one.heartbeat_at, two.heartbeat_at) == ("one", moment(10), None)
    queries_workers.record_heartbeat(connection, "one", at(11))
    assert queries_workers.list_workers(connection)[0].heartbeat_at == moment(11)
    tally = connection.execute(
        "SELECT messages, rows, refused, batches, retries FROM worker ORDER BY name"
    ).fetchall()
    assert tally == [(4, 6, 2, 2, 7), (0, 0, 0, 0, 0)]
    entries, _ = feed.read(connection, "0")
    assert [(e.worker, e.at) for e in entries if e.kind == "heartbeat"] == [
        ("one", moment(10)),
        ("one", moment(4)),
        ("one", moment(11)),
    ]


def test_a_deaf_span_does_not_shrink(connection: Connection) -> None:
    queries_workers.record_gaps(connection, "one", [(at(0), at(30))])
    queries_workers.record_gaps(connection, "one", [(at(0), at(10)), (at(40), at(50))])
    queries_workers.record_gaps(connection, "one", [(at(0), at(35))])
    queries_workers.record_gaps(connection, "two", [(at(0), at(5))])
    found = connection.execute(
        "SELECT worker, from_at, to_at FROM ingest_gap ORDER BY worker, from_at"
    ).fetchall()
    assert found == [
        ("one", moment(0), moment(35)),
        ("one", moment(40), moment(50)),
        ("two", moment(0), moment(5)),
    ]
    latest = gaps.latest(connection, limit=2)
    assert [(d.worker, d.begins, d.ends) for d in latest] == [
        ("one", moment(40), moment(50)),
        ("one", moment(0), moment(35)),
    ]


def test_the_first_worker_hears_of_nothing_before_it(connection: Connection) -> None:
    first = queries_workers.join(connection, "one")
    (begins, ends), *more = connection.execute("SELECT from_at, to_at FROM ingest_gap").fetchall()
    assert (begins.year, ends, more) == (1800, first.joined_at, [])
    assert not gaps.latest(connection, limit=10)  # that from before the first is none
    queries_workers.join(connection, "one")
    queries_workers.join(connection, "two")
    assert count(connection, "ingest_gap") == 1


def test_one_who_joins_again_goes_on_where_it_was(connection: Connection) -> None:
    first = queries_workers.join(connection, "one")
    queries_workers.record_heartbeat(connection, "one", at(3))
    again = queries_workers.join(connection, "one")
    assert (again.heartbeat_at, again.joined_at) == (moment(3), first.joined_at)
    assert again.drained_at is None


def test_one_process_works(connection: Connection, database_url: str) -> None:
    with connect(database_url) as other:
        assert queries_workers.claim(connection)
        assert not queries_workers.claim(other)


# -- dead letters -------------------------------------------------------------------------------


def letter(
    name: str, reason: str = "not-json", *, again: bool = False, seconds: float = 0
) -> NewDeadLetter:
    return NewDeadLetter(
        topic=f"devices/{name}/readings",
        payload=name.encode(),
        reason=reason,
        detail="why",
        received_at=at(seconds),
        again=again,
    )


def test_a_letter_that_may_be_there_is_buried_once(connection: Connection) -> None:
    """Sent again by the broker, or stored before by a commit whose answer was lost."""
    queries_dead_letters.store_letters(connection, [letter("a"), letter("b")], "one")
    queries_dead_letters.store_letters(
        connection, [letter("a"), letter("a", "empty")], "one"
    )  # others, alike
    queries_dead_letters.store_letters(
        connection, [letter("a", again=True), letter("c", again=True)], "one"
    )
    queries_dead_letters.store_letters(connection, [letter("b"), letter("d")], "one", again=True)
    found = queries_dead_letters.list_letters(connection, limit=None)
    assert [(one.topic[8], one.reason) for one in found] == [
        *[("a", "not-json"), ("b", "not-json"), ("a", "not-json"), ("a", "empty")],
        *[("c", "not-json"), ("d", "not-json")],
    ]
    queries_dead_letters.record_outcome(connection, found[1].id, outcome="stored", done=True)
    queries_dead_letters.store_letters(
        connection, [letter("b", again=True)], "one"
    )  # refused for the same once more
    assert count(connection, "dead_letter") == 7


def test_a_letter_without_arrival_has_the_walls(connection: Connection) -> None:
    unstamped = NewDeadLetter(
        topic="t", payload=b"", reason="no-stamp", detail="", received_at=NEVER, again=False
    )
    queries_dead_letters.store_letters(connection, [unstamped], "one")
    (found,) = queries_dead_letters.list_letters(connection)
    assert abs(found.received_at - datetime.now(UTC)) < timedelta(hours=1)


def test_letters_are_found_by_what_they_are(connection: Connection) -> None:
    many = [letter("a"), letter("b", "empty"), letter("a", "empty"), letter("c")]
    queries_dead_letters.store_letters(connection, many, "one")
    first, second, third, fourth = queries_dead_letters.list_letters(connection)
    assert [one.id for one in (first, second, third, fourth)] == sorted(
        one.id for one in (first, second, third, fourth)
    )
    queries_dead_letters.record_outcome(
        connection, second.id, outcome="1 readings stored", done=True
    )
    queries_dead_letters.record_outcome(connection, third.id, outcome="refused: empty", done=False)

    def ids(**which: object) -> list[int]:
        return [one.id for one in queries_dead_letters.list_letters(connection, **which)]  # type: ignore[arg-type]

    assert ids() == [first.id, third.id, fourth.id]
    assert ids(waiting=False) == [first.id, second.id, third.id, fourth.id]
    assert ids(reason="empty") == [third.id]
    assert ids(topic=first.topic) == [first.id, third.id]
    assert ids(topic=first.topic, reason="not-json") == [first.id]
    assert ids(after=first.id) == [third.id, fourth.id]
    assert ids(limit=1) == [first.id]
    backwards = queries_dead_letters.list_letters(connection, newest_first=True, limit=2)
    assert [one.id for one in backwards] == [fourth.id, third.id]
    before = queries_dead_letters.list_letters(
        connection, newest_first=True, before=third.id, waiting=False, limit=9
    )
    assert [one.id for one in before] == [second.id, first.id]
    done = queries_dead_letters.get_dead_letter(connection, second.id)
    assert done is not None
    assert (done.replayed_at is None, done.outcome) == (False, "1 readings stored")
    tried = queries_dead_letters.get_dead_letter(connection, third.id)
    assert tried is not None
    assert (tried.replayed_at, tried.outcome) == (None, "refused: empty")
    assert queries_dead_letters.get_dead_letter(connection, fourth.id + 99) is None
    counts = queries_dead_letters.count_by_reason(connection)
    assert [(row.reason, row.waiting, row.replayed) for row in counts] == [
        ("not-json", 2, 0),
        ("empty", 1, 1),
    ]
    assert queries_dead_letters.lock_letter(connection, first.id)
    assert not queries_dead_letters.lock_letter(connection, second.id)


def test_two_who_replay_take_turns(connection: Connection, database_url: str) -> None:
    queries_dead_letters.store_letters(connection, [letter("a")], "one")
    (found,) = queries_dead_letters.list_letters(connection)
    with connect(database_url) as other:
        other.execute("SET lock_timeout = '200ms'")
        with connection.transaction():
            assert queries_dead_letters.lock_letter(connection, found.id)
            with pytest.raises(Exception, match="lock timeout"):
                queries_dead_letters.lock_letter(other, found.id)
            other.rollback()
            queries_dead_letters.record_outcome(connection, found.id, outcome="stored", done=True)
        assert not queries_dead_letters.lock_letter(other, found.id)


def test_refusals_are_counted_by_reason(connection: Connection) -> None:
    days = [letter(name, "empty", seconds=-86_400 * 3) for name in "abb"]
    queries_dead_letters.store_letters(
        connection, [*days, letter("c"), letter("c", seconds=-10)], "one"
    )
    (first, *_) = queries_dead_letters.list_letters(connection, reason="empty")
    queries_dead_letters.record_outcome(connection, first.id, outcome="stored", done=True)
    (tried, *_) = queries_dead_letters.list_letters(connection, reason="not-json")
    queries_dead_letters.record_outcome(connection, tried.id, outcome="refused", done=False)
    assert queries_dead_letters.count_by_reason(connection, since=moment(-86_400)) == [
        queries_dead_letters.Refusals(
            reason="not-json", waiting=2, replayed=0, lately=2, last=moment(0), topics=1, failed=1
        ),
        queries_dead_letters.Refusals(
            reason="empty",
            waiting=2,
            replayed=1,
            lately=0,
            last=moment(-3 * 86_400),
            topics=1,
            failed=0,
        ),
    ]


def test_codecs_are_kept_and_told(connection: Connection) -> None:
    queries_codecs.save_codec(connection, "b", CodecSource(mapping="m", script="s"), "ada")
    queries_codecs.save_codec(connection, "a", CodecSource(mapping="n"), "ben")
    queries_codecs.save_codec(connection, "b", CodecSource(mapping="o"), "cid")
    assert queries_codecs.load_sources(connection) == {
        "a": CodecSource(mapping="n"),
        "b": CodecSource(mapping="o"),
    }
    assert [(one.name, one.author) for one in queries_codecs.list_codecs(connection)] == [
        ("a", "ben"),
        ("b", "cid"),
    ]
    assert feed.registry_version(connection) == 3
    assert not queries_codecs.delete_codec(connection, "c")
    assert feed.registry_version(connection) == 3
    assert queries_codecs.delete_codec(connection, "a")
    assert feed.registry_version(connection) == 4
    assert [*queries_codecs.load_sources(connection)] == ["b"]


def test_a_silent_holder_of_the_claim_is_found(connection: Connection, database_url: str) -> None:
    """Only one that has neither said nor stored anything: who works off a queue is heard late."""
    with connect(database_url, autocommit=True) as holder:
        assert queries_workers.find_silent_claim(connection, lease=0) is None, "nobody holds it"
        assert queries_workers.claim(holder)
        pid = holder.info.backend_pid
        assert queries_workers.find_silent_claim(connection, lease=3600) is None
        assert wait_until(
            lambda: queries_workers.find_silent_claim(connection, lease=0) == pid, seconds=30
        )
        queries_workers.join(connection, "one")
        queries_workers.record_heartbeat(connection, "one", at(3600))
        assert queries_workers.find_silent_claim(connection, lease=0) is None, "it was heard"
        connection.execute("UPDATE worker SET drained_at = now()")
        assert queries_workers.find_silent_claim(connection, lease=0) == pid
        queries_workers.end_claim(connection, pid)
    assert wait_until(
        lambda: queries_workers.find_silent_claim(connection, lease=0) is None, seconds=30
    )


def test_an_exercises_clock_may_stand(database_url: str) -> None:
    with connect(database_url, autocommit=True) as made, connect(database_url) as holder:
        made.execute("INSERT INTO instance (mode, name) VALUES ('exercise', 'there')")
        assert queries_workers.claim(holder)
        holder.commit()
        assert queries_workers.find_silent_claim(made, lease=0) is None
        joined = queries_workers.join(made, "one")
        assert joined.joined_at == datetime(1970, 1, 1, tzinfo=UTC), "from its very beginning"
        assert count(made, "ingest_gap") == 0
