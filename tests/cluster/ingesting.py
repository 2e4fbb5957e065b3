"""What waits for ingest at a broker, read as ingest reads it."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from pamqp import commands

from hypervisor.broker import passwords
from ingest.amqp import AmqpConnection, Take
from ingest.loop import Address
from ingest.queues import queue_name
from tests.cluster.brokers import Broker

_PATIENCE = 40.0  # seconds for queues whose machine was cut off to hand out what they hold


def drain(broker: Broker) -> Counter[str]:
    """What waits for ingest, taken out of its queues through this machine."""
    found: Counter[str] = Counter()
    last = 0

    def take(_tag: bytes, number: int, _again: bool, *message: bytes) -> None:  # noqa: FBT001
        nonlocal last
        found[message[-1].decode()] += 1
        last = number

    with reading(broker, take) as connection:
        for part in range(1, broker.node.member.plan.parts + 1):
            connection.call(commands.Basic.Consume(queue=queue_name(part)))
        began = quiet = time.monotonic()
        while time.monotonic() - quiet < 3 or (
            time.monotonic() - began < _PATIENCE and _count_ready(connection, broker)
        ):
            before = last
            connection.read(5_000)
            if last != before:  # without that a queue hands out 2,000 and waits
                connection.send(commands.Basic.Ack(last, multiple=True))
                quiet = time.monotonic()
            else:
                time.sleep(0.02)
    return found


def _count_ready(connection: AmqpConnection, broker: Broker) -> int:
    """Messages that no consumer has; a queue whose leader is being elected hands out nothing."""
    parts = range(1, broker.node.member.plan.parts + 1)
    questions = [commands.Queue.Declare(queue=queue_name(part), passive=True) for part in parts]
    answers = [connection.call(question) for question in questions]
    return sum(
        answer.message_count or 0
        for answer in answers
        if isinstance(answer, commands.Queue.DeclareOk)
    )


@contextmanager
def reading(broker: Broker, take: Take) -> Iterator[AmqpConnection]:
    """As ingest."""
    plan = broker.node.member.plan
    address = Address(
        host="127.0.0.1",
        port=plan.ports.amqp,
        user=passwords.SESSION,
        password=plan.secrets.broker,
    )
    with broker.machine.inside():
        connection = AmqpConnection(address, "test", take)
    try:
        yield connection
        connection.leave()
    finally:
        connection.close()
