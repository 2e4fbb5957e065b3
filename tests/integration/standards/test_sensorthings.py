"""SensorThings: every link leads on, filters choose, pages follow each other, who sees what."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.integration.evaluation.world import World
from tests.integration.standards.conftest import settings_of
from tests.integration.web.conftest import NORTH
from tests.integration.web.served import EVERYTHING, server, signed_in

pytestmark = pytest.mark.integration

ROOT = "/sensorthings/v1.1"
WEST = "(2 48,2.35 48,2.35 49,2 49,2 48)"
EDGE = "(2.3 48,2.35 48,2.35 49,2.3 49,2.3 48)"  # through orge
AT_HOLE = "(2.3 48.5,2.35 48.5,2.35 48.7,2.3 48.7,2.3 48.5)"
RING, HOLE = "(2 48,3 48,3 49,2 49,2 48)", "(2.35 48,2.5 48,2.5 49,2.35 49,2.35 48)"
LATEST = "$top=1;$orderby=phenomenonTime desc"


def get(client: httpx.Client, path: str) -> Any:
    answer = client.get(path if path.startswith("http") else ROOT + path)
    assert answer.status_code == 200, f"{path}: {answer.text}"
    return answer.json()


def ids(client: httpx.Client, path: str) -> list[str]:
    return [entity["@iot.id"] for entity in get(client, path)["value"]]


def links(body: Any) -> Iterator[str]:
    """Every address in an answer."""
    if isinstance(body, dict):
        for key, value in body.items():
            if key == "url" or key.endswith("Link"):
                yield value
            else:
                yield from links(value)
    elif isinstance(body, list):
        for part in body:
            yield from links(part)


def test_every_link_leads_to_an_answer(anne: httpx.Client) -> None:
    seen: set[str] = set()
    waiting = [str(anne.base_url).rstrip("/") + ROOT]
    while waiting:
        address = waiting.pop()
        if address in seen or address.count("/") > 6:
            continue
        seen.add(address)
        body = get(anne, address)
        if "@iot.selfLink" in body:
            assert get(anne, body["@iot.selfLink"])["@iot.id"] == body["@iot.id"]
        waiting += links(body)
    kinds = {address.partition(ROOT + "/")[2].partition("(")[0] for address in seen}
    assert kinds >= {
        *("Things", "Locations", "HistoricalLocations", "Datastreams", "Sensors"),
        *("ObservedProperties", "Observations", "FeaturesOfInterest"),
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/Things?$filter=properties/river eq 'Orge'", ["orge"]),
        ("/Things?$filter=name ne 'Orge' and properties/commune eq '91002'", ["yvette"]),
        ("/Things?$filter=Datastreams/ObservedProperty/name eq 'no such'", []),
        ("/Things?$filter=Datastreams/Observations/result gt 4.1", ["orge", "yvette"]),
        ("/Things?$filter=not startswith(name,'Or')", ["yvette"]),
        ("/Things?$filter=id in ('orge','x')", ["orge"]),
        (f"/Locations?$filter=geo.intersects(location, geography'POLYGON({WEST})')", ["orge"]),
        (f"/Locations?$filter=st_within(location, geography'POLYGON({RING},{HOLE})')", ["orge"]),
        ("/Locations?$filter=location/type eq 'Point' or location/geometry/type eq 'Point'",
         ["orge", "yvette"]),
        ("/Things?$filter=geo.distance(Locations/location, geography'POINT(2.4 48.5)') lt 0.01",
         ["yvette"]),
        ("/Datastreams?$filter=Thing/@iot.id eq 'orge' and unitOfMeasurement/name eq 'm'",
         ["orge:level", "orge:level:forecast"]),
        ("/Datastreams?$filter=ObservedProperty/@iot.id eq 'level' and Sensor/id eq 'forecast'",
         ["orge:level:forecast", "yvette:level:forecast"]),
        ("/Things('orge')/Datastreams?$filter=properties/kind eq 'increment'",
         ["orge:catchment_rain"]),
        ("/Things?$orderby=name desc", ["yvette", "orge"]),
        ("/Things?$orderby=properties/river,name&$skip=1", ["yvette"]),
        ("/Datastreams('orge:level')/Observations?$filter=result ge 3.2 and result lt 4.2",
         ["orge:level@2024-01-01T00:10:00Z"]),
        ("/Observations?$filter=Datastream/id eq 'orge:level' and result add 1 gt 5",
         ["orge:level@2024-01-01T00:15:00Z"]),
        ("/Observations?$filter=during(phenomenonTime, 2024-01-01T00:01:00Z/2024-01-01T00:06:00Z)",
         ["orge:level@2024-01-01T00:05:00Z", "yvette:level@2024-01-01T00:05:00Z"]),
        ("/Observations?$filter=Datastream/Thing/name eq 'Orge' and minute(phenomenonTime) eq 5",
         ["orge:level@2024-01-01T00:05:00Z"]),
        ("/Observations?$filter=parameters/suspect eq true", []),
        ("/FeaturesOfInterest('orge')/Observations?$top=1", ["orge:level@2024-01-01T00:00:00Z"]),
        ("/Observations?$filter=phenomenonTime gt 2024-01-01T00:15:00Z sub duration'PT1M'",
         ["orge:level@2024-01-01T00:15:00Z", "yvette:level@2024-01-01T00:15:00Z"]),
    ],
)  # fmt: skip
def test_filters_and_orders_choose(anne: httpx.Client, path: str, expected: list[str]) -> None:
    assert ids(anne, path) == expected


def shape(kind: str, corners: str) -> str:
    return f"geography'{kind}({corners})'"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f"st_equals(location, {shape('POINT', '2.3 48.6')})", ["orge"]),
        (f"st_equals(location, {shape('POLYGON', WEST)})", []),
        (f"st_disjoint(location, {shape('POLYGON', WEST)})", ["yvette"]),
        (f"st_disjoint({shape('POINT', '2.4 48.5')}, location)", ["orge"]),
        (f"st_touches(location, {shape('POLYGON', EDGE)})", ["orge"]),
        (f"st_touches(location, {shape('POLYGON', f'{RING},{AT_HOLE}')})", ["orge"]),
        (f"st_touches(location, {shape('POLYGON', WEST)})", []),
        (f"st_touches({shape('LINESTRING', '2.3 48.6,2.3 49')}, location)", ["orge"]),
        (f"st_touches(location, {shape('POINT', '2.3 48.6')})", []),
        (f"st_intersects(location, {shape('POLYGON', EDGE)})", ["orge"]),
        (f"st_intersects(location, {shape('LINESTRING', '2.2 48.7,2.5 48.4')})",
         ["orge", "yvette"]),
        (f"st_within(location, {shape('POLYGON', EDGE)})", []),
        (f"st_within(location, {shape('LINESTRING', '2.3 48,2.3 49')})", ["orge"]),
        (f"st_within({shape('POLYGON', WEST)}, location)", []),
        (f"st_contains({shape('POLYGON', WEST)}, location)", ["orge"]),
        (f"st_contains(location, {shape('POLYGON', WEST)})", []),
        (f"st_contains(location, {shape('POINT', '2.3 48.6')})", ["orge"]),
        (f"st_overlaps(location, {shape('POLYGON', WEST)})", []),
        (f"st_crosses(location, {shape('LINESTRING', '2.3 48,2.3 49')})", []),
        (f"st_relate(location, {shape('POLYGON', WEST)}, '0FFFFF212')", ["orge"]),
        (f"st_relate({shape('POLYGON', WEST)}, location, '0F2FF1FF2')", ["orge"]),
        (f"st_relate(location, {shape('POLYGON', EDGE)}, 'FT*******')", ["orge"]),
        (f"st_relate(location, {shape('POLYGON', WEST)}, 'FF*******')", ["yvette"]),
        (f"st_relate(location, {shape('POINT', '2.4 48.5')}, '0FFFFFFF2')", ["yvette"]),
        ("st_relate(location, geography'LINESTRING(2.3 48,2.3 49)', '0FFFFF102')", ["orge"]),
        ("geo.length(location) eq 0", ["orge", "yvette"]),
        ("geo.length(geography'LINESTRING(0 0,3 4,3 5)') eq 6", ["orge", "yvette"]),
        ("totaloffsetminutes(2024-01-01T00:00:00%2B02:00) eq 120", ["orge", "yvette"]),
        ("round(2.5) eq 3 and round(-2.5) eq -3", ["orge", "yvette"]),
    ],
)  # fmt: skip
def test_the_functions_of_the_standard(
    anne: httpx.Client, condition: str, expected: list[str]
) -> None:
    assert ids(anne, f"/Locations?$filter={condition}") == expected


@pytest.mark.parametrize(
    ("condition", "times"),
    [
        ("time(phenomenonTime) eq 00:05:00", ["00:05"]),
        ("time(phenomenonTime) gt 00:05 and totaloffsetminutes(phenomenonTime) eq 0",
         ["00:10", "00:15"]),
        ("id eq 'orge:level@2024-01-01T00:10:00Z'", ["00:10"]),
        ("'orge:level@2024-01-01T00:10:00Z' eq @iot.id", ["00:10"]),
        ("@iot.id eq 'orge:level@2024-01-01T00:10:00Z' and result lt 0", []),
        ("id ne 'orge:level@2024-01-01T00:10:00Z'", ["00:00", "00:05", "00:15"]),
        ("id in ('orge:level@2024-01-01T00:10:00Z','orge:level@2024-01-01T00:00:00Z','x')",
         ["00:00", "00:10"]),
        ("id eq 'yvette:level@2024-01-01T00:10:00Z'", []),
    ],
)  # fmt: skip
def test_observations_by_time_of_day_and_by_id(
    anne: httpx.Client, condition: str, times: list[str]
) -> None:
    expected = [f"orge:level@2024-01-01T{time}:00Z" for time in times]
    assert ids(anne, f"/Datastreams('orge:level')/Observations?$filter={condition}") == expected


def test_an_observation_is_the_same_by_its_id_and_by_its_address(anne: httpx.Client) -> None:
    for series in ("orge:level", "orge:level:forecast"):
        first = get(anne, f"/Datastreams('{series}')/Observations?$top=1")["value"][0]
        key = quote(first["@iot.id"], safe="")
        for name in ("id", "@iot.id"):
            answer = get(anne, f"/Observations?$filter={name} eq '{key}'")
            assert answer["value"] == [first]


@pytest.mark.parametrize(
    "path",
    [
        "/Things?$top=1",
        "/Datastreams?$top=2&$orderby=description desc",
        "/Datastreams?$top=1&$orderby=properties/low",
        "/Observations?$top=3&$orderby=phenomenonTime desc",
        "/Observations?$top=1&$orderby=result&$filter=result gt 2.5",
        "/Datastreams('orge:level')/Observations?$top=2",
        "/Datastreams('orge:level:forecast')/Observations?$top=1&$orderby=phenomenonTime desc",
    ],
)
def test_pages_follow_each_other_by_key(anne: httpx.Client, path: str) -> None:
    collected, address = [], path
    while address:
        page = get(anne, address)
        assert len(page["value"]) <= int(path.partition("$top=")[2][0])
        collected += [entity["@iot.id"] for entity in page["value"]]
        address = page.get("@iot.nextLink", "")
        assert "$skip=" not in address
    whole = path.replace("$top=", "$top=10000&$count=true&x=")
    body = get(anne, "&".join(part for part in whole.split("&") if not part.startswith("x=")))
    assert collected == [entity["@iot.id"] for entity in body["value"]]
    assert body["@iot.count"] == len(collected) > 1


def test_latest_of_each_series_with_all_that_describes_it(anne: httpx.Client) -> None:
    path = f"/Things?$expand=Locations,Datastreams($expand=Observations({LATEST}),ObservedProperty)"
    things = get(anne, path)["value"]
    latest = {
        stream["@iot.id"]: [
            (row["phenomenonTime"], row["result"]) for row in stream["Observations"]
        ]
        for thing in things
        for stream in thing["Datastreams"]
    }
    assert latest["yvette:level"] == [("2024-01-01T00:15:00Z", 4.2)]
    assert latest["yvette:battery"] == []
    assert [time for time, _ in latest["orge:level:forecast"]] == ["2024-01-01T02:15:00Z"]
    (stream,) = (each for each in things[0]["Datastreams"] if each["@iot.id"] == "orge:level")
    assert stream["ObservedProperty"]["name"] == "Water level"
    assert stream["unitOfMeasurement"] == {
        "name": "m", "symbol": "m", "definition": "http://www.opengis.net/def/uom/UCUM/m",
    }  # fmt: skip
    assert stream["properties"]["mode"] == "EXERCICE"
    assert things[0]["Locations"][0]["location"]["coordinates"] == [2.3, 48.6]
    following = get(anne, stream["Observations@iot.nextLink"])["value"]
    assert [row["result"] for row in following] == [3.2]


def test_pages_of_the_latest_forecasts_go_back_to_the_first(anne: httpx.Client) -> None:
    latest = "$expand=Observations($top=2;$orderby=phenomenonTime desc)"
    stream = get(anne, f"/Datastreams('orge:level:forecast')?{latest}")
    times = [row["phenomenonTime"] for row in stream["Observations"]]
    address = stream["Observations@iot.nextLink"]
    while address:
        page = get(anne, address)
        times += [row["phenomenonTime"] for row in page["value"]]
        address = page.get("@iot.nextLink")
    assert times == ["2024-01-01T02:15:00Z", "2024-01-01T01:15:00Z", "2024-01-01T01:10:00Z"]


def test_forecasts_are_datastreams_of_their_own(anne: httpx.Client) -> None:
    stream = get(anne, "/Datastreams('orge:level:forecast')?$expand=Sensor")
    assert stream["Sensor"]["@iot.id"] == "forecast"
    assert stream["phenomenonTime"] == "2024-01-01T01:10:00Z/2024-01-01T02:15:00Z"
    rows = get(anne, "/Datastreams('orge:level:forecast')/Observations")["value"]
    places = [(row["resultTime"], row["phenomenonTime"], round(row["result"], 3)) for row in rows]
    assert places == [  # of each issue time the last that was made; no horizon that was not issued
        ("2024-01-01T00:10:00Z", "2024-01-01T01:10:00Z", 5.2),
        ("2024-01-01T00:15:00Z", "2024-01-01T01:15:00Z", 5.2),
        ("2024-01-01T00:15:00Z", "2024-01-01T02:15:00Z", 4.6),
    ]
    assert rows[2]["parameters"]["quantiles"] == {"0.1": 4.1, "0.5": 4.6, "0.9": 5.5}
    again = get(anne, rows[2]["@iot.selfLink"])
    assert again["parameters"]["horizonSeconds"] == 7200
    assert get(anne, rows[2]["Datastream@iot.navigationLink"])["@iot.id"] == stream["@iot.id"]


def test_other_forms_of_an_answer(anne: httpx.Client) -> None:
    (array,) = get(
        anne, "/Datastreams('orge:level')/Observations?$resultFormat=dataArray&$select=result"
    )["value"]
    assert array["components"] == ["result"]
    assert array["dataArray"] == [[2.0], [3.1], [3.2], [4.2]]
    assert anne.get(f"{ROOT}/Things/$count?$filter=name eq 'Orge'").text == "1"
    assert get(anne, "/Things('orge')/name") == {"name": "Orge"}
    assert anne.get(f"{ROOT}/Things('orge')/name/$value").text == "Orge"
    assert list(get(anne, "/Things('orge')/Datastreams/$ref")["value"][0]) == ["@iot.selfLink"]
    (thing,) = get(anne, "/Things?$select=name,Locations&$top=1")["value"]
    assert list(thing) == ["name", "Locations@iot.navigationLink"]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/Things?$filter=colour eq 'red'", 400, "no property of Things"),
        ("/Things?$filter=name eq 3", 400, "cannot compare text with number"),
        ("/Things?$filter=name", 400, "truth"),
        ("/Things?$filter=Datastreams/name eq Locations/name", 400, "one related entity"),
        ("/Things?$expand=Observations", 400, "Things has no 'Observations'"),
        ("/Things?$expand=Datastreams($filter=x eq 1)", 400, "no property of Datastreams"),
        ("/Things?$select=colour", 400, "'colour'"),
        ("/Things?$skiptoken=abc", 400, "nextLink"),
        ("/Things?$orderby=name&$skiptoken=WyJhIl0", 400, "another order"),
        (
            "/Observations?$filter=result mul 1e308 mul 1e308 gt 1",
            400,
            "value",
        ),
        ("/Locations?$orderby=location", 400, "no order"),
        ("/Observations?$filter=resultQuality eq null", 400, "result, parameters/suspect"),
        ("/Observations?$filter=startswith(id,'orge')", 400, "known to eq, ne and in only"),
        ("/Observations?$orderby=id", 400, "known to eq, ne and in only"),
        (
            f"/Locations?$filter=st_relate(location, {shape('POLYGON', WEST)}, 'T')",
            400,
            "nine of T",
        ),
        (f"/Locations?$filter=st_within(name, {shape('POLYGON', WEST)})", 400, "takes a place"),
        ("/Things?$filter=time(now()) gt 25:00", 400, "time of day"),
        ("/Things('nowhere')", 404, "no such entity"),
        ("/Things('nowhere')/Datastreams", 404, "no such entity"),
        ("/Datastreams('orge')", 404, "orge"),
        ("/Rivers", 404, "expected Things"),
        ("/Things('orge')/colour", 404, "has no 'colour'"),
    ],
)
def test_errors_are_sentences_in_the_form_of_odata(
    anne: httpx.Client, path: str, status: int, words: str
) -> None:
    answer = anne.get(ROOT + path)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]["message"]
    assert answer.json()["error"]["code"] == str(status)


def test_a_tenant_sees_their_territory_and_nothing_of_the_rest(base: str, world: World) -> None:
    with signed_in(base, world.url, "nora", (("viewer", NORTH),)) as nora:
        assert ids(nora, "/Things") == ["orge"]
        assert {name.partition(":")[0] for name in ids(nora, "/Datastreams")} == {"orge"}
        assert get(nora, "/Observations?$count=true")["@iot.count"] == 4
        assert ids(nora, "/Datastreams?$filter=Thing/name eq 'Yvette'") == []
        assert nora.get(f"{ROOT}/Datastreams('yvette:level')/Observations").status_code == 404


def test_anybody_sees_what_is_marked_as_public_but_no_forecast(base: str) -> None:
    with httpx.Client(base_url=base, timeout=30) as anybody:
        assert ids(anybody, "/Things") == ["orge"]
        assert ids(anybody, "/Datastreams") == ["orge:battery", "orge:catchment_rain", "orge:level"]
        assert get(anybody, "/Observations?$count=true")["@iot.count"] == 4
        answer = anybody.get(f"{ROOT}/Things")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["x-hypervisor-mode"] == "EXERCICE"
        assert 'rel="license"' in answer.headers["link"]
        assert anybody.get("/api/v1/sites").status_code == 401


def test_an_address_without_a_token_may_not_ask_too_often(world: World) -> None:
    with server(world.url, settings=settings_of(world, "public", rate=3)) as base:
        statuses = [httpx.get(f"{base}{ROOT}/").status_code for _ in range(3)]
        last = httpx.get(f"{base}{ROOT}/")
        assert (statuses, last.status_code) == ([200] * 3, 429)
        assert int(last.headers["retry-after"]) > 0
        assert "without a token" in last.json()["error"]["message"]
        with signed_in(base, world.url, "anne", EVERYTHING) as anne:
            assert anne.get(f"{ROOT}/").status_code == 200


def test_an_output_takes_a_token_or_is_off(world: World) -> None:
    with server(world.url, settings=settings_of(world, "token")) as base:
        answer = httpx.get(f"{base}{ROOT}/Things")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "token" in answer.json()["error"]["message"] or answer.json()["error"]
        with signed_in(base, world.url, "anne", EVERYTHING) as anne:
            assert "access-control-allow-origin" not in anne.get(f"{ROOT}/Things").headers
    with (
        server(world.url, settings=settings_of(world, "off")) as base,
        signed_in(base, world.url, "anne", EVERYTHING) as anne,
    ):
        assert anne.get(f"{ROOT}/Things").status_code == 404
