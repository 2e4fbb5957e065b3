"""The topics and stamps of the MQTT contract (docs/mqtt.md)."""

from datetime import UTC, datetime
from typing import Any

from ingest.message import UNSTAMPED
from ingest.times import parse_micros

READINGS = "devices/+/readings"
CHIRPSTACK_EVENTS = ("txack", "ack", "log")
THE_THINGS_STACK_EVENTS = ("queued", "sent", "ack", "nack", "failed")
# Devices that speak for themselves, and gateways.
FILTERS = (
    READINGS,
    "devices/+/senml",
    "gateways/+/application/+/device/+/event/up",  # ChirpStack v4
    "gateways/+/v3/+/devices/+/up",  # The Things Stack v3
    "gateways/+/devices/+/readings",
    "gateways/+/senml",
    "devices/+/commands/+/ack",  # what a device says of a command
    # what a network server says of a downlink
    *(f"gateways/+/application/+/device/+/event/{event}" for event in CHIRPSTACK_EVENTS),
    *(f"gateways/+/v3/+/devices/+/down/{event}" for event in THE_THINGS_STACK_EVENTS),
)
# In an exercise the player alone may write below this: the same topics, and its clock.
PLAYED = "exercise/"
CLOCK = f"{PLAYED}clock"
HEARTBEATS = "hypervisor/heartbeat/"
SESSION_MADE = "hypervisor/session"  # carries the time since which there is something to queue in
# What ingest's one session is subscribed to. Plainly, not shared: mosquitto 2.0 keeps a session and
# its queue over a restart, but of its subscriptions only the plain ones.
SUBSCRIPTIONS = (
    *FILTERS,
    *(f"{PLAYED}{topic_filter}" for topic_filter in FILTERS),
    CLOCK,
    f"{HEARTBEATS}+",
    SESSION_MADE,
)
# How many messages the broker has dropped for want of room in a queue, since it started.
DROPPED = "$SYS/broker/publish/messages/dropped"
PRESENCE = "hypervisor/ingest"  # whether ingest is connected, retained
HERE, AWAY = b"here", b"away"
BROKER_START = "hypervisor/broker"  # retained: a word that each start of the broker has for itself
COMMAND_FENCE = "hypervisor/commands"  # what the sender of commands says to itself
PAUSES = "hypervisor/pause/"  # and an account that the broker is to put out for a while
STAMP = "scenario-time"


def heartbeat_topic(worker: str) -> str:
    return f"{HEARTBEATS}{worker}"


def format_time(clock: int) -> str:
    """µs since the epoch as RFC 3339."""
    return datetime.fromtimestamp(clock / 1e6, UTC).isoformat(timespec="microseconds")


def parse_exercise_message(topic: str, properties: Any) -> tuple[str, int]:
    """A message of an exercise: its topic as on the day, and its arrival (µs) in the scenario.

    UNSTAMPED unless the player sent it, as the topic proves: any client can write a stamp.
    """
    if not topic.startswith(PLAYED):
        return topic, UNSTAMPED
    return topic.removeprefix(PLAYED), _read_stamp(properties)


def _read_stamp(properties: Any) -> int:
    for name, value in getattr(properties, "UserProperty", ()):
        if name == STAMP:
            try:
                return parse_micros(value)
            except ValueError:
                return UNSTAMPED
    return UNSTAMPED
