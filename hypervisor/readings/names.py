"""What a person names: a series as DEVICE/QUANTITY, and the words for a reading's quality."""

from hypervisor.database.audit import ActError
from hypervisor.registry.model import Registry, Series
from sensors._nearest import did_you_mean
from sensors._quality import Quality

_QUALITY_WORDS = {
    Quality.OUT_OF_RANGE: "out of range",
    Quality.SENSOR_FAULT: "sensor fault",
    Quality.INVALIDATED: "invalidated",
    Quality.SATURATED: "saturated (at least)",
    Quality.DOUBTFUL: "doubtful (its producer)",
    Quality.MANUAL: "manual",
}


def find_series(registry: Registry, text: str) -> Series:
    """The series that DEVICE/QUANTITY names.

    Raises:
        ActError: there is none; with the nearest name.
    """
    device, slash, quantity = text.partition("/")
    if not slash or not quantity:
        raise ActError(f"{text!r}: expected DEVICE/QUANTITY, such as orge-mill/level")
    if device not in registry.devices:
        raise ActError(
            f"no device {device!r} in the inventory{did_you_mean(device, registry.devices)}"
        )
    series = registry.series.get((device, quantity))
    if series is None:
        owned = [name for owner, name in registry.series if owner == device]
        raise ActError(
            f"{device!r} has no {quantity!r} in the inventory{did_you_mean(quantity, owned)}"
        )
    return series


def format_quality(quality: int) -> str:
    """The quality of a reading in words; a dash where there is nothing to say."""
    return ", ".join(words for flag, words in _QUALITY_WORDS.items() if quality & flag) or "-"
