"""The registry as it is written and read, and what is kept of lighting plans beside it."""

from dataclasses import replace
from datetime import datetime

import pytest

from hypervisor.database import feed, locks
from hypervisor.database.connect import Connection, connect
from hypervisor.database.instance import scenario_clock
from hypervisor.database.locks import Lock
from hypervisor.registry import queries as registry_queries
from hypervisor.registry import queries_lighting, queries_tables
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Area, Revision
from hypervisor.registry.queries import RegistryCache
from hypervisor.registry.queries_lighting import LightingRow, LitPiece, PlanCoverage
from tests.integration.database.standing import HOUR, NOW, TICK, revise

pytestmark = pytest.mark.integration

MIDNIGHT = NOW.replace(hour=0)


def test_areas_are_written_in_whatever_order_they_name_each_other(connection: Connection) -> None:
    commune = Area(code="33001", kind="commune", name="Bas", parent="33-2", population=7, lat=1)
    above = Area(code="33-2", kind="epci", name="Haut", parent="33")
    top = Area(code="33", kind="departement", name="Gironde")
    registry_queries.write(connection, Changes(areas=(commune, above, top)))
    areas = {area.code: area for area in queries_tables.list_things(connection, Area)}
    assert [areas[code] for code in ("33001", "33-2", "33")] == [commune, above, top]
    moved = replace(commune, parent="33", lon=2.0)
    registry_queries.write(connection, Changes(areas=(moved,)))
    assert registry_queries.load(connection).areas["33001"] == moved


def test_what_stands_at_no_site_is_read_as_well(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO asset (name, title, kind, site) VALUES ('road', 'Road', 'road', NULL),"
        " ('pump', 'Pump', 'pumping', (SELECT id FROM site WHERE name = 'mill'))"
    )
    read = registry_queries.load(connection)
    assert {name: group.site for name, group in read.groups.items()} == {
        "cab": "square",
        "loose": None,
    }
    assert {name: asset.site for name, asset in read.assets.items()} == {
        "pump": "mill",
        "road": None,
    }


def _revision(key: str, number: int, effective: datetime = NOW) -> Revision:
    return Revision(
        kind="rule", key=key, value={"n": number}, effective=effective, author="a", reason="r"
    )


def test_of_facts_said_at_once_each_points_at_the_one_before_it(connection: Connection) -> None:
    revise(connection, "rule", "a", {"n": 0}, NOW)
    revise(connection, "rule", "a", {"n": 9}, NOW + HOUR)
    revise(connection, "threshold", "a", {"n": 8}, NOW)
    said = [("a", 1), ("b", 2), ("a", 3), ("a", 4), ("b", 5)]
    registry_queries.add_revisions(connection, [_revision(key, n) for key, n in said])
    rows = connection.execute(
        "SELECT r.key, r.value->'n', p.value->'n' FROM revision r"
        " LEFT JOIN revision p ON p.id = r.previous WHERE r.author = 'a' ORDER BY r.value->'n'"
    )
    assert rows.fetchall() == [
        ("a", 1, 0),
        ("b", 2, None),
        ("a", 3, 1),
        ("a", 4, 3),
        ("b", 5, 2),
    ]
    registry_queries.add_revisions(connection, [_revision("a", 6, NOW - TICK)])
    (previous,) = connection.execute(
        "SELECT previous FROM revision WHERE value->'n' = '6'"
    ).fetchone() or (0,)
    assert previous is None
    kinds = [(one.kind, one.key) for one in queries_tables.list_revisions(connection)]
    assert kinds == sorted(kinds)
    assert [one.key for one in queries_tables.list_revisions(connection, "threshold")] == ["a"]


def test_a_change_is_told_once_with_what_it_changes(connection: Connection) -> None:
    changes = Changes(revisions=(_revision("a", 1), _revision("a", 2)))
    registry_queries.write(connection, changes)
    assert feed.registry_version(connection) == 1
    assert [one.value for one in registry_queries.load(connection).revisions] == [
        {"n": 1},
        {"n": 2},
    ]


def test_the_registry_is_read_again_once_it_changed(connection: Connection) -> None:
    remembered = RegistryCache()
    first = remembered.load(connection)
    assert remembered.load(connection) is first
    revise(connection, "rule", "a", {})
    assert remembered.load(connection) is first, "nobody said so"
    feed.append(connection, "registry")
    second = remembered.load(connection)
    assert len(second.revisions) == 1
    assert remembered.load(connection) is second


