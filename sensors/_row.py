"""One stored reading, packed: what ingest writes, the feed carries and the watch reads."""

import numpy as np
from numpy.typing import NDArray

from sensors._quality import Quality

NEVER = np.iinfo(np.int64).min  # received: imported history, which is no arrival
# The years in which a time can be, 1800 to 2199 (µs): no gauge is older, and what lies beyond is no
# clock. All that is computed with times fits into every type that we use.
EARLIEST = -5_364_662_400_000_000
LATEST = 7_258_118_400_000_000  # the first instant that is too late

# Times in µs since the epoch, UTC. `quality`: the flags of sensors._quality. In the feed and for
# evaluation `received` is the first arrival of any value at its time: a correction is no arrival.
ROW = np.dtype(
    [
        ("series", "<i4"),
        ("time", "<i8"),
        ("received", "<i8"),
        ("value", "<f8"),  # nan: a row without a value
        ("quality", "<i2"),
    ]
)
Rows = NDArray[np.void]  # of ROW


def no_rows() -> Rows:
    return np.empty(0, dtype=ROW)


_SUSPECT = int(Quality.SUSPECT)


def believed(value: NDArray[np.float64], quality: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Which readings have a value that conditions believe."""
    mask: NDArray[np.bool_] = ((quality & _SUSPECT) == 0) & ~np.isnan(value)
    return mask
