"""A small map around an order's place, drawn from our own map data: limits, rivers, the place."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hypervisor.database.connect import Connection
from hypervisor.geography.queries import Line, list_borders, list_courses

WIDTH, HEIGHT = 360, 240
_METRES = 3_000.0  # of ground that the width shows
_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """Degrees to units of the drawing; small enough that the earth is flat."""

    lon: float
    lat: float

    @property
    def scale(self) -> float:
        return WIDTH / _METRES * _METRES_PER_DEGREE

    def place(self, lon: float, lat: float) -> tuple[float, float]:
        x = WIDTH / 2 + (lon - self.lon) * math.cos(math.radians(self.lat)) * self.scale
        return round(x, 1), round(HEIGHT / 2 - (lat - self.lat) * self.scale, 1)

    def cut(self, line: Line) -> Iterator[list[tuple[float, float]]]:
        """The parts of a line near the drawing; a step beyond its edge is kept."""
        part: list[tuple[float, float]] = []
        points = [self.place(lon, lat) for lon, lat, *_ in line]
        for before, after in itertools.pairwise(points):
            near = min(before[0], after[0]) < WIDTH and max(before[0], after[0]) > 0
            near = near and min(before[1], after[1]) < HEIGHT and max(before[1], after[1]) > 0
            if near:
                part = part or [before]
                part.append(after)
            elif part:
                yield part
                part = []
        if part:
            yield part


def draw_map(
    connection: Connection, lon: float, lat: float, depot: tuple[float, float] | None = None
) -> str:
    """An SVG around the place; `depot`: (lon, lat) of the team, marked where it is in sight."""
    frame = _Frame(lon=lon, lat=lat)
    borders = _draw(frame, (border.line for border in list_borders(connection)))
    rivers = _draw(frame, (line for river in list_courses(connection) for line in river.lines))
    marks = _mark(*frame.place(lon, lat), "#b3122b")
    if depot is not None:
        x, y = frame.place(*depot)
        if 0 < x < WIDTH and 0 < y < HEIGHT:
            marks = _mark(x, y, "#333") + marks
    kilometre = WIDTH / _METRES * 1_000
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#f4f3ee"/>'
        f'<path d="{borders}" fill="none" stroke="#8a8f94" stroke-width="1.2"'
        ' stroke-dasharray="6 4"/>'
        f'<path d="{rivers}" fill="none" stroke="#3b7fb4" stroke-width="3"/>{marks}'
        f'<path d="M12 {HEIGHT - 12}h{kilometre:.0f}" stroke="#333" stroke-width="2"/>'
        f'<text x="12" y="{HEIGHT - 18}" font-family="sans-serif" font-size="12">1 km</text></svg>'
    )


def _draw(frame: _Frame, lines: Iterable[Line]) -> str:
    return "".join(_path(part) for line in lines for part in frame.cut(line))


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)


def _mark(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="8" fill="{colour}" stroke="#fff" stroke-width="3"/>'
