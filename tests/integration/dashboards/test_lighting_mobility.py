"""What the dashboards of lighting and mobility ask of the database: plans, lamps, roads."""

import json
import os
import random
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from hypervisor.base.instants import micros
from hypervisor.base.person import Territory
from hypervisor.database import databases, tenancy
from hypervisor.database.connect import Connection, connect
from hypervisor.evaluation import lighting_plans
from hypervisor.readings import rollup
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.changes import Changes
from hypervisor.registry.inventory_files import read_sources
from hypervisor.registry.model import Revision
from rules._pack import packs
from rules._tree import Number, walk
from sensors._domain import catalogue
from sensors._plan import levels, plan_from_json
from tests.conftest import TEMPLATE, Stack

pytestmark = pytest.mark.integration

ZONE = "Europe/Paris"
NIGHT = datetime(2024, 10, 9, 19, tzinfo=UTC)  # all cabinets burn
NOON = datetime(2024, 10, 10, 11, tzinfo=UTC)  # none does
DAY = datetime(2024, 10, 8, 22, tzinfo=UTC)  # midnight on the wall
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def essonne(stack: Stack) -> Iterator[Connection]:
    """The Essonne's inventory, for all: each test tells of devices of its own."""
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    with closing(connect(stack.database.url(name), autocommit=True)) as connection:
        connection.execute("INSERT INTO instance (mode, name) VALUES ('exercise', 'test')")
        apply_inventory(connection, read_sources(["essonne"]), author="test", now=NOON)
        _tell(connection, "velo-orsay", "bicycles", [(NIGHT, 1.0)])
        _roll(connection)  # from now on plans are wanted
        yield connection
    databases.drop(stack.maintenance_url, name)


def _tell(
    connection: Connection, device: str, quantity: str, told: Iterable[tuple[datetime, float]]
) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO reading (series_id, time, received_at, value, quality)"
            " SELECT s.id, %s, %s, %s, 0 FROM series s JOIN device d ON d.id = s.device"
            " WHERE d.name = %s AND s.quantity = %s",
            [(at, at, value, device, quantity) for at, value in told],
        )


def _roll(connection: Connection) -> None:
    connection.execute("UPDATE rollup_state SET fill = '-infinity'")
    rollup.catch_up(connection, catalogue(), idle_work=lighting_plans.keep)


def _every(minutes: int, since: datetime, until: datetime, value: float) -> list[Any]:
    steps = int((until - since) / (minutes * MINUTE))
    return [(since + step * minutes * MINUTE, value) for step in range(steps + 1)]


def _pairs(connection: Connection, sql: str, *given: Any) -> dict[str, Any]:
    """Two columns as names and what stands beside them."""
    return {str(name): value for name, value in connection.execute(sql.encode(), given).fetchall()}


def _standing(connection: Connection, kind: str, key: str) -> dict[str, Any]:
    row = connection.execute(
        "SELECT value FROM revision WHERE kind = %s AND key = %s ORDER BY effective DESC, id DESC",
        [kind, key],
    ).fetchone()
    assert row is not None
    return dict(row[0])


def test_written_plans_are_the_plans(essonne: Connection) -> None:
    chance = random.Random(5)
    places = essonne.execute(
        "SELECT g.name, s.lon, s.lat, s.name FROM device_group g JOIN site s ON s.id = g.site"
        " WHERE g.kind = 'cabinet'"
    ).fetchall()
    assert len(places) == 30
    for group, lon, lat, site in places:
        supply = _standing(essonne, "supply", group)
        plan = plan_from_json(_standing(essonne, "plan", supply["plan"]))
        at = DAY + timedelta(seconds=chance.randrange(20 * 86_400))
        span = (micros(at - timedelta(days=2)), micros(at + timedelta(days=2)))
        expected = levels(plan, round(lon, 2), round(lat, 2), span)
        row = essonne.execute(
            "SELECT level, installed FROM lit_cabinets(%s) WHERE lit_group = %s", [at, group]
        ).fetchone()
        rated = _standing(essonne, "threshold", f"{site}/cabinet_rated_power")["value"]
        assert row == (expected.of(np.array([micros(at)]))[0], rated)


