"""Readings as the store keeps them: pieces of time, roll-ups, chunks, the copy, what goes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from hypervisor.base.instants import BEGINNING, micros, moment
from hypervisor.database import audit, feed, locks
from hypervisor.database.connect import Connection, connect
from hypervisor.database.locks import Lock
from hypervisor.readings import (
    parquet_parts,
    queries_buckets,
    queries_columnar,
    queries_compression,
    queries_corrections,
    queries_history,
    queries_retention,
    queries_rollups,
)
from hypervisor.readings import queries as reading_queries
from hypervisor.readings.queries_buckets import BucketQuery
from hypervisor.readings.queries_retention import Bounds, Chunk
from hypervisor.readings.schemas import Bucket, SeriesReading
from sensors._quality import Quality, list_quality_flags
from sensors._row import NEVER, ROW, Rows
from tests.integration.database.standing import (
    HOUR,
    NOW,
    SUSPECT,
    TICK,
    add_device,
    make_places,
    store,
)

pytestmark = pytest.mark.integration

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
MANUAL = int(Quality.MANUAL)
# Chunks are weeks, of which one begins so.
FIRST, LAST = datetime(2023, 12, 28, tzinfo=UTC), datetime(2024, 1, 4, tzinfo=UTC)
WEEK = timedelta(days=7)


def _insert(  # noqa: PLR0913  what a reading has
    connection: Connection,
    series: int,
    time: datetime,
    value: float | None = 1,
    *,
    quality: int = 0,
    received: datetime | None = None,
) -> None:
    connection.execute(
        "INSERT INTO reading (series_id, time, received_at, value, quality)"
        " VALUES (%s, %s, %s, %s, %s)",
        [series, time, received, value, quality],
    )


def _roll_up(connection: Connection, series: int, begins: datetime) -> None:
    connection.execute(
        "INSERT INTO rollup_hour (series_id, begins, day, count, sum, min, max, last, last_at)"
        " VALUES (%s, %s, %s, 1, 1, 1, 1, 1, %s)",
        [series, begins, begins, begins],
    )


# -- asked for by pages and the API -------------------------------------------------------------


def test_readings_of_several_series_by_time_page_after_page(connection: Connection) -> None:
    level = add_device(connection, "a", "mill", "level")["level"]
    rain = add_device(connection, "b", "mill", "rain")["rain"]
    other = add_device(connection, "c", "mill", "rain")["rain"]
    _insert(connection, level, NOW, 1.5, quality=SUSPECT, received=NOW + TICK)
    for series, time in (
        (rain, NOW),
        (level, NOW - TICK),
        (rain, NOW + HOUR),
        (level, NOW + HOUR),
        (level, NOW + 2 * HOUR),
        (other, NOW),
    ):
        _insert(connection, series, time)

    def raw(**words: Any) -> list[SeriesReading]:
        span = {"since": NOW, "until": NOW + 2 * HOUR, **words}
        return list(
            queries_buckets.stream_readings(connection, BucketQuery(series=[rain, level], **span))
        )

    first, *others = raw()
    assert first == SeriesReading(
        series=level,
        time=NOW,
        value=1.5,
        quality=list_quality_flags(SUSPECT),
        received_at=NOW + TICK,
    )
    assert [(one.series, one.time) for one in others] == [
        (rain, NOW),
        (level, NOW + HOUR),
        (rain, NOW + HOUR),
    ]
    assert raw(limit=2) == [first, others[0]]
    assert raw(after=(NOW, level)) == others
    assert raw(after=(NOW, rain), limit=1) == [others[1]]
    assert raw(after=(NOW + HOUR, rain)) == []


def test_pieces_of_time_of_what_is_believed_and_what_is_not(connection: Connection) -> None:
    level = add_device(connection, "a", "mill", "level")["level"]
    rain = add_device(connection, "b", "mill", "rain")["rain"]
    store(
        connection,
        level,
        [
            (NOW, 3, 0),
            (NOW + MINUTE, 1, 0),
            (NOW + 2 * MINUTE, 5, SUSPECT),
            (NOW + 3 * MINUTE, 2, 0),
            (NOW + HOUR, 7, SUSPECT),
            (NOW + 9 * HOUR, 8, 0),
        ],
    )
    store(connection, rain, [(NOW, 4, 0)])

    def rolled(since: datetime, until: datetime, after: Any = None) -> list[Bucket]:
        asked = BucketQuery(series=[level, rain], since=since, until=until, after=after)
        return list(queries_buckets.stream_buckets(connection, asked, HOUR))

    every = rolled(NOW, NOW + 9 * HOUR)
    assert every == [
        Bucket(
            series=level,
            time=NOW,
            count=3,
            suspect=1,
            low=1,
            high=3,
            mean=2,
            total=6,
            last=2,
            increase=None,
        ),
        Bucket(
            series=rain,
            time=NOW,
            count=1,
            suspect=0,
            low=4,
            high=4,
            mean=4,
            total=4,
            last=4,
            increase=None,
        ),
        Bucket(
            series=level,
            time=NOW + HOUR,
            count=0,
            suspect=1,
            low=None,
            high=None,
            mean=None,
            total=None,
            last=None,
            increase=None,
        ),
    ]
    assert rolled(NOW, NOW + 9 * HOUR, after=(NOW, level)) == every[1:]
    assert rolled(NOW + HOUR, NOW + 2 * HOUR) == every[2:]
    assert [one.last for one in rolled(NOW - 900 * DAY, NOW + 10 * HOUR)] == [2, 4, None, 8]
    assert rolled(NOW, NOW) == []


# -- roll-ups -----------------------------------------------------------------------------------


def test_how_far_it_is_rolled_up(connection: Connection, shared_url: str) -> None:
    beginning = moment(BEGINNING)
    assert queries_rollups.lock_state(connection) == queries_rollups.RollupState(
        cursor="0", fill=beginning, frozen=beginning
    )
    with closing(connect(shared_url)) as other:
        other.execute("SET lock_timeout = '10ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            queries_rollups.lock_state(other)
    queries_rollups.save_state(connection, "7", fill=None)
    queries_rollups.freeze(connection, NOW)
    queries_rollups.freeze(connection, NOW - TICK)
    assert queries_rollups.lock_state(connection) == queries_rollups.RollupState(
        cursor="7", fill=None, frozen=NOW
    )
    queries_rollups.save_state(connection, "8", fill=NOW)
    assert queries_rollups.lock_state(connection) == queries_rollups.RollupState(
        cursor="8", fill=NOW, frozen=NOW
    )


def test_where_others_rise_all_is_rolled_up_anew(connection: Connection) -> None:
    def counters() -> list[str]:
        (names,) = connection.execute("SELECT counters FROM rollup_state").fetchone() or ([],)
        return list(names)

    queries_rollups.save_state(connection, "7", fill=None)
    queries_rollups.set_counters(connection, ["volume", "energy"])
    assert counters() == ["energy", "volume"]
    assert queries_rollups.lock_state(connection).fill is None, (
        "the first time nothing was rolled up wrongly"
    )
    queries_rollups.set_counters(connection, ["energy", "volume"])
    assert queries_rollups.lock_state(connection).fill is None
    queries_rollups.set_counters(connection, ["energy"])
    assert (counters(), queries_rollups.lock_state(connection).fill) == (
        ["energy"],
        moment(BEGINNING),
    )


def test_chunks_that_end_after_a_time(connection: Connection) -> None:
    level = add_device(connection, "a", "mill", "level")["level"]
    for time in (LAST, FIRST, FIRST - TICK):
        _insert(connection, level, time)
    _roll_up(connection, level, FIRST + 900 * WEEK)
    weeks = [(FIRST - WEEK, FIRST), (FIRST, LAST), (LAST, LAST + WEEK)]
    assert queries_compression.list_chunks(connection, after=FIRST - TICK) == weeks
    assert queries_compression.list_chunks(connection, after=FIRST) == weeks[1:]


# -- what goes ----------------------------------------------------------------------------------


@pytest.fixture
def aged(connection: Connection) -> dict[str, int]:
    """Series of which something in the chunk of FIRST goes, and something stays."""
    series = {
        name: add_device(connection, name, "mill", "level")["level"]
        for name in ("goes on", "ended", "ended in doubt", "imported", "manual")
    }

    def add(name: str, *times: datetime, quality: int = 0, arrived: bool = True) -> None:
        for time in times:
            _insert(
                connection, series[name], time, quality=quality, received=time if arrived else None
            )

    add("goes on", FIRST - 5 * WEEK, FIRST - TICK, FIRST, LAST - TICK, LAST)
    _roll_up(connection, series["goes on"], FIRST - 5 * WEEK)  # whose chunks are no matter here
    add("ended", FIRST, LAST - TICK)
    add("ended in doubt", FIRST)
    add("ended in doubt", LAST, quality=SUSPECT)
    add("imported", FIRST, FIRST + DAY, arrived=False)
    add("imported", LAST)
    add("manual", FIRST, quality=MANUAL, arrived=False)
    add("manual", LAST)
    return series


def _bounds(readings_: datetime | None, imported: datetime | None = None) -> Bounds:
    return Bounds(readings=readings_, imported=imported, dead_letters=None)


def _left(connection: Connection, series: dict[str, int]) -> list[tuple[str, datetime]]:
    names = {number: name for name, number in series.items()}
    rows = connection.execute(
        "SELECT series_id, time FROM reading WHERE time >= %s AND time < %s ORDER BY 1, 2",
        [FIRST, LAST],
    )
    return [(names[number], time) for number, time in rows]


def test_chunks_that_lie_before_the_bound(connection: Connection, aged: dict[str, int]) -> None:
    before = [
        Chunk(first=first, last=first + WEEK, expired=1, kept=0, imported=None)
        for first in (FIRST - 5 * WEEK, FIRST - WEEK)
    ]
    chunk = Chunk(first=FIRST, last=LAST, expired=4, kept=4, imported=None)
    assert len(aged) == 5
    assert queries_retention.list_expired(connection, _bounds(LAST)) == [*before, chunk]
    assert queries_retention.list_expired(connection, _bounds(LAST - TICK)) == before
    assert queries_retention.list_expired(connection, _bounds(FIRST - TICK)) == before[:1]
    assert queries_retention.list_expired(connection, _bounds(None)) == []
    some = queries_retention.list_expired(connection, _bounds(LAST, FIRST + DAY))
    assert some[1:] == [
        Chunk(first=FIRST - WEEK, last=FIRST, expired=1, kept=0, imported=FIRST + DAY),
        Chunk(first=FIRST, last=LAST, expired=5, kept=3, imported=FIRST + DAY),
    ]


def test_of_a_chunk_goes_what_nobody_keeps_with_its_versions_and_its_copy(
    connection: Connection, aged: dict[str, int]
) -> None:
    for time in (FIRST, LAST - TICK, LAST):
        for name in ("goes on", "ended"):
            connection.execute(
                "INSERT INTO reading_version (series_id, time, value, quality, received_at)"
                " VALUES (%s, %s, 1, 0, NULL)",
                [aged[name], time],
            )
    for first, last in (
        (FIRST - WEEK, FIRST),
        (FIRST, LAST),
        (FIRST - TICK, FIRST + TICK),
        (LAST, LAST + WEEK),
    ):
        connection.execute(
            "INSERT INTO columnar_part (first, last, xid, file, rows) VALUES (%s, %s, '1', 'f', 1)",
            [first, last],
        )
    (_, whole, chunk) = queries_retention.list_expired(connection, _bounds(LAST))
    assert queries_retention.drop_chunk(connection, chunk) == 3
    assert _left(connection, aged) == [
        ("ended", LAST - TICK),
        ("ended in doubt", FIRST),
        ("imported", FIRST),
        ("imported", FIRST + DAY),
    ]
    versions = connection.execute(
        "SELECT series_id, time FROM reading_version ORDER BY time, series_id"
    )
    assert versions.fetchall() == [
        (aged["ended"], LAST - TICK),
        (aged["goes on"], LAST),
        (aged["ended"], LAST),
    ]
    parts = connection.execute("SELECT first FROM columnar_part ORDER BY first").fetchall()
    assert parts == [(FIRST - WEEK,), (LAST,)]
    assert queries_retention.drop_chunk(connection, whole) == 0
    chunks = queries_compression.list_chunks(connection, after=FIRST - 4 * WEEK)
    assert chunks[0] == (FIRST, LAST), "it is dropped whole"
    assert [one.last for one in queries_retention.list_expired(connection, _bounds(LAST))] == [
        FIRST - 4 * WEEK
    ]


def test_how_long_things_are_kept(connection: Connection) -> None:
    days = {"readings": 3, "imported": None, "dead_letters": 2}
    queries_retention.set_periods(connection, days)
    assert queries_retention.list_periods(connection) == days
    connection.execute("UPDATE retention SET agreed_at = %s", [NOW])
    queries_retention.set_periods(connection, {**days, "readings": 4, "imported": None})
    rows = connection.execute("SELECT what, days, agreed_at = %s FROM retention ORDER BY 1", [NOW])
    assert rows.fetchall() == [
        ("dead_letters", 2, True),
        ("imported", None, True),
        ("readings", 4, False),
    ]


def test_the_oldest_that_is_kept(connection: Connection) -> None:
    connection.execute("UPDATE instance SET mode = 'exercise'")
    days = {"readings": 3, "imported": 2, "dead_letters": 1}
    nothing = Bounds(readings=None, imported=None, dead_letters=None)
    assert queries_retention.read_bounds(connection, days) == nothing, "it has not begun"
    connection.execute(
        "INSERT INTO worker (name, heartbeat_at, joined_at) VALUES ('a', %s, %s), ('b', %s, %s)",
        [NOW, NOW, NOW - HOUR, NOW],
    )
    letters = Bounds(readings=None, imported=None, dead_letters=NOW - DAY)
    assert queries_retention.read_bounds(connection, days) == letters, "nothing is judged"
    connection.execute(
        "INSERT INTO evaluation_state (cursor, evaluated_to, engine) VALUES ('0', %s, 'e')", [NOW]
    )
    assert queries_retention.read_bounds(connection, days) == letters, "nor heard"
    for heard, judged, settled in (
        (NOW - HOUR, NOW + HOUR, NOW - HOUR),
        (NOW + HOUR, NOW - 2 * HOUR, NOW - 2 * HOUR),
        (NOW + HOUR, NOW + HOUR, NOW),
    ):
        connection.execute(
            "UPDATE evaluation_state SET watermark = %s, evaluated_to = %s", [heard, judged]
        )
        assert queries_retention.read_bounds(connection, days) == Bounds(
            readings=settled - 3 * DAY, imported=settled - 2 * DAY, dead_letters=NOW - DAY
        )
        assert queries_retention.compressed_before(connection, 5) == settled - 5 * DAY
    assert queries_retention.read_bounds(connection, dict.fromkeys(days)) == nothing


def test_letters_that_arrived_before_the_bound(connection: Connection) -> None:
    for at in (NOW - TICK, NOW, NOW - HOUR):
        connection.execute(
            "INSERT INTO dead_letter (topic, payload, reason, detail, received_at, worker)"
            " VALUES ('t', '', 'r', 'd', %s, 'w')",
            [at],
        )
    bounds = Bounds(readings=None, imported=None, dead_letters=NOW)
    never = Bounds(readings=None, imported=None, dead_letters=None)
    assert (
        queries_retention.count_expired_letters(connection, never),
        queries_retention.delete_expired_letters(connection, never),
    ) == (0, 0)
    assert queries_retention.count_expired_letters(connection, bounds) == 2
    assert queries_retention.delete_expired_letters(connection, bounds) == 2
    assert connection.execute("SELECT received_at FROM dead_letter").fetchall() == [(NOW,)]


# -- compression, which this build has not ------------------------------------------------------


@pytest.fixture
def full_build(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """As on a build that can compress; the chunks that it was asked to."""
    asked: list[str] = []

    def compress(connection: Connection, chunk: str) -> None:
        connection.execute("SELECT 1")
        if not asked:
            asked.append("busy")
            raise psycopg.errors.LockNotAvailable
        asked.append(chunk)

    monkeypatch.setattr(queries_compression, "is_supported", lambda _: True)
    monkeypatch.setattr(queries_compression, "enable", lambda *_: None)
    monkeypatch.setattr(queries_compression, "compress_chunk", compress)
    return asked


def test_a_chunk_that_is_in_use_waits_for_the_next_pass(
    connection: Connection, full_build: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    level = add_device(connection, "a", "mill", "level")["level"]
    for weeks in range(4):
        _insert(connection, level, FIRST + weeks * WEEK)
    _roll_up(connection, level, FIRST - 100 * WEEK)
    chunks = [
        name for (name,) in connection.execute("SELECT show_chunks('reading')::text").fetchall()
    ]
    assert queries_compression.compress_chunks(connection, None) == 0
    assert full_build == []
    packed = queries_compression.CHUNKS.replace("is_compressed", f"range_start < '{LAST}'")
    monkeypatch.setattr(queries_compression, "CHUNKS", packed)
    assert queries_compression.compress_chunks(connection, LAST + WEEK) == 1
    assert full_build == ["busy", chunks[1]]
    assert queries_compression.compress_chunks(connection, LAST + WEEK) == 1, (
        "of the first it is not the first time"
    )
    assert full_build == ["busy", chunks[1], *chunks[:2]]
    assert queries_compression.compress_chunks(connection, LAST + WEEK - TICK) == 0
    assert full_build[4:] == chunks[:1]


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From then on every chunk of readings passes for packed; none is, on this build."""
    which = vars(queries_compression)["_PACKED"].replace(" AND is_compressed", "")
    return lambda: monkeypatch.setattr(queries_compression, "_PACKED", which)