def test_rivers_and_the_scenarios_clock(connection: Connection) -> None:
    assert registry_queries.load_river(connection, "mill") == "Orge"
    assert registry_queries.load_river(connection, "square") is None
    assert registry_queries.load_river(connection, "nosuch") is None
    assert scenario_clock(connection) is None
    connection.execute(
        "INSERT INTO worker (name, heartbeat_at, joined_at) VALUES ('a', %s, %s), ('b', %s, %s)",
        [NOW, NOW, NOW - HOUR, NOW],
    )
    assert scenario_clock(connection) == NOW


# -- lighting plans -----------------------------------------------------------------------------


def test_what_plans_are_wanted_for_and_were_made_for(connection: Connection) -> None:
    assert queries_lighting.load_required_coverage(connection) is None
    assert queries_lighting.load_coverage(connection) is None
    for begins in (NOW, NOW + 24 * 7 * HOUR, NOW + 24 * 70 * HOUR):
        connection.execute(
            "INSERT INTO rollup_hour (series_id, begins, day, count, sum, min, max, last, last_at)"
            " VALUES (1, %s, %s, 1, 1, 1, 1, 1, %s)",
            [begins, begins, begins],
        )
    connection.execute(
        "INSERT INTO reading (series_id, time, quality) VALUES (1, %s, 0)", [NOW - 9999 * HOUR]
    )
    (first, last) = connection.execute(
        "SELECT min(range_start), max(range_end) FROM timescaledb_information.chunks"
        " WHERE hypertable_name = 'rollup_hour'"
    ).fetchone() or (NOW, NOW)
    assert first <= NOW
    assert last > NOW + 24 * 70 * HOUR
    wanted = PlanCoverage(registry=0, since=first, until=last)
    assert queries_lighting.load_required_coverage(connection) == wanted
    queries_lighting.save_coverage(connection, wanted)
    assert queries_lighting.load_coverage(connection) == wanted
    feed.append(connection, "registry")
    assert queries_lighting.load_required_coverage(connection) == PlanCoverage(
        registry=1, since=first, until=last
    )


def test_a_groups_plan_and_its_days(connection: Connection) -> None:
    span = (NOW, NOW + 24 * HOUR)
    plan = LightingRow(group="cab", facts="f", span=span)
    evening = MIDNIGHT + 20 * HOUR
    night = LitPiece(begins=evening, ends=evening + 9 * HOUR, level=50, span=span, installed=4)
    long = LitPiece(
        begins=night.ends, ends=MIDNIGHT + 72 * HOUR, level=100, span=span, installed=None
    )
    queries_lighting.write_plan(connection, replace(plan, group="other"), [night], "UTC")
    queries_lighting.write_plan(connection, plan, [replace(night, level=1)], "UTC")
    queries_lighting.write_plan(connection, plan, [night, long], "UTC")
    assert queries_lighting.load_groups(connection) == {"cab": ("f", *span), "other": ("f", *span)}
    rows = connection.execute(
        "SELECT begins, ends, level, lit_from, lit_to, installed FROM lit_plan"
        " WHERE lit_group = 'cab' ORDER BY begins"
    )
    assert rows.fetchall() == [
        (night.begins, night.ends, 50, *span, 4),
        (long.begins, long.ends, 100, *span, None),
    ]
    days = "SELECT day, burning, expected, installed FROM lit_day WHERE lit_group = %s ORDER BY day"
    assert connection.execute(days, ["other"]).fetchall() == [
        (MIDNIGHT, 4, 8, 4),
        (MIDNIGHT + 24 * HOUR, 5, 10, 4),
    ]
    assert connection.execute(days, ["cab"]).fetchall() == [
        (MIDNIGHT, 4, 8, 4),
        (MIDNIGHT + 24 * HOUR, 5 + 19, 10, 4),
        (MIDNIGHT + 48 * HOUR, 24, None, None),
    ]
    queries_lighting.delete_plans(connection, ["cab"])
    assert queries_lighting.load_groups(connection).keys() == {"other"}
    left = connection.execute("SELECT lit_group FROM lit_plan UNION SELECT lit_group FROM lit_day")
    assert left.fetchall() == [("other",)]


def test_plans_are_written_by_whoever_comes_first(connection: Connection, shared_url: str) -> None:
    with connect(shared_url) as other:
        assert queries_lighting.try_lock(connection)
        assert not queries_lighting.try_lock(other)
        registry_queries.lock(connection)
        assert not locks.take_in_transaction(other, Lock.REGISTRY)
