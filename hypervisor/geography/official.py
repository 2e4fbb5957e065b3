"""Which official river reaches the stretch between two gauges lies on."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from hypervisor.geography.lines import find_nearest
from hypervisor.geography.queries import Line
from hypervisor.geography.rivers import Gauge, fold

_NEAR = 1_000.0  # m from a gauge to the course of the reach that it stands on
Courses = Mapping[str, Sequence[Line]]  # by the reach's code


class Match(NamedTuple):
    """A stretch between two gauges, and the code of an official reach that it lies on."""

    upstream: str
    downstream: str
    area: str


def match_official_reaches(
    gauges: Sequence[Gauge], courses: Courses, titles: Mapping[str, str]
) -> Iterator[Match]:
    """The official reaches of each stretch; `gauges`: each river from the source down.

    That which passes both gauges, the nearest of several; else those that pass one of them and bear
    the river's name.
    """
    away = {gauge.site: _find_near(gauge, courses) for gauge in gauges}
    for river, along in groupby(gauges, key=attrgetter("river")):
        for upstream, downstream in pairwise(gauge.site for gauge in along):
            above, below = away[upstream], away[downstream]
            both = [(above[area] + below[area], area) for area in above if area in below]
            if both:
                yield Match(upstream, downstream, min(both)[1])
                continue
            for area in sorted({*above, *below}):
                if f" {fold(river)} " in f" {fold(titles.get(area, ''))} ":
                    yield Match(upstream, downstream, area)


def _find_near(gauge: Gauge, courses: Courses) -> Mapping[str, float]:
    """Metres to the reaches that pass the gauge, by code."""
    near: dict[str, float] = {}
    for area, lines in courses.items():
        for line in lines:
            distance, _ = find_nearest(np.array(line), gauge.lon, gauge.lat)
            if distance <= near.get(area, _NEAR):
                near[area] = distance
    return near
