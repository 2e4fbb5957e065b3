"""The queues of a cluster's broker from which ingest reads: one for each part of the devices.

A message goes to the part that the hash of its topic chooses, so that what a device sends keeps its
order. A part's heartbeats go into the same queue, by its number. A full queue refuses: the broker
then does not acknowledge, and the sender keeps its message.
"""

import re
from collections.abc import Callable
from typing import Any

from pamqp import commands
from pamqp.base import Frame
from pamqp.common import FieldTable

from ingest.topics import CLOCK, FILTERS, PLAYED

SOURCE = "amq.topic"  # where the broker puts what is published by MQTT
HASHED = "ingest.parts"
BEATS = "ingest.heartbeats"
DEAD = "ingest.dead"
LONGEST = 2_000_000  # messages of a part that wait: then its queue refuses
DELIVERIES = 1_000  # of one message, before it counts as one that kills its receivers
# Bindings of former versions.
_FORMER = ("devices.#.readings", "devices.#.senml", "gateways.#.senml")

_FORWARD = str.maketrans("/+", ".*")
_NAMED = re.compile(
    r"((?:exercise\.)?(?:devices|gateways\.[^.]+\.devices))\.(.+)\.(readings|senml)"
)
Call = Callable[[Frame], Any]


def queue_name(part: int) -> str:
    return f"ingest.part-{part}"


def part_name(part: int) -> str:
    """As which the database knows the part, among ingest's workers."""
    return f"part-{part}"


def to_pattern(topic_filter: str) -> str:
    """A filter of MQTT as a binding pattern.

    The broker writes a topic's slashes as dots, and leaves its dots: a name with a dot looks like
    two levels. Accounts' names have none; behind a gateway a device's name may. Several levels
    (`#`) cost the broker much more than one.
    """
    pattern = topic_filter.translate(_FORWARD)
    return pattern.replace("gateways.*.devices.*", "gateways.*.devices.#")


def to_topic(key: str) -> str:
    """The topic of a message by its routing key."""
    if key.count(".") > 2 and (named := _NAMED.fullmatch(key)):
        return f"{named[1].replace('.', '/')}/{named[2]}/{named[3]}"
    return key.replace(".", "/")


def declare_exchanges(call: Call, *, exercise: bool) -> None:
    """What every part needs, if it is not there."""
    for name, kind in ((DEAD, "fanout"), (BEATS, "direct"), (HASHED, "x-consistent-hash")):
        call(commands.Exchange.Declare(exchange=name, exchange_type=kind, durable=True))
    quorum: FieldTable = {"x-queue-type": "quorum"}
    call(commands.Queue.Declare(queue=DEAD, durable=True, arguments=quorum))
    for binding in list_bindings(exercise=exercise):
        call(binding)


def list_bindings(*, exercise: bool) -> list[Frame]:
    """Which topics are shared out among the parts, and where dead letters go."""
    played = [f"{PLAYED}{topic_filter}" for topic_filter in FILTERS] if exercise else []
    binds: list[Frame] = [
        commands.Exchange.Bind(
            destination=HASHED, source=SOURCE, routing_key=to_pattern(topic_filter)
        )
        for topic_filter in (*FILTERS, *played)
    ]
    unbinds = [
        commands.Exchange.Unbind(destination=HASHED, source=SOURCE, routing_key=pattern)
        for pattern in _FORMER
    ]
    return [commands.Queue.Bind(queue=DEAD, exchange=DEAD), *binds, *unbinds]


def declare_part(call: Call, part: int, *, exercise: bool) -> None:
    """A part's queue, on the disks of a majority. Only its holder: see PartLink.make_queue."""
    call(
        commands.Queue.Declare(
            queue=queue_name(part),
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                "x-single-active-consumer": True,
                "x-delivery-limit": DELIVERIES,
                "x-dead-letter-exchange": DEAD,
                "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
                "x-max-length": LONGEST,
                "x-queue-leader-locator": "balanced",
            },
        )
    )
    for binding in list_part_bindings(part, exercise=exercise):
        call(binding)


def list_part_bindings(part: int, *, exercise: bool) -> list[Frame]:
    """What comes into a part's queue."""
    name = queue_name(part)
    bindings: list[Frame] = [
        commands.Queue.Bind(queue=name, exchange=HASHED, routing_key="1"),  # its weight
        commands.Queue.Bind(queue=name, exchange=BEATS, routing_key=str(part)),
    ]
    if exercise:  # the player's clock goes to every part
        clock = to_pattern(CLOCK)
        bindings.append(commands.Queue.Bind(queue=name, exchange=SOURCE, routing_key=clock))
    return bindings
