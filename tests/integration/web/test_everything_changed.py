"""Every page and every answer, where of every kind of thing some were revised and some are gone."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from hypervisor.accounts import service as account_service
from hypervisor.accounts.service import Administrator
from hypervisor.base.instants import moment
from hypervisor.database.connect import connect
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.inventory_files import read_text
from sensors._domain import catalogue
from tests.integration.evaluation.world import Sent, World, us
from tests.integration.web.conftest import two_towns
from tests.integration.web.others import settle
from tests.integration.web.served import EVERYTHING, NOW, server, session, signed_in
from tests.integration.web.trying import OPEN, SAFE, Route, every_route, send

pytestmark = pytest.mark.integration

FIRST = """
plans:
  - {name: residential, title: Streets, on: sunset, off: sunrise}
  - {name: squares, title: Squares, on: sunset, off: sunrise}
gateways:
  - {name: lora, title: Network server, protocol: chirpstack, lon: 2.4, lat: 48.6}
sites:
  - name: orge
    lon: 2.25
    lat: 48.59
    river: Orge
    datum: 48.61 m
  - name: zorn
    lon: 2.26
    lat: 48.6
    river: Orge
  - name: cab
    title: Cabinet
    lon: 2.249
    lat: 48.589
    devices:
      - {name: cab, model: cabinet-controller, commissioned: 2022-09-01}
      - name: lamp-1
        model: lamp-node
        commissioned: 2022-09-01
        gateway: lora
        address: 70B3D57ED0001A2B
        thresholds: {lamp_rated_power: 60 W}
      - {name: lamp-2, model: lamp-node, commissioned: 2022-09-01}
groups:
  - name: cab
    title: Cabinet
    kind: cabinet
    site: cab
    members: [lamp-1, lamp-2]
    supply: {plan: residential, switched: true}
zones:
  - name: meadows
    kind: flood
    geometry:
      type: Polygon
      coordinates: [[[2.24, 48.58], [2.26, 48.58], [2.25, 48.6], [2.24, 48.58]]]
assets:
  - name: school
    title: School
    kind: school
    lon: 2.25
    lat: 48.59
    reach: {gauge: orge, level: 5 m}
  - name: yard
    title: Yard
    kind: other
    lon: 2.25
    lat: 48.59
    reach: {gauge: orge, level: 4 m}
links:
  - {from: orge, to: zorn, travel: 7 h}
works:
  - name: paving
    begins: 2024-01-01T00:00Z
    ends: 2024-01-09T00:00Z
    groups: [cab]
    reason: cables
  - name: weir
    begins: 2024-01-01T00:00Z
    ends: 2024-01-09T00:00Z
    sites: [orge]
    reason: weir
"""
REVISED = """
plans:
  - {name: residential, title: Streets at night, on: sunset + 10 min, off: sunrise}
  - {name: squares, withdrawn: true}
gateways:
  - {name: lora, title: Another server, protocol: chirpstack, lon: 2.5, lat: 48.6}
sites:
  - name: orge
    title: The Orge, again
    datum: 48.73 m
    thresholds: {attention: null, alert: 4.5 m}
  - name: zorn
    devices:
      - {name: zorn, retired: 2024-01-02}
  - name: cab
    devices:
      - name: lamp-1
        in_service: false
        series: {lamp_power: 2 h, lamp_fault: null}
        thresholds: {lamp_rated_power: 50 W}
groups:
  - {name: cab, members: {lamp-2: null}, supply: null}
assets:
  - {name: school, reach: {gauge: orge, level: 5.5 m}}
  - {name: yard, reach: null}
links:
  - {from: orge, to: zorn, travel: null}
works:
  - {name: paving, withdrawn: true}
  - {name: weir, begins: 2024-01-01T00:00Z, ends: 2024-01-03T00:00Z, sites: [orge], reason: sooner}
