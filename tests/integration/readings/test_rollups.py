"""Roll-ups are the raw readings', whatever comes late, twice, corrected, invalidated or goes."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hypervisor.base.instants import micros
from hypervisor.database import feed
from hypervisor.database.connect import Connection, connect
from hypervisor.readings import queries as reading_queries
from hypervisor.readings import queries_compression, rollup
from sensors._domain import catalogue
from sensors._quality import Quality
from sensors._row import NEVER, ROW
from tests.integration.evaluation.world import World, make_world

pytestmark = pytest.mark.integration

ZONE = ZoneInfo("Europe/Paris")
AUTUMN = datetime(2023, 10, 28, 20, tzinfo=UTC)  # before the night of 25 hours
LEVEL, ENERGY = 1, 2


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with closing(make_world(database_url, connect(database_url))) as made:
        made.register(["orge"])
        made.connection.execute(
            "INSERT INTO series (device, quantity) SELECT id, 'lamp_energy' FROM device"
        )
        made.connection.commit()
        yield made


def _series(connection: Connection) -> dict[int, int]:
    rows = connection.execute("SELECT quantity, id FROM series ORDER BY id").fetchall()
    connection.commit()
    known: dict[str, int] = dict(rows)
    return {LEVEL: known["level"], ENERGY: known["lamp_energy"]}


def _store(connection: Connection, rows: list[tuple[int, datetime, float, int, int]]) -> None:
    """Series, time, value, quality, arrival; as ingest stores a batch."""
    packed = np.array(
        [
            (series, micros(at), NEVER if arrived < 0 else arrived, value, quality)
            for series, at, value, quality, arrived in rows
        ],
        dtype=ROW,
    )
    reading_queries.create_staging_tables(connection)
    stands = reading_queries.store(connection, packed)
    feed.append(connection, "readings", rows=stands.tobytes())
    connection.commit()


def _roll(world: World) -> None:
    with closing(connect(world.url, autocommit=True)) as own:
        rollup.catch_up(own, catalogue())


def _expected(
    connection: Connection, *, days: bool
) -> dict[tuple[int, datetime], tuple[float, ...]]:
    """The slow, obvious way: pandas over the raw readings."""
    rows = connection.execute(
        "SELECT r.series_id, s.quantity, r.time, r.value FROM reading r"
        " JOIN series s ON s.id = r.series_id WHERE r.value IS NOT NULL AND r.quality & %s = 0"
        " ORDER BY 1, 3",
        [int(Quality.SUSPECT)],
    ).fetchall()
    connection.commit()
    frame = pd.DataFrame(rows, columns=["series", "quantity", "time", "value"])
    if frame.empty:
        return {}
    frame["time"] = pd.to_datetime(frame["time"], utc=True)
    before = frame.groupby("series")["value"].shift()
    rise = frame["value"] - before
    frame["rise"] = rise.where(rise >= 0, frame["value"]).where(before.notna(), 0.0)
    local = frame["time"].dt.tz_convert(ZONE)
    frame["piece"] = (
        local.dt.normalize().dt.tz_convert("UTC") if days else frame["time"].dt.floor("h")
    )
    found = {}
    for (series, piece), one in frame.groupby(["series", "piece"]):
        counter = one["quantity"].iloc[0] == "lamp_energy"
        key = (int(str(series)), pd.Timestamp(str(piece)).to_pydatetime())
        found[key] = (
            float(len(one)),
            *(float(one["value"].agg(how)) for how in ("sum", "min", "max")),
            float(one["value"].iloc[-1]),
            float(one["rise"].sum()) if counter else float("nan"),
        )
    return found


def _told(connection: Connection, *, days: bool) -> dict[tuple[int, datetime], tuple[float, ...]]:
    rows = connection.execute(
        "SELECT series_id, begins, count, sum, min, max, last, coalesce(increase, 'NaN')"  # noqa: S608
        f" FROM {'rollup_day' if days else 'rollup_hour'}"
    ).fetchall()
    connection.commit()
    return {(series, begins): tuple(map(float, figures)) for series, begins, *figures in rows}


def _require_equal(connection: Connection) -> None:
    for days in (False, True):
        told, expected = _told(connection, days=days), _expected(connection, days=days)
        assert told.keys() == expected.keys()
        for key, values in expected.items():
            assert told[key] == pytest.approx(values, rel=1e-9, abs=1e-9, nan_ok=True), key


_ROW = st.tuples(
    st.sampled_from([LEVEL, ENERGY]),
    st.integers(0, 200),  # quarters of an hour: two days and the change of the clocks
    st.integers(0, 50),
    st.sampled_from([0, 0, 0, int(Quality.OUT_OF_RANGE), int(Quality.MANUAL)]),
    st.integers(1, 9),
)
_BATCHES = st.lists(st.lists(_ROW, min_size=1, max_size=25), min_size=1, max_size=5)


@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches=_BATCHES)
def test_they_equal_the_raw_readings_however_these_come(
    world: World, batches: list[list[tuple[int, int, int, int, int]]]
) -> None:
    connection = world.connection
    series = _series(connection)
    for number, batch in enumerate(batches):
        rows = [
            (series[which], AUTUMN + timedelta(minutes=15 * at), value / 10, quality, arrived)
            for which, at, value, quality, arrived in batch
        ]
        _store(connection, rows)
        if number % 2:
            _roll(world)
    _roll(world)
    _require_equal(connection)
    connection.execute("TRUNCATE reading, reading_version, rollup_hour, rollup_day")
    connection.commit()  # for the next example


def test_a_reading_that_comes_ten_months_late_is_right_everywhere(world: World) -> None:
    connection = world.connection
    series = _series(connection)
    _store(connection, [(series[ENERGY], AUTUMN, 10.0, 0, 1)])
    later = AUTUMN + timedelta(days=300)
    _store(connection, [(series[ENERGY], later, 25.0, 0, 2)])
    _roll(world)
    _require_equal(connection)
    middle = AUTUMN + timedelta(minutes=30)
    _store(connection, [(series[ENERGY], middle, 12.0, 0, micros(later))])
    _roll(world)
    _require_equal(connection)
    hours = _told(connection, days=False)
    assert hours[series[ENERGY], later][-1] == 13.0  # it rises from the late one now


def test_what_is_let_go_stays_rolled_up(world: World) -> None:
    connection = world.connection
    series = _series(connection)
    quarter = timedelta(minutes=15)
    rows = [(series[LEVEL], AUTUMN + quarter * n, n / 10, 0, 1) for n in range(40)]
    _store(connection, rows)  # nobody has rolled this up yet
    (chunk, *_) = queries_compression.list_chunks(connection)
    expected = _expected(connection, days=False)
    with connection.transaction():
        rollup.freeze(connection, *chunk)
        connection.execute("DELETE FROM reading WHERE time < %s", [chunk[1]])
    kept = _told(connection, days=False)
    assert kept.keys() == expected.keys()
    _store(connection, [(series[LEVEL], AUTUMN, 99.0, 0, 2)])  # far too late: it changes nothing
    _roll(world)
    assert str(_told(connection, days=False)) == str(kept)  # nan is not itself


def test_who_was_away_too_long_begins_anew(world: World) -> None:
    connection = world.connection
    series = _series(connection)
    _roll(world)
    _store(connection, [(series[LEVEL], AUTUMN, 1.0, 0, 1)])
    cursor = str(feed.ahead(connection))
    connection.commit()
    feed.prune(connection, cursor)  # seen a moment ago: what it has not read is kept
    (waiting,) = connection.execute(
        "SELECT count(*) FROM feed WHERE kind = 'readings'"
    ).fetchone() or (0,)
    assert waiting == 1
    connection.execute("UPDATE rollup_state SET seen_at = seen_at - INTERVAL '2 hours'")
    connection.commit()
    feed.prune(connection, cursor)
    _roll(world)
    _require_equal(connection)
    assert len(_told(connection, days=False)) == 1
