"""Borders of communes, each once: what two outlines share is a line between the two.

So the outline of an EPCI is the lines whose sides lie in different ones, and neighbours stay
neighbours when corners are left out.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from hypervisor.geography.lambert93 import Positions
from hypervisor.geography.lines import Node, node, simplify

TOLERANCE = 12.0  # m; less than a pixel where communes fill a screen
_MANY, _MOST_ALONE = 10, 0.8  # this many outlines with that few shared edges do not fit each other

_Edge = tuple[Node, Node]


@dataclass(frozen=True, kw_only=True)
class Border:
    """A line between two areas. `neighbour` None: the outside; `area` again: unknown."""

    area: str
    neighbour: str | None
    line: Positions


def find_borders(outlines: Mapping[str, Mapping[str, Any]]) -> list[Border]:
    """The borders of outlines (GeoJSON polygons by code), without corners too small to see."""
    sides: dict[_Edge, list[str]] = defaultdict(list)
    for code, outline in sorted(outlines.items()):
        for ring in _list_rings(outline):
            corners = [node(place) for place in ring]
            for begin, end in pairwise(corners):
                if begin != end:
                    sides[min(begin, end), max(begin, end)].append(code)
    groups: dict[tuple[str, str | None], list[_Edge]] = defaultdict(list)
    for edge, codes in sides.items():
        areas = sorted(set(codes))
        if len(areas) > 1 or len(codes) == 1:  # twice in one outline: within a commune
            groups[areas[0], areas[1] if len(areas) > 1 else None].append(edge)
    alone = sum(len(edges) for (_area, neighbour), edges in groups.items() if neighbour is None)
    apart = len(outlines) >= _MANY and alone > _MOST_ALONE * len(sides)
    return [
        Border(
            area=area,
            neighbour=neighbour or (area if apart else None),
            line=simplify(line, TOLERANCE),
        )
        for (area, neighbour), edges in groups.items()
        for line in _chain(edges)
    ]


def _list_rings(outline: Mapping[str, Any]) -> Iterator[Sequence[Sequence[float]]]:
    polygons = outline["coordinates"]
    for polygon in [polygons] if outline["type"] == "Polygon" else polygons:
        yield from polygon


def _chain(edges: Sequence[_Edge]) -> Iterator[Positions]:
    """Edges as lines that are as long as can be; what has no end is a ring."""
    around: dict[Node, set[Node]] = defaultdict(set)
    for begin, end in edges:
        around[begin].add(end)
        around[end].add(begin)
    ends = sorted(place for place, others in around.items() if len(others) != 2)
    stops = frozenset(ends)
    for begin in [*ends, *sorted(around)]:
        while around[begin]:
            line = [begin]
            while around[line[-1]]:
                following = min(around[line[-1]])
                around[line[-1]].discard(following)
                around[following].discard(line[-1])
                line.append(following)
                if following == begin or following in stops:
                    break
            yield np.array(line)
