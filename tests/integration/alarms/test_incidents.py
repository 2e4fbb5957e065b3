"""Incidents and suppression over real alarms: a cabinet with its lamps, floods on rivers."""

from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms import queries_incidents, queries_lifecycle, service_list
from hypervisor.alarms.incidents import Incident
from hypervisor.alarms.queries import Selection
from hypervisor.alarms.service_suppression import read_suppression
from hypervisor.base.instants import moment
from hypervisor.database import feed
from hypervisor.database.connect import Connection, connect
from tests.integration.alarms.conftest import WALL, Desk
from tests.integration.evaluation import field
from tests.integration.evaluation.world import RULES, Sent, World, make_world, us

pytestmark = pytest.mark.integration

SILENT = """
- id: flood-silent
  title: "{site}: silent"
  category: maintenance
  when: silent(level, 1 h)
  severity: minor
  advice: Look.
  wrong when: Never.
  tests: []
"""


def _incidents(connection: Connection, *, every: bool = True) -> list[dict[str, Any]]:
    service_list.refresh_incidents(connection)
    connection.commit()
    found = queries_incidents.list_incidents(connection, wall=WALL, every=every)
    connection.commit()
    return [incident.model_dump(mode="json") for incident in found]


def _rivers(world: World, **rivers: str | None) -> None:
    for site, river in rivers.items():
        world.connection.execute("UPDATE site SET river = %s WHERE name = %s", [river, site])
    feed.append(world.connection, "registry")
    world.connection.commit()


def _flood(world: World, site: str, begins: float, ends: float) -> None:
    values = [(begins + n, 3.2) for n in (0, 5, 10)] + [(ends + n, 2.0) for n in (0, 5, 10)]
    world.store([Sent(site=site, at=at, value=value) for at, value in values])


def test_a_flood_on_one_river_is_one_incident(database_url: str) -> None:
    with closing(make_world(database_url, connect(database_url))) as world:
        world.register(["arpajon", "savigny", "villebon"])
        _rivers(world, arpajon="Orge", savigny="Orge", villebon="Yvette")
        world.rules = RULES[: RULES.index("- id: flood-rise")]
        world.record_rules()
        world.join()
        _flood(world, "arpajon", 0, 60)
        _flood(world, "savigny", 40, 100)
        _flood(world, "villebon", 50, 90)
        _flood(world, "savigny", 400, 430)
        world.beat(445)
        world.settle()
        select = Selection(rule="flood-high")
        high = {
            (alarm.place, alarm.episode.began): alarm.id
            for alarm in alarm_queries.list_alarms(world.connection, select)
        }
        assert len(high) == 4
        flood = [
            incident
            for incident in _incidents(world.connection)
            if incident["grouped_by"] == "river"
        ]
        members = {one["number"]: {*one["alarms"]} for one in flood}
        orge = high["arpajon", us(10)], high["savigny", us(50)]
        assert any({*orge} <= each for each in members.values())
        (first,) = [one for one in flood if orge[0] in one["alarms"]]
        assert (first["title"], first["open"], first["active"]) == ("Orge: flood", False, 0)
        assert first["opened"] == "2024-01-01T00:10:00Z"
        assert high["villebon", us(60)] not in first["alarms"]
        assert high["savigny", us(410)] not in first["alarms"]
        listed = [incident["title"] for incident in _incidents(world.connection, every=False)]
        assert listed == ["Orge: flood"]  # the one whose quiet time is not over

        kept = _kept(world.connection)
        world.connection.execute("DELETE FROM incident_state")
        assert _incidents(world.connection)
        assert _kept(world.connection) == kept  # grouped from nothing: the same

        _rivers(world, arpajon=None)  # a mistake in the registry: each site for itself
        again = _incidents(world.connection)
        assert {one["grouped_by"] for one in again if orge[0] in one["alarms"]} == {"site"}


def _kept(connection: Connection) -> list[Incident]:
    return queries_incidents.list_incidents(connection)


def test_incidents_follow_step_by_step_what_grouping_at_once_finds(desk: Desk) -> None:
    desk.measure((0, 3.2), (5, 3.2), (10, 3.2))
    (number,) = desk.of_rule("flood-high")
    (one,) = _incidents(desk.connection)
    assert (one["number"], one["ended"], one["active"]) == (number, None, 1)
    desk.measure((15, 4.3))
    assert _incidents(desk.connection)[0]["severity"] == "major"
    desk.measure((15, 2.0), received=16)  # it never rose: a correction
    desk.measure((5, 2.0), (10, 2.0), received=17)
    assert desk.states()[number] == "withdrawn"
    assert all(number not in each["alarms"] for each in _incidents(desk.connection))
    stepwise = _kept(desk.connection)
    desk.connection.execute("DELETE FROM incident_state")
    _incidents(desk.connection)
    assert _kept(desk.connection) == stepwise