def test_days_hold_what_the_plans_want(essonne: Connection) -> None:
    off = essonne.execute(
        "SELECT d.lit_group, d.day FROM lit_day d LEFT JOIN LATERAL ("
        "   SELECT sum(h.hours) AS hours, sum(h.hours * level / 100 * p.installed) AS expected"
        "   FROM lit_plan p CROSS JOIN LATERAL (SELECT extract(epoch FROM"
        "     least(p.ends, (((d.day AT TIME ZONE %(zone)s) + interval '1 day')"
        "       AT TIME ZONE %(zone)s)) - greatest(p.begins, d.day)) / 3600 AS hours) h"
        "   WHERE p.lit_group = d.lit_group AND h.hours > 0"
        " ) p ON true"
        " WHERE abs(d.burning - p.hours) > 1e-6 OR abs(d.expected - p.expected) > 1e-6"
        "   OR p.hours IS NULL",
        {"zone": ZONE},
    ).fetchall()
    assert off == []
    row = essonne.execute(
        "SELECT count(DISTINCT day), bool_or(day = '2024-10-26T22:00Z'),"
        " bool_or(day = '2024-10-27T23:00Z') FROM lit_day WHERE day >= %s AND day < %s",
        [DAY, DAY + timedelta(days=30)],
    ).fetchone()
    assert row == (30, True, True)  # the night of 25 hours among them


def test_a_revised_plan_is_written_anew_and_no_other(essonne: Connection) -> None:
    assert lighting_plans.keep(essonne, catalogue(), zone=ZONE) == 0
    dark = {**_standing(essonne, "plan", "station-squares"), "on_after_s": 7200.0}
    since = datetime(2024, 11, 1, tzinfo=UTC)
    registry_queries.write(
        essonne,
        Changes(
            revisions=(
                Revision(
                    kind="plan",
                    key="station-squares",
                    value=dark,
                    effective=since,
                    author="test",
                    reason="test",
                ),
            )
        ),
    )
    lit_by = essonne.execute(
        "SELECT key FROM revision WHERE kind = 'supply' AND value->>'plan' = 'station-squares'"
    ).fetchall()
    assert lighting_plans.keep(essonne, catalogue(), zone=ZONE) == len(lit_by) == 1
    row = essonne.execute(
        "SELECT array_agg(level ORDER BY at) FROM unnest(%s::timestamptz[]) at"
        " CROSS JOIN LATERAL lit_cabinets(at) c WHERE c.lit_group = %s",
        [
            [datetime(2024, 10, 30, 17, 30, tzinfo=UTC), datetime(2024, 11, 5, 17, 30, tzinfo=UTC)],
            lit_by[0][0],
        ],
    ).fetchone()
    assert row == ([100.0, 0.0],)


def _shares(rule: str) -> list[float]:
    """The shares that a rule compares by, in its order."""
    known = {rule.id: rule for pack in packs() for rule in pack.rules}
    numbers = [node.value for node in walk(known[rule].when) if isinstance(node, Number)]
    return [number for number in numbers if number < 1]


def test_states_turn_where_the_rules_do(essonne: Connection) -> None:
    dark, by_day = _shares("lighting-switched-off-plan")
    (missing,) = _shares("lighting-power-missing")
    assert _shares("lighting-lit-by-day") == [by_day]
    installed, edge = 4.0, 1e-9
    for power, low, high, state in (
        (None, 4.0, 4.0, "silent"),
        (1.0, None, None, "unknown"),
        (installed * dark - edge, 4.0, 4.0, "dark-off-plan"),
        (installed * dark, 4.0, 4.0, "missing"),
        (installed * missing - edge, 4.0, 4.0, "missing"),
        (installed * missing, 4.0, 4.0, "lit"),
        (0.01, 0.0, 4.0, "dark"),  # it switches just then
        (3.9, 0.0, 4.0, "lit"),
        (installed * by_day + edge, 0.0, 0.0, "lit-off-plan"),
        (installed * by_day, 0.0, 0.0, "dark"),
    ):
        row = essonne.execute(
            "SELECT lit_state(%s, %s, %s, %s)", [power, low, high, installed]
        ).fetchone()
        assert row == (state,), (power, low, high)


