"""Courses of rivers: lines of a file matched with our rivers, gauges and what lies between them."""

import heapq
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from hypervisor.geography.lambert93 import Positions
from hypervisor.geography.lines import (
    Node,
    cut,
    find_nearest,
    join,
    measure,
    node,
    simplify,
    to_metres,
)
from sensors._errors import Message

WITHIN = 500.0  # m from a gauge to the river of its name
_SURE = 150.0  # m within which a river of another name is taken for a gauge's
_FINE, _COARSE = 8.0, 25.0  # m; of our rivers, of the others
_ARTICLE = re.compile(
    r"^(?:(?:riviere|ru|ruisseau|fleuve|canal|rau|la|le|les|l|de|du|des|d)\s+)+(?=\S)"
)


@dataclass(frozen=True, kw_only=True)
class Watercourse:
    """Lines of one name and code in a file, as they are drawn there: with the flow."""

    name: str
    code: str
    lines: Sequence[Positions]


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """A site on a river, in flow order."""

    site: str
    river: str
    lon: float
    lat: float


@dataclass(frozen=True, kw_only=True)
class Snap:
    """A gauge on a line of its river: which line, how far along and how far from it (m)."""

    gauge: Gauge
    line: int
    along: float
    distance: float


@dataclass(frozen=True, kw_only=True)
class Reach:
    """The course from a gauge to the next one, with the flow. `length` in m."""

    upstream: str
    downstream: str
    line: Positions
    length: float


@dataclass(frozen=True, kw_only=True)
class Course:
    """A river as maps draw it. `river`: ours, None: of no gauge; `lines` run with the flow."""

    name: str
    code: str
    river: str | None
    lines: Sequence[Positions]
    snaps: Sequence[Snap] = ()
    reaches: Sequence[Reach] = ()
    notes: Sequence[str] = ()


@dataclass(kw_only=True)
class _Match:
    """What of a file belongs to one of our rivers."""

    river: str
    lines: list[Positions]
    watercourses: list[Watercourse]
    notes: list[str] = field(default_factory=list)


def fold(name: str) -> str:
    """A river's name without accents, article and kind: `La Rivière d'Étampes` is `etampes`."""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("œ", "oe"))
    letters = "".join(each for each in plain if not unicodedata.combining(each))
    return _ARTICLE.sub("", re.sub(r"[^a-z0-9]+", " ", letters).strip())


def match_rivers(
    watercourses: Iterable[Watercourse], gauges: Sequence[Gauge], *, within: float = WITHIN
) -> list[Course]:
    """The courses of a file: ours with gauges and reaches, and the others by name."""
    every = list(watercourses)
    by_name: dict[str, list[Watercourse]] = defaultdict(list)
    for watercourse in every:
        by_name[fold(watercourse.name)].append(watercourse)
    rivers: dict[str, list[Gauge]] = defaultdict(list)
    for gauge in gauges:
        rivers[gauge.river].append(gauge)
    courses, used = [], set()
    for river, own in rivers.items():
        match = _match(river, own, by_name.get(fold(river), []), every, within)
        if match is not None:
            courses.append(_lay_course(match, own, within))
            used |= {id(watercourse) for watercourse in match.watercourses}
    others = [watercourse for watercourse in every if id(watercourse) not in used]
    return courses + [
        Course(
            name=watercourse.name,
            code=watercourse.code,
            river=None,
            lines=[simplify(line, _COARSE) for line in join(watercourse.lines)],
        )
        for watercourse in others
        if watercourse.name
    ]


def _match(
    river: str,
    gauges: Sequence[Gauge],
    named: Sequence[Watercourse],
    every: Sequence[Watercourse],
    within: float,
) -> _Match | None:
    """By name where a gauge lies near; else what lies at every gauge, whatever its name."""
    near = [each for each in named if _distance(each, gauges) <= within]
    if near:
        lines = [line for watercourse in near for line in watercourse.lines]
        return _Match(river=river, lines=lines, watercourses=list(near))
    for watercourse in every:
        if watercourse.name and all(_distance(watercourse, [each]) <= _SURE for each in gauges):
            match = _Match(river=river, lines=list(watercourse.lines), watercourses=[watercourse])
            match.notes.append(
                Message("{river}: the file calls it {name!r}", river, watercourse.name)
            )
            return match
    return None


def _distance(watercourse: Watercourse, gauges: Sequence[Gauge]) -> float:
    """Metres from the nearest of the gauges; far ones are not measured exactly."""
    best = np.inf
    for line in watercourse.lines:
        for gauge in gauges:
            corners = to_metres(line, gauge.lat)
            here = to_metres(np.array([[gauge.lon, gauge.lat]]), gauge.lat)[0]
            outside = np.maximum(corners.min(axis=0) - here, here - corners.max(axis=0)).clip(0)
            if np.hypot(*outside) < best:
                best = min(best, find_nearest(line, gauge.lon, gauge.lat)[0])
    return float(best)


