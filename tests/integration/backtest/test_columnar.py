"""The columnar copy says what the table says: of late, corrected, invalidated and gone rows too."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hypervisor.backtest.sources import FOREVER, StoredSource
from hypervisor.base.instants import moment
from hypervisor.database import feed
from hypervisor.database.connect import Connection, connect
from hypervisor.database.feed import DAY
from hypervisor.readings import queries_columnar, queries_history, queries_retention
from hypervisor.readings.corrections import Attribution, invalidate
from hypervisor.readings.queries_columnar import Copy
from hypervisor.registry import queries as registry_queries
from sensors._row import NEVER, Rows
from tests.conftest import Stack
from tests.integration.evaluation.test_equality import new_world
from tests.integration.evaluation.world import Sent, World, us

pytestmark = pytest.mark.integration

DAYS = 24  # three closed chunks of a week, and one that is not
MINUTES = 24 * 60
SITES = ("orge", "yvette", "juine")


@dataclass
class Place:
    """A world, a copy of its readings, and who keeps the copy."""

    world: World
    keeper: Connection
    folder: Path

    def refresh(self) -> int:
        return queries_columnar.refresh(self.keeper, self.folder)

    def both(self, since: int = 0, before: int = 2**61) -> tuple[Copy, Rows, Rows]:
        """The copy, and all rows as it and as the table says, in one snapshot."""
        series = sorted(self.world.numbers.values())
        with connect(self.world.url) as own:
            own.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            copy = queries_columnar.find_copy(own, self.folder)
            found = queries_columnar.read_rows(own, copy, series, since, before)
            spans = [(one, since, None if before == 2**61 else before) for one in series]
            stored = queries_history.read_spans(own, spans)
        parts = [found[one] for one in sorted(found)]
        return copy, np.concatenate(parts) if parts else stored[:0], stored

    def agrees(self) -> Copy:
        copy, found, stored = self.both()
        assert found.tobytes() == stored.tobytes()
        assert len(stored) > 0
        return copy


@pytest.fixture
def place(stack: Stack, tmp_path: Path) -> Iterator[Place]:
    with new_world(stack) as world, connect(world.url, autocommit=True) as keeper:
        rng = random.Random(2)
        world.store(
            Sent(site=site, at=at, value=round(rng.gauss(2, 1), 2), received=at + rng.random())
            for site in SITES
            for at in range(0, DAYS * MINUTES, 90)
            if rng.random() < 0.9
        )
        yield Place(world=world, keeper=keeper, folder=tmp_path / "columnar")


def test_closed_chunks_are_copied_and_the_rest_is_read_from_the_table(place: Place) -> None:
    assert place.refresh() == 3
    assert place.refresh() == 0

    copy = place.agrees()

    assert len(copy.parts) == 3
    assert len(copy.rest) == 1
    assert not any(part.dirty for part in copy.parts)


def test_late_corrected_and_invalidated_readings_are_told(place: Place) -> None:
    place.refresh()
    world = place.world
    world.store([Sent(site="orge", at=2 * MINUTES + 7, value=9.0, received=40 * MINUTES)])
    world.store([Sent(site="yvette", at=90 * 80, value=8.25, received=41 * MINUTES)])
    level = registry_queries.load(world.connection).series["juine", "level"]
    span = moment(us(9 * MINUTES)), moment(us(9 * MINUTES + 600))
    assert (
        invalidate(world.connection, level, *span, Attribution(reason="ice", author="test")).rows
        > 2
    )
    world.connection.commit()
    copy = place.agrees()
    assert sum(len(part.dirty) for part in copy.parts) == 3

    feed.prune(world.connection, str(feed.ahead(world.connection)))
    world.connection.commit()
    pruned = place.agrees()
    assert [part.dirty for part in pruned.parts] == [part.dirty for part in copy.parts]

    assert place.refresh() == 2
    agreed = place.agrees()
    assert not any(part.dirty for part in agreed.parts)
    assert len(list(place.folder.iterdir())) == len(agreed.parts)


def test_a_span_is_cut_where_it_is_asked_for(place: Place) -> None:
    place.refresh()
    place.world.store([Sent(site="orge", at=3 * MINUTES + 7, value=1.0)])
    since, before = us(3 * MINUTES), us(11 * MINUTES)

    _, found, stored = place.both(since, before)

    inside = stored[(stored["time"] >= since)]  # the table also gives what held before
    assert found.tobytes() == inside.tobytes()
    assert len(found)


def test_a_copy_that_is_gone_is_not_missed(place: Place) -> None:
    place.refresh()
    with connect(place.world.url) as own:
        own.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        copy = queries_columnar.find_copy(own, place.folder)
        for file in place.folder.iterdir():
            file.unlink()
        series = sorted(place.world.numbers.values())
        found = queries_columnar.read_rows(own, copy, series, 0, 2**61)
        stored = queries_history.split_by_series(
            queries_history.read_spans(own, [(one, 0, None) for one in series])
        )
    assert found.keys() == stored.keys()
    assert all(found[one].tobytes() == stored[one].tobytes() for one in found)
    assert not place.agrees().parts
    assert place.refresh() == 3
    assert len(place.agrees().parts) == 3


def test_what_housekeeping_lets_go_is_gone_from_the_copy(place: Place) -> None:
    place.refresh()
    first = place.agrees().parts[1]
    with place.world.connection.transaction():
        bounds = queries_retention.Bounds(
            readings=moment(first.last), imported=None, dead_letters=None
        )
        for chunk in queries_retention.list_expired(place.world.connection, bounds):
            queries_retention.drop_chunk(place.world.connection, chunk)
    place.world.connection.commit()

    copy = place.agrees()

    assert len(copy.parts) == 1
    assert min(part.first for part in copy.parts) >= first.last


def test_a_reader_sees_what_stood_when_it_began(place: Place) -> None:
    """While it reads, readings come, the feed is pruned, and the copy is made again."""
    place.refresh()
    series = sorted(place.world.numbers.values())
    with connect(place.world.url) as own:
        own.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        copy = queries_columnar.find_copy(own, place.folder)
        place.world.store([Sent(site="orge", at=90 * 20, value=7.75, received=40 * MINUTES)])
        feed.prune(place.world.connection, str(feed.ahead(place.world.connection)))
        place.world.connection.commit()
        assert place.refresh() == 1
        found = queries_columnar.read_rows(own, copy, series, 0, 2**61)
        stored = queries_history.split_by_series(
            queries_history.read_spans(own, [(one, 0, None) for one in series])
        )
    assert all(found[one].tobytes() == stored[one].tobytes() for one in stored)
    _, fresh, _ = place.both()
    assert 7.75 in fresh["value"]


def test_changes_by_a_transaction_that_the_copy_did_not_see_are_told(place: Place) -> None:
    """It began before the copy was made and committed after it."""
    span = us(MINUTES), us(2 * MINUTES)
    with connect(place.world.url) as slow:
        slow.execute("SELECT pg_current_xact_id()")
        place.refresh()
        slow.execute(
            "UPDATE reading SET value = 5.5 WHERE series_id = %s AND time >= %s AND time < %s",
            [place.world.numbers["orge", "level"], *map(moment, span)],
        )
        rows = queries_history.read_range(slow, [place.world.numbers["orge", "level"]], *span)
        feed.append(slow, "readings", rows=rows.tobytes())
        slow.commit()
    assert len(rows) > 3
    copy = place.agrees()
    assert {day for part in copy.parts for day in part.dirty} == {us(MINUTES) // DAY}


def test_a_backtest_reads_the_same_from_the_copy_as_from_the_table(place: Place) -> None:
    place.refresh()
    place.world.store([Sent(site="orge", at=3 * MINUTES + 7, value=1.0)])
    series = sorted(place.world.numbers.values())
    first, last = 3 * MINUTES, 11 * MINUTES
    for since, until in (
        *((NEVER, FOREVER), (us(first), us(last)), (us(first) + 1, us(last) - 1)),
        *((us(16 * MINUTES), FOREVER), (NEVER, us(9 * MINUTES))),
    ):
        with connect(place.world.url) as own, connect(place.world.url) as other:
            copied, stored = StoredSource.of(own, place.folder), StoredSource.of(other)
            assert copied.copy is not None
            assert stored.copy is None
            read, table = (each.rows(series, since, until) for each in (copied, stored))
        assert read.keys() == table.keys()
        assert all(read[key].tobytes() == rows.tobytes() for key, rows in table.items())
        begins = min(int(rows["time"][0]) for rows in read.values())
        assert (begins < since) == (since != NEVER)  # with the last good row before
        assert max(int(rows["time"][-1]) for rows in read.values()) <= until


def test_where_there_is_no_copy_the_table_is_read(place: Place, tmp_path: Path) -> None:
    with connect(place.world.url) as own:
        assert StoredSource.of(own, tmp_path / "nothing").copy is None
