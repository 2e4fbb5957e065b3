"""Territory, rivers, assets, devices and readings, as the API tells them."""

import csv
import io
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hypervisor.database import databases
from hypervisor.database.connect import connect
from tests.conftest import TEMPLATE, Stack
from tests.integration.evaluation.world import Sent, World, make_world
from tests.integration.web.conftest import DEPARTEMENT, NORTH, ORGE, ClientOf, place
from tests.integration.web.filled import fill
from tests.integration.web.served import server

pytestmark = pytest.mark.integration
API = "/api/v1"


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[World]:
    """Nobody changes it: the Orge rises by 0.4 m an hour, the Yvette says what cannot be."""
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    made = make_world(stack.database.url(name), connect(stack.database.url(name)))
    made.register(["orge", "yvette"])
    place(made)
    made.record_rules()
    made.join()
    for at in range(0, 181, 15):
        value = 2.5 + 0.4 * at / 60
        made.store([Sent(site="orge", at=at, value=value)])
        made.store([Sent(site="yvette", at=at, value=99.0, quality=1)])
    made.store([Sent(site="orge", at=180, value=15, quantity="battery")])
    made.connection.execute("UPDATE site SET river = initcap(name)")
    made.connection.commit()
    made.beat(180)
    made.settle()
    fill(made)
    yield made
    made.close()
    databases.drop(stack.maintenance_url, name)


@pytest.fixture(scope="module")
def base(world: World) -> Iterator[str]:
    with server(world.url) as found:
        yield found


def get(client: httpx.Client, address: str, status: int = 200) -> Any:
    answer = client.get(f"{API}{address}")
    assert answer.status_code == status, answer.text
    return answer.json()


def test_the_tree_counts_what_is_below(client: httpx.Client) -> None:
    (top,) = get(client, "/territory")["areas"]
    assert (top["code"], top["sites"], top["worst"]) == (DEPARTEMENT, 2, "minor")
    assert top["alarms"] == sum(one["alarms"] for one in top["children"])
    assert get(client, "/territory?depth=1")["areas"][0]["children"] == []
    one = get(client, f"/territory/{ORGE}")
    assert [around["code"] for around in one["within"]] == [NORTH, DEPARTEMENT]
    assert "did you mean '9100" in get(client, "/territory/9100", 404)["detail"]


def test_a_tenant_sees_a_piece_of_it(client_of: ClientOf) -> None:
    client = client_of("viewer", NORTH)
    (top,) = get(client, "/territory")["areas"]
    assert top["sites"] == 1
    assert [one["name"] for one in get(client, "/devices")["devices"]] == ["orge"]
    assert {one["device"] for one in get(client, "/series")["series"]} == {"orge"}
    assert get(client, "/works")["works"] == []
    get(client, "/works/weir", 404)
    get(client, "/readings?series=yvette/level", 404)


def test_rivers_and_what_feeds_them(client: httpx.Client) -> None:
    orge, yvette = get(client, "/rivers")["rivers"]
    assert (orge["name"], orge["worst"]) == ("Orge", "minor")
    assert yvette["sites"][0]["fed_by"] == [{"site": "orge", "travel_s": 3600.0}]


def test_when_the_water_reaches_an_asset(client: httpx.Client) -> None:
    first, second = get(client, "/assets")["assets"]
    assert (first["name"], second["name"], second["outlook"]) == ("school", "road", None)
    outlook = first["outlook"]
    assert outlook["state"] == "rising"
    assert outlook["margin"] == pytest.approx(-0.3)
    assert outlook["per_hour"] == pytest.approx(0.4)
    assert outlook["reached_at"] == "2024-01-01T03:45:00Z"
    assert outlook["earliest"] < outlook["reached_at"] < outlook["latest"]


def test_devices_and_how_they_are(client: httpx.Client) -> None:
    orge, yvette = get(client, "/devices")["devices"]
    assert orge["health"]["issues"] == ["battery"]
    assert orge["health"]["heard_at"] == "2024-01-01T03:00:00Z"
    assert yvette["health"]["issues"] == ["suspect"]
    assert yvette["health"]["suspect_share"] == 1
    assert yvette["health"]["excused"] == "works"
    assert get(client, "/devices?issue=suspect")["devices"] == []
    assert [one["name"] for one in get(client, "/devices?issue=battery")["devices"]] == ["orge"]
    whole = get(client, "/devices/orge")
    assert {one["quantity"] for one in whole["series"]} == {"level", "catchment_rain", "battery"}
    level = get(client, "/series/orge/level")["series"]
    assert (level["unit"], level["interval_s"], level["stale_after_s"]) == ("m", 300, 900)


def test_readings_rolled_up(client: httpx.Client) -> None:
    span = "from=2024-01-01T00:00:00Z&to=2024-01-01T04:00:00Z"
    found = get(client, f"/readings?series=yvette/level&series=orge/level&span=hour&{span}")
    rows = [row for row in found["rolled"] if row["series"] == 1]
    assert [(row["time"][11:13], row["count"]) for row in rows] == [
        ("00", 4), ("01", 4), ("02", 4), ("03", 1),
    ]  # fmt: skip
    assert (rows[0]["low"], rows[0]["high"], rows[0]["last"]) == pytest.approx((2.5, 2.8, 2.8))
    unfit = next(row for row in found["rolled"] if row["series"] == 0)
    assert (unfit["count"], unfit["suspect"], unfit["mean"]) == (0, 4, None)
    assert get(client, "/readings?series=orge/level")["span"] == "raw"
    long = get(client, "/readings?series=orge/level&from=2023-12-01T00:00:00Z")
    assert long["span"] == "hour"


def test_readings_as_csv(client: httpx.Client) -> None:
    address = f"{API}/readings?series=orge/level&series=yvette/level&format=csv"
    rows = list(csv.DictReader(io.StringIO(client.get(address).text)))
    assert len(rows) == 26
    assert rows[0] | {"value": ""} == {
        "device": "orge", "quantity": "level", "unit": "m", "time": "2024-01-01T00:00:00Z",
        "value": "", "quality": "", "received_at": "2024-01-01T00:00:00Z",
    }  # fmt: skip
    assert {row["quality"] for row in rows if row["device"] == "yvette"} == {"out-of-range"}


def test_what_runs_here(client: httpx.Client) -> None:
    found = get(client, "/instance")
    assert (found["mode"], found["timezone"]) == ("EXERCICE", "Europe/Paris")
    assert found["schema_version"] > "0008"
    assert "flood" in found["domains"]
