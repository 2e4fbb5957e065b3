"""The rate of a series over its last hours, with its error, and when it reaches a level. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WINDOW_S = 3 * 3_600.0  # over which the present rate is taken: 0.2 cm/h at steps of 1 cm
_LEAST = 3  # readings that make a rate
_FARTHEST_S = 24 * 3_600.0  # beyond which the present rate says nothing


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Per second; `error`: one standard error of the slope, that of the steps it is read in too.

    `value`, `at`: the last reading, from which the rate leads on.
    """

    per_s: float
    error: float
    value: float
    at: float

    @property
    def per_hour(self) -> float:
        return self.per_s * 3_600

    @property
    def sure(self) -> bool:
        """It moves, whatever the error."""
        return abs(self.per_s) > 2 * self.error


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """When a level is reached, s since the epoch; `latest` None: perhaps never at this rate."""

    at: float
    soonest: float
    latest: float | None


def rate(
    points: Sequence[tuple[float, float]], *, resolution: float = 0.0, window: float = WINDOW_S
) -> Rate | None:
    """The slope of (s since the epoch, value), ascending, over the window that ends at the last.

    None where there are too few, or they span less than half an hour.
    """
    if not points:
        return None
    last, value = points[-1]
    used = np.array([one for one in points if one[0] >= last - window], dtype=np.float64)
    if len(used) < _LEAST or used[-1, 0] - used[0, 0] < min(window / 6, 1_800.0):
        return None
    at = used[:, 0] - used[:, 0].mean()
    slope = float((at * (used[:, 1] - used[:, 1].mean())).sum() / (at**2).sum())
    left = used[:, 1] - used[:, 1].mean() - slope * at
    spread = math.sqrt(float((left**2).sum()) / (len(used) - 2)) if len(used) > 2 else 0.0
    spread = max(spread, resolution / math.sqrt(12))
    error = spread / math.sqrt(float((at**2).sum()))
    return Rate(per_s=slope, error=error, value=value, at=last)


def arrival(moving: Rate, level: float, *, farthest: float = _FARTHEST_S) -> Arrival | None:
    """When the present rate reaches a level from below; at once where it stands above already.

    None: it does not rise for sure, or so slowly that it is farther away than the rate can tell.
    """
    left = level - moving.value
    if left <= 0:
        return Arrival(at=moving.at, soonest=moving.at, latest=moving.at)
    if moving.per_s <= 0 or not moving.sure:
        return None
    seconds = left / moving.per_s
    if seconds > farthest:
        return None
    slow = moving.per_s - 2 * moving.error
    return Arrival(
        at=moving.at + seconds,
        soonest=moving.at + left / (moving.per_s + 2 * moving.error),
        latest=moving.at + left / slow if slow > 0 else None,
    )