def test_what_is_packed_is_unpacked_before_it_is_locked(
    connection: Connection,
    full_build: list[str],
    packed: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert full_build == []
    level = add_device(connection, "a", "mill", "level")["level"]
    rain = add_device(connection, "b", "mill", "rain")["rain"]
    _insert(connection, level, FIRST)
    _roll_up(connection, level, FIRST - WEEK)  # a chunk of another table
    touched: list[tuple[int, datetime]] = []
    monkeypatch.setattr(
        queries_compression, "decompress_points", lambda _, points: touched.extend(points)
    )

    def unpacked(*times: datetime) -> list[tuple[int, datetime]]:
        touched.clear()
        points = [(series, time) for time in times for series in (rain, level)]
        queries_compression.decompress_rows(connection, _rows(points))
        return touched

    assert unpacked(FIRST) == []
    packed()
    assert unpacked(FIRST - TICK, LAST, LAST - TICK, FIRST) == [
        (level, FIRST),
        (level, LAST - TICK),
        (rain, FIRST),
        (rain, LAST - TICK),
    ]
    assert unpacked(FIRST - TICK, FIRST) == [(level, FIRST), (rain, FIRST)]
    assert unpacked(FIRST - TICK, LAST) == []
    assert unpacked(LAST - TICK, LAST) == [(level, LAST - TICK), (rain, LAST - TICK)]
    assert unpacked() == []


def test_a_span_that_is_packed_is_unpacked_whole(
    connection: Connection, full_build: list[str], packed: Callable[[], None]
) -> None:
    assert full_build == []
    level = add_device(connection, "a", "mill", "level")["level"]
    store(connection, level, [(NOW - TICK, 1, 0), (NOW, 2, 0), (NOW + HOUR, 3, 0)])
    words = {"series": level, "first": NOW, "last": NOW + HOUR}

    def lie() -> list[Any]:
        """Where each lies: elsewhere once it is unpacked."""
        rows = connection.execute(
            "SELECT ctid FROM reading WHERE series_id = %s ORDER BY time", [level]
        )
        return rows.fetchall()

    before = lie()
    queries_compression.decompress_span(connection, words)
    assert lie() == before, "nothing there is packed"
    packed()
    queries_compression.decompress_span(connection, words)
    assert [a == b for a, b in zip(before, lie(), strict=True)] == [True, False, False]


def _rows(points: Sequence[tuple[int, datetime]]) -> Rows:
    return np.array([(series, micros(time), NEVER, 1, 0) for series, time in points], dtype=ROW)


# -- what people did, and what first arrived ----------------------------------------------------


def test_what_stands_of_a_span_and_who_touched_it(connection: Connection) -> None:
    level = add_device(connection, "a", "mill", "level")["level"]
    times = [NOW - TICK, NOW, NOW + HOUR, NOW + HOUR + TICK]
    store(connection, level, [(time, n, 0) for n, time in enumerate(times)])
    span = queries_corrections.Span(series=level, first=NOW, last=NOW + HOUR)
    first, second = (
        audit.record(connection, kind=kind, subject="a/level", reason=f"for {kind}", author="ann")
        for kind in ("observe", "invalidate")
    )
    seen = queries_corrections.StoredReading(
        series=level, time=NOW, value=7, quality=MANUAL, received_at=None, act=None
    )
    observed = queries_corrections.observe(connection, seen, act=first, at=NOW)
    # The feed keeps the first arrival at the time: a correction is no arrival.
    assert observed.tolist() == [(level, micros(NOW), micros(NOW), 7, MANUAL)]
    gone = queries_corrections.invalidate(
        connection, queries_corrections.Span(series=level, first=NOW, last=NOW), act=second, at=NOW
    )
    spoilt = MANUAL | int(Quality.INVALIDATED)
    assert gone.tolist() == [(level, micros(NOW), micros(NOW), 7, spoilt)]
    assert [asdict(one) for one in queries_corrections.list_readings(connection, span)] == [
        {"series": level, "time": NOW, "value": 7, "quality": spoilt}
        | {"received_at": None, "act": second},
        {"series": level, "time": NOW + HOUR, "value": 2, "quality": 0}
        | {"received_at": NOW + HOUR, "act": None},
    ]
    latest = queries_corrections.list_readings(connection, span, limit=1)
    assert [one.time for one in latest] == [NOW + HOUR]
    points = [(level, micros(time)) for time in times]
    assert queries_corrections.list_causes(connection, points) == {
        (level, micros(NOW)): ("invalidate", "for invalidate")
    }
    other = add_device(connection, "b", "mill", "level")["level"]
    assert queries_corrections.list_causes(connection, [(other, micros(NOW))]) == {}


def test_now_on_the_axis_of_arrivals(connection: Connection) -> None:
    (wall,) = connection.execute("SELECT clock_timestamp()").fetchone() or (NOW,)
    now = queries_corrections.read_clock(connection)
    assert now is not None
    assert now >= wall
    connection.execute("UPDATE instance SET mode = 'exercise'")
    assert queries_corrections.read_clock(connection) is None
    connection.execute(
        "INSERT INTO worker (name, heartbeat_at, joined_at) VALUES ('a', %s, %s), ('b', %s, %s)",
        [NOW, NOW, NOW - HOUR, NOW],
    )
    assert queries_corrections.read_clock(connection) == NOW


def test_a_row_is_here_when_anything_first_arrived_for_its_time(connection: Connection) -> None:
    level = add_device(connection, "a", "mill", "level")["level"]
    rain = add_device(connection, "b", "mill", "rain")["rain"]
    store(connection, level, [(NOW, 2, 0), (NOW + HOUR, 3, 0)])
    store(connection, rain, [(NOW, 2, 0)])
    for series, time, received in (
        (level, NOW, NOW + 2 * HOUR),
        (level, NOW, NOW - HOUR),
        (level, NOW, None),
        (level, NOW + TICK, NOW - HOUR),
        (level, NOW + 2 * HOUR, NOW - HOUR),
        (level, NOW - HOUR, NOW - HOUR),
    ):
        connection.execute(
            "INSERT INTO reading_version (series_id, time, value, quality, received_at)"
            " VALUES (%s, %s, random(), 0, %s)",
            [series, time, received],
        )
    rows = queries_history.read_range(
        connection, [level, rain], micros(NOW), micros(NOW + 2 * HOUR)
    )
    assert [
        (series, moment(time), moment(received)) for series, time, received, *_ in rows.tolist()
    ] == [
        (level, NOW, NOW - HOUR),
        (level, NOW + HOUR, NOW + HOUR),
        (rain, NOW, NOW),
    ]
    whole = queries_history.read_all(connection, micros(NOW), micros(NOW + TICK))
    assert whole["received"].tolist() == [micros(NOW)] * 2, "as they stand"
    nothing = queries_history.read_range(
        connection, [level], micros(NOW + TICK), micros(NOW + HOUR)
    )
    assert len(nothing) == 0
    assert queries_history.read_newest(connection, []).tolist() == []


def test_imported_readings_and_what_a_person_entered(connection: Connection) -> None:
    series = add_device(connection, "a", "mill", "level", "rain", "flow")
    _insert(connection, series["level"], NOW)
    _insert(connection, series["rain"], NOW, quality=MANUAL)
    _insert(connection, series["flow"], NOW, received=NOW)
    assert queries_history.list_imported_series(connection, micros(NOW) + 1) == {series["level"]}


# -- the columnar copy --------------------------------------------------------------------------


@pytest.fixture
def own(database_url: str) -> Iterator[Connection]:
    with closing(connect(database_url, autocommit=True)) as made:
        make_places(made)
        yield made


def test_closed_chunks_are_copied_in_groups_and_read_by_series(
    own: Connection, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_parts, "_GROUP", 4)
    folder = tmp_path / "below" / queries_columnar.FOLDER
    series = [add_device(own, f"d{n}", "mill", "level")["level"] for n in range(5)]
    spans: list[tuple[int, int]] = []
    assert queries_columnar.refresh(own, folder) == 0, "nothing is there"
    for number in series[:1] + series[2:]:
        for at in (FIRST, NOW, LAST - TICK):
            _insert(own, number, at, number, received=at + MINUTE)
    _insert(own, series[1], NOW)  # imported
    _insert(own, series[1], FIRST - TICK, None)
    _insert(own, series[1], LAST + DAY - TICK)
    assert queries_columnar.refresh(own, folder, tick=lambda *at: spans.append(at)) == 1
    assert spans == [(0, 1)]
    assert queries_columnar.measure_copy(own) == {"parts": 1, "rows": 1}
    _insert(own, series[1], LAST + DAY, received=LAST + DAY)
    with closing(connect(database_url, autocommit=True)) as other:
        assert locks.take(other, Lock.COPYING)
        assert queries_columnar.refresh(own, folder) == 0, "another is at it"
        locks.release(other, Lock.COPYING)
        assert queries_columnar.refresh(own, folder) == 1
        assert locks.take(other, Lock.COPYING), "and has let go"
        locks.release(other, Lock.COPYING)  # its server process ends some time after `close`
    assert queries_columnar.measure_copy(own) == {"parts": 2, "rows": 14}
    (folder / "stray.parquet").touch()
    own.execute(
        "INSERT INTO columnar_dirty (day, xid) SELECT '1990-01-01'::date + n, (x::text::bigint"
        " - 1 + n)::text::xid8 FROM generate_series(0, 1) n,"
        " (SELECT min(xid) AS x FROM columnar_part) p"
    )
    assert queries_columnar.refresh(own, folder) == 0
    assert not (folder / "stray.parquet").exists()
    assert own.execute("SELECT day::text FROM columnar_dirty").fetchall() == [("1990-01-02",)]
    own.execute("DELETE FROM columnar_dirty")

    own.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    copy = queries_columnar.find_copy(own, folder)
    assert [(moment(part.first), moment(part.last)) for part in copy.parts] == [
        (FIRST - WEEK, FIRST),
        (FIRST, LAST),
    ]
    assert [part.dirty for part in copy.parts] == [frozenset()] * 2
    assert copy.rest == ((micros(LAST), micros(LAST + WEEK)),)
    ends = micros(LAST + WEEK)
    for chosen in ([series[0]], [series[1]], series[2:4], [series[4]], series[::2], series):
        rows = queries_columnar.read_rows(own, copy, chosen[::-1], 0, ends)
        stored = queries_history.split_by_series(queries_history.read_range(own, chosen, 0, ends))
        assert rows.keys() == stored.keys() == set(chosen)
        assert all(rows[one].tobytes() == stored[one].tobytes() for one in rows)
    assert queries_columnar.read_rows(own, copy, [series[4] + 1], 0, ends) == {}
    assert queries_columnar.read_rows(own, copy, [], 0, ends) == {}
    for since, before, times in (
        (FIRST, LAST - TICK, [FIRST, NOW]),
        (FIRST + TICK, LAST, [NOW, LAST - TICK]),
        (NOW, NOW + TICK, [NOW]),
        (NOW + TICK, LAST - TICK, []),
    ):
        rows = queries_columnar.read_rows(own, copy, [series[0]], micros(since), micros(before))
        assert [moment(at) for part in rows.values() for at in part["time"].tolist()] == times
    late = queries_columnar.read_rows(own, copy, [series[1]], micros(LAST), ends)
    assert late[series[1]]["time"].tolist() == [micros(LAST + DAY - TICK), micros(LAST + DAY)]


def test_what_of_the_copy_stands(connection: Connection, tmp_path: Path) -> None:
    level = add_device(connection, "a", "mill", "level")["level"]
    for weeks in (-3, -1, 0, 1, 2):
        _insert(connection, level, FIRST + weeks * WEEK)

    def part(weeks: int, xid: int, file: str, last: datetime | None = None) -> None:
        first = FIRST + weeks * WEEK
        connection.execute(
            "INSERT INTO columnar_part (first, last, xid, file, rows)"
            " VALUES (%s, %s, %s::xid8, %s, 1)",
            [first, last or first + WEEK, str(xid), file],
        )
        if file and file != "gone":
            (tmp_path / file).touch()

    part(-3, 3, "gone")
    part(-1, 2, "")
    part(0, 50, "a")
    part(1, 60, "b")
    part(2, 70, "c", LAST + 99 * WEEK)  # of other chunks than there are
    day = timedelta(days=1)
    for at, xid in (
        (FIRST - day, 99),
        (FIRST, 50),
        (FIRST + day, 49),
        (LAST - day, 51),
        (LAST, 60),
        (LAST + day, 59),
        (LAST + WEEK, 99),
    ):
        connection.execute(
            "INSERT INTO columnar_dirty (day, xid) VALUES (%s, %s::xid8)", [at.date(), str(xid)]
        )
    changed = _rows([(level, FIRST + 2 * day), (level, FIRST + 3 * day), (level, LAST - day)])
    for xid, row in ((50, changed[:1]), (49, changed[1:2]), (48, changed[2:])):
        connection.execute(
            "INSERT INTO feed (xid, kind, rows) VALUES (%s::xid8, 'readings', %s)",
            [str(xid), row.tobytes()],
        )

    def days(*numbers: int) -> frozenset[int]:
        since = (FIRST - datetime(1970, 1, 1, tzinfo=UTC)).days
        return frozenset(since + number for number in numbers)

    copy = queries_columnar.find_copy(connection, tmp_path)
    assert copy.parts == (
        queries_columnar.Part(
            first=micros(FIRST), last=micros(LAST), file=tmp_path / "a", dirty=days(0, 2, 6)
        ),
        queries_columnar.Part(
            first=micros(LAST), last=micros(LAST + WEEK), file=tmp_path / "b", dirty=days(7)
        ),
    )
    assert [(moment(first), moment(last)) for first, last in copy.rest] == [
        (FIRST - 3 * WEEK, FIRST - 2 * WEEK),
        (FIRST - WEEK, FIRST + day),
        (FIRST + 2 * day, FIRST + 3 * day),
        (LAST - day, LAST + day),
        (LAST + WEEK, LAST + 2 * WEEK),
    ]


# -- stored ------------------------------------------------------------------------------------


def test_readings_are_stored_once_and_told_as_they_stand(connection: Connection) -> None:
    level = add_device(connection, "a", "mill", "level")["level"]
    reading_queries.create_staging_tables(connection)
    at, later = micros(NOW), micros(NOW + HOUR)

    def put(*rows: tuple[int, int, float, int]) -> list[tuple[Any, ...]]:
        packed = np.array([(level, *row) for row in rows], dtype=ROW)
        told = reading_queries.store(connection, packed).tolist()
        connection.execute("TRUNCATE incoming, standing")
        return sorted(told)

    assert put((later, at + 5, 2.0, 0), (at, at + 5, 1.0, 0)) == [
        (level, at, at + 5, 1.0, 0),
        (level, later, at + 5, 2.0, 0),
    ]
    assert put((at, at + 6, 1.0, 0)) == []
    assert put((at, at + 7, 3.0, SUSPECT), (later + 1, at + 7, 4.0, 0)) == [
        (level, at, at + 5, 3.0, SUSPECT),  # the first arrival at that time
        (level, later + 1, at + 7, 4.0, 0),
    ]
    assert put((at, NEVER, 9.0, 0)) == [], "history takes no arrival back"
    rows = connection.execute(
        "SELECT value, quality, received_at FROM reading_version WHERE time = %s ORDER BY value",
        [NOW],
    )
    assert rows.fetchall() == [
        (1, 0, moment(at + 5)),
        (3, SUSPECT, moment(at + 7)),
        (9, 0, None),
    ]
    assert put((at, at + 4, 3.0, SUSPECT)) == [(level, at, at + 4, 1.0, 0)], "it came first"
    assert feed.registry_version(connection) == 0
