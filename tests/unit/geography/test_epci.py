"""Outlines of EPCI from the borders of communes."""

from itertools import pairwise, product
from typing import Any

from hypervisor.geography.borders import find_borders
from hypervisor.geography.epci import close_rings, unite
from hypervisor.geography.lines import to_coordinates


def square(x: int, y: int) -> dict[str, Any]:
    corners = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1], [x, y]]
    return {"type": "Polygon", "coordinates": [[[2 + a / 10, 48 + b / 10] for a, b in corners]]}


def lattice(own: str) -> dict[str, Any]:
    """The union of squares of a field of four by four; `own`: its rows from the north, # or not."""
    places = {
        f"{x}{y}": (square(x, y), own.split()[3 - y][x] == "#")
        for x, y in product(range(4), repeat=2)
    }
    inside = {code for code, (_, member) in places.items() if member}
    borders = [
        to_coordinates(border.line)
        for border in find_borders({code: outline for code, (outline, _) in places.items()})
        if (border.area in inside) != (border.neighbour in inside)
    ]
    return unite(borders, [places[code][0] for code in inside])


def sizes(geometry: dict[str, Any]) -> list[list[float]]:
    """Squares within each ring, by polygon; negative where it turns right."""
    return [
        [
            round(sum(x * y2 - x2 * y for (x, y), (x2, y2) in pairwise(ring)) * 50)
            for ring in polygon
        ]
        for polygon in geometry["coordinates"]
    ]


def test_neighbours_become_one_polygon() -> None:
    assert sizes(lattice("##.. ##.. .... ....")) == [[4]]


def test_an_enclave_is_a_hole_and_an_exclave_a_polygon() -> None:
    assert sizes(lattice("###. #.#. ###. ...#")) == [[9, -1], [1]]


def test_an_island_within_a_hole_is_a_polygon() -> None:
    outer = [[0.0, 0.0], [9.0, 0.0], [9.0, 9.0], [0.0, 9.0], [0.0, 0.0]]
    hole = [[1.0, 1.0], [8.0, 1.0], [8.0, 8.0], [1.0, 8.0], [1.0, 1.0]]
    island = [[3.0, 3.0], [4.0, 3.0], [4.0, 4.0], [3.0, 4.0], [3.0, 3.0]]
    rings = [len(polygon) for polygon in unite([island, outer, hole], [])["coordinates"]]
    assert rings == [2, 1]


def test_squares_that_touch_at_a_corner_are_two_polygons() -> None:
    assert sizes(lattice("#... .#.. .... ....")) == [[1], [1]]


def test_outlines_that_do_not_fit_stay_as_they_are() -> None:
    assert close_rings([[[0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 1.0]]]) == []
    outlines = [square(0, 0), square(2, 2)]
    apart = unite([], outlines)
    assert apart["coordinates"] == [outline["coordinates"] for outline in outlines]
