"""What flood and weather dashboards ask of the database is what the console reckons by itself."""

import json
from datetime import datetime, timedelta
from math import isclose
from typing import Any

import pytest

from hypervisor.database.connect import Connection
from hypervisor.forecast.arrival import Reach, list_courses, list_reaches
from sensors._domain import catalogue
from tests.integration.dashboards.telling import NOW, line, roll, tell

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

    expected = {reach.asset: reach for reach in list_reaches(essonne, catalogue(), now=NOW)}
    found = essonne.execute(
        "SELECT asset, state, margin, due_h, earliest_h, latest_h FROM reaches_at(%s)", [NOW]
    ).fetchall()
    assert {row[0] for row in found} == set(expected)
    for asset, *told in found:
        _same(told, expected[asset])
    assert {reach.state for reach in expected.values()} >= {
        "rising",
        "falling",
        "reached",
        "unknown",
    }


def _same(told: list[Any], reach: Reach) -> None:
    state, margin, *hours = told
    assert state == reach.state
    assert margin == pytest.approx(reach.margin)
    due = reach.arrival
    wanted = (due.at, due.earliest, due.latest) if due else (None, None, None)
    for said, at in zip(hours, wanted, strict=True):
        assert said == pytest.approx(None if at is None else (at - NOW) / timedelta(hours=1))


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
