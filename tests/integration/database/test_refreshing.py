"""Which hours and days are made again, of what, and from which reading a counter rises."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hypervisor.base.instants import BEGINNING, micros, moment
from hypervisor.database.connect import Connection
from hypervisor.database.feed import HOUR as HOUR_US
from hypervisor.readings import queries_rollups
from tests.integration.database.standing import HOUR, NOW, SUSPECT, TICK, add_device, store

pytestmark = pytest.mark.integration

DAY, WEEK = timedelta(days=1), timedelta(days=7)
MINUTE = timedelta(minutes=1)
FIRST = datetime(2023, 12, 28, tzinfo=UTC)  # a week of its own, as are those before and after
NEVER = moment(BEGINNING)


@pytest.fixture
def energy(connection: Connection) -> int:
    """A counter."""
    queries_rollups.set_counters(connection, ["lamp_energy"])
    return add_device(connection, "lamp", "mill", "lamp_energy")["lamp_energy"]


@pytest.fixture
def level(connection: Connection) -> int:
    return add_device(connection, "gauge", "mill", "level")["level"]


def _refresh(
    connection: Connection,
    changed: Iterable[tuple[int, datetime]] = (),
    *,
    span: tuple[datetime, datetime] | None = None,
    frozen: datetime = NEVER,
) -> int:
    return queries_rollups.refresh(
        connection,
        [(series, micros(at) // HOUR_US) for series, at in changed],
        span=span,
        frozen=frozen,
        zone="Europe/Paris",
    )


def _hours(connection: Connection, series: int, *, days: bool = False) -> dict[datetime, Any]:
    """By beginning: count, sum, min, max, last, when, increase."""
    rows = connection.execute(
        "SELECT begins, count, sum, min, max, last, last_at, increase"  # noqa: S608  two tables
        f" FROM {'rollup_day' if days else 'rollup_hour'} WHERE series_id = %s ORDER BY begins",
        [series],
    )
    return {begins: tuple(figures) for begins, *figures in rows}


def _rises(connection: Connection, series: int) -> dict[datetime, float | None]:
    return {begins: rest[-1] for begins, rest in _hours(connection, series).items()}


def _suspects(connection: Connection) -> list[tuple[int, datetime, int]]:
    rows = connection.execute(
        "SELECT series_id, begins, count FROM rollup_suspect ORDER BY series_id, begins"
    )
    return [(series, begins, count) for series, begins, count in rows]


def _mark(connection: Connection) -> None:
    """Nothing that is made again afterwards is counted so."""
    for table in ("rollup_hour", "rollup_day", "rollup_suspect"):
        connection.execute(f"UPDATE {table} SET count = 999".encode())  # noqa: S608


def _unmade(connection: Connection, table: str = "rollup_hour") -> list[tuple[int, datetime]]:
    rows = connection.execute(
        f"SELECT series_id, begins FROM {table} WHERE count = 999 ORDER BY 1, 2".encode()  # noqa: S608
    )
    return [(series, begins) for series, begins in rows]


def test_what_an_hour_holds(connection: Connection, energy: int) -> None:
    store(
        connection,
        energy,
        [
            (NOW - TICK, 1, 0),
            (NOW, 3, 0),
            (NOW + 30 * MINUTE, 100, SUSPECT),
            (NOW + 40 * MINUTE, None, 0),
            (NOW + HOUR - TICK, 7, 0),
            (NOW + HOUR, 2, 0),
            (NOW + 2 * HOUR, 50, SUSPECT),
            (NOW + 3 * HOUR, 6, 0),
            (NOW + 4 * HOUR, 8, 0),
        ],
    )
    changed = [(energy, NOW + n * HOUR) for n in range(3)]
    assert _refresh(connection, changed) == 3
    assert _hours(connection, energy) == {
        NOW: (2, 10, 3, 7, 7, NOW + HOUR - TICK, 2 + 4),
        NOW + HOUR: (1, 2, 2, 2, 2, NOW + HOUR, 2),  # it began again
        NOW + 3 * HOUR: (1, 6, 6, 6, 6, NOW + 3 * HOUR, 4),  # the next one of a counter
    }
    assert _suspects(connection) == [(energy, NOW, 1), (energy, NOW + 2 * HOUR, 1)]
    midnight = NOW.replace(hour=0) - HOUR  # in Paris
    assert _hours(connection, energy, days=True) == {midnight: (4, 18, 2, 7, 6, NOW + 3 * HOUR, 12)}
    assert _refresh(connection) == 0


def test_only_what_changed_is_made_anew(connection: Connection, energy: int, level: int) -> None:
    times = [NOW + n * HOUR for n in range(5)]
    for series in (energy, level):
        store(connection, series, [(time, n, 0) for n, time in enumerate(times)])
        store(connection, series, [(time + MINUTE, 9, SUSPECT) for time in times])
    _refresh(connection, [(series, time) for series in (energy, level) for time in times])
    _mark(connection)
    assert _refresh(connection, [(energy, times[1]), (level, times[3])]) == 3
    assert _unmade(connection) == [
        *((energy, times[n]) for n in (0, 3, 4)),
        *((level, times[n]) for n in (0, 1, 2, 4)),
    ]
    assert _unmade(connection, "rollup_suspect") == _unmade(connection)
    assert _unmade(connection, "rollup_day") == []
    assert _rises(connection, energy) == dict(zip(times, (0, 1, 1, 1, 1), strict=True))
    assert set(_rises(connection, level).values()) == {None}


def test_an_hour_that_holds_nothing_any_more_is_gone(connection: Connection, level: int) -> None:
    store(connection, level, [(NOW, 1, 0), (NOW + MINUTE, 1, SUSPECT), (NOW + DAY, 1, 0)])
    _refresh(connection, [(level, NOW), (level, NOW + DAY)])
    connection.execute("DELETE FROM reading WHERE time < %s", [NOW + DAY])
    _refresh(connection, [(level, NOW)])
    assert _hours(connection, level).keys() == {NOW + DAY}
    assert _suspects(connection) == []
    days = _hours(connection, level, days=True)
    assert days.keys() == {(NOW + DAY).replace(hour=0) - HOUR}


def test_the_whole_of_a_span_is_made_anew(connection: Connection, level: int) -> None:
    rain = add_device(connection, "rain", "mill", "rain")["rain"]
    gone = add_device(connection, "gone", "mill", "rain")["rain"]
    ends = NOW + 3 * HOUR
    times = [NOW - HOUR, NOW, ends - HOUR, ends]
    for series in (level, rain, gone):
        store(connection, series, [(time, 1, 0) for time in times])
        store(connection, series, [(time + MINUTE, 1, SUSPECT) for time in times])
    everything = (NOW - DAY, NOW + DAY)
    assert _refresh(connection, span=everything) == 12
    connection.execute("DELETE FROM reading WHERE series_id = %s", [gone])
    connection.execute("DELETE FROM rollup_hour WHERE series_id = %s", [rain])
    _mark(connection)
    assert _refresh(connection, [(level, NOW)], span=(NOW, ends)) == 4
    assert _unmade(connection) == [
        (level, NOW - HOUR),
        (level, ends),
        (gone, NOW - HOUR),
        (gone, ends),
    ]
    assert _hours(connection, rain).keys() == {NOW, ends - HOUR}
    assert _unmade(connection, "rollup_suspect") == [
        (series, time) for series in (level, rain, gone) for time in (NOW - HOUR, ends)
    ]
    assert _hours(connection, gone).keys() == {NOW - HOUR, ends}


def test_before_the_limit_an_hour_is_only_made_where_none_was(
    connection: Connection, level: int
) -> None:
    rain = add_device(connection, "rain", "mill", "rain")["rain"]
    times = [NOW - 2 * HOUR, NOW - HOUR, NOW]
    store(connection, level, [(time, 1, 0) for time in times[1:]])
    store(connection, rain, [(time, 1, SUSPECT) for time in times[1:]])
    changed = [(series, time) for series in (level, rain) for time in times]
    _refresh(connection, changed)
    store(connection, level, [(times[0], 1, 0), (times[1] + MINUTE, 1, SUSPECT)])
    store(connection, rain, [(times[0], 1, 0), (times[1] + MINUTE, 1, 0)])
    _mark(connection)
    assert _refresh(connection, changed, frozen=NOW) == 3
    assert _unmade(connection) == [(level, times[1])]
    assert _hours(connection, level).keys() == set(times)
    assert _hours(connection, rain).keys() == {times[0]}
    assert _suspects(connection) == [(rain, times[1], 999), (rain, times[2], 1)]


def test_a_counter_rises_from_wherever_its_last_reading_lies(
    connection: Connection, energy: int
) -> None:
    """Near by is within two days of the first hour that changed."""
    names = ("near", "far", "just far", "unfit", "twice")
    series = {
        name: add_device(connection, name, "mill", "lamp_energy")["lamp_energy"] for name in names
    }
    earlier: dict[str, list[tuple[datetime, float | None, int]]] = {
        "near": [(NOW - 2 * DAY, 10, 0), (NOW - 2 * DAY - TICK, 1, 0)],
        "far": [(NOW - 300 * DAY, 20, 0), (NOW - 301 * DAY, 1, 0)],
        "just far": [(NOW - 2 * DAY - TICK, 30, 0)],
        "unfit": [(NOW - TICK, 99, SUSPECT), (NOW - HOUR, None, 0), (NOW - 9 * DAY, 40, 0)],
        "twice": [(NOW - TICK, 50, 0), (NOW - HOUR, 1, 0), (NOW - 9 * DAY, 2, 0)],
    }
    for name, rows in earlier.items():
        store(connection, series[name], [(NOW, 100, 0), *rows])
    store(connection, energy, [(NOW, 100, 0)])
    _refresh(connection, [(one, NOW) for one in [*series.values(), energy]])
    rises = {name: _rises(connection, one)[NOW] for name, one in series.items()}
    assert rises == {"near": 90, "far": 80, "just far": 70, "unfit": 60, "twice": 50}
    assert _rises(connection, energy) == {NOW: 0}, "its first"


def _roll_up(connection: Connection, series: int, begins: datetime, last: float) -> None:
    connection.execute(
        "INSERT INTO rollup_hour (series_id, begins, day, count, sum, min, max, last, last_at)"
        " VALUES (%s, %s, %s, 1, 1, 1, 1, %s, %s)",
        [series, begins, begins, last, begins + MINUTE],
    )


def test_behind_the_limit_a_counter_rises_from_what_is_rolled_up_before_it(
    connection: Connection, energy: int
) -> None:
    limit = NOW - 10 * DAY
    names = ("kept", "not kept", "at the limit", "nothing", "both")
    series = {
        name: add_device(connection, name, "mill", "lamp_energy")["lamp_energy"] for name in names
    }
    for one in (*series.values(), energy):
        store(connection, one, [(NOW, 100, 0)])
    store(connection, series["kept"], [(limit, 10, 0), (limit - TICK, 1, 0)])
    store(connection, series["not kept"], [(limit - TICK, 1, 0)])
    _roll_up(connection, series["not kept"], limit - HOUR, 20)
    _roll_up(connection, series["not kept"], limit - 2 * HOUR, 2)
    _roll_up(connection, series["at the limit"], limit, 30)
    store(connection, series["nothing"], [(limit - TICK, 1, 0)])
    store(connection, series["both"], [(limit + HOUR, 40, 0)])
    _roll_up(connection, series["both"], limit - HOUR, 4)
    _refresh(connection, [(one, NOW) for one in series.values()], frozen=limit)
    rises = {name: _rises(connection, one)[NOW] for name, one in series.items()}
    assert rises == {"kept": 90, "not kept": 80, "at the limit": 0, "nothing": 0, "both": 60}


def test_at_the_limit_itself_readings_before_it_count_no_more(
    connection: Connection, energy: int
) -> None:
    store(connection, energy, [(NOW - TICK, 10, 0), (NOW, 100, 0), (NOW + HOUR, 104, 0)])
    _refresh(connection, [(energy, NOW), (energy, NOW + HOUR)], frozen=NOW)
    assert _rises(connection, energy) == {NOW: 0, NOW + HOUR: 4}
    connection.execute("DELETE FROM rollup_hour")
    _refresh(connection, [(energy, NOW), (energy, NOW + HOUR)], frozen=NOW + TICK)
    assert _rises(connection, energy) == {NOW: 90, NOW + HOUR: 4}, "before it they do"


def test_weeks_follow_one_another(connection: Connection, energy: int, level: int) -> None:
    ends = FIRST + WEEK
    times = [FIRST - HOUR, FIRST, ends - HOUR, ends, ends + 3 * WEEK]
    for series in (energy, level):
        store(connection, series, [(time, 10 * n, 0) for n, time in enumerate(times)])
    changed = [(series, time) for series in (energy, level) for time in times]
    assert _refresh(connection, changed) == 10
    assert _rises(connection, energy) == dict(zip(times, (0, 10, 10, 10, 10), strict=True))
    assert _rises(connection, level) == dict.fromkeys(times)
    assert _refresh(connection, changed[:5]) == 5
    assert len(_hours(connection, level)) == 5


def test_a_day_is_the_walls_with_as_many_hours_as_it_has(
    connection: Connection, level: int
) -> None:
    """The day on which clocks are put back begins at 22:00 and has twenty-five hours."""
    begins = datetime(2023, 10, 28, 22, tzinfo=UTC)
    times = [begins - HOUR, begins, begins + 24 * HOUR, begins + 25 * HOUR]
    rain = add_device(connection, "rain", "mill", "rain")["rain"]
    for series in (level, rain):
        store(connection, series, [(time, n + 1, 0) for n, time in enumerate(times)])
    _refresh(connection, [(series, time) for series in (level, rain) for time in times])
    days = _hours(connection, level, days=True)
    assert days == {
        begins - DAY: (1, 1, 1, 1, 1, times[0], None),
        begins: (2, 5, 2, 3, 3, times[2], None),
        begins + 25 * HOUR: (1, 4, 4, 4, 4, times[3], None),
    }
    _mark(connection)
    connection.execute("UPDATE rollup_hour SET count = 1")
    _refresh(connection, [(level, times[2])])
    assert _unmade(connection, "rollup_day") == [
        (level, begins - DAY),
        (level, begins + 25 * HOUR),
        *((rain, day) for day in days),
    ]
    assert _hours(connection, level, days=True)[begins] == days[begins]
    _mark(connection)
    connection.execute("UPDATE rollup_hour SET count = 1")
    _refresh(connection, [(level, times[1])])
    assert _hours(connection, level, days=True)[begins] == days[begins]
