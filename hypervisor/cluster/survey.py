"""What the servers of a cluster's machines say of themselves, asked from any one machine."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.request import urlopen

from hypervisor.broker.errors import StackError
from hypervisor.cluster.clock import Offset, ask_offset
from hypervisor.cluster.etcd import EtcdClient, EtcdState, name
from hypervisor.cluster.management import BrokerState, Management
from hypervisor.cluster.patroni import VERSION_TAG
from hypervisor.cluster.plan import Machine, Member, host

_PATIENCE = 3.0  # s for an answer


@dataclass(frozen=True, kw_only=True)
class DatabaseState:
    """`role` as Patroni says it: primary or replica. `version`: of our code on the machine."""

    role: str
    running: bool
    timeline: int | None
    version: str

    @property
    def is_primary(self) -> bool:
        return self.role in ("primary", "master")


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A machine's database as the primary's Patroni sees it. `lag`: bytes; None: not known."""

    state: str
    lag: int | None
    confirms: bool  # its disk counts for a commit


@dataclass(frozen=True, kw_only=True)
class MachineSurvey:
    """Of one machine; None: no answer, `problems` say why, by server."""

    machine: Machine
    etcd: EtcdState | None
    database: DatabaseState | None
    offset: Offset | None  # of our clock before its own; None for ourselves, too
    problems: Mapping[str, str]

    @property
    def answers(self) -> bool:
        return any((self.etcd, self.database, self.offset))


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Asks as one machine of the cluster, whose certificate and secrets it has."""

    member: Member
    context: ssl.SSLContext

    def survey(self, machine: Machine) -> MachineSurvey:
        """Ask the servers of one machine, one after the other; each has some seconds."""
        problems: dict[str, str] = {}
        etcd = database = offset = None
        try:
            etcd = EtcdClient(member=self.member, context=self.context).read_state(machine)
        except StackError as error:
            problems["etcd"] = str(error)
        try:
            database = _read_database(self._ask_patroni(machine, "patroni"))
        except StackError as error:
            problems["database"] = str(error)
        if machine != self.member.machine:
            offset = ask_offset(self.member, machine)
            if offset is None:
                problems["clock"] = f"no answer at UDP port {self.member.plan.ports.clock}"
        return MachineSurvey(
            machine=machine, etcd=etcd, database=database, offset=offset, problems=problems
        )

    def list_copies(self, machine: Machine) -> Mapping[int, Copy]:
        """The databases by machine, as Patroni on a machine knows them. Raises StackError."""
        numbers = {name(each): each.number for each in self.member.plan.machines}
        rows = self._ask_patroni(machine, "cluster").get("members", ())
        return {numbers[row["name"]]: _read_copy(row) for row in rows if row["name"] in numbers}

    def list_brokers(self) -> Mapping[int, BrokerState]:
        """The broker's nodes by machine, as this machine's node knows them. Raises StackError."""
        numbers = {each.address: each.number for each in self.member.plan.machines}
        nodes = Management(plan=self.member.plan).list_nodes()
        return {numbers[node.address]: node for node in nodes if node.address in numbers}

    def find_aside(self) -> int | None:
        """The machine whose broker has left, since its disk is nearly full. Raises StackError."""
        return EtcdClient(member=self.member, context=self.context).read_place_aside()

    def count_thin_queues(self) -> int:
        """The broker's queues that lack a copy on a machine. Raises StackError."""
        return Management(plan=self.member.plan).count_thin_queues(len(self.member.plan.machines))

    def _ask_patroni(self, machine: Machine, path: str) -> dict[str, Any]:
        url = f"https://{host(machine.address)}:{self.member.plan.ports.patroni}/{path}"
        try:
            with urlopen(url, timeout=_PATIENCE, context=self.context) as answer:
                parsed: dict[str, Any] = json.load(answer)
        except (HTTPException, OSError, ValueError) as error:
            raise StackError("Patroni at {address}: {error}", machine.address, error) from error
        return parsed


def _read_database(body: Mapping[str, Any]) -> DatabaseState:
    return DatabaseState(
        role=str(body.get("role", "")),
        running=body.get("state") in ("running", "streaming"),
        timeline=body.get("timeline"),
        version=str(body.get("tags", {}).get(VERSION_TAG, "")),
    )


def _read_copy(row: Mapping[str, Any]) -> Copy:
    lag = row.get("lag")
    return Copy(
        state=str(row.get("state", "")),
        lag=lag if isinstance(lag, int) else None,
        confirms=row.get("role") in ("quorum_standby", "sync_standby"),
    )