def test_cabinets_and_their_lamps(essonne: Connection) -> None:
    quarter = 15 * MINUTE
    for cabinet, night, noon in (
        ("cab-orsay-2", 3.1, 0.04),
        ("cab-gif-2", 1.5, 0.04),  # of 2.9 kW
        ("cab-massy-2", 0.02, 0.02),
        ("cab-orsay-1", 1.75, 1.7),
    ):
        told = [
            *_every(15, NIGHT - 8 * quarter, NIGHT, night),
            *_every(15, NOON - 4 * quarter, NOON, noon),
        ]
        _tell(essonne, cabinet, "cabinet_power", told)
    _roll(essonne)
    states = _pairs(essonne, "SELECT name, state FROM lit_now(%s)", NIGHT)
    assert states["cab-orsay-2"] == states["cab-orsay-1"] == "lit"
    assert states["cab-gif-2"] == "missing"
    assert states["cab-massy-2"] == "dark-off-plan"
    assert states["cab-evry-1"] == "silent"
    states = _pairs(essonne, "SELECT name, state FROM lit_now(%s)", NOON)
    assert states["cab-orsay-2"] == states["cab-massy-2"] == "dark"
    assert states["cab-orsay-1"] == "lit-off-plan"
    courses = essonne.execute(
        "SELECT name, array_agg(DISTINCT lit_state(power, low, high, installed)),"
        " sum(wanted) / 4 FROM lit_course(%s, %s, interval '15 minutes') GROUP BY name",
        [NIGHT - 4 * quarter, NIGHT],
    ).fetchall()
    assert {name: (told, round(kwh, 2)) for name, told, kwh in courses} == {
        "cab-orsay-2": (["lit"], 3.2),
        "cab-gif-2": (["missing"], 2.9),
        "cab-massy-2": (["dark-off-plan"], 3.5),
        "cab-orsay-1": (["lit"], 1.8),
    }

    hour = timedelta(hours=1)
    for lamp, level, until in (
        ("lamp-orsay-2-01", 100, NIGHT),
        ("lamp-orsay-2-02", 0, NIGHT),
        ("lamp-orsay-2-03", 100, NIGHT - 3 * hour),
        ("lamp-massy-2-01", 100, NIGHT - 2 * hour),
        ("lamp-orsay-2-04", 100, NOON),
    ):
        _tell(essonne, lamp, "light_level", _every(60, NIGHT - 5 * hour, until, level))
    _tell(essonne, "lamp-orsay-2-01", "lamp_fault", [(NIGHT - hour, 3.0)])
    _roll(essonne)

    def lamps(at: datetime) -> dict[str, tuple[str, float | None]]:
        rows = essonne.execute("SELECT device, does, fault FROM lit_lamps(%s)", [at]).fetchall()
        assert len(rows) == 1200
        return {device: (does, fault) for device, does, fault in rows}

    late = lamps(NIGHT + hour)
    assert late["lamp-orsay-2-01"] == ("as-planned", 3.0)
    assert late["lamp-orsay-2-02"] == ("dark", None)
    assert late["lamp-orsay-2-03"][0] == "silent"
    assert late["lamp-massy-2-01"][0] == "unfed"
    by_day = lamps(NOON)
    assert by_day["lamp-orsay-2-04"][0] == "lit"
    assert by_day["lamp-orsay-2-01"][0] == "silent"  # always fed, and said nothing since
    assert by_day["lamp-orsay-1-01"][0] == "silent"  # of a night that is over


