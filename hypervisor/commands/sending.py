"""The sender of commands: one process; what it does survives its own death and the broker's.

A command is `sent` in the database before it is published, and `accepted` when the broker has said
that it has it. What is sent without an answer is in doubt: the next connection resolves it
(`link.py`) or leaves it in doubt; it is never published again.
"""

import logging
import select
import time
from collections.abc import Callable, Collection
from functools import partial
from uuid import UUID

from hypervisor.base.failures import make_storable
from hypervisor.base.instance import Mode
from hypervisor.base.process import pause
from hypervisor.base.settings import Settings
from hypervisor.base.translation import mark
from hypervisor.commands import interlocks, queries, queries_gateways, queries_sending
from hypervisor.commands.downlinks import Downlinks, Ready
from hypervisor.commands.link import Address, Link
from hypervisor.commands.model import SENDER, CommandState
from hypervisor.commands.proposals import Proposer
from hypervisor.commands.wire import Message as Outgoing
from hypervisor.commands.wire import OutgoingCommand, topics_of
from hypervisor.database import instance as instance_store
from hypervisor.database import locks
from hypervisor.database.connect import Connection, listen, store_errors
from hypervisor.database.locks import Lock
from hypervisor.database.worker import keep_working
from hypervisor.registry.queries import RegistryCache
from sensors._command import CommandError
from sensors._domain import catalogue
from sensors._errors import Message

AT_ONCE = 20  # commands under way to the broker: as many are in doubt if it dies just then
_TICK = 0.5  # s without anything to do
_RETRY = 1.0  # s between two tries to reach the broker
_CEDE = 5.0  # s without this machine's broker; then another machine of a cluster takes over
_ASIDE = 3.0  # s for it to do so
_BEAT = 5.0  # s between two signs of life
_CLEARANCE = 3600.0  # s for which the broker keeps it for a network server that is away
_SWEEP = 1.0  # s between two looks at readings and times

_TRIES = 3  # of sending one, each of which lost the broker
_LARGEST = 65_536  # bytes of a message
_NEVER_TAKEN = mark("the broker never got it")
_GIVEN_UP = mark("the broker was lost three times while it was sent: it is not tried again")
log = logging.getLogger("hypervisor.commands")

Say = Callable[[str], None]


def run(settings: Settings, *, stopping: Callable[[], bool], say: Say) -> None:
    """Send until stopped; a lost database or broker is waited for, a second sender stands by."""
    ceded = False

    def work(connection: Connection) -> None:
        nonlocal ceded
        if ceded:
            pause(_ASIDE, stopping)
        if not locks.stand_by(connection, Lock.COMMANDS, stopping, say):
            return
        mode = instance_store.require(connection).mode
        rate = settings.downlinks_per_second
        address = make_address(settings, mode)
        sender = Sender(connection, address, mode, say, per_second=rate)
        sender.run(stopping)
        ceded = sender.cedes

    keep_working("the sender", settings.database_url, work, stopping=stopping, say=say)


def make_address(settings: Settings, mode: Mode) -> Address:
    """Where the sender of an instance speaks to the broker, and as whom."""
    return Address(
        host=settings.broker_host,
        port=settings.parts_port,
        user=settings.broker_account("commands" if mode is Mode.LIVE else "rehearsal"),
        password=settings.broker_password,
        clustered=settings.machine is not None,
    )


def describe_failure(error: Exception) -> str:
    """Why a command cannot be sent, for its history."""
    return str(Message("it cannot be sent: {error}", make_storable(str(error))))


def require_size(message: Outgoing) -> None:
    """Raises CommandError: no device takes a message of this size."""
    if len(message.body) > _LARGEST:
        raise CommandError(
            "its message has {size} bytes; the most is {most}", len(message.body), _LARGEST
        )


