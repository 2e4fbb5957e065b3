"""What is handed to a channel, in tests."""

from hypervisor.notifications.kinds import Broker, Posting
from hypervisor.notifications.model import Message

NOWHERE = Broker(host="127.0.0.1", port=1, user="u", password="p")


def posting(message: Message, *, seconds: float = 20.0, broker: Broker = NOWHERE) -> Posting:
    return Posting(message=message, key="k", seconds=seconds, broker=broker)