def test_how_late_cabinets_switch(essonne: Connection) -> None:
    plans = _pairs(
        essonne, "SELECT lit_group, lit_to FROM lit_cabinets(%s)", NIGHT - timedelta(days=1)
    )
    for cabinet, tells, late in (("cab-les-ulis-1", True, 12.0), ("cab-palaiseau-1", False, 25.0)):
        off = plans[cabinet] + late * MINUTE
        turns = _every(15, plans[cabinet] - 85 * MINUTE, plans[cabinet] + 80 * MINUTE, 0.0)
        told = [(at, 0.04 if at >= off else 3.3) for at, _ in turns]
        _tell(essonne, cabinet, "cabinet_power", [*told, *([(off, 0.04)] if tells else [])])
    found = _pairs(
        essonne,
        "SELECT name, minutes FROM lit_switchings(%s, %s) WHERE NOT on_ AND minutes IS NOT NULL",
        NIGHT - timedelta(days=1),
        NIGHT - timedelta(hours=6),
    )
    assert found.keys() == {"cab-les-ulis-1", "cab-palaiseau-1"}
    assert abs(found["cab-les-ulis-1"] - 12.0) < 1e-6
    assert abs(found["cab-palaiseau-1"] - 20.0) < 1e-6  # still lit then, dark at the next look


def test_a_tenant_sees_the_plans_of_its_own_cabinets(essonne: Connection, stack: Stack) -> None:
    row = essonne.execute("SELECT commune, current_database() FROM site WHERE name = 'cab-orsay-1'")
    commune, database = row.fetchone() or ("", "")
    with closing(connect(stack.database.url(database))) as connection:
        tenancy.become(connection, Territory(communes=frozenset({commune})))
        groups = connection.execute("SELECT DISTINCT lit_group FROM lit_plan ORDER BY 1").fetchall()
        assert [group for (group,) in groups] == ["cab-orsay-1", "cab-orsay-2"]
        found = connection.execute("SELECT name FROM lit_now(%s)", [NIGHT]).fetchall()
        assert sorted(name for (name,) in found) == ["cab-orsay-1", "cab-orsay-2"]


def test_signals_hold_until_another_is_told(essonne: Connection) -> None:
    start = NIGHT - timedelta(hours=6)
    hour = timedelta(hours=1)
    _tell(essonne, "cab-viry-1", "cabinet_door", [(start - 2 * hour, 1.0), (start + hour, 0.0)])
    _tell(essonne, "cab-viry-1", "earth_leakage", [(start - hour, 0.0), (start + 3 * hour, 1.0)])
    _roll(essonne)
    rows = essonne.execute(
        "SELECT time, state FROM lit_signal_course(%s, %s, interval '15 minutes')"
        " WHERE name = 'cab-viry-1' ORDER BY time",
        [start, NIGHT],
    ).fetchall()
    assert rows == [(start, "door"), (start + hour, "fine"), (start + 3 * hour, "leakage")]


def test_daily_checks_of_detectors(essonne: Connection) -> None:
    five, ten = DAY + timedelta(hours=5), DAY + timedelta(hours=22)
    count = int((ten - five) / (6 * MINUTE))
    half = count // 2
    shapes: dict[str, tuple[str, list[tuple[float, float]]]] = {
        "a6-chilly-north": ("valid", [(2000, 5 + at % 7) for at in range(count)]),
        "a6-chilly-south": ("missing", [(2000, 5 + at % 7) for at in range(half)]),
        "a6-viry-north": ("still", [(2000, 7.5)] * count),
        "a6-viry-south": (
            "full",
            [(900, 75 + at % 3) if at % 4 == 0 else (900, 9) for at in range(count)],
        ),
        "a6-evry-north": ("zero", [(600, 0 if at % 5 else 4) for at in range(count)]),
        "a6-evry-south": (
            "against",
            [(0 if at % 10 == 0 else 900, 6 + at % 3) for at in range(count)],
        ),
        "n104-linas-east": (
            "idle",
            [(0 if 20 <= at < 62 else 700, 1 + at % 2 * 0.5) for at in range(count)],
        ),
    }
    for station, (_, told) in shapes.items():
        times = [five + at * 6 * MINUTE for at in range(len(told))]
        _tell(essonne, station, "traffic_flow", zip(times, [flow for flow, _ in told], strict=True))
        _tell(essonne, station, "occupancy", zip(times, [full for _, full in told], strict=True))
    verdicts = _pairs(essonne, "SELECT name, verdict FROM road_checks(%s)", DAY)
    assert len(verdicts) == 40
    assert {name: verdicts[name] for name in shapes} == {
        name: verdict for name, (verdict, _) in shapes.items()
    }
    assert verdicts["n7-ris"] == "missing"


