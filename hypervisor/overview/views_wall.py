"""The wall display: Now on one screen, with a sketch of the territory."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.overview import queries
from hypervisor.overview.queries import OpenAlarm
from hypervisor.overview.views_now import Now, load_now
from hypervisor.overview.views_rivers import Gauge, River, fill_row
from hypervisor.registry import queries_site, queries_tables
from hypervisor.registry.model import Area, Site, Zone

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
    places: Sequence[Site],
    links: Sequence[tuple[str, str]],
    worst: Mapping[str, OpenAlarm],
    silent: frozenset[str],
) -> Sketch | None:
    """Draw it; None if nothing has coordinates."""
    located = {place.name: (place.lon, place.lat) for place in places if place.lon and place.lat}
    points = list(located.values()) or list(communes)
    if not points:
        return None
    frame = _frame(points)
    inside = [frame.at(*point) for point in communes]
    spots = [
        Spot(
            x=x,
            y=y,
            title=place.title,
            alarm=worst.get(place.name),
            silent=place.name in silent,
        )
        for place in places
        if place.name in located
        for x, y in [frame.at(*located[place.name])]
    ]
    return Sketch(
        width=WIDTH,
        height=HEIGHT,
        dots=[(x, y) for x, y in inside if 0 <= x <= WIDTH and 0 <= y <= HEIGHT],
        water=[frame.path(ring) + "Z" for shape in water for ring in _rings(shape)],
        rivers=_river_paths(places, located, links, frame),
        spots=sorted(spots, key=lambda spot: spot.alarm is not None),
        labels=_river_labels(places, located, frame),
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


def _river_paths(
    places: Sequence[Site],
    located: Mapping[str, Point],
    links: Sequence[tuple[str, str]],
    frame: _Frame,
) -> list[str]:
    """Each river from gauge to gauge, and on to the river that it flows into."""
    pairs = [(above, below) for above, below in links if above in located and below in located]
    for _, own in groupby(places, key=lambda place: place.river):
        names = [place.name for place in own if place.name in located]
        pairs += pairwise(names)
    return [frame.path([located[above], located[below]]) for above, below in dict.fromkeys(pairs)]


def _river_labels(
    places: Sequence[Site], located: Mapping[str, Point], frame: _Frame
) -> list[Label]:
    """Each river's name beside its first gauge, if it does not cover another label."""
    labels: list[Label] = []
    taken = [(x, y + 6, 14.0) for x, y in (frame.at(*point) for point in located.values())]
    for name, own in groupby(places, key=lambda place: place.river):
        first = next((located[place.name] for place in own if place.name in located), None)
        if first is None or name is None:
            continue
        x, y = frame.at(*first)
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


@dataclass(frozen=True, kw_only=True)
class OtherRivers:
    """The rivers that do not fit. `nearest`: the gauge closest below its alert threshold."""

    names: Sequence[str]
    gauges: int
    over: int
    nearest: Gauge | None
    silent: Sequence[Gauge]


@dataclass(frozen=True, kw_only=True)
class Wall:
    look: Now
    lines: Sequence[River]
    rest: OtherRivers | None
    sketch: Sketch | None


def build_wall(context: RequestContext) -> Wall:
    """Read the situation and draw the sketch of the territory."""
    look = load_now(context)
    connection, now = context.connection, context.now()
    urgent = sorted(look.rivers, key=_urgency)
    first, waiting = fill_row(urgent)
    second, others = fill_row(waiting)
    silent = frozenset(
        gauge.site for river in look.rivers for gauge in river.gauges if gauge.silent
    )
    rivers = {d.name for d in context.catalogue.domains.values() if d.grouping == "river"}
    return Wall(
        look=look,
        lines=[*first, *second],
        rest=_rest(others) if others else None,
        sketch=draw_sketch(
            communes=locate_communes(queries_tables.list_things(connection, Area)),
            water=[
                zone.geometry
                for zone in queries_tables.list_things(connection, Zone)
                if zone.kind in rivers
            ],
            places=queries.list_river_sites(connection),
            links=[
                (above, below) for above, below, _travel in queries_site.list_links(connection, now)
            ],
            worst=look.worst,
            silent=silent,
        ),
    )


def locate_communes(areas: Iterable[Area]) -> list[Point]:
    """(lon, lat) of the communes that have coordinates."""
    return [
        (area.lon, area.lat)
        for area in areas
        if area.kind == "commune" and area.lon is not None and area.lat is not None
    ]


def _urgency(river: River) -> tuple[bool, float, str]:
    """Sort key: rivers of several gauges first, then by margin to the alert threshold."""
    margins = (gauge.margin for gauge in river.gauges if gauge.margin is not None)
    return (len(river.gauges) < 2, -max(margins, default=-99.0), river.name)


def _rest(rivers: Sequence[River]) -> OtherRivers:
    gauges = [gauge for river in rivers for gauge in river.gauges]
    measured = [gauge for gauge in gauges if gauge.margin is not None]
    below = [gauge for gauge in measured if (gauge.margin or 0.0) < 0]
    return OtherRivers(
        names=sorted(river.name for river in rivers),
        gauges=len(gauges),
        over=len(measured) - len(below),
        nearest=max(below, key=lambda gauge: gauge.margin or 0.0, default=None),
        silent=[gauge for gauge in gauges if gauge.silent],
    )
