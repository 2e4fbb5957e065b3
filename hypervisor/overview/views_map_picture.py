"""The first picture of the map, drawn here: it stands while the browser loads what can be moved."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hypervisor.overview.map_lines import MapLines
from hypervisor.overview.queries import MapSite
from hypervisor.overview.views_map import compute_bounds, rank, river_lines

WIDTH = 720.0  # units; about the pixels of a desk's map
_CELL = 44.0  # units within which sites share a mark, as in the browser
_LEAST = 0.02  # smallest extent, degrees


@dataclass(frozen=True, kw_only=True)
class Spot:
    """The worst of the sites at one place, and how many there are."""

    x: float
    y: float
    priority: int
    state: str
    count: int
    unknown: bool = False


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Lines as SVG paths by class; spots, the worst last. It fills exactly the sites' bounds."""

    width: float
    height: float
    lines: Sequence[tuple[str, str]]
    spots: Sequence[Spot]


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """Degrees to units, in Web Mercator as the browser's map."""

    west: float
    top: float
    scale: float

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        x = (lon - self.west) * self.scale
        return round(x, 1), round((self.top - _mercator(lat)) * self.scale, 1)

    def draw(self, line: Sequence[Sequence[float]]) -> str:
        return "M" + "L".join("{} {}".format(*self.at(lon, lat)) for lon, lat in line)


def draw_picture(
    every: Sequence[MapSite], shown: Iterable[MapSite], ground: MapLines | None = None
) -> Picture | None:
    """Draw the sites shown within the bounds of all; None: no site has coordinates.

    Rivers without a course are lines from gauge to gauge.
    """
    bounds = compute_bounds(every)
    if bounds is None:
        return None
    west, south, east, north = bounds
    scale = WIDTH / max(east - west, _LEAST)
    frame = _Frame(west=west, top=_mercator(north), scale=scale)
    return Picture(
        width=WIDTH,
        height=round(max(frame.top - _mercator(south), _LEAST) * scale, 1),
        lines=[
            *((css, frame.draw(line.tolist())) for css, line in (ground.drawn if ground else ())),
            *(
                ("riv schematic", frame.draw(points))
                for river, points in river_lines(every).items()
                if ground is None or river not in ground.rivers
            ),
        ],
        spots=_gather(frame, shown),
    )


def _gather(frame: _Frame, sites: Iterable[MapSite]) -> list[Spot]:
    """One spot a cell, in the middle of its sites."""
    cells: dict[tuple[int, int], list[tuple[MapSite, float, float]]] = {}
    for site in sites:
        if site.lon is not None and site.lat is not None:
            x, y = frame.at(site.lon, site.lat)
            cells.setdefault((int(x // _CELL), int(y // _CELL)), []).append((site, x, y))
    spots = [
        (min(rank(site) for site, _x, _y in together), together) for together in cells.values()
    ]
    return [
        _spot(together) for _rank, together in sorted(spots, key=lambda spot: spot[0], reverse=True)
    ]


def _spot(together: Sequence[tuple[MapSite, float, float]]) -> Spot:
    worst = min((site for site, _x, _y in together), key=rank)
    count = len(together)
    return Spot(
        x=round(sum(x for _site, x, _y in together) / count, 1),
        y=round(sum(y for _site, _x, y in together) / count, 1),
        priority=worst.priority,
        state=worst.state,
        count=count,
        unknown=worst.unknown,
    )


def _mercator(lat: float) -> float:
    """Degrees of latitude as they are drawn, in degrees of longitude."""
    return math.degrees(math.asinh(math.tan(math.radians(lat))))
