"""A lane: sends what is due by one channel, at its pace.

At least once: a sender that dies leaves what it had taken to the next one. What was handed over is
noted at once, so only what is on its way at that moment comes twice.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from zoneinfo import ZoneInfo

from cryptography.fernet import InvalidToken

from hypervisor.base.reader import Reader
from hypervisor.citizens import queries_subscriptions as queries
from hypervisor.citizens.address_key import AddressKey
from hypervisor.citizens.channels import Channel
from hypervisor.citizens.push_service import GoneError
from hypervisor.citizens.queries_subscriptions import Delivery
from hypervisor.database.connect import Connection
from hypervisor.notifications.model import ChannelError
from hypervisor.publications import queries_messages
from hypervisor.publications.model import MessageKind, PublishedMessage

_BATCH = 40
_TRIES = 8
_FIRST_WAIT, _LONGEST_WAIT = 30.0, 3_600.0  # s between two tries of a delivery
_REST = 300.0  # s, the longest without a try while nothing is taken
_IDLE = 2.0  # s
_CLEAN = 60.0  # s between two deletions of what is too old
_OVER = "it no longer holds"

Say = Callable[[str], None]


@dataclass(kw_only=True)
class Lane:
    """The only one of its channel at a time."""

    connection: Connection
    channel: Channel
    key: AddressKey
    zone: ZoneInfo
    say: Say
    clock: Callable[[], datetime]
    _senders: ThreadPoolExecutor = field(init=False)
    _allowed: float = 1.0  # deliveries that the pace lets go now
    _counted: float = field(default_factory=monotonic)
    _cleaned: float = float("-inf")
    _failures: int = 0  # batches of which nothing was taken

    def __post_init__(self) -> None:
        self._senders = ThreadPoolExecutor(self.channel.senders)

    def close(self) -> None:
        self._senders.shutdown()

    def turn(self) -> float:
        """Send what the pace allows; in how many seconds to look again."""
        if monotonic() - self._cleaned > _CLEAN:
            queries.delete_old(self.connection)
            self._cleaned = monotonic()
        made = queries.fan_out(self.connection, self.clock())
        if made:
            self.say(f"{made} warnings to citizens")
        due = queries.claim(self.connection, self.channel.name, self._take_allowance())
        if not due:
            return _IDLE if self._allowed >= 1 else 60 / self.channel.per_minute
        self._allowed -= len(due)
        outcomes = list(self._senders.map(self._deliver, due, self._find_messages(due)))
        if any(outcome is None for outcome in outcomes):
            self._failures = 0
            return 60 / self.channel.per_minute
        self._failures += 1
        rest = min(_REST, _FIRST_WAIT * self._failures)
        self.say(f"none of {len(due)} was taken by {self.channel.name} ({outcomes[0]}): {rest:g} s")
        return rest

    def _take_allowance(self) -> int:
        """How many the pace lets go, at most a batch."""
        now = monotonic()
        gained = (now - self._counted) * self.channel.per_minute / 60
        self._allowed = min(float(_BATCH), self._allowed + gained)
        self._counted = now
        return int(self._allowed)

    def _find_messages(self, due: list[Delivery]) -> list[PublishedMessage | None]:
        """The message of each; None: it is to be confirmed, or there is no real one any more."""
        numbers = {each.message for each in due if each.message}
        messages = {number: self._find_message(number) for number in numbers}
        return [messages.get(each.message) for each in due]

    def _find_message(self, number: int) -> PublishedMessage | None:
        """A real message by its number: nothing else goes to citizens."""
        messages = queries_messages.list_sent(self.connection, number - 1, limit=1)
        return messages[0] if messages and messages[0].id == number else None

    def _deliver(self, delivery: Delivery, message: PublishedMessage | None) -> str | None:
        """Send one and note at once what became of it; the reason if it was not taken."""
        if delivery.message and not self._holds(message):
            queries.give_up(self.connection, delivery.id, _OVER)
            return None
        try:
            recipient = self.key.decrypt(delivery.address)
        except InvalidToken:
            error = "the address was encrypted by another HYPERVISOR_CITIZENS_KEY"
            return self._retry(delivery, error)
        reader = Reader(language=delivery.language, zone=self.zone, now=self.clock())
        try:
            self.channel.send(recipient, delivery, message, reader)
        except GoneError:
            queries.delete_address(self.connection, delivery.subscription)
        except ChannelError as error:
            return self._retry(delivery, str(error).replace(recipient, "…"))
        else:
            queries.mark_sent(self.connection, delivery.id)
        return None

    def _holds(self, message: PublishedMessage | None) -> bool:
        if message is None or message.status != "Actual":
            return False
        return message.kind is MessageKind.CANCEL or message.expires > self.clock()

    def _retry(self, delivery: Delivery, error: str) -> str:
        """Try it again later, or not at all."""
        if delivery.attempts >= _TRIES:
            queries.give_up(self.connection, delivery.id, error)
        else:
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (delivery.attempts - 1))
            queries.mark_failed(self.connection, delivery.id, error, timedelta(seconds=wait))
        return error
