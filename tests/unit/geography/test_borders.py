"""Borders: each once, between two areas or to the outside."""

from typing import Any

import numpy as np

from hypervisor.feeds.communes import read_recorded
from hypervisor.geography.areas import list_rings
from hypervisor.geography.borders import find_borders
from hypervisor.geography.lines import measure


def square(west: float, south: float, *, hole: bool = False) -> dict[str, Any]:
    def ring(low: float, size: float) -> list[list[float]]:
        corners = [(low, low), (low + size, low), (low + size, low + size), (low, low + size)]
        return [[west + x, south + y] for x, y in (*corners, corners[0])]

    return {"type": "Polygon", "coordinates": [ring(0, 0.1), *([ring(0.04, 0.02)] if hole else [])]}


def test_what_two_outlines_share_is_one_line() -> None:
    borders = find_borders({"a": square(2.0, 48.0), "b": square(2.1, 48.0)})
    lines = {(border.area, border.neighbour): border.line for border in borders}
    assert set(lines) == {("a", "b"), ("a", None), ("b", None)}
    assert lines["a", "b"].tolist() == [[2.1, 48.0], [2.1, 48.1]]
    assert len(lines["a", None]) == 4


def test_an_enclave_and_an_area_in_two_parts_have_all_their_borders() -> None:
    inner = {"type": "Polygon", "coordinates": [square(2.0, 48.0, hole=True)["coordinates"][1]]}
    parts = [square(2.3, 48.0)["coordinates"], square(2.5, 48.0)["coordinates"]]
    borders = find_borders(
        {
            "a": square(2.0, 48.0, hole=True),
            "b": inner,
            "c": {"type": "MultiPolygon", "coordinates": parts},
        }
    )
    rings = [
        (border.area, border.neighbour)
        for border in borders
        if (border.line[0] == border.line[-1]).all()
    ]
    assert sorted(rings, key=str) == sorted(
        [("a", "b"), ("a", None), ("c", None), ("c", None)], key=str
    )


def test_outlines_that_do_not_fit_each_other_are_borders_of_communes_alone() -> None:
    outlines = {f"{n}": square(2 + n * 0.1002, 48 + n * 0.0003) for n in range(12)}
    borders = find_borders(outlines)
    assert {border.neighbour for border in borders} == set(outlines)


def test_the_essonne_is_enclosed_and_hardly_moved() -> None:
    communes = {each.properties.code: each.outline for each in read_recorded("91") if each.outline}
    borders = find_borders(communes)
    outside = [border.line for border in borders if border.neighbour is None]
    ends: dict[tuple[float, ...], int] = {}
    for line in outside:
        for end in (line[0], line[-1]):
            ends[tuple(end)] = ends.get(tuple(end), 0) + 1
    assert set(ends.values()) == {2}  # closed: each line ends where another begins
    full = sum(
        measure(np.array(ring))[-1] for outline in communes.values() for ring in list_rings(outline)
    )
    drawn = sum(
        measure(border.line)[-1] * (1 if border.neighbour is None else 2) for border in borders
    )
    assert 0.97 * full < drawn < full
