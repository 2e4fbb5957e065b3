"""The API over a real database: what it says, how it fails, and that it always says its mode."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from hypervisor.database.connect import connect
from tests import command_line
from tests.integration.evaluation import field
from tests.integration.evaluation.world import Sent, World, make_world
from tests.integration.web.served import serving

pytestmark = pytest.mark.integration


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = make_world(database_url, connect(database_url))
    made.register(["orge"])
    made.record_rules()
    made.join()
    for at, value in ((0, 2.0), (5, 3.1), (10, 3.2), (15, 4.2), (20, None)):
        quality = 2 if value is None else 0
        made.store([Sent(site="orge", at=at, value=value, quality=quality)])
    made.beat(20)
    made.settle()
    yield made
    made.close()


@pytest.fixture
def client(world: World) -> Iterator[httpx.Client]:
    with serving(world.url) as client:
        yield client


def get(client: httpx.Client, address: str, status: int = 200) -> Any:
    answer = client.get(address)
    assert answer.status_code == status, answer.text
    assert answer.headers["X-Hypervisor-Mode"] == "EXERCICE"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    body = answer.json()
    assert body["mode"] == "EXERCICE"
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
    return body


def test_what_it_knows(client: httpx.Client) -> None:
    health = get(client, "/api/v1/health")
    assert health["ok"] is True
    assert health["evaluated_to"] == health["judged_to"] == "2024-01-01T00:20:00Z"

    (listed,) = get(client, "/api/v1/sites")["sites"]
    one = get(client, "/api/v1/sites/orge")
    assert listed == one["site"]
    assert listed["active_alarms"] == 1
    level = next(value for value in listed["latest"] if value["quantity"] == "level")
    assert (level["value"], level["unit"], level["quality"]) == (None, "m", ["sensor-fault"])
    assert {row["name"]: row["value"] for row in one["thresholds"]}["alert"] == 4.0

    (alarm,) = get(client, "/api/v1/alarms?active=true&site=orge")["alarms"]
    assert alarm["rule"] == "flood-high"
    assert alarm["title"] == "Orge: high"
    assert alarm["last_value"] == {
        "quantity": "level",
        "value": 4.2,
        "unit": "m",
        "time": "2024-01-01T00:15:00Z",
        "trend": "rising",
        "per_hour": 8.8,
        "judged": None,
    }
    detail = get(client, f"/api/v1/alarms/{alarm['id']}")
    assert [row["kind"] for row in detail["transitions"]] == ["raised"]
    assert get(client, "/api/v1/alarms?rule=flood-rain")["alarms"] == []
    assert len(get(client, "/api/v1/rules")["rules"]) == 4


def test_lamps_and_their_cabinet(database_url: str) -> None:
    with closing(make_world(database_url, connect(database_url))) as world:
        field.register(world)
        world.record_rules()
        world.join()
        for at, fault in ((250, 0.0), (251, 2.0), (270, 2.0)):
            world.store([Sent(site="lamp-1", at=at, value=fault, quantity="lamp_fault")])
            world.beat(at)
        world.settle()
        with serving(world.url) as client:
            (alarm,) = get(client, "/api/v1/alarms?category=maintenance&domain=lighting")["alarms"]
            assert (alarm["subject"], alarm["site"]) == ("device/lamp-1", "cab")
            assert alarm["title"] == "lamp-1 of Rue: fault"
            assert get(client, "/api/v1/alarms?site=cab&rule=lighting-fault")["alarms"] == [alarm]
            assert get(client, "/api/v1/alarms?subject=device/lamp-1")["alarms"][0]["id"] > 0
            assert get(client, "/api/v1/alarms?category=maintenance&site=orge")["alarms"] == []
            assert "category" in get(client, "/api/v1/alarms?category=odd", 422)["detail"]

            sites = {one["name"]: one for one in get(client, "/api/v1/sites")["sites"]}
            assert {value["device"] for value in sites["cab"]["latest"]} == {"cab"}
            assert sites["cab"]["active_alarms"] > 0
            whole = get(client, "/api/v1/sites/cab")["site"]
            assert {value["device"] for value in whole["latest"]} == {"cab", *field.LAMPS}


def test_readings_page_by_page(client: httpx.Client) -> None:
    address: str | None = "/api/v1/series/orge/level/readings?limit=2&from=2024-01-01T00:05:00Z"
    times = []
    while address:
        page = get(client, address)
        times += [row["time"][11:16] for row in page["readings"]]
        address = page["next"]
    assert times == ["00:05", "00:10", "00:15", "00:20"]
    newest = get(client, "/api/v1/series/orge/level/readings?order=desc&limit=3")
    assert [row["time"][11:16] for row in newest["readings"]] == ["00:20", "00:15", "00:10"]


def test_errors_say_what_was_wrong(client: httpx.Client) -> None:
    get(client, "/api/v1/health")
    assert "did you mean 'orge'?" in get(client, "/api/v1/sites/org", 404)["detail"]
    assert "no series 'depth'" in get(client, "/api/v1/series/orge/depth/readings", 404)["detail"]
    assert "no alarm" in get(client, "/api/v1/alarms/999", 404)["detail"]
    assert "limit" in get(client, "/api/v1/alarms?limit=0", 422)["detail"]
    assert (
        "from" in get(client, "/api/v1/series/orge/level/readings?from=2024-01-01", 422)["detail"]
    )
    get(client, "/api/v1/nowhere", 404)


def test_without_a_database_it_says_so() -> None:
    with serving("postgresql://nobody@127.0.0.1:1/none", name=None) as client:
        answer = client.get("/api/v1/health")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert "does not answer" in answer.json()["detail"]


def test_pages_need_nothing_from_elsewhere(client: httpx.Client) -> None:
    docs = client.get("/docs").text
    assert "/api/v1/alarms/{number}" in docs
    addresses = re.findall(r'(?:src|href|action)="([^"]*)"', docs)
    assert addresses
    assert [address for address in addresses if not address.startswith(("/", "#"))] == []
    description = client.get("/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    assert all(
        "responses" in one for path in description["paths"].values() for one in path.values()
    )


def test_the_log_as_a_command(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERVISOR_DATABASE_URL", world.url)

    log = command_line.run("alarms", "--log")
    every = command_line.run("alarms", "--json", "--history", "--active")
    table = command_line.run("alarms")

    assert [json.loads(line) for line in log.output.splitlines()] == world.log()
    (one,) = [json.loads(line) for line in every.output.splitlines()]
    assert [row["kind"] for row in one["transitions"]] == ["raised"]
    assert "Orge: high" in table.output
