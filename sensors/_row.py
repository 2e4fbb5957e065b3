"""One stored reading, packed: what ingest writes, the feed carries and the watch reads."""

import numpy as np
from numpy.typing import NDArray

from sensors._quality import Quality

NEVER = np.iinfo(np.int64).min  # received: imported history, which is no arrival

# Times in µs since the epoch, UTC. `quality`: the flags of sensors._quality.
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

_SUSPECT = int(Quality.SUSPECT)


def believed(value: NDArray[np.float64], quality: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Which readings have a value that conditions believe."""
    found: NDArray[np.bool_] = ((quality & _SUSPECT) == 0) & ~np.isnan(value)
    return found
