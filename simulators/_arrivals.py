"""What a network does to messages: delays that reorder, copies, outages with a backfill."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from simulators._publications import Publication

SECOND = 1_000_000
COPY_DELAY = 600.0  # a copy comes within ten minutes of the first


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """How arrivals differ from measurements; the default is a perfect network.

    `shuffle`: the longest random delay in seconds. `double`: every message comes twice.
    `outages`: spans (from, to) in µs, both included, whose messages are held back and come at `to`,
    the newest first. A message never arrives before it was measured.
    """

    shuffle: float = 0.0
    double: bool = False
    outages: tuple[tuple[int, int], ...] = ()
    seed: int = 0


def disturb(plan: Sequence[Publication], how: Disturbance) -> list[Publication]:
    """The plan as it arrives, ascending by arrival; the same seed gives the same arrivals."""
    chance = np.random.default_rng(how.seed)
    for span in how.outages:
        plan = _hold_back(plan, *span)
    if how.shuffle > 0:
        plan = _delay(plan, chance, how.shuffle)
    if how.double:
        plan = [*plan, *_delay(plan, chance, COPY_DELAY)]
    return sorted(plan, key=lambda publication: publication.arrival)


def _hold_back(plan: Sequence[Publication], start: int, end: int) -> list[Publication]:
    held = [entry for entry in plan if start <= entry.arrival <= end]
    passed = [entry for entry in plan if not start <= entry.arrival <= end]
    return [*passed, *(replace(entry, arrival=end) for entry in reversed(held))]


def _delay(
    plan: Sequence[Publication], chance: np.random.Generator, longest: float
) -> list[Publication]:
    delays = (chance.uniform(0, longest, len(plan)) * SECOND).astype(np.int64).tolist()
    return [
        replace(entry, arrival=entry.arrival + delay)
        for entry, delay in zip(plan, delays, strict=True)
    ]
