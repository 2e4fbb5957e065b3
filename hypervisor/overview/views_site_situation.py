"""The small map of a site, as SVG shapes."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypervisor.charts.shapes import Drawn, Mark, Shape, circle, path, text
from hypervisor.overview.queries_map import MapSite
from hypervisor.web import marks

WIDTH, HEIGHT = 280.0, 190.0
_AIR = 26.0
_LETTER = 6.0
_LONGEST = 18
_CUT = "\N{HORIZONTAL ELLIPSIS}"
_LEAST = 0.02  # smallest extent, degrees


@dataclass(frozen=True, kw_only=True)
class SiteMap:
    """The drawn map."""

    width: float
    height: float
    shapes: Sequence[Drawn]


@dataclass(frozen=True, kw_only=True)
class _View:
    """Degrees to pixels, equirectangular."""

    lon: float
    lat: float
    scale: float

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        x = WIDTH / 2 + (lon - self.lon) * math.cos(math.radians(self.lat)) * self.scale
        return round(x, 1), round(HEIGHT / 2 - (lat - self.lat) * self.scale, 1)


def draw_site_map(
    here: MapSite,
    around: Sequence[MapSite],
    rivers: Mapping[str, Sequence[tuple[float, float]]],
    assets: Sequence[tuple[float, float, str]],
) -> SiteMap | None:
    """Draw the map; None if the site has no coordinates."""
    if here.lon is None or here.lat is None:
        return None
    near = [
        map_site for map_site in around if map_site.lon is not None and map_site.lat is not None
    ]
    view = _view(here, near)
    shapes: list[Drawn] = []
    for points in rivers.values():
        d = "M" + "L".join(f"{x} {y}" for x, y in (view.at(*point) for point in points))
        shapes.append(path("riv", d))
    for lon, lat, title in assets:
        x, y = view.at(lon, lat)
        shapes.append(
            Shape(
                tag="rect",
                css="asset",
                attributes={"x": x - 3, "y": y - 3, "width": 6, "height": 6},
                tooltip=title,
            )
        )
    named: list[tuple[float, float, float]] = []
    twins = Counter(site.short for site in near)  # ambiguous names are not used
    marks_of: list[Drawn] = []
    for site in sorted(near, key=lambda site: site.name != here.name):
        for shape in _site(site, view, named, twins, bold=site.name == here.name):
            (shapes if shape.tag == "text" else marks_of).append(shape)
    shapes += reversed(marks_of)  # marks over names, the site itself on top
    return SiteMap(width=WIDTH, height=HEIGHT, shapes=shapes)


def _view(here: MapSite, near: Sequence[MapSite]) -> _View:
    """Fit the neighbours."""
    lons = [map_site.lon or 0.0 for map_site in near] or [here.lon or 0.0]
    lats = [map_site.lat or 0.0 for map_site in near] or [here.lat or 0.0]
    lon, lat = (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2
    wide = max((max(lons) - min(lons)) * math.cos(math.radians(lat)), _LEAST)
    high = max(max(lats) - min(lats), _LEAST)
    return _View(lon=lon, lat=lat, scale=min((WIDTH - 3 * _AIR) / wide, (HEIGHT - 2 * _AIR) / high))


def _cut(title: str) -> str:
    return title if len(title) <= _LONGEST else f"{title[: _LONGEST - 1].rstrip()}{_CUT}"


def _site(  # what a mark with its name is made of
    map_site: MapSite,
    view: _View,
    named: list[tuple[float, float, float]],
    twins: Counter[str],
    *,
    bold: bool,
) -> list[Drawn]:
    x, y = view.at(map_site.lon or 0.0, map_site.lat or 0.0)
    if not (0 <= x <= WIDTH and 0 <= y <= HEIGHT):
        return []
    drawns: list[Drawn] = []
    if map_site.priority:
        label = f"{map_site.title}: {marks.words(map_site.priority, map_site.state)}"
        drawns.append(
            Mark(
                priority=map_site.priority,
                state=map_site.state,
                x=x - 10,
                y=y - 10,
                size=20,
                tooltip=label,
            )
        )
    else:
        drawns.append(
            circle("node here" if bold else "node", x, y, 5 if bold else 4, map_site.title)
        )
    if not (bold or map_site.priority or map_site.river):
        return (
            drawns  # of a crowd only those that matter are named; the others say it when pointed at
        )
    words = map_site.short if twins[map_site.short] == 1 else _cut(map_site.title)
    half = len(words) * _LETTER / 2
    at = min(max(x, half + 2), WIDTH - half - 2)
    low = y + 24 if y < HEIGHT - 26 else y - 14
    for y_at in (low, y - 14):
        free = all(abs(at - a) > half + b or abs(y_at - c) > 13 for a, b, c in named)
        if free or bold:
            named.append((at, half, y_at))
            drawns.append(text("hl halo" if bold else "halo", at, y_at, words, "middle"))
            break
    return drawns
