"""When the broker of a machine leaves because its disk is nearly full, and when it comes back.

RabbitMQ's own alarm, at `LIMIT_BYTES`, blocks publishers at all three machines. So the machine's
broker leaves before, but only where the other two go on without it.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from hypervisor.broker.errors import StackError
from hypervisor.cluster.etcd import EtcdClient, trust
from hypervisor.cluster.management import Management
from hypervisor.cluster.plan import Member
from hypervisor.cluster.rabbitmq import LIMIT_BYTES, is_reachable

LEAVE_BYTES = 2 * LIMIT_BYTES
RETURN_BYTES = 3 * LIMIT_BYTES
LOOK_SECONDS = 0.5
TRY_SECONDS = 5.0  # between two tries to leave
LONELY_SECONDS = 10.0  # without one of the other two brokers; then it comes back


class Advice(Enum):
    """What the broker is to do."""

    STAY = auto()
    LEAVE = auto()
    RETURN = auto()


@dataclass(kw_only=True)
class DiskWatch:
    """Of one machine; its owner calls `look` often, and does what it advises.

    `why`: why the broker does not leave though its disk is nearly full; "" otherwise.
    """

    member: Member
    free: Callable[[], int]
    may_leave: Callable[[], str]  # "" after taking the one place aside; else why not
    give_back: Callable[[], bool]  # the place aside
    others_run: Callable[[], bool]
    clock: Callable[[], float] = time.monotonic
    aside: bool = False
    why: str = ""
    _holds: bool = field(default=True, init=False)  # the place aside, as far as we know
    _looked: float = field(default=float("-inf"), init=False)
    _tried: float = field(default=float("-inf"), init=False)
    _together: float = field(default=float("-inf"), init=False)  # when the other two were there

    @classmethod
    def of(cls, member: Member) -> "DiskWatch":
        """With the real disk, etcd and broker of a machine."""
        etcd = EtcdClient(member=member, context=trust(member.secret_files()))
        port = member.plan.ports.brokers

        def others_run() -> bool:
            return all(is_reachable(each.address, port) for each in member.others)

        def may_leave() -> str:
            if not others_run():
                return "another machine's broker is away"
            try:
                if is_reachable(member.machine.address, port):
                    Management(plan=member.plan).require_spare(seconds=3.0)
            except StackError as error:
                return f"its queues may need this machine: {error}"
            try:
                holder = etcd.take_place_aside()
            except StackError as error:
                return str(error)
            return "" if holder == member.machine.number else f"machine {holder} has left already"

        def give_back() -> bool:
            try:
                etcd.give_place_back()
            except StackError:
                return False
            return True

        return cls(
            member=member,
            free=lambda: shutil.disk_usage(member.folder.root).free,
            may_leave=may_leave,
            give_back=give_back,
            others_run=others_run,
        )

    def look(self) -> Advice:
        """What is to be done now."""
        now = self.clock()
        if now - self._looked < LOOK_SECONDS:
            return Advice.STAY
        self._looked = now
        return self._look_aside(now) if self.aside else self._look_inside(now)

    def begins_aside(self) -> bool:
        """Whether the broker is not even to be started."""
        if self.free() < LEAVE_BYTES:
            self.why = self.may_leave()
            self.aside = not self.why
            self._together = self.clock()
        return self.aside

    def _look_inside(self, now: float) -> Advice:
        if self.free() >= LEAVE_BYTES:
            self.why = ""
            if self._holds and now - self._tried >= TRY_SECONDS:  # a former self left it, too
                self._tried, self._holds = now, not self.give_back()
            return Advice.STAY
        if now - self._tried < TRY_SECONDS:
            return Advice.STAY
        self._tried, self._holds = now, True
        self.why = self.may_leave()
        if self.why:
            return Advice.STAY
        self.aside, self._together = True, now
        return Advice.LEAVE

    def _look_aside(self, now: float) -> Advice:
        free = self.free()
        if now - self._tried >= TRY_SECONDS:
            self._tried = now
            if self.others_run():
                self._together = now
        lonely = now - self._together > LONELY_SECONDS and free > LIMIT_BYTES
        if free < RETURN_BYTES and not lonely:
            return Advice.STAY
        self._holds = not self.give_back()
        if self._holds and not lonely:
            return Advice.STAY
        self.aside = False
        return Advice.RETURN
