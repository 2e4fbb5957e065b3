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


@pytest.mark.parametrize(("level", "expected"), [(None, None), (4, 4), ("3", 3), (7, None)])
def test_a_colour_may_be_unknown_and_none_but_four_are_any(level: Any, expected: Any) -> None:
    content = _load("vigicrues-InfoVigiCru.geojson")
    content["features"][1]["properties"]["NivInfViCr"] = level
    colours, unusable = _colours(content, "NO50")
    assert [colour.colour for colour in colours] == [expected]
    assert unusable == ([Reason.BAD_VALUE] if level == 7 else [])


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ((4, 1), 4),
        ((1, 4), 4),
        ((1, 1), 1),
        ((1, 7), None),
        ((1, None), None),
        ((3, None), 3),
        ((), None),
    ],
)
def test_a_reach_that_comes_twice_or_not_at_all_is_not_green(
    levels: tuple[Any, ...], expected: Any
) -> None:
    """The last row won: orange and then green was green; without a row the old colour stood."""
    content = _load("vigicrues-InfoVigiCru.geojson")
    (own,) = [f for f in content["features"] if f["properties"]["CdEntCru"] == "NO50"]
    content["features"].remove(own)
    for level in levels:
        content["features"].append(
            {**own, "properties": {**own["properties"], "NivInfViCr": level}}
        )
    (colour,), _ = _colours(content, "NO50")
    assert (colour.area, colour.colour) == ("NO50", expected)


@pytest.mark.parametrize(
    ("slots", "expected"),
    [((4, 1), 4), ((1, 4), 4), ((1, 9), None), ((9, 2), 2), (("x",), None), ((1, "x"), None)],
)
def test_a_phenomenon_that_comes_twice_or_cannot_be_read_is_not_green(
    slots: tuple[Any, ...], expected: Any
) -> None:
    content = _load("meteofrance-CDP_CARTE_EXTERNE.json")
    hours = {"begin_time": "2026-08-26T04:00:00Z", "end_time": "9999-12-31T23:59:59-12:00"}
    items = [
        {"phenomenon_id": "1", "timelaps_items": [{**hours, "color_id": slot}]} for slot in slots
    ]
    (period, *_others) = content["product"]["periods"]
    period["timelaps"]["domain_ids"] = [{"domain_id": "91", "phenomenon_items": items}]
    content["product"]["periods"] = [period]
    colours, _ = meteofrance.list_colours(meteofrance.read_product(content, b""), ["91"])
    worst = {c.colour for c in colours}
    assert expected in worst
    assert {c.phenomenon for c in colours} == {"wind"}
    assert all(c.ends is None or c.ends.year <= 2200 for c in colours)


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
    stated = {c.phenomenon: c.colour for c in colours if c.colour is None}
    assert stated.keys() == {"wind", "flood"}
    assert "12" in {c.phenomenon for c in colours}
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
