"""The topics and stamps of the MQTT contract (docs/mqtt.md)."""

from datetime import UTC, datetime
from typing import Any

from ingest.message import UNSTAMPED

READINGS = "devices/+/readings"
# What a worker takes its share of: devices that speak for themselves, and gateways.
FILTERS = (
    READINGS,
    "devices/+/senml",
    "gateways/+/application/+/device/+/event/up",  # ChirpStack v4
    "gateways/+/v3/+/devices/+/up",  # The Things Stack v3
    "gateways/+/devices/+/readings",
    "gateways/+/senml",
)
SHARE = f"$share/ingest/{READINGS}"
SHARES = tuple(f"$share/ingest/{each}" for each in FILTERS)
CLOCK = "exercise/clock"
STAMP = "scenario-time"


def heartbeat_topic(worker: str) -> str:
    return f"hypervisor/heartbeat/{worker}"


def instant(text: str) -> int:
    """RFC 3339 to µs since the epoch.

    Raises:
        ValueError: it is none, or has no offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return round(moment.timestamp() * 1e6)


def written(clock: int) -> str:
    """µs since the epoch as RFC 3339."""
    return datetime.fromtimestamp(clock / 1e6, UTC).isoformat(timespec="microseconds")


def stamp(properties: Any) -> int:
    """The scenario's time that the player has put on a message, µs; UNSTAMPED without one."""
    for name, value in getattr(properties, "UserProperty", ()):
        if name == STAMP:
            try:
                return instant(value)
            except ValueError:
                return UNSTAMPED
    return UNSTAMPED
