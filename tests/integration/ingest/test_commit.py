"""What one commit stores when it, or the answer to it, is lost: everything once, nothing beside."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from hypervisor.base.instants import micros
from hypervisor.base.settings import Settings
from hypervisor.database import transactions
from hypervisor.database.connect import Connection, connect
from hypervisor.readings import queries_dead_letters, queries_workers
from hypervisor.readings.ingest_inventory import list_units
from hypervisor.readings.ingest_worker import make_belief
from hypervisor.readings.queries_ingest import Intake
from ingest.batch import Beat, Parcel
from ingest.heartbeat import HeartbeatState
from ingest.library import Library
from ingest.message import Arrival
from ingest.pipeline import Pipeline
from ingest.ports import NotStorableError, UnavailableError
from sensors._domain import catalogue
from tests.integration.ingest.conftest import count, seed

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC).replace(microsecond=0)
RECEIVED = micros(NOW)


@contextmanager
def piped(settings: Settings) -> Iterator[tuple[Pipeline, Intake]]:
    seed(settings.database_url)
    intake = Intake(url=settings.database_url, worker="one", catalogue=catalogue())
    pipeline = Pipeline(
        directory=intake,
        store=intake,
        belief=make_belief(settings),
        listening={"": HeartbeatState(interval=2_000_000)},
        library=Library(units=list_units(catalogue())),
    )
    with connect(settings.database_url) as connection:
        queries_workers.join(connection, "one")
    pipeline.look_up(at_once=True)
    yield pipeline, intake
    intake.close()


def parcel(levels: Sequence[float], *, beats: Sequence[Beat] = (), later: int = 0) -> Parcel:
    """A message a level, ten seconds apart, each with a quantity that nobody knows.

    Received `later` (µs) than others.
    """
    arrivals = [
        Arrival(
            "devices/gauge-0/readings",
            json.dumps(
                {
                    "time": (NOW - timedelta(seconds=10 * number)).isoformat(),
                    "values": {"level": level, "turbidity": level},
                }
            ).encode(),
            RECEIVED + later + number,
        )
        for number, level in enumerate(levels)
    ]
    return Parcel(arrivals=arrivals, beats=beats, mids=(), connection=1)


def levels(settings: Settings) -> list[float]:
    with connect(settings.database_url) as connection:
        return [v for (v,) in connection.execute("SELECT value FROM reading ORDER BY value")]


def lose(*, after: int) -> Callable[[Connection], None]:
    """A commit that arrives, and whose answer does not: the wire is cut, `after` commits later."""
    left = [after]

    def lost(connection: Connection) -> None:
        connection.commit()
        left[0] -= 1
        if left[0] == -1:
            connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    return lost


def test_a_commit_whose_answer_is_lost_is_not_made_twice(
    instance_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat = Beat(clock=RECEIVED, received_at=RECEIVED + 1)
    with piped(instance_settings) as (pipeline, _):
        checked = pipeline.check(parcel([1, 2, 3], beats=[beat]))
        monkeypatch.setattr(transactions, "commit", lose(after=0))
        with pytest.raises(UnavailableError, match="unexpectedly"):
            pipeline.store(checked)
        pipeline.store(checked)
        pipeline.store(pipeline.check(parcel([1, 2])))  # others that say the same are others
        with connect(instance_settings.database_url) as connection:
            assert count(connection) == 3
            assert count(connection, "dead_letter") == 5
            (heard,) = connection.execute("SELECT heartbeat_at FROM worker").fetchone()  # type: ignore[misc]
            assert heard == NOW


def test_a_batch_of_which_a_part_is_stored_is_not_stored_twice(
    instance_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message cannot be stored; while the others are, one by one, the store goes away."""
    settings = instance_settings
    with piped(settings) as (pipeline, _):
        with connect(settings.database_url) as connection:
            connection.execute("ALTER TABLE reading ADD CHECK (value <> 7)")
        checked = pipeline.check(parcel([1, 2, 7, 4]))
        monkeypatch.setattr(transactions, "commit", lose(after=1))
        with pytest.raises(UnavailableError):
            pipeline.store(checked)
        pipeline.store(checked)
        assert levels(settings) == [1, 2, 4]
        with connect(settings.database_url) as connection:
            reasons = [letter.reason for letter in queries_dead_letters.list_letters(connection)]
        assert sorted(reasons) == ["not-storable", *["unknown-quantity"] * 3]


def test_a_limit_of_the_database_is_one_messages_own(instance_settings: Settings) -> None:
    """An index that takes no row so large is an operational error, and yet no absent store."""
    settings = instance_settings
    with piped(settings) as (pipeline, _):
        with connect(settings.database_url) as connection:
            connection.execute("CREATE INDEX noise ON dead_letter USING btree (payload)")
        noise = random.Random(1).randbytes(60_000)
        huge = Arrival("devices/gauge-0/readings", noise, RECEIVED)
        some = parcel([1, 2])
        made = Parcel(arrivals=[huge, *some.arrivals], beats=(), mids=(), connection=1)
        with pytest.raises(NotStorableError, match="maximum"):
            pipeline.store(pipeline.check(made))  # not even its letter can be kept, with this index
        with connect(settings.database_url) as connection:
            connection.execute("DROP INDEX noise")
        pipeline.store(pipeline.check(made))
        assert levels(settings) == [1, 2]


@pytest.mark.parametrize("error", [OverflowError("year 10000"), psycopg.DataError("no such text")])
def test_what_failed_half_written_is_not_committed_with_the_next(
    instance_settings: Settings, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It was: a reading of the year 9999 was stored and a dead letter as well."""
    settings = instance_settings
    with piped(settings) as (pipeline, _):
        checked, following = pipeline.check(parcel([1])), pipeline.check(parcel([2]))
        with monkeypatch.context() as patch:
            patch.setattr("hypervisor.database.feed.append", raising(error))
            pipeline.store(checked)
        pipeline.store(following)
        assert levels(settings) == [2]
        with connect(settings.database_url) as connection:
            dead_letters = queries_dead_letters.list_letters(connection)
        assert [letter.reason for letter in dead_letters] == ["not-storable", "unknown-quantity"]
        assert str(error) in dead_letters[0].detail


def test_what_a_worker_did_is_told_with_its_next_heartbeat(
    instance_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = instance_settings
    tally = "SELECT messages, rows, refused, batches, retries FROM worker"
    with piped(settings) as (pipeline, _):
        pipeline.store(pipeline.check(parcel([1, 2, 3])))
        with monkeypatch.context() as patch:
            patch.setattr(transactions, "commit", raising(psycopg.OperationalError("full")))
            with pytest.raises(UnavailableError, match="full"):
                pipeline.store(pipeline.check(parcel([4])))
        with connect(settings.database_url) as reader:
            assert reader.execute(tally).fetchone() == (0, 0, 0, 0, 0)
            reader.rollback()
            for clock, done in ((1, (7, 4, 7, 2, 1)), (2, (8, 4, 8, 3, 1))):
                levels_ = [1, 2, 3, 4] if clock == 1 else [1]  # three of them stand there already
                beat = Beat(clock=RECEIVED + clock, received_at=RECEIVED + clock)
                again = parcel(levels_, beats=[beat], later=1_000_000 * clock)
                pipeline.store(pipeline.check(again))
                assert reader.execute(tally).fetchone() == done
                reader.rollback()


def raising(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail
