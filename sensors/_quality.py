"""What one reading shows of itself: bit flags, stored as one small integer beside the value."""

from enum import IntFlag


class Quality(IntFlag):
    """Flags of a reading, a property of that reading alone (never of its neighbours).

    `SUSPECT` readings are stored and flagged; value conditions pass over them.
    `SATURATED` is good: the value is a lower bound. `DOUBTFUL` is the producer's own
    qualification (Sandre nomenclature 515, code 12), kept beside and no suspicion.
    """

    GOOD = 0
    OUT_OF_RANGE = 1
    SENSOR_FAULT = 2
    INVALIDATED = 4
    SATURATED = 8
    DOUBTFUL = 16
    MANUAL = 32
    SUSPECT = OUT_OF_RANGE | SENSOR_FAULT | INVALIDATED


def list_quality_flags(quality: int | None) -> list[str]:
    """A quality in words; empty is good."""
    return [
        flag.name.lower().replace("_", "-")
        for flag in Quality(quality or 0)
        if flag.name is not None
    ]
