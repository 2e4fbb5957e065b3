"""What flood and weather dashboards ask of the database is what the console reckons by itself."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from math import isclose
from typing import Any

import pytest

from hypervisor.database.connect import Connection
from hypervisor.forecast.arrival import Reach, list_courses, list_reaches
from hypervisor.forecast.expected import Arrival, find_arrivals
from hypervisor.forecast.queries_current import CurrentForecast, list_current
from sensors._domain import catalogue
from tests.integration.dashboards.telling import NOW, line, roll, tell
from tests.unit.forecast.current import LEVELS, quantiles

pytestmark = pytest.mark.integration


def test_courses_and_reaches_are_those_of_the_outlook(essonne: Connection) -> None:
    tell(essonne, "orge-arpajon", "level", line(1.9, 0.04))
    tell(essonne, "orge-saint-cheron", "level", line(1.2, -0.05))
    tell(essonne, "orge-savigny", "level", line(1.2, 0.0))
    tell(essonne, "yvette-gif", "level", line(1.3, 0.02, until=NOW - timedelta(hours=5)))
    tell(essonne, "orge-arpajon", "level", [(NOW - timedelta(minutes=1), 9.0)], quality=1)
    roll(essonne)

    known = list_courses(essonne, catalogue(), now=NOW)
    assert len(known) >= 4
    for site, course in known.items():
        row = essonne.execute(
            "SELECT c.time, c.value, c.per_hour, c.error FROM gauges_at(%s) g"
            " CROSS JOIN LATERAL course_at(g.series, %s, 0.001) c WHERE g.name = %s",
            [NOW, NOW, site],
        ).fetchone()
        assert row is not None
        assert course.rate is not None
        assert (row[0], row[1]) == (course.time, course.value)
        assert isclose(row[2], course.rate.per_hour, abs_tol=1e-9)
        assert isclose(row[3], course.rate.error, rel_tol=1e-6)

    reaches = _compare_reaches(essonne)
    assert {reach.state for reach in reaches} >= {"rising", "falling", "reached", "unknown"}
    assert {reach.arrival.why for reach in reaches if reach.arrival} == {"unfitted"}


def _compare_reaches(essonne: Connection, at: datetime = NOW) -> list[Reach]:
    """Both reckon the same of every asset."""
    reaches = {reach.asset: reach for reach in list_reaches(essonne, catalogue(), now=at)}
    rows = essonne.execute(
        "SELECT asset, state, margin, due_h, earliest_h, latest_h, until_h, by_forecast, inside"
        " FROM reaches_at(%s)",
        [at],
    ).fetchall()
    assert {row[0] for row in rows} == set(reaches)
    for asset, state, margin, *times in rows:
        reach = reaches[asset]
        assert (state, margin) == (reach.state, pytest.approx(reach.margin))
        _compare_times(times, reach.arrival, at)
    return list(reaches.values())


def _compare_times(row: list[Any], arrival: Arrival | None, at: datetime) -> None:
    *hours, by_forecast, inside = row
    if arrival is None:
        assert row == [None] * 6
        return
    times = (arrival.at, arrival.earliest, arrival.latest, arrival.until)
    expected = [None if time is None else (time - at) / timedelta(hours=1) for time in times]
    assert hours == pytest.approx(expected)
    assert (by_forecast, inside) == (arrival.issued is not None, arrival.inside)


_RISE = {1: 0.1, 2: 0.2, 3: None, 6: 0.5}  # medians above the last value; ± 0.08 m hold 8 in 10


def _issue(  # noqa: PLR0913  what is stored of a forecast
    essonne: Connection,
    site: str,
    value: float,
    *,
    at: datetime,
    made: datetime,
    rise: Mapping[int, float | None] = _RISE,
) -> None:
    """A model and a fit, where there is none, and the forecast of a time."""
    essonne.execute(
        "INSERT INTO revision (kind, key, value, effective, author, reason)"
        " SELECT 'forecast', %(key)s, '{}', %(since)s, 'a', 'b'"
        " WHERE NOT EXISTS (SELECT FROM revision WHERE kind = 'forecast' AND key = %(key)s)",
        {"key": f"{site}/level", "since": NOW - timedelta(days=9)},
    )
    result = {
        "horizons": [
            {
                "horizon": hour * 3_600_000_000,
                "closed": why,
                "methods": [{"method": "chosen", "covered": {"80": share, "90": 1}}],
            }
            for hour, why, share in ((1, None, 0.8), (2, None, 0.71), (3, "x", 0.1), (6, None, 0.6))
        ]
    }
    essonne.execute(
        "INSERT INTO forecast_skill (site, quantity, effective, author, reason, readings, result)"
        " SELECT id, 'level', %s, 'a', 'b', 1, %s FROM site WHERE name = %s",
        [NOW - timedelta(days=9), json.dumps(result), site],
    )
    medians = {hour: None if each is None else value + each for hour, each in rise.items()}
    essonne.execute(
        "INSERT INTO forecast (site, quantity, issued, created_at, revision, tier, value, horizons,"
        " levels, quantiles) SELECT id, 'level', %s, %s, 1, 0, %s, %s, %s, %s FROM site"
        " WHERE name = %s",
        [
            *(at, made, value, [hour * 3600 for hour in rise], list(LEVELS)),
            *(quantiles(medians, 0.04), site),
        ],
    )


def test_arrivals_are_those_of_the_forecast_where_one_is_current(essonne: Connection) -> None:
    now = NOW + timedelta(days=40)
    for site, value, per_hour, rise in (
        ("yvette-gif", 1.0, 0.08, _RISE),
        ("orge-saint-cheron", 1.2, -0.01, {2: 0.1, 6: 0.15}),
        ("orge-savigny", 1.2, 0.03, {1: 0.0}),
        ("juine-etampes", 0.5, 0.05, {2: 0.1}),
    ):
        tell(essonne, site, "level", line(value, per_hour, until=now))
        _issue(essonne, site, value, at=now.replace(minute=15), made=now, rise=rise)
    roll(essonne)
    of_assets = [reach.arrival for reach in _compare_reaches(essonne, now)]

    rows = essonne.execute(
        "SELECT gauge, threshold, margin, due_h, earliest_h, latest_h, until_h, by_forecast, inside"
        " FROM crossings_at(%s)",
        [now],
    ).fetchall()
    courses = list_courses(essonne, catalogue(), now=now)
    forecasts = list_current(essonne, now)
    targets = [(courses[row[0]], courses[row[0]].value - row[2]) for row in rows]
    arrivals = find_arrivals(targets, forecasts)
    for (_gauge, _name, _margin, *times), arrival in zip(rows, arrivals, strict=True):
        _compare_times(times, arrival, now)
    kinds = {(each.at is None, each.why) for each in (*of_assets, *arrivals) if each}
    assert kinds >= {(False, None), (True, None), (False, "beyond")}


def test_a_forecast_is_current_until_its_gauge_counts_as_silent(essonne: Connection) -> None:
    def current(at: datetime) -> CurrentForecast:
        return list_current(essonne, at)["yerres-brunoy", "level"]

    issued = NOW + timedelta(days=50)
    _issue(essonne, "yerres-brunoy", 1.0, at=issued, made=issued)
    _issue(essonne, "yerres-brunoy", 2.0, at=issued, made=issued + timedelta(minutes=20))
    first, later = current(issued + timedelta(minutes=5)), current(issued + timedelta(minutes=40))
    assert (first.value, later.value) == (1.0, 2.0)  # what was known then
    assert later.coverage == {"3600": 0.8, "7200": 0.71, "21600": 0.6}
    late = current(issued + timedelta(hours=3))
    assert (late.open, late.issued) == (True, None)
    _issue(
        essonne,
        "yerres-brunoy",
        3.0,
        at=issued + timedelta(minutes=15),
        made=issued + timedelta(days=60),
    )
    assert current(issued + timedelta(minutes=20)).value == 3.0  # made later, as of a late fit
    essonne.execute(
        "INSERT INTO revision (kind, key, effective, author, reason)"
        " VALUES ('forecast', 'yerres-brunoy/level', %s, 'a', 'b')",
        [issued + timedelta(minutes=10)],
    )
    closed = current(issued + timedelta(minutes=20))
    assert (closed.open, closed.issued) == (False, None)


def test_the_past_is_told_as_it_was_known_then(essonne: Connection) -> None:
    tell(essonne, "yerres-brunoy", "level", line(1.9, 0.04, hours=30))
    roll(essonne)
    then = NOW - timedelta(hours=20, minutes=7)
    row = essonne.execute(
        "SELECT c.time, c.value FROM gauges_at(%(at)s) g"
        " CROSS JOIN LATERAL course_at(g.series, %(at)s, 0.001) c WHERE g.name = 'yerres-brunoy'",
        {"at": then},
    ).fetchone()
    assert row is not None
    assert then - timedelta(minutes=15) < row[0] <= then
    hours = (NOW - timedelta(minutes=5) - row[0]) / timedelta(hours=1)
    assert row[1] == pytest.approx(1.9 - 0.04 * hours, abs=0.0011)


def test_gauges_have_the_thresholds_and_the_zero_of_their_time(essonne: Connection) -> None:
    essonne.execute(
        "INSERT INTO revision (kind, key, value, effective, author, reason) VALUES"
        " ('threshold', 'juine-etampes/alert', '{\"value\": 2.2, \"unit\": \"m\"}', %s, 'a', 'b'),"
        " ('datum', 'juine-etampes', '{\"zero\": 47.5, \"unit\": \"m\"}', %s, 'a', 'b')",
        [NOW, NOW],
    )
    told = [
        essonne.execute(
            "SELECT alert, zero FROM gauges_at(%s) WHERE name = 'juine-etampes'", [at]
        ).fetchone()
        for at in (NOW - timedelta(hours=1), NOW)
    ]
    assert told == [(0.9, 72.5), (2.2, 47.5)]


def test_rain_is_summed_up_to_its_time(essonne: Connection) -> None:
    hour = NOW.replace(minute=0)
    tell(
        essonne,
        "orge-arpajon",
        "catchment_rain",
        [(hour - timedelta(hours=back), 1.0 + back) for back in range(30)],
    )
    series = essonne.execute(
        "SELECT s.id FROM series s JOIN device d ON d.id = s.device"
        " WHERE d.name = 'orge-arpajon' AND s.quantity = 'catchment_rain'"
    ).fetchone()
    assert series is not None
    found: dict[int, float] = dict(
        essonne.execute("SELECT * FROM rain_sums(%s, %s)", [series[0], hour]).fetchall()
    )
    assert found == {hours: hours * (hours + 1) / 2 for hours in (1, 2, 3, 4, 6, 12, 24)}
    silent = essonne.execute(
        "SELECT DISTINCT total FROM rain_sums(%s, %s)", [series[0], hour + timedelta(days=9)]
    ).fetchall()
    assert silent == [(None,)]


def test_lanes_show_the_highest_alarm_of_each_moment(essonne: Connection) -> None:
    def at(hours: float) -> datetime:
        return NOW + timedelta(hours=hours)

    def alarm(rule: str, steps: list[tuple[float, str]], ended: float | None, **more: Any) -> None:
        essonne.execute(
            "INSERT INTO alarm (rule, subject, site, since, began, ended, severity, stale, title,"
            " domain, category, withdrawn, noticed_at, changed_at)"
            " SELECT %(rule)s, name, id, %(began)s, %(began)s, %(ended)s, %(steps)s, '[]', 'x',"
            " 'flood', %(category)s, %(withdrawn)s, %(began)s, %(began)s FROM site"
            " WHERE name = 'orge-arpajon'",
            {
                "rule": rule,
                "began": at(steps[0][0]),
                "ended": None if ended is None else at(ended),
                "steps": json.dumps(
                    [[at(hours).isoformat(), severity] for hours, severity in steps]
                ),
                "category": "hazard",
                "withdrawn": None,
            }
            | more,
        )

    alarm("flood-level", [(-30, "minor"), (-10, "major"), (-4, "minor")], -1)
    alarm("flood-level-rising", [(-12, "minor")], -6)
    alarm("flood-asset-reached", [(-5, "critical")], -4.5)
    alarm("flood-basin-full", [(-0.5, "info")], None)
    alarm("flood-clock", [(-20, "critical")], None, category="maintenance")
    alarm("flood-held-up", [(-20, "critical")], None, withdrawn=NOW)
    rows = essonne.execute(
        "SELECT time, severity FROM alarm_lanes('flood', 'hazard', %s, %s) ORDER BY time",
        [at(-24), NOW],
    ).fetchall()
    seen = [((time - NOW) / timedelta(hours=1), severity) for time, severity in rows]
    changes = [one for i, one in enumerate(seen) if i == 0 or seen[i - 1][1] != one[1]]
    assert changes == [
        (-24, "minor"),
        (-10, "major"),
        (-5, "critical"),
        (-4.5, "major"),
        (-4, "minor"),
        (-1, None),
        (-0.5, "info"),
    ]


@pytest.mark.parametrize(
    ("air", "humidity", "dew", "wet"),
    [(20.0, 50.0, 9.3, 13.8), (0.0, 60.0, -6.8, -2.8), (30.0, 90.0, 28.2, 28.6)],
)
def test_wet_bulb_and_dew_point_are_those_of_the_tables(
    essonne: Connection, air: float, humidity: float, dew: float, wet: float
) -> None:
    row = essonne.execute(
        "SELECT dew_point(%s::float8, %s::float8), wet_bulb(%s::float8, %s::float8)",
        [air, humidity, air, humidity],
    ).fetchone()
    assert row == (pytest.approx(dew, abs=0.15), pytest.approx(wet, abs=0.3))
