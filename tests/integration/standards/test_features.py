"""OGC API Features: collections, places and times that choose, pages, who sees what."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.integration.evaluation.world import World
from tests.integration.web.conftest import NORTH
from tests.integration.web.served import signed_in

pytestmark = pytest.mark.integration

ROOT = "/features"
ALL = (
    *("sites", "alarms", "alarm-history", "reaches", "official-reaches", "works", "zones"),
    *("assets", "communes", "epci"),
)


def get(client: httpx.Client, path: str) -> Any:
    answer = client.get(path if path.startswith("http") else ROOT + path)
    assert answer.status_code == 200, f"{path}: {answer.text}"
    return answer.json()


def ids(client: httpx.Client, path: str) -> list[str]:
    return [feature["id"] for feature in get(client, f"/collections/{path}")["features"]]


def links(body: Any) -> list[dict[str, str]]:
    """Those of the document and of all that it holds."""
    own = list(body.get("links", ()))
    return own + [link for each in body.get("collections", ()) for link in each["links"]]


def test_every_link_leads_to_what_it_promises(anne: httpx.Client) -> None:
    seen: set[str] = set()
    waiting = [str(anne.base_url).rstrip("/") + ROOT]
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        for link in links(get(anne, address)):
            if link["rel"] != "license":
                answer = anne.get(link["href"])
                kind = link["type"].partition(";")[0]
                assert answer.headers["content-type"].startswith(kind), answer.text
                waiting.append(link["href"])
    for name in ALL:
        assert any(address.endswith(f"/collections/{name}/items") for address in seen), name


def test_a_feature_says_what_it_is(anne: httpx.Client) -> None:
    feature = get(anne, "/collections/sites/items/orge")
    assert feature["type"] == "Feature"
    assert feature["geometry"] == {"type": "Point", "coordinates": [2.3, 48.6]}
    properties = feature["properties"]
    assert (properties["severity"], properties["commune"]) == ("major", "91001")
    assert properties["mode"] == "EXERCICE"
    (alarm,) = get(anne, "/collections/alarms/items?site=orge&severity=major")["features"]
    assert alarm["properties"]["began"].endswith("Z")
    zone = get(anne, "/collections/zones/items")["features"][0]
    assert (zone["id"], zone["geometry"]["type"]) == ("meadows", "Polygon")
    works = get(anne, "/collections/works/items/weir")["properties"]
    assert (works["state"], works["sites"], works["reason"]) == ("under way", ["yvette"], "test")


def test_an_alarm_has_the_area_that_it_concerns(anne: httpx.Client, live: httpx.Client) -> None:
    areas = {
        alarm["properties"]["site"]: (alarm["properties"]["area"], alarm["geometry"]["type"])
        for alarm in get(anne, "/collections/alarms/items")["features"]
    }
    assert areas == {
        "orge": ("commune/91001", "Polygon"),  # in no zone
        "yvette": ("zone/meadows", "Polygon"),
    }
    points = get(live, "/collections/alarms/items")["features"]
    assert {point["geometry"]["type"] for point in points} == {"Point"}
    assert {point["properties"]["source"] for point in points} == {None, "centre"}
    east = "alarms/items?bbox=2.21,48.5,2.22,48.51"  # of the commune, far from its gauge
    assert len(ids(anne, east)) == 1


def test_proposed_thresholds_mark_their_site(anne: httpx.Client, live: httpx.Client) -> None:
    def marks(client: httpx.Client, site: str) -> tuple[bool, bool]:
        properties = get(client, f"/collections/sites/items/{site}")["properties"]
        return properties["illustrative"], properties["illustrative_thresholds"]

    assert marks(anne, "orge") == (False, False)
    assert marks(live, "weir") == (True, True)
    assert ids(live, "sites/items?illustrative_thresholds=true") == ["weir"]
    assert marks(live, "road") == (False, False)  # its example is not in force any more


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("sites/items?bbox=2.2,48.4,2.35,48.7", ["orge"]),
        ("sites/items?bbox=170,48,2.35,49", ["orge"]),
        ("sites/items?river=Orge&domain=flood", ["orge"]),
        ("sites/items?alarms=1&limit=5", ["orge", "yvette"]),
        ("zones/items?bbox=2.39,48.5,2.5,48.51", ["meadows"]),
        ("zones/items?bbox=2.5,48.5,2.6,48.51", []),
        ("works/items?datetime=2024-01-01T00:00:00Z", ["weir"]),
        ("works/items?datetime=2024-02-01T00:00:00Z/..", []),
        ("works/items?state=under%20way", ["weir"]),
        ("alarms/items?datetime=../2023-12-31T00:00:00Z", []),
        ("communes/items?epci_code=200000001", ["91001"]),
        ("communes/items?bbox=2.3,48.6,2.31,48.61", ["91001"]),
        ("assets/items?kind=school", ["school"]),
        ("alarm-history/items", []),
    ],
)
def test_places_times_and_properties_choose(
    anne: httpx.Client, path: str, expected: list[str]
) -> None:
    assert ids(anne, path) == expected


def test_pages_follow_each_other(anne: httpx.Client) -> None:
    body = get(anne, "/collections/communes/items?limit=1")
    assert (body["numberMatched"], body["numberReturned"]) == (2, 1)
    (address,) = (link["href"] for link in body["links"] if link["rel"] == "next")
    further = get(anne, address)
    assert [feature["id"] for feature in further["features"]] == ["91002"]
    assert not any(link["rel"] == "next" for link in further["links"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/collections/sites/items?colour=red", 400),
        ("/collections/sites/items?limit=0", 400),
        ("/collections/sites/items?bbox=1,2", 400),
        ("/collections/sites/items?cursor=abc", 400),
        ("/collections/rivers", 404),
        ("/collections/sites/items/nosuch", 404),
    ],
)
def test_errors_are_problems_with_a_sentence(anne: httpx.Client, path: str, status: int) -> None:
    answer = anne.get(ROOT + path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_who_sees_what(base: str, world: World) -> None:
    with signed_in(base, world.url, "nora", (("viewer", NORTH),)) as nora:
        assert ids(nora, "sites/items") == ["orge"]
        assert len(ids(nora, "alarms/items")) == 1
        assert ids(nora, "works/items") == []
        assert ids(nora, "communes/items") == ["91001"]
    with httpx.Client(base_url=base, timeout=30) as anybody:
        names = {each["id"] for each in get(anybody, "/collections")["collections"]}
        assert names == set(ALL) - {"alarms", "alarm-history"}
        assert ids(anybody, "sites/items") == ["orge"]
        assert get(anybody, "/collections/sites/items/orge")["properties"]["severity"] is None
        assert [ids(anybody, f"{name}/items") for name in ("zones", "assets", "works")] == [[]] * 3
        assert anybody.get(f"{ROOT}/collections/alarms/items").status_code == 404
        assert anybody.get(ROOT).headers["access-control-allow-origin"] == "*"


def walk_features(client: httpx.Client) -> Iterator[tuple[str, Any]]:
    """Each feature with the name of its collection."""
    for name in ALL:
        for feature in get(client, f"/collections/{name}/items")["features"]:
            yield name, feature


def test_every_value_that_a_feature_shows_selects_it(
    anne: httpx.Client, live: httpx.Client
) -> None:
    kinds = set()
    for client in (anne, live):
        paths = get(client, "/api")["paths"]
        for name, feature in walk_features(client):
            parameters = paths[f"/collections/{name}/items"]["get"]["parameters"]
            for each in parameters:
                value = feature["properties"].get(each["name"])
                if value is None or each["name"] in {"limit", "bbox", "datetime"}:
                    continue
                written = str(value).lower() if isinstance(value, bool) else str(value)
                path = f"{name}/items?{urlencode({each['name']: written, 'limit': 1000})}"
                assert feature["id"] in ids(client, path), path
                kinds.add(each["schema"].get("format", each["schema"]["type"]))
    assert kinds == {"string", "number", "boolean", "date-time"}


def turns_left(ring: list[list[float]]) -> bool:
    """By the trapezoids below its edges: their sum is negative counterclockwise."""
    sides = pairwise([(Fraction(lon), Fraction(lat)) for lon, lat in ring])
    return sum((right - left) * (low + high) for (left, low), (right, high) in sides) < 0


def test_outlines_follow_the_right_hand_rule(anne: httpx.Client) -> None:
    """RFC 7946: outer rings turn counterclockwise, holes clockwise."""
    areas = 0
    for _, feature in walk_features(anne):
        geometry = feature["geometry"] or {"type": "Point"}
        polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else []
        if geometry["type"] == "Polygon":
            polygons = [geometry["coordinates"]]
        for outer, *holes in polygons:
            areas += 1
            assert turns_left(outer)
            assert not any(map(turns_left, holes))
    assert areas > 3


def test_the_description_says_what_the_official_suite_looks_for(anne: httpx.Client) -> None:
    """As `ets-ogcapi-features10` reads it (A.2.7: limit, bbox, datetime; responses)."""
    paths = get(anne, "/api")["paths"]
    operations = [item["get"]["operationId"] for item in paths.values()]
    assert len(operations) == len(set(operations))
    for path, item in paths.items():
        responses = item["get"]["responses"]
        assert {"200", "400", "404"} <= responses.keys(), path
        (kind,) = responses["200"]["content"]
        identifier = "" if "{id}" not in path else "orge"
        answer = anne.get(f"{ROOT}{path}".replace("{id}", identifier))
        if answer.status_code != 404 or not identifier:  # not every collection has this feature
            assert answer.status_code == 200, path
            assert answer.headers["content-type"].partition(";")[0] == kind
        if not path.endswith("/items"):
            continue
        parameters = {each["name"]: each for each in item["get"]["parameters"]}
        for name, schema_type in (("limit", "integer"), ("bbox", "array"), ("datetime", "string")):
            parameter = parameters[name]
            form = [parameter[key] for key in ("in", "required", "style", "explode")]
            assert form == ["query", False, "form", False], path
            assert parameter["schema"]["type"] == schema_type
        limits = parameters["limit"]["schema"]
        for limit in (limits["minimum"], limits["maximum"], limits["maximum"] + 1):
            page = get(anne, f"{path}?limit={limit}")
            assert page["numberReturned"] == len(page["features"]) <= limit
        for wrong in ("limit=unlimited", "unknownQueryParameter10023=1"):
            assert anne.get(f"{ROOT}{path}?{wrong}").status_code == 400
