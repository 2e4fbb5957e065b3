"""Official colours as recorded in August 2026 (Licence Ouverte 2.0), with their traps."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hypervisor.feeds import meteofrance, vigicrues
from hypervisor.feeds.model import Colour, FeedError
from hypervisor.feeds.poll import Device
from ingest.message import Reason

ANSWERS = Path(__file__).parent / "answers"


def _load(name: str) -> Any:
    return json.loads((ANSWERS / name).read_text(encoding="utf-8"))


def _device(code: str) -> dict[str, Device]:
    return {code: Device(name=code.lower(), code=code, quantities=frozenset({"vigilance"}))}


def _colours(content: Any, code: str) -> tuple[list[Colour], list[Reason]]:
    bulletin, reaches, unusable = vigicrues.read_bulletin(content, b"")
    colours = vigicrues.list_colours(bulletin, reaches, _device(code), unusable)
    return colours, [part.reason for part in unusable]


def test_a_reach_has_the_colour_of_the_bulletin() -> None:
    (colour,), unusable = _colours(_load("vigicrues-InfoVigiCru.geojson"), "NO50")
    assert (colour.title, colour.colour) == ("Eure moyenne et aval", 1)
    assert colour.issued == datetime(2026, 8, 25, 13, 55, 59, tzinfo=UTC)
    assert colour.ends is None
    assert not unusable


@pytest.mark.parametrize(("level", "expected"), [(None, [None]), (4, [4]), ("3", [3]), (7, [])])
def test_a_colour_may_be_unknown_and_none_but_four_are_any(level: Any, expected: list[Any]) -> None:
    content = _load("vigicrues-InfoVigiCru.geojson")
    content["features"][1]["properties"]["NivInfViCr"] = level
    colours, unusable = _colours(content, "NO50")
    assert [colour.colour for colour in colours] == expected
    assert unusable == ([] if expected else [Reason.BAD_VALUE])


@pytest.mark.parametrize("feature", [None, "x", {}, {"properties": {}}, {"properties": None}])
def test_a_feature_of_another_shape_hides_no_other(feature: Any) -> None:
    content = _load("vigicrues-InfoVigiCru.geojson")
    content["features"][0] = feature
    colours, unusable = _colours(content, "NO50")
    assert len(colours) == 1
    assert unusable == [Reason.WRONG_SHAPE]


def test_slots_of_today_and_tomorrow_by_departement_and_phenomenon() -> None:
    product = meteofrance.read_product(_load("meteofrance-CDP_CARTE_EXTERNE.json"), b"")
    colours, unusable = meteofrance.list_colours(product, ["35"])
    assert not unusable
    assert [(c.phenomenon, c.colour) for c in colours] == [
        ("thunderstorm", 1),
        ("thunderstorm", 2),
        ("thunderstorm", 3),
        ("wind", 1),
    ]
    assert {c.issued for c in colours} == {datetime(2026, 8, 26, 4, 0, 28, tzinfo=UTC)}
    assert colours[2].begins == datetime(2026, 8, 26, 18, tzinfo=UTC)
    assert colours[2].ends == datetime(2026, 8, 26, 22, tzinfo=UTC)


def test_four_digits_are_the_coast_of_a_departement() -> None:
    product = meteofrance.read_product(_load("meteofrance-CDP_CARTE_EXTERNE.json"), b"")
    colours, _ = meteofrance.list_colours(product, ["30"])
    assert [(c.area, c.title, c.phenomenon) for c in colours] == [("3010", "Gard", "waves")]


def test_other_numbers_and_slots_are_no_crash() -> None:
    content = _load("meteofrance-CDP_CARTE_EXTERNE.json")
    domains = content["product"]["periods"][0]["timelaps"]["domain_ids"]
    items = domains[1]["phenomenon_items"]
    items[0]["phenomenon_id"] = 12  # a phenomenon of the future, as a number
    items[1]["timelaps_items"][0]["color_id"] = 9
    items[2]["timelaps_items"] = None
    domains.append("a text")
    colours, unusable = meteofrance.list_colours(meteofrance.read_product(content, b""), ["35"])
    assert {c.phenomenon for c in colours} == {"12"}
    assert sorted(part.reason for part in unusable) == [
        Reason.BAD_VALUE,
        Reason.WRONG_SHAPE,
        Reason.WRONG_SHAPE,
    ]


@pytest.mark.parametrize("content", [[], {}, {"product": {}}, {"product": {"periods": []}}, "x"])
def test_another_shape_is_a_sentence(content: object) -> None:
    with pytest.raises(FeedError, match="another shape"):
        meteofrance.read_product(content, b"")
    with pytest.raises(FeedError, match="another shape"):
        vigicrues.read_bulletin(content, b"")