def test_gauges_that_fall_silent_at_once_are_one_incident_on_all_rivers(database_url: str) -> None:
    with closing(make_world(database_url, connect(database_url))) as world:
        sites = [f"gauge-{number}" for number in range(6)]
        world.register(sites)
        _rivers(world, **{site: f"River {site}" for site in sites})
        world.rules = SILENT
        world.record_rules()
        world.join()
        for number, site in enumerate(sites):
            world.store([Sent(site=site, at=number, value=1.0)])
        for minutes in (63, 64.5, 70):  # four silent, then five, then six
            world.beat(minutes)
            world.settle()
            _incidents(world.connection)
        (outage,) = _incidents(world.connection)
        assert (outage["title"], outage["grouped_by"], outage["active"]) == (
            *("Common outage: flood, maintenance", "outage"),
            6,
        )
        stepwise = _kept(world.connection)
        world.connection.execute("DELETE FROM incident_state")
        _incidents(world.connection)
        assert _kept(world.connection) == stepwise

        world.store([Sent(site=sites[0], at=20, value=1.0, received=20)])  # heard after all
        world.store([Sent(site=sites[1], at=20, value=1.0, received=20)])
        world.settle()
        assert [one["grouped_by"] for one in _incidents(world.connection)] == ["river"] * 4
        stepwise = _kept(world.connection)
        world.connection.execute("DELETE FROM incident_state")
        _incidents(world.connection)
        assert _kept(world.connection) == stepwise


def test_a_cabinet_and_its_lamps(database_url: str) -> None:
    with closing(make_world(database_url, connect(database_url))) as world:
        field.register(world)
        world.rules = RULES
        world.others["lighting"] = field.RULES.replace(
            "- id: lighting-out\n", "- id: lighting-out\n  inhibits: [lighting-fault]\n"
        )
        world.record_rules()
        world.join()
        for at, fault in ((250, 0.0), (265, 2.0), (280, 2.0)):
            for lamp in field.LAMPS[:3]:
                world.store([Sent(site=lamp, at=at, value=fault, quantity="lamp_fault")])
            world.beat(at)
            world.settle()
        select = Selection(active=True, domain="lighting")
        found = service_list.list_alarms(world.connection, select, wall=WALL)
        lamps = [one for one in found if one.rule == "lighting-fault"]
        (group,) = [one for one in found if one.rule == "lighting-out"]
        assert len(lamps) == 3
        assert group.suppressed == ()
        for one in lamps:
            assert [(why.kind, why.by) for why in one.suppressed] == [("inhibited", group.id)]
        silent = service_list.list_alarms(
            world.connection, Selection(), wall=WALL, shown="suppressed"
        )
        assert {one.id for one in silent} == {one.id for one in lamps}
        keys = {
            (incident["grouped_by"], incident["name"]) for incident in _incidents(world.connection)
        }
        assert ("site", "cab") in keys


def test_a_rule_says_how_its_alarms_are_grouped_from_when_on(desk: Desk) -> None:
    _rivers(desk.world, orge="Orge")
    desk.measure((0, 3.2), (5, 3.2), (10, 3.2))
    assert [incident["grouped_by"] for incident in _incidents(desk.connection)] == ["river"]
    desk.world.rules = desk.world.rules.replace(
        "- id: flood-high\n", "- id: flood-high\n  group by: site\n"
    )
    desk.world.record_rules()  # in force from minute 10 on, at which the alarm began
    desk.world.settle()
    assert [incident["grouped_by"] for incident in _incidents(desk.connection)] == ["site"]


def test_works_and_shelving_silence_and_are_told(desk: Desk) -> None:
    desk.measure((0, 3.2), (5, 3.2), (10, 3.2))
    (number,) = desk.of_rule("flood-high")

    def kinds() -> list[str]:
        around = read_suppression(desk.connection, wall=WALL).of(desk.connection, [number])
        desk.connection.commit()
        return [suppression.kind for suppression in around[number]]

    assert kinds() == []
    begins = moment(us(0))
    desk.world.revise(
        desk.world.fact(
            "works",
            "weir",
            {
                "begins": begins.isoformat(),
                "ends": (begins + timedelta(minutes=30)).isoformat(),
                "sites": ["orge"],
                "devices": [],
                "groups": [],
            },
        )
    )
    assert kinds() == ["works"]
    desk.act("shelve", number, until=moment(us(40)))
    assert kinds() == ["works", "shelved"]
    desk.measure((30, 3.2))
    assert kinds() == ["shelved"]
    desk.act("out-of-service", number)
    assert kinds() == ["out-of-service"]
    desk.measure((45, 3.2))
    assert kinds() == ["out-of-service"]
    desk.act("return-to-service", number)
    assert kinds() == []


def test_an_alarm_that_comes_and_goes_chatters(desk: Desk) -> None:
    queries_lifecycle.save_setting(desk.connection, "chatter_count", value=2)
    desk.world.rules = "- {id: flood-at-once, title: x, when: level > 3 m, severity: minor,"
    desk.world.rules += " advice: x, wrong when: never, tests: []}"
    desk.world.record_rules()
    for start in (0, 20, 40):
        desk.measure((start, 3.5), (start + 10, 2.0))
        number = desk.of_rule("flood-at-once")[-1]
        around = read_suppression(desk.connection, wall=WALL).of(desk.connection, [number])
        desk.connection.commit()
        assert [suppression.kind for suppression in around[number]] == (
            ["chattering"] if start == 40 else []
        )
