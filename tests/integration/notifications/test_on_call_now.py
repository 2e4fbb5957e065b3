"""Who is on call, as each sees it on Now: for the whole territory, or for their own communes."""

from datetime import timedelta

import pytest

from hypervisor.base.person import EVERYWHERE, Territory
from hypervisor.notifications import queries_routes
from hypervisor.notifications.on_call import OnCallNow, find_on_call
from tests.integration.notifications.town import BEGIN, Town

pytestmark = pytest.mark.integration

ROUTES = """
routes:
  - {name: everywhere, call: "01", escalate: {after: 15 min, to: chief}, channels: [{mqtt: a}]}
  - {name: commune, call: "02", when: {areas: Arpajon}, channels: [{mqtt: a}]}
  - {name: around, when: {areas: ["91"]}, channels: [{mqtt: a}, {name: b, mqtt: b}]}
  - {name: gauge, when: {sites: orge}, channels: [{mqtt: a}]}
  - {name: cabinet, when: {sites: cabinet}, channels: [{mqtt: a}]}
  - {name: nights, hours: [{from: "20:00", to: "06:00"}], channels: [{mqtt: a}]}
  - {name: chief, call: "09", only escalated: yes, channels: [{mqtt: a}]}
"""


def _names(now: OnCallNow) -> list[str]:
    return [route.name for route in now.on_call]


def test_each_sees_who_is_on_call_for_their_own_communes(town: Town) -> None:
    arpajon = Territory(communes=frozenset({"91021"}))
    assert find_on_call(town.connection, BEGIN, arpajon) == OnCallNow(routed=False)
    queries_routes.ROUTES.insert_revision(town.connection, ROUTES, author="test", reason="test")
    everyone = find_on_call(town.connection, BEGIN, EVERYWHERE)
    assert _names(everyone) == ["everywhere", "commune", "around", "gauge", "cabinet"]
    mayor = find_on_call(town.connection, BEGIN, arpajon)
    assert _names(mayor) == ["everywhere", "commune", "around", "gauge"]
    first, _, around, _ = mayor.on_call
    assert (first.call, first.chief, first.chief_call) == ("01", "chief", "09")
    assert first.after == timedelta(minutes=15)
    assert (around.call, around.ways, around.chief, around.chief_call) == ("", ("1", "b"), None, "")
    elsewhere = find_on_call(town.connection, BEGIN, Territory(communes=frozenset({"75001"})))
    assert _names(elsewhere) == ["everywhere"]
    night = find_on_call(town.connection, BEGIN + timedelta(hours=7), arpajon)
    assert "nights" in _names(night)
    until = {route.name: route.until for route in night.on_call}
    assert (until["everywhere"], until["nights"]) == (None, BEGIN + timedelta(hours=16))


def test_nobody_is_notified_where_no_route_takes_their_alarms(town: Town) -> None:
    only = "routes: [{name: cabinet, when: {sites: cabinet}, channels: [{mqtt: a}]}]"
    queries_routes.ROUTES.insert_revision(town.connection, only, author="test", reason="test")
    arpajon = Territory(communes=frozenset({"91021"}))
    assert find_on_call(town.connection, BEGIN, arpajon) == OnCallNow(routed=False)
    assert find_on_call(town.connection, BEGIN, EVERYWHERE).routed


def test_routes_that_cannot_be_read_name_nobody(town: Town) -> None:
    queries_routes.ROUTES.insert_revision(
        town.connection, "routes: [{name: duty}]", author="test", reason="test"
    )
    assert find_on_call(town.connection, BEGIN, EVERYWHERE) == OnCallNow(routed=False)
