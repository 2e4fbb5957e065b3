"""What stands at one (series, time) does not depend on the order or the batches of commits."""

import random
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from hypervisor.database.connect import Connection, connect
from hypervisor.readings import queries as reading_queries
from sensors._row import NEVER, ROW, Rows

pytestmark = pytest.mark.integration

START = 1_700_000_000_000_000
Given = tuple[int, int, int, float, int]  # series, time, received, value, quality


def given(seed: int, rows: int) -> list[Given]:
    """Few keys and few values, so that everything collides; some imported, some without value."""
    chance = random.Random(seed)
    return [
        (
            chance.randint(1, 3),
            START + chance.randint(0, 2) * 1_000_000,
            chance.choice([NEVER, *range(START, START + 12)]),
            chance.choice([1.0, 2.0, 3.0, float("nan")]),
            chance.choice([0, 0, 2]),
        )
        for _ in range(rows)
    ]


def key(row: Given) -> tuple[int, int]:
    return row[0], row[1]


def expected(rows: Sequence[Given]) -> dict[tuple[int, int], tuple[float | None, int, int | None]]:
    """The slow way: each distinct value's first arrival; the latest of them stands."""
    found: dict[tuple[int, int], dict[tuple[float | None, int], int]] = {}
    for row in sorted(rows, key=lambda row: (row[2] == NEVER, row[2])):  # imports are no arrivals
        value = None if np.isnan(row[3]) else row[3]
        found.setdefault(key(row), {}).setdefault((value, row[4]), row[2])
    stands = {}
    for where, versions in found.items():
        (value, quality), received = max(
            versions.items(),
            key=lambda item: (item[1], -np.inf if item[0][0] is None else item[0][0], item[0][1]),
        )
        stands[where] = value, quality, None if received == NEVER else received
    return stands


def expected_in_feed(
    rows: Sequence[Given],
) -> dict[tuple[int, int], tuple[float | None, int, int | None]]:
    """What stands, with the first arrival of anything at its time."""
    firsts: dict[tuple[int, int], int] = {}
    for row in rows:
        if row[2] != NEVER:
            firsts[key(row)] = min(row[2], firsts.get(key(row), row[2]))
    return {
        where: (value, quality, firsts.get(where))
        for where, (value, quality, _) in expected(rows).items()
    }


def put(connection: Connection, rows: Sequence[Given]) -> Rows:
    with connection.transaction():
        return reading_queries.store(connection, np.array(list(rows), dtype=ROW))


def table(connection: Connection) -> dict[tuple[int, int], tuple[float | None, int, int | None]]:
    rows = connection.execute(
        "SELECT series_id, (extract(epoch FROM time) * 1000000)::bigint, value, quality,"
        " (extract(epoch FROM received_at) * 1000000)::bigint FROM reading"
    )
    return {(series, time): (value, quality, at) for series, time, value, quality, at in rows}


def told(rows: Rows) -> dict[tuple[int, int], tuple[float | None, int, int | None]]:
    return {
        (series, time): (
            None if np.isnan(value) else value,
            quality,
            None if received == NEVER else received,
        )
        for series, time, received, value, quality in rows.tolist()
    }


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url, autocommit=True) as made:
        reading_queries.create_staging_tables(made)
        yield made


def test_every_order_and_batching_ends_alike(connection: Connection) -> None:
    for seed in range(12):
        rows = given(seed, 30)
        wanted = expected(rows)
        for order in range(3):
            connection.execute("TRUNCATE reading, reading_version")
            chance = random.Random(order)
            chance.shuffle(rows)
            view: dict[tuple[int, int], tuple[float | None, int, int | None]] = {}
            start = 0
            while start < len(rows):
                size = chance.choice([1, 2, 7, 30])
                view |= told(put(connection, rows[start : start + size]))
                start += size
            assert table(connection) == wanted, (seed, order)
            assert view == expected_in_feed(rows), "who follows the feed knows what stands"
            put(connection, rows[:20])  # sent again, all of it or some
            assert table(connection) == wanted, (seed, order)


def test_a_duplicate_is_not_told_again(connection: Connection) -> None:
    row = (1, START, START + 5, 2.0, 0)
    assert len(put(connection, [row])) == 1
    assert len(put(connection, [(1, START, START + 9, 2.0, 0)])) == 0
    assert readings_versions(connection) == 0


def test_a_superseded_value_never_comes_back(connection: Connection) -> None:
    wrong, right = (1, START, START + 5, 9.0, 0), (1, START, START + 6, 2.0, 0)
    put(connection, [wrong])
    assert told(put(connection, [right])) == {(1, START): (2.0, 0, START + 5)}
    assert len(put(connection, [(1, START, START + 7, 9.0, 0)])) == 0  # delivered again
    assert table(connection) == {(1, START): (2.0, 0, START + 6)}
    assert readings_versions(connection) == 2


def test_a_late_commit_of_an_earlier_arrival_gives_way(connection: Connection) -> None:
    put(connection, [(1, START, START + 6, 2.0, 0)])
    put(connection, [(1, START, START + 5, 9.0, 0)])
    assert table(connection) == {(1, START): (2.0, 0, START + 6)}


def readings_versions(connection: Connection) -> int:
    (found,) = connection.execute("SELECT count(*) FROM reading_version").fetchone()  # type: ignore[misc]
    return int(found)


def test_many_workers_at_once_end_alike(database_url: str) -> None:
    rows = given(99, 600)
    failed: list[BaseException] = []

    def work(number: int) -> None:
        chance = random.Random(number)
        mine = rows[number::3] + rows[::7]
        chance.shuffle(mine)
        try:
            with connect(database_url, autocommit=True) as own:
                reading_queries.create_staging_tables(own)
                for start in range(0, len(mine), 20):
                    put(own, mine[start : start + 20])
        except BaseException as error:  # noqa: BLE001  told to the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=work, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    with connect(database_url) as connection:
        assert table(connection) == expected(rows)


def test_a_large_redelivery_over_many_chunks_tells_nothing_anew(connection: Connection) -> None:
    steps = 20_000
    history = np.zeros(steps, dtype=ROW)
    history["series"] = 1
    history["time"] = START + np.arange(steps) * 300_000_000  # 69 days: ten chunks
    history["received"] = history["time"]
    with connection.transaction():
        reading_queries.store(connection, history)
    again = history[-5000:].copy()
    again["received"] += 1
    with connection.transaction():
        assert len(reading_queries.store(connection, again)) == 0
