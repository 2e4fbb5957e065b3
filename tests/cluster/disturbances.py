"""What is lost and how: the cells of the matrix, and what each does to a running cluster.

A fault of a wire or a clock befalls a machine: of a part, the machine that does most of its work;
of a broker, one without the primary database; of a whole machine, the one with it.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from hypervisor.database.locks import Lock
from tests.cluster.machines import Cluster, Member

LASTS_SECONDS = 12.0  # of a wire or a clock; a machine that lost its power is off as long
AHEAD_SECONDS = 90.0
DATABASE = "postgres"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """`component` is disturbed by `fault`."""

    component: str
    fault: str

    def __str__(self) -> str:
        return f"{self.component}, {self.fault}"


def count_shares(cluster: Cluster, lock: Lock) -> Counter[str]:
    """How many shares of a work the sessions of each machine hold, by its address."""
    with cluster.database() as connection:
        rows = connection.execute(
            "SELECT host(a.client_addr) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s AND l.objsubid = 2",
            [lock.value],
        ).fetchall()
    return Counter(address for (address,) in rows)


def busiest(cluster: Cluster, lock: Lock) -> Member:
    """The machine whose sessions hold most shares of a work."""
    shares = count_shares(cluster, lock)
    assert shares, f"no process holds a part of {lock.name}"
    address, _ = shares.most_common(1)[0]
    return next(each for each in cluster.members if each.machine.address == address)


def standby(cluster: Cluster) -> Member:
    """A machine whose copy of the database confirms commits."""
    with cluster.database() as connection:
        row = connection.execute(
            "SELECT host(client_addr) FROM pg_stat_replication"
            " WHERE sync_state IN ('sync', 'quorum') ORDER BY application_name LIMIT 1"
        ).fetchone()
    assert row is not None, "no copy of the database confirms commits"
    return next(each for each in cluster.members if each.machine.address == row[0])


def elsewhere(cluster: Cluster) -> Member:
    """A machine without the primary database."""
    primary = cluster.primary()
    return next(each for each in cluster.members if each is not primary)


@dataclass(frozen=True, kw_only=True)
class Component:
    """`find` says which machine; `process` what is killed there, None: everything."""

    find: Callable[[Cluster], Member]
    process: str | None


COMPONENTS = {
    "broker": Component(find=elsewhere, process="broker"),
    "database primary": Component(find=Cluster.primary, process=DATABASE),
    "database standby": Component(find=standby, process=DATABASE),
    "ingest": Component(find=lambda cluster: busiest(cluster, Lock.WORKER), process="ingest"),
    "evaluation": Component(find=lambda cluster: busiest(cluster, Lock.WATCH), process="watch"),
    "whole machine": Component(find=Cluster.primary, process=None),
}


def _kill(_: Cluster, member: Member, process: str | None) -> None:
    if process is None:
        member.lose()
    elif process == DATABASE:
        member.kill_database()
    else:
        member.kill(process)


def _restart_lost(_: Cluster, member: Member, process: str | None) -> None:
    if process is None:  # what was killed alone is started again by `up`
        member.start()


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`begin` and `end` it: of a process on a machine (None: of all), or of the machine."""

    begin: Callable[[Cluster, Member, str | None], object]
    end: Callable[[Cluster, Member, str | None], object]


KILL = "kill -9"
FAULTS = {
    KILL: Fault(begin=_kill, end=_restart_lost),
    "link down": Fault(
        begin=lambda _, member, __: member.machine.link_down(),
        end=lambda _, member, __: member.machine.link_up(),
    ),
    "partition 1|2": Fault(
        begin=lambda cluster, member, _: cluster.network.part(member.machine),
        end=lambda cluster, *_: cluster.network.join(),
    ),
    "clock +90 s": Fault(
        begin=lambda _, member, __: member.machine.set_clock(AHEAD_SECONDS),
        end=lambda _, member, __: member.machine.set_clock(0),
    ),
    "200 ms delay": Fault(
        begin=lambda cluster, member, _: cluster.network.delay(member.machine),
        end=lambda cluster, *_: cluster.network.end_delays(),
    ),
}
WHOLE = "whole machine"
# A wire or a clock is a machine's: the whole machine's cells are there the primary's.
CELLS = [
    Cell(component=component, fault=fault)
    for fault in FAULTS
    for component in COMPONENTS
    if component != WHOLE or fault == KILL
]


def disturb(cluster: Cluster, cell: Cell) -> Member:
    """Let it happen and end; the machine that it befell."""
    component, fault = COMPONENTS[cell.component], FAULTS[cell.fault]
    member = component.find(cluster)
    fault.begin(cluster, member, component.process)
    time.sleep(LASTS_SECONDS)
    fault.end(cluster, member, component.process)
    return member
