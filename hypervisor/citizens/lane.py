"""A lane: sends what is due by one channel, at its pace, each delivery apart from all others.

At least once: a sender that dies leaves what it had taken to the next one. What was handed over is
noted at once, so only what is on its way at that moment comes twice.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from zoneinfo import ZoneInfo

from cryptography.fernet import InvalidToken

from hypervisor.base.failures import describe_failure, make_storable, wait_after
from hypervisor.base.reader import Reader
from hypervisor.base.senders import Result, Senders, Waker
from hypervisor.citizens import queries_subscriptions as queries
from hypervisor.citizens.address_key import AddressKey
from hypervisor.citizens.channels import Channel
from hypervisor.citizens.errors import GoneError, NoAnswerError
from hypervisor.citizens.queries_subscriptions import Delivery
from hypervisor.database.connect import Connection, wait_for_notification
from hypervisor.database.steps import Steps, ends_session
from hypervisor.notifications.model import ChannelError
from hypervisor.publications import queries_messages
from hypervisor.publications.model import MessageKind, PublishedMessage

_BATCH = 40
_FIRST_WAIT, _LONGEST_WAIT = 30.0, 3_600.0  # s between two tries of a delivery
_FULL_WAIT = timedelta(seconds=5)  # until a destination that is full, or rests, is looked at again
_IDLE = 2.0  # s
_CLEAN = 60.0  # s between two deletions of what is too old
_TOGETHER = (128, 24, 5, 1)  # suspects at a time, after each further death of a sender
_RESOLVING = 5.0  # s for the name of a server, beside the time of the exchange
_OVER = "it no longer holds"

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class _Parcel:
    """A delivery with its recipient and the server that takes it."""

    delivery: Delivery
    recipient: str
    destination: str


@dataclass(kw_only=True)
class Lane:
    """The only one of its channel at a time."""

    connection: Connection
    channel: Channel
    key: AddressKey
    zone: ZoneInfo
    say: Say
    clock: Callable[[], datetime]
    _senders: Senders[_Parcel] = field(init=False)
    _waker: Waker = field(init=False)
    _steps: Steps = field(init=False)
    _allowed: float = 1.0  # deliveries that the pace lets go now
    _counted: float = field(default_factory=monotonic)
    _cleaned: float = float("-inf")
    _sent: list[int] = field(default_factory=list)
    _failed: list[queries.Failure] = field(default_factory=list)
    _destinations: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._waker = Waker()
        self._steps = Steps(say=self.say)
        self._senders = Senders(
            seconds=self.channel.timeout + _RESOLVING,
            lane_of=lambda parcel: parcel.destination,
            wake=self._waker.wake,
            wide=self.channel.wide,
            most=self.channel.senders,
            lost=self.channel.senders,
        )

    def close(self) -> None:
        self._waker.close()

    def wait(self, seconds: float) -> None:
        """Wait until a delivery ends, something is published, or so long."""
        self._waker.wait(seconds, self.connection.fileno())
        wait_for_notification(self.connection, 0)

    def finish(self, seconds: float) -> None:
        """Let what is on its way end, for so long at most, and note it."""
        until = monotonic() + seconds
        while self._senders.busy and monotonic() < until:
            self._waker.wait(min(0.2, until - monotonic()))
            self._record_results()
        self._record_results()

    def turn(self) -> float:
        """Note what has ended and send what the pace allows; in how many seconds to look again."""
        self._record_results()
        if monotonic() - self._cleaned > _CLEAN:
            self._steps.run("delete what is old", self._clean)
        self._steps.run("make deliveries", self._fan_out)
        started = self._steps.run("send", self._start_due)
        if started or self._allowed < 1:
            return 60 / self.channel.per_minute
        return _IDLE

    def _clean(self) -> None:
        queries.delete_old(self.connection)
        self._cleaned = monotonic()

    def _fan_out(self) -> None:
        made = queries.fan_out(self.connection, self.clock())
        if made:
            self.say(f"{made} warnings to citizens")

    # -- starting ---------------------------------------------------------------------------------

    def _start_due(self) -> int:
        """Start what is due: warnings before requests to confirm, suspects apart."""
        room = min(self._take_allowance(), self._senders.room)
        if room <= 0:
            return 0
        queries.give_up_tried(self.connection, self.channel.name)
        running = [parcel.delivery for parcel in self._senders.list_running()]
        requests = self.channel.senders // 4 - sum(not each.message for each in running)
        suspects = self._start_suspects(running, max(1, room // 4), warnings=True)
        started = suspects + self._start(room - suspects, warnings=True)
        started += self._start(min(room - started, requests), warnings=False)
        if not suspects:
            most = min(room - started, requests)
            started += self._start_suspects(running, most, warnings=False)
        self._allowed -= started
        return started

    def _start_suspects(self, running: Sequence[Delivery], most: int, *, warnings: bool) -> int:
        """Start suspects with which equally many senders died, and no others beside them.

        If the sender dies again, fewer of them go together the next time, and in the end each
        alone: so the delivery that kills senders is found, and delays the innocent ones little.
        """
        if most <= 0:
            return 0
        beside = [each.deaths for each in running if each.deaths >= queries.DEATHS]
        died = beside[0] if beside else self._find_suspects(warnings=warnings)
        if died is None:
            return 0
        together = _TOGETHER[min(died - queries.DEATHS, len(_TOGETHER) - 1)]
        return self._start(min(most, together - len(beside)), warnings=warnings, died=died)

    def _start(self, most: int, *, warnings: bool, died: int | None = None) -> int:
        if most <= 0:
            return 0
        due = queries.claim(
            *(self.connection, self.channel.name, most),
            warnings=warnings,
            died=died,
            full=self._list_full(),
        )
        messages: dict[int, PublishedMessage | None] = {}
        for delivery in due:
            try:
                self._start_delivery(delivery, messages)
            except Exception as error:
                if ends_session(error):
                    raise
                self._note_failure(delivery, describe_failure(error))
        self._write()
        return len(due)

    def _find_suspects(self, *, warnings: bool) -> int | None:
        name, full = self.channel.name, self._list_full()
        return queries.find_suspects(self.connection, name, warnings=warnings, full=full)

    def _list_full(self) -> list[str]:
        return [str(lane) for lane in self._senders.list_full()]

    def _start_delivery(
        self, delivery: Delivery, messages: dict[int, PublishedMessage | None]
    ) -> None:
        """Start one delivery. `messages`: those that were looked up, by number."""
        if delivery.message and delivery.message not in messages:
            messages[delivery.message] = self._find_message(delivery.message)
        message = messages.get(delivery.message)
        if delivery.message and not self._holds(message):
            queries.give_up(self.connection, delivery.id, _OVER)
            return
        recipient = self._decrypt(delivery)
        destination = self.channel.find_destination(recipient)
        if delivery.destination is None:
            self._destinations[delivery.subscription] = destination
        if not self._senders.free(destination):
            why = "waits for its server, which does not answer or is full"
            queries.postpone(self.connection, delivery.id, why, _FULL_WAIT)
            return
        parcel = _Parcel(delivery=delivery, recipient=recipient, destination=destination)
        reader = Reader(language=delivery.language, zone=self.zone, now=self.clock())
        send = partial(self.channel.send, recipient, delivery, message, reader)
        self._senders.start(parcel, send)

    def _decrypt(self, delivery: Delivery) -> str:
        try:
            return self.key.decrypt(delivery.address)
        except InvalidToken as error:
            raise ChannelError(
                "the address was encrypted by another HYPERVISOR_CITIZENS_KEY"
            ) from error

    def _take_allowance(self) -> int:
        """How many the pace lets go, at most a batch."""
        now = monotonic()
        gained = (now - self._counted) * self.channel.per_minute / 60
        self._allowed = min(float(_BATCH), self._allowed + gained)
        self._counted = now
        return int(self._allowed)

    def _find_message(self, number: int) -> PublishedMessage | None:
        """A real message by its number: nothing else goes to citizens."""
        messages = queries_messages.list_sent(self.connection, number - 1, limit=1)
        return messages[0] if messages and messages[0].id == number else None

    def _holds(self, message: PublishedMessage | None) -> bool:
        if message is None or message.status != "Actual":
            return False
        return message.kind is MessageKind.CANCEL or message.expires > self.clock()

    # -- what became of it ------------------------------------------------------------------------

    def _record_results(self) -> None:
        silent: list[str] = []
        results: Iterable[Result[_Parcel]] = self._senders.finished()
        for result in results:
            try:
                self._record_result(result)
            except Exception as error:
                if ends_session(error):
                    raise
                self.say(
                    f"no record of delivery {result.delivery.delivery.id}: "
                    f"{describe_failure(error)}"
                )
            if result.error is not None and _is_silence(result):
                silent.append(f"{result.delivery.destination} ({result.error})")
        self._write()
        if silent:
            self.say(f"{len(silent)} without an answer, of {silent[0]}")

    def _record_result(self, result: Result[_Parcel]) -> None:
        parcel = result.delivery
        if result.error is not None and _is_silence(result):
            self._senders.note_silence(parcel.destination)
        else:
            self._senders.note_answer(parcel.destination)
        if result.error is None:
            self._sent.append(parcel.delivery.id)
        elif isinstance(result.cause, GoneError):
            queries.delete_address(self.connection, parcel.delivery.subscription)
        else:
            error = self.channel.hide(parcel.recipient, result.error)
            self._note_failure(parcel.delivery, error)

    def _note_failure(self, delivery: Delivery, error: str) -> None:
        """Try it again later; after its last try it is given up when it is due."""
        wait = wait_after(delivery.attempts, first=_FIRST_WAIT, longest=_LONGEST_WAIT)
        if delivery.attempts >= queries.TRIES:
            wait = 0.0
        self._failed.append(
            queries.Failure(
                delivery=delivery.id, error=make_storable(error), wait=timedelta(seconds=wait)
            )
        )

    def _write(self) -> None:
        """Write what was noted, in a statement for all of a kind: threads hold the processor."""
        if self._sent:
            queries.mark_sent(self.connection, self._sent)
        if self._failed:
            queries.mark_failed(self.connection, self._failed)
        if self._destinations:
            queries.set_destinations(self.connection, self._destinations)
        self._sent, self._failed, self._destinations = [], [], {}


def _is_silence(result: Result[_Parcel]) -> bool:
    """Whether the server did not answer, or not in time: no fault of this recipient alone."""
    return result.cause is None or isinstance(result.cause, NoAnswerError)
