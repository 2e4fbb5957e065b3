"""The wall's sketch of the territory: communes as dots, rivers through their gauges, marks."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from hypervisor.overview.queries_now import Standing
from hypervisor.overview.queries_rivers import Place

WIDTH, HEIGHT = 500.0, 480.0
_AIR = 46.0
Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A gauge: with its alarm, or a ring; hatched where it is silent."""

    x: float
    y: float
    title: str
    alarm: Standing | None
    silent: bool


@dataclass(frozen=True, kw_only=True)
class Label:
    x: float
    y: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """In units of the drawing. `rivers`, `water`: paths."""

    width: float
    height: float
    dots: Sequence[Point]
    water: Sequence[str]
    rivers: Sequence[str]
    spots: Sequence[Spot]
    labels: Sequence[Label]


@dataclass(frozen=True, kw_only=True)
class _Frame:
    west: float
    south: float
    across: float  # units a degree of longitude
    up: float

    def at(self, lon: float, lat: float) -> Point:
        x = _AIR + (lon - self.west) * self.across
        return round(x, 1), round(HEIGHT - _AIR - (lat - self.south) * self.up, 1)

    def path(self, points: Iterable[Sequence[float]]) -> str:
        return "M" + "L".join("{} {}".format(*self.at(point[0], point[1])) for point in points)


def sketch(  # noqa: PLR0913  what is drawn
    *,
    communes: Sequence[Point],
    water: Sequence[Mapping[str, Any]],
    places: Sequence[Place],
    links: Mapping[tuple[str, str], float],
    worst: Mapping[str, Standing],
    silent: frozenset[str],
) -> Sketch | None:
    """None where nobody knows where anything stands."""
    known = {place.name: (place.lon, place.lat) for place in places if place.lon and place.lat}
    points = [(lon or 0.0, lat or 0.0) for lon, lat in known.values()] or list(communes)
    if not points:
        return None
    frame = _frame(points)
    inside = [frame.at(*point) for point in communes]
    spots = [
        Spot(
            x=frame.at(place.lon or 0.0, place.lat or 0.0)[0],
            y=frame.at(place.lon or 0.0, place.lat or 0.0)[1],
            title=place.title,
            alarm=worst.get(place.name),
            silent=place.name in silent,
        )
        for place in places
        if place.name in known
    ]
    return Sketch(
        width=WIDTH,
        height=HEIGHT,
        dots=[(x, y) for x, y in inside if 0 <= x <= WIDTH and 0 <= y <= HEIGHT],
        water=[frame.path(ring) + "Z" for shape in water for ring in _rings(shape)],
        rivers=_rivers(places, known, links, frame),
        spots=sorted(spots, key=lambda one: one.alarm is not None),
        labels=_labels(places, frame),
    )


def _frame(points: Sequence[Point]) -> _Frame:
    lons, lats = [point[0] for point in points], [point[1] for point in points]
    middle = math.cos(math.radians((min(lats) + max(lats)) / 2))
    wide = max((max(lons) - min(lons)) * middle, 0.05)
    high = max(max(lats) - min(lats), 0.05)
    up = min((WIDTH - 2 * _AIR) / wide, (HEIGHT - 2 * _AIR) / high)
    # What is left over on one side is shared by both.
    west = min(lons) - ((WIDTH - 2 * _AIR) / up - wide) / 2 / middle
    south = min(lats) - ((HEIGHT - 2 * _AIR) / up - high) / 2
    return _Frame(west=west, south=south, across=up * middle, up=up)


def _rings(shape: Mapping[str, Any]) -> list[Sequence[Sequence[float]]]:
    """The outer rings of a Polygon or a MultiPolygon."""
    found = shape["coordinates"]
    return [found[0]] if shape["type"] == "Polygon" else [one[0] for one in found]


def _rivers(
    places: Sequence[Place],
    known: Mapping[str, tuple[float | None, float | None]],
    links: Mapping[tuple[str, str], float],
    frame: _Frame,
) -> list[str]:
    """Along each river from gauge to gauge, and from its last one on to where it flows."""
    pairs = [(above, below) for above, below in links if above in known and below in known]
    for _, own in groupby(places, key=lambda one: one.river):
        names = [place.name for place in own if place.name in known]
        pairs += pairwise(names)
    return [
        frame.path([(lon or 0.0, lat or 0.0) for lon, lat in (known[above], known[below])])
        for above, below in dict.fromkeys(pairs)
    ]


def _labels(places: Sequence[Place], frame: _Frame) -> list[Label]:
    """Each river's name beside its first gauge, where it does not hide another's."""
    found: list[Label] = []
    taken = [
        (x, y + 6, 14.0)
        for place in places
        if place.lon and place.lat
        for x, y in [frame.at(place.lon, place.lat)]
    ]
    for name, own in groupby(places, key=lambda one: one.river):
        first = next((one for one in own if one.lon and one.lat), None)
        if first is None or name is None:
            continue
        x, y = frame.at(first.lon or 0.0, first.lat or 0.0)
        half = len(name) * 4.5
        for across, down in ((0.0, -19.0), (0.0, 31.0), (22.0 + half, 6.0), (-22.0 - half, 6.0)):
            label = Label(x=round(x + across, 1), y=y + down, text=name)
            if half <= label.x <= WIDTH - half and all(
                abs(label.y - at) > 17 or abs(label.x - beside) > wide + half
                for beside, at, wide in taken
            ):
                taken.append((label.x, label.y, half))
                found.append(label)
                break
    return found