def test_jams_are_those_of_the_rule(essonne: Connection) -> None:
    (standing,) = _shares("mobility-congestion")
    for flow, speed, full, state in (
        (900.0, 39.9, 32.1, "jammed"),
        (900.0, 40.0, 32.1, "dense"),
        (900.0, 39.9, 32.0, "dense"),
        (4000 * standing - 1, None, 60.0, "jammed"),
        (4000 * standing, None, 60.0, "free"),  # full, and nothing known of its speed
        (0.0, None, 99.0, "locked"),
    ):
        row = essonne.execute(
            "SELECT road_state(%s, %s, %s, 105, 40, 32, 4000)", [flow, speed, full]
        ).fetchone()
        assert row == (state,), (flow, speed, full)


def test_how_traffic_is(essonne: Connection) -> None:
    at = NIGHT + timedelta(days=1)
    expected = {}
    for station, flow, speed, full, state in (
        ("n118-bievres-north", 900, 12, 55, "jammed"),
        ("n118-bievres-south", 3700, 85, 20, "dense"),
        ("n118-orsay-north", 0, None, 100, "locked"),
        ("n118-orsay-south", 0, 90, 0, "empty"),
        ("n118-les-ulis-north", 300, 28, 2, "free"),  # a tractor at night
    ):
        told = {"traffic_flow": flow, "traffic_speed": speed, "occupancy": full}
        for quantity, value in told.items():
            if value is not None:
                _tell(essonne, station, quantity, [(at - MINUTE, value)])
        expected[station] = (state, speed if flow else None)
    _roll(essonne)
    rows = essonne.execute("SELECT name, state, speed FROM road_now(%s)", [at]).fetchall()
    assert {name: (state, speed) for name, state, speed in rows if name in expected} == expected
    assert {state for name, state, _ in rows if name not in expected} == {"silent"}
    rows = essonne.execute(
        "SELECT DISTINCT state FROM road_course(%s, %s, interval '15 minutes')",
        [at - 15 * MINUTE, at],
    ).fetchall()
    assert {state for (state,) in rows} == {"jammed", "dense", "locked", "empty", "free"}


def test_works_touch_what_they_name(essonne: Connection) -> None:
    works = {"begins": "2024-10-01T00:00:00Z", "ends": "2024-10-20T00:00:00Z"}
    for name, where in (
        ("bridge", {"sites": ["n7-ris"], "devices": [], "groups": []}),
        ("tarmac", {"sites": [], "devices": ["n7-juvisy"], "groups": ["rd188"]}),
    ):
        essonne.execute(
            "INSERT INTO revision (kind, key, value, effective, author, reason)"
            " VALUES ('works', %s, %s, 'epoch', 'test', 'test')",
            [name, json.dumps({**works, **where})],
        )
    found = _pairs(essonne, "SELECT works, sites FROM road_works(%s)", NOON)
    assert set(found["bridge"]) == {"n7-ris"}
    assert set(found["tarmac"]) == {"n7-juvisy", "rd188-orsay", "rd188-massy"}
