"""One stored reading, packed: what ingest writes, the feed carries and the watch reads."""

import numpy as np
from numpy.typing import NDArray

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
