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
        quiet = time.monotonic()
        while time.monotonic() - quiet < 3:
            before = last
            connection.read(5_000)
            if last != before:
                quiet = time.monotonic()
            else:
                time.sleep(0.02)
        if last:
            connection.send(commands.Basic.Ack(last, multiple=True))
    return found


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
