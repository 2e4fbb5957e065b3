"""Outlines of EPCI: their communes' borders without those between two communes of the same."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from hypervisor.database.connect import Connection
from hypervisor.geography import queries
from hypervisor.geography.areas import is_inside, list_polygons
from hypervisor.geography.queries import Line

_KEPT = 4  # states of instances of this process
_loaded: dict[tuple[Any, ...], Mapping[str, Mapping[str, Any]]] = {}


def load_epci_outlines(owner: Connection) -> Mapping[str, Mapping[str, Any]]:
    """GeoJSON by code of EPCI, as far as outlines of communes are known. They are public."""
    mark = queries.read_mark(owner)
    outlines = _loaded.get(mark)
    if outlines is None:
        if len(_loaded) >= _KEPT:
            _loaded.clear()
        outlines = _loaded[mark] = _unite_all(owner)
    return outlines


def _unite_all(owner: Connection) -> Mapping[str, Mapping[str, Any]]:
    borders = queries.list_epci_borders(owner)
    outlines = queries.list_outlines(owner)
    united = {}
    for epci, communes in queries.list_members(owner).items():
        own = [outlines[code] for code in communes if code in outlines]
        if own:
            united[epci] = unite(borders.get(epci, ()), own)
    return united


def unite(borders: Iterable[Line], outlines: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A MultiPolygon of what the borders enclose; where they do not close, of all the outlines."""
    rings = close_rings(borders)
    if not rings:
        polygons = [polygon for outline in outlines for polygon in list_polygons(outline)]
        return {"type": "MultiPolygon", "coordinates": polygons}
    rings.sort(key=lambda ring: -abs(_measure(ring)))
    polygons_by_shell: dict[int, list[Line]] = {}
    for number, ring in enumerate(rings):
        around = [outer for outer in range(number) if _encloses(rings[outer], ring)]
        if len(around) % 2:  # a hole of the smallest ring around it
            polygons_by_shell[around[-1]].append(_turn(ring, left=False))
        else:
            polygons_by_shell[number] = [_turn(ring, left=True)]
    return {"type": "MultiPolygon", "coordinates": list(polygons_by_shell.values())}


def close_rings(lines: Iterable[Line]) -> list[Line]:
    """Lines joined at their ends to rings that pass no end twice; none: some end leads nowhere."""
    pieces = [[tuple(place) for place in line] for line in lines]
    at_end: dict[tuple[float, ...], list[int]] = defaultdict(list)
    for number, piece in enumerate(pieces):
        at_end[piece[0]].append(number)
        at_end[piece[-1]].append(number)
    used: set[int] = set()
    rings: list[Line] = []
    for first in range(len(pieces)):
        path = [pieces[first][0]]
        while first not in used or len(path) > 1:
            further = [number for number in at_end[path[-1]] if number not in used]
            if not further:
                return []
            used.add(further[0])
            piece = pieces[further[0]]
            path += piece[1:] if piece[0] == path[-1] else piece[-2::-1]
            if path[-1] in path[:-1]:
                begin = path.index(path[-1])
                rings.append([list(place) for place in path[begin:]])
                del path[begin + 1 :]
    return rings


def _measure(ring: Line) -> float:
    """Twice its area; positive: it turns left."""
    return sum(x * y2 - x2 * y for (x, y), (x2, y2) in pairwise(ring))


def _turn(ring: Line, *, left: bool) -> Line:
    return ring if (_measure(ring) > 0) == left else ring[::-1]


def _encloses(outer: Line, inner: Sequence[Sequence[float]]) -> bool:
    """Of rings that do not cross: by the middle of an edge, which is no corner of the other."""
    (x, y), (x2, y2) = inner[:2]
    return is_inside(outer, (x + x2) / 2, (y + y2) / 2)
