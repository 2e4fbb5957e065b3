"""Keeps the answers to the broker up to date with the table of accounts.

While the database is away the last that was read holds. Who was removed, put out for a flood, or
given another password loses their connections.
"""

import logging
import queue
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hypervisor.broker import passwords, queries_accounts
from hypervisor.broker.errors import StackError
from hypervisor.broker.queries_accounts import AccountRow
from hypervisor.cluster.admission import Admission
from hypervisor.cluster.management import Management
from hypervisor.database.connect import Connection, listen, wait_for_notification

_LOOK = 0.5  # s between two looks at what floods, and at pauses that end

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Follower:
    """`needed`: queues without which no device is let in, since its messages would be lost.

    `floods`: accounts that flood the broker.
    """

    admission: Admission
    management: Management
    needed: frozenset[str]
    floods: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    _latest: Mapping[str, AccountRow] | None = None  # None: nothing was read yet
    _unclosed: set[str] = field(default_factory=set)
    _review: bool = True  # all open connections are to be compared with the accounts

    def follow(self, connection: Connection, *, stopping: Callable[[], bool]) -> None:
        """On an autocommit connection, until stopped."""
        listen(connection, queries_accounts.CHANNEL)
        while not stopping():
            self._read(queries_accounts.load_accounts(connection))
            self._tell_broker()
            seconds = queries_accounts.seconds_to_next_end(connection)
            self._wait(connection, seconds, stopping)

    def _wait(
        self, connection: Connection, seconds: float | None, stopping: Callable[[], bool]
    ) -> None:
        """Until the table changes or a pause is over; meanwhile put out what floods."""
        waited = 0.0
        while not stopping() and waited < (seconds or waited + 1):
            changed = wait_for_notification(connection, _LOOK)
            waited += _LOOK
            changed |= self._pause(connection)
            while self.admission.warnings:
                log.warning("%s", self.admission.warnings.pop())
            if changed or self._unclosed or self._review or not self.admission.open:
                return

    def _pause(self, connection: Connection) -> bool:
        names = {self.floods.get_nowait() for _ in range(self.floods.qsize())}
        for name in sorted(names):
            seconds = queries_accounts.pause(connection, name)
            if seconds is not None:
                log.warning("%s floods the broker: suspended for %.0f s", name, seconds)
        return bool(names)

    def _read(self, accounts: Mapping[str, AccountRow]) -> None:
        former, self._latest = self._latest, accounts
        self.admission.accounts = accounts
        if former is not None:
            self._unclosed |= {
                name for name, row in former.items() if _is_revoked(row, accounts.get(name))
            }

    def _tell_broker(self) -> None:
        """Close what the accounts no longer admit; what cannot be now is tried again."""
        try:
            if not self.admission.open:
                self.admission.open = self.management.list_queues() >= self.needed
            if self._review:
                self._unclosed |= self._list_outdated()
                self._review = False
            for name in sorted(self._unclosed):
                self.management.close(name, "the account has changed")
                self._unclosed.discard(name)
        except StackError as error:
            log.debug("%s", error)  # the broker is not up yet: then it has no connections either

    def _list_outdated(self) -> set[str]:
        """Users whose connection is older than their account, or who have none any more."""
        accounts = self.admission.accounts
        return {
            each.user
            for each in self.management.list_open()
            if not _is_part(each.user)
            and (
                (row := accounts.get(each.user)) is None
                or row.paused
                or row.changed_at > each.since
            )
        }


def _is_part(user: str) -> bool:
    return user in passwords.RESERVED and user != passwords.READER


def _is_revoked(former: AccountRow, now: AccountRow | None) -> bool:
    """Whether a connection that was made by the former row is to end."""
    return (
        now is None
        or (now.paused and not former.paused)
        or (now.password_hash, now.topics) != (former.password_hash, former.topics)
    )
