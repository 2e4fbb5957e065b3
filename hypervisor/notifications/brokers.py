"""Our own alarm: a machine's broker has left the three for want of disk; it ends by itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hypervisor.base.instants import micros, text
from hypervisor.base.settings import Settings
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import DataFolder
from hypervisor.broker.server_account import server_account
from hypervisor.cluster.etcd import EtcdClient, trust
from hypervisor.cluster.plan import read_member
from hypervisor.database.connect import Connection
from hypervisor.notifications import queries_outbox
from hypervisor.notifications.decision import BROKER_BACK, BROKER_LEFT
from hypervisor.notifications.queries_outbox import Event


@dataclass(frozen=True, kw_only=True)
class BrokerWatch:
    """What one notifier sees of the brokers.

    `find_aside`: the machine whose broker has left. Raises StackError: it cannot be known.
    """

    find_aside: Callable[[], int | None]
    say: Callable[[str], None]

    @classmethod
    def of(cls, settings: Settings, say: Callable[[str], None]) -> "BrokerWatch | None":
        """By this machine's etcd; None: it is no machine of a cluster."""
        number = settings.machine
        if number is None:
            return None

        def find_aside() -> int | None:
            folder = DataFolder(root=settings.data, account=server_account())
            member = read_member(folder, number)
            etcd = EtcdClient(member=member, context=trust(member.find_secret_files()))
            return etcd.read_place_aside()

        return cls(find_aside=find_aside, say=say)

    def look(self, connection: Connection, *, wall: datetime) -> int:
        """Put an event into the outbox when a broker has left, and when it is back; how many."""
        try:
            aside = self.find_aside()
        except StackError:  # no majority of etcd answers this machine: not to be known just now
            return 0
        with connection.transaction():
            latest = queries_outbox.find_latest(connection, (BROKER_LEFT, BROKER_BACK))
            left = latest is not None and latest.event == BROKER_LEFT
            before = latest.body["machine"] if latest and left else None
            if aside == before:
                return 0
            name = BROKER_BACK if aside is None else BROKER_LEFT
            now = micros(wall)
            machine = before if aside is None else aside
            body = {"rule": "", "subjects": list[str](), "machine": machine, "since": text(now)}
            # By the number of the event before, of several notifiers only one puts it.
            key = f"{name}:{latest.id if latest else 0}"
            event = Event(alarm=None, event=name, at=now, body=body, key=key)
            put = queries_outbox.put_events(connection, [event])
        if put:
            self.say(f"{name}: machine {machine}")
        return put
