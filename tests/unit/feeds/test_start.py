"""What a territory begins from, of services that answer otherwise than usual."""

import json

import pytest

from hypervisor.base.settings import Settings
from hypervisor.feeds import communes, hubeau
from hypervisor.feeds.communes import fetch_communes
from hypervisor.feeds.gauges import fetch_gauges
from hypervisor.feeds.model import FeedError
from hypervisor.feeds.poll import PartFailures, read_parts
from hypervisor.feeds.territory import read_start
from hypervisor.feeds.vigicrues import Reach
from tests.unit.feeds.asking import in_turn, make_context
from tests.unit.feeds.hostile import Behaviour, answering, body

COMMUNE = {"type": "Feature", "properties": {"code": "91021", "nom": "Arpajon"}, "geometry": None}
STATION = {"code_station": "F459000101", "libelle_station": "L'Orge à Arpajon", "new": [1]}
ROW = {"code_station": "F459000101", "grandeur_hydro": "H", "date_obs": "2026-08-25T14:00:00Z"}


def _list(*rows: object) -> Behaviour:
    return body(json.dumps({"data": rows}).encode())


def test_a_commune_that_is_listed_twice_is_one() -> None:
    document = json.dumps({"features": [COMMUNE, COMMUNE]}).encode()
    with answering(body(document)) as address:
        listed = fetch_communes(make_context(communes.FEED, address), "91", PartFailures())
    assert [commune.properties.code for commune in listed] == ["91021"]


@pytest.mark.parametrize("features", [5, "none", {"a": 1}, None, [5]])
def test_communes_that_are_none_are_a_sentence(features: object) -> None:
    document = json.dumps({"features": features}).encode()
    with answering(body(document)) as address, pytest.raises(FeedError, match="no commune of"):
        fetch_communes(make_context(communes.FEED, address), "91", PartFailures())


def test_a_station_that_is_listed_twice_is_one() -> None:
    answers = in_turn(_list(STATION, STATION), _list({**ROW, "resultat_obs": 812.0}), _list())
    with answering(answers) as address:
        gauges = fetch_gauges(make_context(hubeau.FEED, address), "91", PartFailures())
    assert [(gauge.code, set(gauge.intervals)) for gauge in gauges] == [("F459000101", {"level"})]


@pytest.mark.parametrize(
    "answers",
    [
        in_turn(_list({"code_station": 5})),
        in_turn(_list(STATION), _list({**ROW, "resultat_obs": 1.0, "date_obs": "yesterday"})),
    ],
    ids=["stations", "observations"],
)
def test_rows_that_all_have_another_shape_are_a_sentence(answers: Behaviour) -> None:
    """Not: a département without gauges."""
    with answering(answers) as address, pytest.raises(FeedError, match="all 1 rows have another"):
        fetch_gauges(make_context(hubeau.FEED, address), "91", PartFailures())


RINGS: tuple[object, ...] = (
    *(None, 5, [None], [[]], [[["a", "b"]]], [[[2.1, 48.5]]], [[[1e308, 1]] * 4]),
)


@pytest.mark.parametrize(
    "other",
    [
        *({"population": number} for number in (-5, 10**40, 1.5)),
        *({"nom": name} for name in ("", "x" * 100_000, None)),
        *({"code": code} for code in ("9100/3", "91", "", "77021", 91003, "91\u0660\u0660\u0663")),
        *({"epci": {"code": code, "nom": "E"}} for code in ("", "91021", 5)),
        *({"centre": {"coordinates": place}} for place in ([500, 48], [1e308, 0], [2], "x")),
        *({"geometry": {"type": "Polygon", "coordinates": ring}} for ring in RINGS),
    ],
)
def test_a_commune_that_cannot_be_read_is_left_out_alone(other: dict[str, object]) -> None:
    """One ended the start of a département: nothing was stored."""
    geometry = other.get("geometry")
    properties = {"code": "91003", "nom": "B", **other}
    odd = {"type": "Feature", "properties": properties, "geometry": geometry}
    failures = PartFailures()
    with answering(body(json.dumps({"features": [COMMUNE, odd]}).encode())) as address:
        listed = fetch_communes(make_context(communes.FEED, address), "91", failures)
    assert [commune.properties.code for commune in listed] == ["91021"]
    assert (failures.first is not None) == (other.get("code") != "77021")


@pytest.mark.parametrize(
    "other",
    [
        *({"code_station": code} for code in ("F/3", "F 3", "", "F" * 3000, "F\u00e93", 5, None)),
        *({"longitude_station": place} for place in (900.0, -181, "east")),
    ],
)
def test_a_station_that_cannot_be_read_is_left_out_alone(other: dict[str, object]) -> None:
    odd = {**STATION, "code_station": "F000000009", **other}
    answers = in_turn(_list(odd, STATION), _list({**ROW, "resultat_obs": 812.0}), _list())
    failures = PartFailures()
    with answering(answers) as address:
        gauges = fetch_gauges(make_context(hubeau.FEED, address), "91", failures)
    assert [gauge.code for gauge in gauges] == ["F459000101"]
    assert "1 rows left out" in str(failures.first)


def test_a_reach_that_cannot_be_read_leaves_a_note() -> None:
    odd = {"properties": {"CdEntCru": "SA 1/1"}, "geometry": None}
    written = {"DtHrInfoVigiCru": "2026-08-25T10:00:00Z", "features": [odd]}
    with answering(body(json.dumps(written).encode())) as address:
        start = read_start(Settings(feeds_url=address), "91", say=lambda _: None)
    assert any("Vigicrues: 1 rows left out" in note for note in start.notes)


@pytest.mark.parametrize("coordinates", [None, 5, [None], [[2.1]], [["a", "b"]]])
def test_a_course_that_is_none_leaves_the_reach(coordinates: object) -> None:
    geometry = {"type": "LineString", "coordinates": coordinates}
    written = {"properties": {"CdEntCru": "SA11"}, "geometry": geometry}
    assert [reach.lines for reach in read_parts([written], Reach)[0]] == [[]]
