"""Vehicles along a road as cumulative counts: a bottleneck holds them, its queue grows upstream.

Newell's simplified kinematic waves (1993): the count at a place is the least of what may have come
from upstream and of what the queues downstream leave room for. Whole columns of time at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators._steps import Column


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A place on a road, `at` km in the direction of travel, and the bottleneck `ahead` km of it.

    `capacity`: vehicles a step that pass the bottleneck. `speed`, `wave` (km/h): of free traffic
    and of a queue's tail. `standstill`: vehicles a km in a standing queue.
    """

    at: float
    ahead: float
    capacity: Column
    speed: float
    wave: float
    standstill: float


@dataclass(frozen=True, kw_only=True)
class Passing:
    """At a place: vehicles passed since the beginning, and whether it is in a queue."""

    count: Column
    queued: NDArray[np.bool_]


TELLING = 3.0  # vehicles held up that make a queue


def simulate_passing(entering: Column, stretches: Sequence[Stretch], step: float) -> list[Passing]:
    """What passes each stretch, in the direction of travel; `entering`: a step, at the first.

    `step` in s. Vehicles are conserved: those that have not passed are in a queue.
    """
    come = np.cumsum(entering)
    where, free, let = stretches[0].at, [], []
    for stretch in stretches:
        come = _delay(come, (stretch.at - where) / stretch.speed * 3600 / step)
        free.append(come)
        come = pass_bottleneck(
            _delay(come, stretch.ahead / stretch.speed * 3600 / step), stretch.capacity
        )
        let.append(come)
        where = stretch.at + stretch.ahead
    return [_at(number, stretches, free, let, step) for number in range(len(stretches))]


def pass_bottleneck(come: Column, capacity: Column) -> Column:
    """Cumulative count behind a bottleneck: at most its capacity a step, the rest waits."""
    could = np.cumsum(capacity)
    return np.asarray(could + np.minimum.accumulate(np.minimum(come - could, 0.0)))


def _at(
    number: int, stretches: Sequence[Stretch], free: list[Column], let: list[Column], step: float
) -> Passing:
    here = stretches[number]
    count = free[number]
    for stretch, out in zip(stretches[number:], let[number:], strict=True):
        between = stretch.at + stretch.ahead - here.at
        news = _delay(out, between / stretch.wave * 3600 / step)
        count = np.minimum(count, news + stretch.standstill * between)
    # a few vehicles held up by chance are not a queue
    return Passing(count=count, queued=free[number] - count > TELLING)


def _delay(count: Column, steps: float) -> Column:
    """The same count some steps later; 0 before the first step."""
    index = np.arange(-1, len(count), dtype=np.float64)
    return np.asarray(np.interp(index[1:] - steps, index, np.concatenate([[0.0], count])))