"""
# A rule with everything that a rule may have, its tests among it.
FULL = {
    "title": "{site}: rising fast",
    "when": "change(level, 1 h) > 0.6 m",
    "for": "15 min",
    "severity": "major",
    "advice": "look",
    "wrong when": "never",
    "chatter": "3 in 1 h",
    "fr": {"title": "{site} : montée rapide"},
    "tests": [
        {
            "name": "it rises",
            "every": "15 min",
            "level": "1 1 1 1.8 1.9 1.9 1 1 1",
            "expect": [{"began": "01:00", "ended": "01:30"}],
        }
    ],
}


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with closing(two_towns(database_url, "zorn")) as made:
        _inventory(made, FIRST)
        yield made


def _inventory(world: World, text: str) -> None:
    inventory = read_text(text, file="town.yaml", catalogue=catalogue())
    at = datetime(2024, 1, 1, 0, 20, tzinfo=UTC)
    apply_inventory(world.connection, inventory, author="ann", now=at, reason="survey")
    world.connection.commit()


def _done(answer: httpx.Response) -> Any:
    assert answer.is_success or answer.status_code == 303, answer.text
    return answer


def _change_rules(client: httpx.Client) -> None:
    """One revised, one withdrawn, one made and withdrawn, one rolled back; so with thresholds."""

    def put(rule: str, written: dict[str, Any]) -> None:
        known = client.get(f"/api/v1/rules/{rule}")
        mark = {"If-Match": known.headers["etag"]} if known.is_success else {}
        body = {"written": {"id": rule, **written}, "reason": "tried"}
        _done(client.put(f"/api/v1/rules/{rule}", json=body, headers=mark))

    def call(method: str, path: str, **said: Any) -> None:
        mark = {"If-Match": client.get(path.removesuffix("/rollback")).headers["etag"]}
        _done(client.request(method, path, headers=mark, **said))

    put("flood-rise", FULL)
    put("flood-own", FULL)
    put("flood-silent", {**FULL, "when": "level > 9 m", "tests": []})
    for rule in ("flood-own", "flood-rain"):
        call("DELETE", f"/api/v1/rules/{rule}", params={"reason": "not needed"})
    call("PUT", "/api/v1/thresholds/orge/danger", json={"value": "6 m", "reason": "tried"})
    for path in ("rules/flood-silent", "thresholds/orge/danger"):
        first = client.get(f"/api/v1/{path}/revisions").json()["revisions"][0]["revision"]
        call("POST", f"/api/v1/{path}/rollback", json={"to": first, "reason": "back again"})
    call("DELETE", "/api/v1/thresholds/zorn/alert", params={"reason": "gone"})


def _change_the_log(client: httpx.Client, values: dict[str, Any]) -> None:
    """What stands open, was settled, was corrected; hand-overs of each state."""

    def write(**said: Any) -> int:
        number = _done(client.post("/api/v1/log", json={"text": "x", **said})).json()["entry"]["id"]
        assert isinstance(number, int)
        return number

    due = {"due": "2024-01-01T06:00:00Z"}
    write(kind="settled", about=write(kind="promise", site="zorn", **due))
    write(kind="correction", about=write(kind="note", alarm=values["alarm"]))
    write(kind="closure")
    write(kind="expectation", **due)
    write(kind="bulletin", **due)
    for step in ("withdraw", ""):
        made = _done(client.post("/api/v1/handovers", json={"note": "x"})).json()["handover"]
        if step:
            _done(client.post(f"/api/v1/handovers/{made['id']}/steps", json={"step": step}))


def _change_alarms(world: World, client: httpx.Client) -> None:
    """One closed, one shelved, one out of service, one withdrawn, one merged into another."""
    for at, value in ((25, 2.0), (30, 2.0), (35, 2.0), (45, 3.3), (55, 3.3), (60, 3.3)):
        world.store([Sent(site="orge", at=at, value=value)])
    world.beat(60)
    world.settle()
    for at in (20, 25, 30, 35, 40):
        world.store([Sent(site="orge", at=at, value=3.2, received=62)])
    world.beat(62)
    world.settle()
    until = moment(us(120)).isoformat()
    for kind, row in zip(
        ("close", "shelve", "out-of-service", "assign"),
        client.get("/api/v1/alarms?active=true").json()["alarms"],
        strict=False,
    ):
        act = {"kind": kind, "version": row["version"], "reason": "why", "until": until}
        _done(client.post(f"/api/v1/alarms/{row['id']}/acts", json=act))
    world.settle()


def _change_accounts(world: World) -> None:
    with connect(world.url) as connection:
        account_service.set_disabled(connection, "sud", Administrator(name="root"), at=NOW)
    session(world.url, "bare", ())


@pytest.mark.long
def test_every_page_is_still_shown(world: World) -> None:
    values = settle(world)
    with server(world.url) as base, signed_in(base, world.url, "anne", EVERYTHING) as client:
        _change_alarms(world, client)
        _change_rules(client)
        _change_the_log(client, values)
        _inventory(world, REVISED)
        world.settle()
        _change_accounts(world)
        (event,) = client.get("/api/v1/past-events").json()["events"]
        _done(client.delete(f"/api/v1/past-events/{event['id']}", params={"reason": "no"}))
        observed = {"value": 3.3, "unit": "m", "time": "2024-01-01T00:50:00Z", "reason": "seen"}
        act = _done(client.post("/api/v1/series/orge/level/observations", json=observed)).json()
        path = f"/api/v1/readings/acts/{act['act']}/undo"
        _done(client.post(path, json={"reason": "mistaken"}))

        wrong = []
        for named in (
            values,
            {**values, "rule": "flood-rise", "site": "orge", "key": "orge/alert", "device": "orge"},
            {**values, "rule": "flood-own", "site": "cab", "key": "zorn/alert", "device": "lamp-1"},
            {**values, "rule": "flood-rain", "name": "weir", "key": "orge/danger", "number": 1},
            {**values, "key": "orge/attention", "device": "lamp-2", "group": "cab", "name": "yard"},
        ):
            for route in _reads():
                if named is values or route.names:
                    wrong += _wrong(client, route, named)
        for kind, key in (
            ("alarms", "alarms"),
            ("handovers", "handovers"),
            ("incidents", "incidents"),
        ):
            rows = client.get(f"/api/v1/{kind}?limit=200").json()[key]
            for row in rows:
                number = row.get("id") or row["number"]
                page = {"handovers": "handover", "alarms": "alarms"}.get(kind)
                for path in (f"/api/v1/{kind}/{number}", *([f"/{page}/{number}"] if page else ())):
                    answer = client.get(path)
                    if answer.status_code != 200:
                        wrong.append(f"{path}: {answer.status_code}")
        assert not wrong, "\n".join(wrong)
        handover = client.get("/handover")
        assert handover.status_code == 200
        assert "ontée rapide" in handover.text  # the title of flood-rise


def _reads() -> list[Route]:
    return [route for route in every_route() if route.method in SAFE and route.path not in OPEN]


def _wrong(client: httpx.Client, route: Route, values: dict[str, Any]) -> list[str]:
    answers = [send(client, route, values)]
    if not route.names:
        answers.append(send(client, route, values, named=False))
    return [
        f"{answer.url}: {answer.status_code} {answer.text[:200]}"
        for answer in answers
        if answer.status_code >= 500
    ]


def test_what_was_changed_is_changed(world: World) -> None:
    """The test above would pass where nothing was: each kind has its revision and its end."""
    settle(world)
    _inventory(world, REVISED)
    rows = world.connection.execute(
        "SELECT kind, count(*) FILTER (WHERE value IS NULL), count(previous) FROM revision"
        " GROUP BY kind"
    ).fetchall()
    found = {kind: (gone, revised) for kind, gone, revised in rows}
    for kind in ("plan", "threshold", "series", "member", "supply", "reach", "link", "works"):
        assert found[kind][0] > 0, kind
    for kind in ("plan", "threshold", "series", "device", "reach", "works", "datum"):
        assert found[kind][1] > 0, kind
    assert timedelta(0) < NOW - moment(us(0))