class Sender:
    """The work of one process on its own autocommit connection, which holds the lock."""

    def __init__(
        self,
        connection: Connection,
        address: Address,
        mode: Mode,
        say: Say,
        *,
        per_second: float,
    ) -> None:
        self._connection, self._address, self._say = connection, address, say
        self._topics, self._per_second = topics_of(mode), per_second
        self._registry, self._catalogue = RegistryCache(), catalogue()
        self._proposer = Proposer(self._catalogue, live=mode is Mode.LIVE)
        self._downlinks = Downlinks(self._topics, self._catalogue, per_second=per_second)
        self._link: Link | None = None
        self._next_try = self._next_beat = self._next_sweep = self._next_clearance = 0.0
        self._reached = time.monotonic()  # when the broker was there last
        self._alone = 0  # how many are sent one by one, since the broker was lost while sending
        listen(connection, queries_sending.CHANNEL)

    def run(self, stopping: Callable[[], bool]) -> None:
        try:
            while not stopping() and not self.cedes:
                if not self.turn():
                    self._wait()
        finally:
            self._leave()

    @property
    def cedes(self) -> bool:
        """Whether another machine is to send, since the broker of this one is away."""
        if self._link is not None:
            self._reached = time.monotonic()
        return self._address.clustered and time.monotonic() - self._reached > _CEDE

    def turn(self) -> bool:
        """Do what is due; whether there may be more."""
        self._tend()
        try:
            if self._link is None:
                self._connect()
            return self._link is not None and self._send(self._link)
        except OSError as error:
            self._alone = AT_ONCE if self._alone else 0
            self._say(f"{error}; trying again")
            self._forget()
            return False

    # -- the broker -------------------------------------------------------------------------------
    def _connect(self) -> None:
        if time.monotonic() < self._next_try:
            return
        self._next_try = time.monotonic() + _RETRY
        link = Link(self._address, self._topics)
        link.open()
        self._resolve(link)
        link.settle()
        self._link = link
        self._next_beat = 0.0
        self._say(f"connected to the broker as {self._address.user}")

    def _resolve(self, link: Link) -> None:
        """Settle what was sent without an answer: taken, not taken, or in doubt."""
        doubtful = queries_sending.list_doubtful(self._connection)
        taken = [key for key, *_ in doubtful if key in link.echoed]
        same = {
            key: valid
            for key, start, valid, _ in doubtful
            if key not in link.echoed and start and start == link.start
        }
        self._note_taken(taken)
        link.doubtful = {key for key, *_ in doubtful} - set(taken) - same.keys()
        tried = {key for key, _, _, tries in doubtful if key in same and tries >= _TRIES}
        self._move(tried, CommandState.FAILED, _GIVEN_UP)
        same = {key: valid for key, valid in same.items() if key not in tried}
        valid = [key for key, valid in same.items() if valid]
        self._move(valid, CommandState.QUEUED, _NEVER_TAKEN)
        self._move(
            [key for key, valid in same.items() if not valid],
            CommandState.EXPIRED,
            queries_sending.OVER[CommandState.QUEUED][1],
        )

    def _send(self, link: Link) -> bool:
        """Send what is due; whether there may be more. Raises OSError: the broker is lost."""
        link.turn(0.0)
        if returned := link.doubtful & link.echoed:
            self._note_taken(returned)
            link.doubtful -= returned
        link.settle()
        checked = self._check_interlocks()
        ready = self._prepare_downlinks(checked)
        most = 1 if self._alone else AT_ONCE
        commands = self._claim(link, checked, ready, most=most)
        self._downlinks.spend(ready, [command.id for command in commands])
        began = time.monotonic()
        late = []
        for number, command in enumerate(commands):
            remaining = command.remaining - (time.monotonic() - began)
            if remaining < 1:
                late.append(command.id)
                continue
            try:
                message = ready.messages.get(command.id) or self._topics.write(command)
                require_size(message)
                link.publish(message, seconds=remaining)
            except OSError:
                unsent = [each.id for each in commands[number:]]
                self._move(unsent, CommandState.QUEUED, _NEVER_TAKEN)
                raise
            except Exception as error:  # noqa: BLE001  the row's failure, and no other's
                self._move([command.id], CommandState.REFUSED, describe_failure(error))
        self._move(late, CommandState.EXPIRED, queries_sending.OVER[CommandState.QUEUED][1])
        if commands:
            self._alone = max(self._alone, 1)  # if the broker is lost now, one of them may be why
            self._record_verdicts(link)
            self._alone -= 1
        self._clear_queues(link)
        return len(commands) == most or bool(ready.refusals)

    def _claim(
        self, link: Link, checked: interlocks.Checked, ready: Ready, *, most: int
    ) -> list[OutgoingCommand]:
        """Mark the next ones as sent; where that fails one by one, and what fails is refused."""

        def claim(most: int, only: UUID | None = None) -> list[OutgoingCommand]:
            return queries_sending.send_due(
                self._connection,
                link.start,
                most=most,
                guarded=checked.kinds,
                passed=checked.passed,
                ready=ready.messages.keys(),
                only=only,
            )

        try:
            return claim(most)
        except Exception:
            if self._connection.closed:
                raise
            log.exception("commands are sent one by one")
        commands: list[OutgoingCommand] = []
        for key in queries_sending.list_open(self._connection):
            if len(commands) == most:
                break
            try:
                commands += claim(1, key)
            except Exception as error:
                if self._connection.closed:
                    raise
                self._isolate(key, partial(self._refuse, who=SENDER, why=describe_failure(error)))
        return commands

    def _isolate(self, key: UUID, act: Callable[[UUID], object]) -> None:
        """Do something to one command; what fails there stops no other."""
        try:
            act(key)
        except Exception:
            if self._connection.closed:
                raise
            log.exception("command %s", key)

    def _isolate_all(self, act: Callable[..., object]) -> None:
        """Do something to all commands, where one is in its way to each by itself."""
        try:
            act(self._connection)
        except Exception:
            if self._connection.closed:
                raise
            log.exception("commands are looked at one by one")
            for key in queries_sending.list_open(self._connection):
                self._isolate(key, lambda key: act(self._connection, key))

    def _clear_queues(self, link: Link) -> None:
        """Take out of network servers' queues what is over. Raises OSError: the broker is lost."""
        if time.monotonic() < self._next_clearance:
            return
        self._next_clearance = time.monotonic() + _SWEEP
        clearances = self._downlinks.list_clearances(self._connection)
        for message in clearances:
            link.publish(message, seconds=_CLEARANCE)
        if clearances:
            taken = [verdict.key for verdict in link.await_verdicts()]
            queries_gateways.note_cleared(self._connection, taken)

    def _prepare_downlinks(self, checked: interlocks.Checked) -> Ready:
        """What goes to gateways now; what cannot be encoded is refused."""
        ready = self._downlinks.prepare(
            self._connection,
            guarded=checked.kinds,
            passed=checked.passed,
            at=queries.read_clock(self._connection),
        )
        for key, refusal in ready.refusals.items():
            self._refuse(key, SENDER, refusal)
        return ready

    def _check_interlocks(self) -> interlocks.Checked:
        """Refuse what an interlock holds back at this moment."""
        checked = interlocks.check_queue(self._connection, self._registry.load, self._catalogue)
        for key, refusal in checked.refusals.items():
            self._refuse(key, interlocks.WHO, refusal)
        return checked

    def _refuse(self, key: UUID, who: str, why: str) -> None:
        """Before it is sent."""
        queries.move(
            self._connection,
            [key],
            CommandState.REFUSED,
            states=[CommandState.QUEUED],
            at=queries.read_clock(self._connection),
            who=who,
            why=why,
        )

    def _record_verdicts(self, link: Link) -> None:
        try:
            verdicts = link.await_verdicts()
        except OSError:
            verdicts = link.take_verdicts()  # those that came before it was lost
            self._record([(each.key, each.refusal) for each in verdicts])
            raise
        self._record([(each.key, each.refusal) for each in verdicts])
        link.settle()

    def _record(self, verdicts: Collection[tuple[UUID, str]]) -> None:
        self._note_taken([key for key, refusal in verdicts if not refusal])
        for key, refusal in verdicts:
            if refusal:
                self._move([key], CommandState.REFUSED, f"by the broker: {refusal}")

    def _note_taken(self, keys: Collection[UUID]) -> None:
        """The broker has them: for the devices, or for gateways, whose network accepts them."""
        relayed = queries_gateways.note_taken(self._connection, keys)
        self._move([key for key in keys if key not in relayed], CommandState.ACCEPTED, "")

    def _move(self, keys: Collection[UUID], to_state: CommandState, why: str) -> None:
        """Of those that are `sent`: what a device has acknowledged meanwhile stays so."""
        if keys:
            queries.move(
                self._connection,
                keys,
                to_state,
                states=[CommandState.SENT],
                at=queries.read_clock(self._connection),
                who=SENDER,
                why=why,
            )

    def _forget(self) -> None:
        self._link = None
        self._next_try = time.monotonic() + _RETRY
        self._next_beat = 0.0

    def _leave(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    # -- times and readings -----------------------------------------------------------------------

    def _tend(self) -> None:
        now = time.monotonic()
        if now >= self._next_beat:
            self._next_beat = now + _BEAT
            start = None if self._link is None else self._link.start
            queries_sending.note_sender(self._connection, start, per_second=self._per_second)
        if now >= self._next_sweep:
            self._next_sweep = now + _SWEEP
            self._isolate_all(queries_sending.confirm)  # before its time is over
            self._isolate_all(queries_sending.end_overdue)
            self._propose()

    def _propose(self) -> None:
        """Commands of rules. What fails here keeps no command of a person from being sent."""
        try:
            with store_errors():
                self._proposer.turn(self._connection, self._registry.load(self._connection))
        except Exception as error:
            if self._connection.closed:
                raise
            log.exception("the commands of rules")
            self._say(f"the commands of rules: {error}")

    def _wait(self) -> None:
        """Until a command or the broker wakes us, or a while is over."""
        sources = [self._connection.fileno()]
        if self._link is not None:
            try:
                sources.append(self._link.fileno())
            except OSError:  # the next turn notices it
                return
        select.select(sources, [], [], _TICK)
        queries_sending.drain_notifications(self._connection)
