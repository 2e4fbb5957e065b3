"""Batteries of field devices: solar ones that breathe with the day, cells that slowly run down."""

import numpy as np
from numpy.typing import NDArray

from simulators._chance import Column
from simulators._story import SECOND


def charge(times: NDArray[np.int64], chance: np.random.Generator) -> Column:
    """% of a battery at ascending times (µs): a little lower every day, higher by day."""
    days = (times - times[0]) / (86_400 * SECOND)
    start = chance.uniform(72, 98)
    clock = times / (86_400 * SECOND) % 1
    return np.asarray(start - 0.3 * days + 1.2 * np.sin(2 * np.pi * (clock - 0.4)))
