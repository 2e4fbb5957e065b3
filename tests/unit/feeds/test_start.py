"""What a territory begins from, of services that answer otherwise than usual."""

import json

import pytest

from hypervisor.feeds import communes, hubeau
from hypervisor.feeds.communes import fetch_communes
from hypervisor.feeds.gauges import fetch_gauges
from hypervisor.feeds.model import FeedError
from hypervisor.feeds.poll import read_parts
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
        listed = fetch_communes(make_context(communes.FEED, address), "91")
    assert [commune.properties.code for commune in listed] == ["91021"]


@pytest.mark.parametrize("features", [5, "none", {"a": 1}, None, [5]])
def test_communes_that_are_none_are_a_sentence(features: object) -> None:
    document = json.dumps({"features": features}).encode()
    with answering(body(document)) as address, pytest.raises(FeedError, match="no commune of"):
        fetch_communes(make_context(communes.FEED, address), "91")


def test_a_station_that_is_listed_twice_is_one() -> None:
    answers = in_turn(_list(STATION, STATION), _list({**ROW, "resultat_obs": 812.0}), _list())
    with answering(answers) as address:
        gauges = fetch_gauges(make_context(hubeau.FEED, address), "91")
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
        fetch_gauges(make_context(hubeau.FEED, address), "91")


@pytest.mark.parametrize("coordinates", [None, 5, [None], [[]], [[["a", "b"]]], [[[2.1, 48.5]]]])
def test_an_outline_that_is_none_is_a_sentence(coordinates: object) -> None:
    outlined = {**COMMUNE, "geometry": {"type": "Polygon", "coordinates": coordinates}}
    document = json.dumps({"features": [COMMUNE, outlined]}).encode()
    with answering(body(document)) as address, pytest.raises(FeedError, match="1 communes have"):
        fetch_communes(make_context(communes.FEED, address), "91")


@pytest.mark.parametrize("coordinates", [None, 5, [None], [[2.1]], [["a", "b"]]])
def test_a_course_that_is_none_leaves_the_reach(coordinates: object) -> None:
    geometry = {"type": "LineString", "coordinates": coordinates}
    written = {"properties": {"CdEntCru": "SA11"}, "geometry": geometry}
    assert [reach.lines for reach in read_parts([written], Reach)[0]] == [[]]
