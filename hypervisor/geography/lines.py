"""Lines in degrees: length, nearest point, fewer corners, pieces joined to longer ones."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from hypervisor.geography.lambert93 import Positions

DECIMALS = 5  # of a degree: a metre
METRE = 1 / 111_320  # of latitude, in degrees

Node = tuple[float, float]


def to_metres(places: Positions, lat: float) -> Positions:
    """Positions on a plane that fits around a latitude."""
    scaled: Positions = places * np.array([math.cos(math.radians(lat)), 1.0]) / METRE
    return scaled


def measure(line: Positions) -> Positions:
    """Metres along a line, at each of its corners."""
    steps = np.diff(to_metres(line, float(line[:, 1].mean())), axis=0)
    return np.concatenate([[0.0], np.hypot(steps[:, 0], steps[:, 1]).cumsum()])


def find_nearest(line: Positions, lon: float, lat: float) -> tuple[float, float]:
    """(distance, metres along the line) of the point of a line that is nearest to a place."""
    corners = to_metres(line, lat)
    here = to_metres(np.array([[lon, lat]]), lat)[0]
    begins, steps = corners[:-1], np.diff(corners, axis=0)
    squares = (steps**2).sum(axis=1)
    shares = ((here - begins) * steps).sum(axis=1) / np.where(squares > 0, squares, 1.0)
    shares = shares.clip(0.0, 1.0)
    away = np.hypot(*(begins + steps * shares[:, None] - here).T)
    nearest = int(away.argmin())
    along = measure(line)
    step = float(along[nearest + 1] - along[nearest])
    return float(away[nearest]), float(along[nearest] + shares[nearest] * step)


def cut(line: Positions, stations: Iterable[float]) -> list[Positions]:
    """The pieces of a line between stations (metres along it)."""
    along = measure(line)
    bounds = sorted({0.0, *(min(max(at, 0.0), along[-1]) for at in stations), float(along[-1])})
    pieces = []
    for begin, end in pairwise(bounds):
        inner = line[(along > begin) & (along < end)]
        ends = [[np.interp(at, along, line[:, axis]) for axis in (0, 1)] for at in (begin, end)]
        pieces.append(np.vstack([ends[0], inner, ends[1]]))
    return pieces


def sample(line: Positions, step: float) -> Positions:
    """Positions along a line, `step` metres apart."""
    along = measure(line)
    at = np.arange(0.0, along[-1] + step, step).clip(0.0, along[-1])
    return np.column_stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)])


def simplify(line: Positions, tolerance: float) -> Positions:
    """The line with fewer corners, none of them farther off than `tolerance` (m). Its ends stay.

    Douglas and Peucker's way.
    """
    if len(line) < 3:
        return line
    places = to_metres(line, float(line[:, 1].mean()))
    keep = np.zeros(len(line), dtype=bool)
    keep[[0, -1]] = True
    spans = [(0, len(line) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        away = _distances(places[first + 1 : last], places[first], places[last])
        farthest = int(away.argmax())
        if away[farthest] > tolerance:
            corner = first + 1 + farthest
            keep[corner] = True
            spans += [(first, corner), (corner, last)]
    return line[keep]


def _distances(places: Positions, begin: Positions, end: Positions) -> Positions:
    """Of places from a straight line; from its begin, where it ends there again."""
    step = end - begin
    length = float(np.hypot(*step))
    if length == 0:
        return np.asarray(np.hypot(*(places - begin).T))
    across = step[0] * (places[:, 1] - begin[1]) - step[1] * (places[:, 0] - begin[0])
    return np.asarray(np.abs(across) / length)


def node(place: Sequence[float]) -> Node:
    """A position as what lines share where they meet."""
    return round(float(place[0]), DECIMALS), round(float(place[1]), DECIMALS)


def join(lines: Sequence[Positions]) -> list[Positions]:
    """Lines that go on in one another, in their direction, joined to longer ones."""
    leaving: dict[Node, list[int]] = defaultdict(list)
    arriving: dict[Node, int] = defaultdict(int)
    for number, line in enumerate(lines):
        leaving[node(line[0])].append(number)
        arriving[node(line[-1])] += 1
    goes_on = {place for place, out in leaving.items() if len(out) == 1 and arriving[place] == 1}
    begins = [number for number, line in enumerate(lines) if node(line[0]) not in goes_on]
    used: set[int] = set()
    joined = []
    for begin in [*begins, *range(len(lines))]:  # the second: rings, which begin anywhere
        pieces: list[Positions] = []
        number = begin
        while number not in used:
            used.add(number)
            pieces.append(lines[number] if not pieces else lines[number][1:])
            end = node(lines[number][-1])
            if end not in goes_on:
                break
            number = leaving[end][0]
        if pieces:
            joined.append(np.vstack(pieces))
    return joined


def group_connected(lines: Sequence[Positions]) -> list[list[Positions]]:
    """Lines that hang together by their ends, each group by itself."""
    above: dict[Node, Node] = {}

    def root(place: Node) -> Node:
        while above.setdefault(place, place) != place:
            above[place] = place = above[above[place]]
        return place

    for line in lines:
        above[root(node(line[0]))] = root(node(line[-1]))
    groups: dict[Node, list[Positions]] = defaultdict(list)
    for line in lines:
        groups[root(node(line[0]))].append(line)
    return list(groups.values())


def to_coordinates(line: Positions) -> list[list[float]]:
    """Positions for GeoJSON, to a metre; none twice in a row."""
    rounded = [[lon, lat] for lon, lat in np.round(line, DECIMALS).tolist()]
    return [
        place for number, place in enumerate(rounded) if not number or place != rounded[number - 1]
    ]
