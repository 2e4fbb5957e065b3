"""The sketch of the territory on the wall display."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from hypervisor.overview.queries_now import OpenAlarm
from hypervisor.overview.queries_rivers import Place

WIDTH, HEIGHT = 500.0, 480.0
_AIR = 46.0
Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A gauge with its alarm; silent ones are hatched."""

    x: float
    y: float
    title: str
    alarm: OpenAlarm | None
    silent: bool


@dataclass(frozen=True, kw_only=True)
class Label:
    x: float
    y: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """The sketch in px. `rivers`, `water`: SVG paths."""

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


def draw_sketch(  # noqa: PLR0913  what is drawn
    *,
    communes: Sequence[Point],
    water: Sequence[Mapping[str, Any]],
    places: Sequence[Place],
    links: Mapping[tuple[str, str], float],
    worst: Mapping[str, OpenAlarm],
    silent: frozenset[str],
) -> Sketch | None:
    """Draw it; None if nothing has coordinates."""
    located = {place.name: (place.lon, place.lat) for place in places if place.lon and place.lat}
    points = [(lon or 0.0, lat or 0.0) for lon, lat in located.values()] or list(communes)
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
        if place.name in located
    ]
    return Sketch(
        width=WIDTH,
        height=HEIGHT,
        dots=[(x, y) for x, y in inside if 0 <= x <= WIDTH and 0 <= y <= HEIGHT],
        water=[frame.path(ring) + "Z" for shape in water for ring in _rings(shape)],
        rivers=_rivers(places, located, links, frame),
        spots=sorted(spots, key=lambda spot: spot.alarm is not None),
        labels=_labels(places, frame),
    )


def _frame(points: Sequence[Point]) -> _Frame:
    lons, lats = [point[0] for point in points], [point[1] for point in points]
    middle = math.cos(math.radians((min(lats) + max(lats)) / 2))
    wide = max((max(lons) - min(lons)) * middle, 0.05)
    high = max(max(lats) - min(lats), 0.05)
    up = min((WIDTH - 2 * _AIR) / wide, (HEIGHT - 2 * _AIR) / high)
    # Centre it in the space left over.
    west = min(lons) - ((WIDTH - 2 * _AIR) / up - wide) / 2 / middle
    south = min(lats) - ((HEIGHT - 2 * _AIR) / up - high) / 2
    return _Frame(west=west, south=south, across=up * middle, up=up)


def _rings(shape: Mapping[str, Any]) -> list[Sequence[Sequence[float]]]:
    """The outer rings of a Polygon or a MultiPolygon."""
    coordinates = shape["coordinates"]
    return (
        [coordinates[0]] if shape["type"] == "Polygon" else [polygon[0] for polygon in coordinates]
    )


def _rivers(
    places: Sequence[Place],
    located: Mapping[str, tuple[float | None, float | None]],
    links: Mapping[tuple[str, str], float],
    frame: _Frame,
) -> list[str]:
    """Each river from gauge to gauge, and on to the river that it flows into."""
    pairs = [(above, below) for above, below in links if above in located and below in located]
    for _, own in groupby(places, key=lambda place: place.river):
        names = [place.name for place in own if place.name in located]
        pairs += pairwise(names)
    return [
        frame.path([(lon or 0.0, lat or 0.0) for lon, lat in (located[above], located[below])])
        for above, below in dict.fromkeys(pairs)
    ]


def _labels(places: Sequence[Place], frame: _Frame) -> list[Label]:
    """Each river's name beside its first gauge, if it does not cover another label."""
    labels: list[Label] = []
    taken = [
        (x, y + 6, 14.0)
        for place in places
        if place.lon and place.lat
        for x, y in [frame.at(place.lon, place.lat)]
    ]
    for name, own in groupby(places, key=lambda place: place.river):
        first = next((place for place in own if place.lon and place.lat), None)
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
                labels.append(label)
                break
    return labels
