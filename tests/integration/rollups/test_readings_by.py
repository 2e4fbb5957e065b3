"""What pieces of time are told equals what the readings say, rolled up or not, without a seam."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hypervisor.rollups import following
from hypervisor.store.connect import Connection, connect
from sensors._domain import catalogue
from sensors._quality import Quality
from tests.integration.rollups.filling import ENERGY, LEVEL, numbers, store
from tests.integration.watch.world import World, make_world

pytestmark = pytest.mark.integration

ZONE = ZoneInfo("Europe/Paris")
AUTUMN = datetime(2023, 10, 28, 20, tzinfo=UTC)  # before the night of 25 hours
SPRING = datetime(2024, 3, 30, 20, tzinfo=UTC)  # before the one of 23
PIECES = ("00:10", "01:00", "06:00", "05:00", "1 day", "7 days", "1 month")

Told = dict[tuple[int, datetime], tuple[float, ...]]


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with closing(make_world(database_url, connect(database_url))) as made:
        made.register(["orge"])
        made.connection.execute(
            "INSERT INTO series (device, quantity) SELECT id, 'lamp_energy' FROM device"
        )
        made.connection.commit()
        roll(made)  # it knows now what rises
        yield made


def roll(world: World) -> None:
    with closing(connect(world.url, autocommit=True)) as own:
        following.catch_up(own, catalogue())


def told(connection: Connection, every: str, span: tuple[datetime, datetime]) -> Told:
    rows = connection.execute(
        "SELECT series_id, time, count, mean, low, high, last, total, increase"
        " FROM readings_by(%s, %s, %s, %s::interval)",
        [list(numbers(connection).values()), *span, every],
    ).fetchall()
    connection.commit()
    assert rows == sorted(rows, key=lambda row: row[:2])
    return {
        (series, time): tuple(float("nan") if each is None else float(each) for each in figures)
        for series, time, *figures in rows
    }


def begins(times: "pd.Series[pd.Timestamp]", every: str) -> "pd.Series[pd.Timestamp]":
    """When the piece begins that a reading lies in."""
    local = times.dt.tz_convert(ZONE)
    midnight = local.dt.normalize()
    if every == "1 day":
        return midnight
    if every == "7 days":
        return (midnight.dt.tz_localize(None).dt.to_period("W").dt.start_time).dt.tz_localize(ZONE)
    if every == "1 month":
        return (midnight.dt.tz_localize(None).dt.to_period("M").dt.start_time).dt.tz_localize(ZONE)
    step = pd.Timedelta(f"{every}:00")
    if step <= pd.Timedelta(hours=1):
        return times.dt.floor(step)
    return midnight + ((local - midnight) // step) * step


def expected(connection: Connection, every: str, span: tuple[datetime, datetime]) -> Told:
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
    frame["piece"] = begins(frame["time"], every).dt.tz_convert("UTC")
    frame = frame[(frame["piece"] >= span[0]) & (frame["piece"] < span[1])]
    found = {}
    for (series, piece), one in frame.groupby(["series", "piece"]):
        counter = one["quantity"].iloc[0] == "lamp_energy"
        key = (int(str(series)), pd.Timestamp(str(piece)).to_pydatetime())
        found[key] = (
            float(len(one)),
            *(float(one["value"].agg(how)) for how in ("mean", "min", "max")),
            float(one["value"].iloc[-1]),
            float(one["value"].sum()),
            float(one["rise"].sum()) if counter else float("nan"),
        )
    return found


def require_equal(connection: Connection, span: tuple[datetime, datetime]) -> None:
    for every in PIECES:
        found, wanted = told(connection, every, span), expected(connection, every, span)
        assert found.keys() == wanted.keys(), every
        for key, figures in wanted.items():
            assert found[key] == pytest.approx(figures, rel=1e-9, abs=1e-9, nan_ok=True), (
                every,
                key,
            )


ROW = st.tuples(
    st.sampled_from([LEVEL, ENERGY]),
    st.integers(0, 300) | st.integers(0, 60_000),  # ten minutes: two days, or late in a year
    st.integers(0, 50),
    st.sampled_from([0, 0, 0, int(Quality.OUT_OF_RANGE), int(Quality.INVALIDATED)]),
    st.integers(1, 9),
)
BATCHES = st.lists(
    st.tuples(st.lists(ROW, min_size=1, max_size=20), st.booleans()), min_size=1, max_size=4
)
SPAN = st.tuples(st.integers(-50, 70_000), st.integers(1, 5_000) | st.integers(1, 70_000))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=BATCHES, span=SPAN, since=st.sampled_from([AUTUMN, SPRING]))
def test_it_equals_the_readings_whether_they_are_rolled_up_yet_or_not(
    world: World,
    batches: list[tuple[list[tuple[int, int, int, int, int]], bool]],
    span: tuple[int, int],
    since: datetime,
) -> None:
    connection, step = world.connection, timedelta(minutes=10)
    series = numbers(connection)
    asked = (since + span[0] * step, since + (span[0] + span[1]) * step)
    for batch, rolled in batches:
        store(
            connection,
            [
                (series[which], since + at * step, value / 10, quality, arrived)
                for which, at, value, quality, arrived in batch
            ],
        )
        if rolled:
            roll(world)
        require_equal(connection, asked)
    connection.execute(
        "TRUNCATE reading, reading_version, rollup_hour, rollup_day, rollup_suspect, feed"
    )
    connection.commit()  # for the next example