def _lay_course(match: _Match, gauges: Sequence[Gauge], within: float) -> Course:
    snaps = [snap for gauge in gauges if (snap := _snap(gauge, match.lines, within)) is not None]
    notes = match.notes
    for gauge in gauges:
        if all(snap.gauge is not gauge for snap in snaps):
            notes.append(
                Message(
                    "{site}: farther than {within} m from its river {river}",
                    gauge.site,
                    round(within),
                    match.river,
                )
            )
    graph = _Graph(match.lines, snaps)
    paths = [(above, below, graph.find_path(above, below)) for above, below in pairwise(snaps)]
    for above, below, path in paths:
        if path is None:
            notes.append(
                Message(
                    "{river}: no line leads from {upstream} to {downstream}",
                    match.river,
                    above.gauge.site,
                    below.gauge.site,
                )
            )
    against = graph.turn([path for *_, path in paths if path is not None])
    if against:
        notes.append(
            Message(
                "{river}: the gauges' order is taken for the flow; the file's lines run against it",
                match.river,
            )
        )
    first = match.watercourses[0]
    return Course(
        name=first.name or match.river,
        code=first.code,
        river=match.river,
        lines=[simplify(line, _FINE) for line in join(graph.pieces)],
        snaps=snaps,
        reaches=list(_lay_reaches(graph, paths)),
        notes=notes,
    )


def _lay_reaches(
    graph: "_Graph", paths: Iterable[tuple[Snap, Snap, Sequence["_Step"] | None]]
) -> Iterator[Reach]:
    for above, below, path in paths:
        if path:
            line = graph.lay(path)
            yield Reach(
                upstream=above.gauge.site,
                downstream=below.gauge.site,
                line=simplify(line, _FINE),
                length=float(measure(line)[-1]),
            )


def _snap(gauge: Gauge, lines: Sequence[Positions], within: float) -> Snap | None:
    places = [(*find_nearest(line, gauge.lon, gauge.lat), n) for n, line in enumerate(lines)]
    distance, along, line = min(places)
    if distance > within:
        return None
    return Snap(gauge=gauge, line=line, along=along, distance=distance)


@dataclass(frozen=True)
class _Step:
    """A piece on a way; `forward`: as it is drawn."""

    piece: int
    forward: bool


class _Graph:
    """The pieces of a river between gauges and junctions."""

    def __init__(self, lines: Sequence[Positions], snaps: Sequence[Snap]) -> None:
        stations: Mapping[int, list[float]] = defaultdict(list)
        for snap in snaps:
            stations[snap.line].append(snap.along)
        self.pieces: list[Positions] = []
        self._places: dict[str, Node] = {}
        for number, line in enumerate(lines):
            self.pieces += cut(line, stations[number]) if number in stations else [line]
        for snap in snaps:
            along = measure(lines[snap.line])
            place = [np.interp(snap.along, along, lines[snap.line][:, axis]) for axis in (0, 1)]
            self._places[snap.gauge.site] = node(place)
        self._lengths = [float(measure(piece)[-1]) for piece in self.pieces]
        self._around: dict[Node, list[tuple[Node, _Step]]] = defaultdict(list)
        for number, piece in enumerate(self.pieces):
            begin, end = node(piece[0]), node(piece[-1])
            self._around[begin].append((end, _Step(number, forward=True)))
            self._around[end].append((begin, _Step(number, forward=False)))

    def find_path(self, above: Snap, below: Snap) -> list[_Step] | None:
        """The shortest way between two gauges; None: none. Dijkstra's."""
        start, goal = self._places[above.gauge.site], self._places[below.gauge.site]
        best: dict[Node, float] = {start: 0.0}
        came: dict[Node, tuple[Node, _Step]] = {}
        queue = [(0.0, start)]
        while queue:
            length, place = heapq.heappop(queue)
            if place == goal:
                break
            if length > best[place]:
                continue
            for other, step in self._around[place]:
                longer = length + self._lengths[step.piece]
                if longer < best.get(other, np.inf):
                    best[other], came[other] = longer, (place, step)
                    heapq.heappush(queue, (longer, other))
        if goal not in best:
            return None
        path: list[_Step] = []
        place = goal
        while place != start:
            place, step = came[place]
            path.append(step)
        return path[::-1]

    def turn(self, paths: Iterable[Sequence[_Step]]) -> bool:
        """Let pieces run as the ways do, the others as most of those; True: the file runs against.

        Paths that were found before stay true of `lay`, which asks for the direction again.
        """
        ways = {step.piece: step.forward for path in paths for step in path}
        forward = sum(self._lengths[piece] for piece, with_it in ways.items() if with_it)
        backward = sum(self._lengths[piece] for piece, with_it in ways.items() if not with_it)
        against = backward > forward
        self._turned = {
            number for number in range(len(self.pieces)) if not ways.get(number, not against)
        }
        for number in self._turned:
            self.pieces[number] = self.pieces[number][::-1]
        return against

    def lay(self, path: Sequence[_Step]) -> Positions:
        """The line of a way, after `turn`."""
        pieces = [
            self.pieces[step.piece]
            if step.forward != (step.piece in self._turned)
            else self.pieces[step.piece][::-1]
            for step in path
        ]
        return np.vstack([pieces[0], *(piece[1:] for piece in pieces[1:])])


def shorten(courses: Sequence[Course], most: int) -> tuple[list[Course], int]:
    """Ours and the longest others, up to a number of positions; how many are left out."""
    kept = [course for course in courses if course.river is not None]
    left = most - sum(len(line) for course in kept for line in course.lines)
    others = [course for course in courses if course.river is None]
    lengths = {
        id(course): sum(float(measure(line)[-1]) for line in course.lines) for course in others
    }
    for course in sorted(others, key=lambda course: -lengths[id(course)]):
        left -= sum(len(line) for line in course.lines)
        if left < 0:
            break
        kept.append(course)
    return kept, len(courses) - len(kept)
