"""The messages of one device, whatever their form, and what they hold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators._chance import Column
from simulators._story import SECOND

Times = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class DeviceMessages:
    """The messages of one device, and their readings: a row a reading, `of` its message."""

    arrivals: list[int]
    topic: str
    payloads: list[bytes]
    of: NDArray[np.int64]
    times: Times
    quantities: NDArray[np.object_]
    units: NDArray[np.object_]
    value: Column
    status: NDArray[np.object_]


def format_times(times: Times) -> list[str]:
    """RFC 3339 without the offset; whole seconds without a fraction."""
    moments = times.astype("datetime64[us]")
    if (times % SECOND == 0).all():
        moments = moments.astype("datetime64[s]")
    return [str(text) for text in np.datetime_as_string(moments)]
