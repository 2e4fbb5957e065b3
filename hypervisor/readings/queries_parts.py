"""Ingest of a cluster: processes share out the parts of the devices, each by its own session."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager

import psycopg

from hypervisor.base.instants import micros_if
from hypervisor.database import feed, gaps
from hypervisor.database.connect import Connection
from hypervisor.database.gaps import Gap
from hypervisor.database.locks import Lock
from hypervisor.database.shares import Shares, rest_seconds
from hypervisor.readings import queries_workers
from hypervisor.readings.queries_ingest import Intake
from ingest.ports import OccupiedError
from ingest.queues import part_name

_LEASE = 15.0  # seconds without a statement, after which a session of a process that hangs is ended


class PartIntake(Intake):
    """The session of a process that holds parts. When it ends the parts may be another's.

    Everything but `commit` and `changed` only while nothing is being stored.
    """

    _shares: Shares | None = None

    def open(self) -> Connection:
        """The session, the same as ever.

        Raises:
            OccupiedError: it has ended.
            UnavailableError: the database does not answer.
        """
        if self._shares is not None and (self._connection is None or self._connection.closed):
            raise OccupiedError("the session with the database ended, and with it our parts")
        return super().open()

    def _claim(self, connection: Connection) -> None:
        """Nothing yet: parts are shared out later."""

    def share(self, parts: Sequence[int]) -> Shares:
        """How the parts are shared out, by this session."""
        self._shares = Shares(
            self.open(),
            frozenset(parts),
            work=Lock.WORKER,
            workers=Lock.RECEIVER,
            rest=rest_seconds(self._url),
        )
        return self._shares

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """The session for a transaction of its own. Raises OccupiedError: it has ended."""
        connection = self.open()
        try:
            yield connection
            connection.commit()
        except psycopg.Error as error:
            connection.close()
            raise OccupiedError(str(error).strip()) from error


def join_parts(connection: Connection, names: Sequence[str]) -> None:
    """Expect the heartbeats of all parts, and of no other worker, from now on.

    The workers before are continued in them: how far they listened counts for each.
    """
    workers = queries_workers.list_workers(connection)
    if {worker.name for worker in workers if worker.drained_at is None} == set(names):
        return
    ((heard,),) = connection.execute(
        "SELECT max(heartbeat_at) FROM worker WHERE name <> ALL(%s) AND drained_at IS NULL",
        [list(names)],
    )
    for name in names:
        queries_workers.join(connection, name, heard)
    connection.execute(
        "UPDATE worker SET drained_at = now() WHERE name <> ALL(%s) AND drained_at IS NULL",
        [list(names)],
    )
    feed.append(connection, "registry")  # others hold back the watermark now


def read_heard(connection: Connection, parts: AbstractSet[int]) -> Mapping[int, int | None]:
    """How far (µs) each part was heard; None: never."""
    heard = {
        worker.name: worker.heartbeat_at for worker in queries_workers.list_workers(connection)
    }
    return {part: micros_if(heard.get(part_name(part))) for part in parts}


def record_lost(connection: Connection, part: int, begins: int, ends: int) -> None:
    """Note that a part's queue is gone with what it held (µs), before there is another."""
    name = part_name(part)
    queries_workers.record_gaps(connection, name, [(begins, ends)])
    gaps.add(connection, Gap.of("session-lost", name, begins, ends))
    queries_workers.record_heartbeat(connection, name, ends)


def end_hung(connection: Connection) -> int:
    """End the sessions of processes that share out the parts and hang; how many.

    One that hangs has asked nothing for long, or not sent what it began to.
    """
    ended = connection.execute(
        "SELECT pg_terminate_backend(pid) FROM ("
        " SELECT DISTINCT pid FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE locktype = 'advisory' AND granted AND classid = %(lock)s AND objsubid = 2"
        " AND pg_locks.database ="
        "  (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND pid <> pg_backend_pid()"
        " AND (pg_stat_activity.state <> 'active' OR wait_event_type = 'Client')"
        " AND state_change < clock_timestamp() - %(lease)s * interval '1 second') hung",
        {"lock": Lock.RECEIVER.value, "lease": _LEASE},
    )
    return ended.rowcount
