"""etcd: where the three machines agree which of them has the primary database.

Its clients and its members know each other by the certificates of the plan; others are refused.
"""

import json
import ssl
import subprocess
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from hypervisor.broker.binaries import find_program
from hypervisor.broker.child import spawn
from hypervisor.broker.errors import StackError
from hypervisor.cluster.plan import Machine, Member, SecretFiles, host
from hypervisor.cluster.server import Server, environment, prefer

_HEARTBEAT_MS, _ELECTION_MS = 100, 1_000  # a wire may take 200 ms each way and no election follows
SPACE_BYTES = 256 * 1024**2  # what is kept here is a few kilobytes
_PATIENCE = 2.0  # s for an answer
_JOIN_SECONDS = 30.0
_ASIDE = b64encode(b"/hypervisor/broker-aside").decode()  # the machine whose broker has left
_FOUNDED = b64encode(b"/service/hypervisor/initialize").decode()  # Patroni's: there is a database


def start_etcd(member: Member) -> Server:
    """The member of etcd on this machine."""
    data = member.folder.root / "etcd"
    files = member.secret_files()
    client = EtcdClient(member=member, context=trust(files))
    command = _command(member, data, files)

    def start() -> "subprocess.Popen[bytes]":
        child = spawn(
            [*command, f"--initial-cluster-state={_state(client, data)}"],
            account=member.folder.account,
            log=member.folder.log("etcd"),
            env=environment(("ETCD_",)),
        )
        return prefer(child, -10)

    return Server(
        name="etcd",
        start=start,
        answers=client.is_ready,
        is_mine=lambda words: f"--data-dir={data}" in words,
        log=member.folder.log("etcd"),
    )


def name(machine: Machine) -> str:
    """Of its member of etcd, and of its database in Patroni."""
    return f"machine-{machine.number}"


def client_url(member: Member, machine: Machine) -> str:
    return f"https://{host(machine.address)}:{member.plan.ports.etcd}"


def _peer_url(member: Member, machine: Machine) -> str:
    return f"https://{host(machine.address)}:{member.plan.ports.etcd_peers}"


def _command(member: Member, data: Path, files: SecretFiles) -> list[str | Path]:
    plan, own = member.plan, member.machine
    trusted = {"cert-file": files.certificate, "key-file": files.key}
    options: dict[str, object] = {
        "name": name(own),
        "data-dir": data,
        "listen-client-urls": f"{client_url(member, own)},https://127.0.0.1:{plan.ports.etcd}",
        "advertise-client-urls": client_url(member, own),
        "listen-peer-urls": _peer_url(member, own),
        "initial-advertise-peer-urls": _peer_url(member, own),
        "initial-cluster": ",".join(f"{name(m)}={_peer_url(member, m)}" for m in plan.machines),
        "initial-cluster-token": plan.name,
        **trusted,
        "trusted-ca-file": files.authority,
        "client-cert-auth": "true",
        **{f"peer-{key}": value for key, value in trusted.items()},
        "peer-trusted-ca-file": files.authority,
        "peer-client-cert-auth": "true",
        "heartbeat-interval": _HEARTBEAT_MS,
        "election-timeout": _ELECTION_MS,
        "quota-backend-bytes": SPACE_BYTES,
        "auto-compaction-mode": "periodic",
        "auto-compaction-retention": "1h",
        "log-level": "warn",
    }
    return [find_program("etcd"), *(f"--{key}={value}" for key, value in options.items())]


def _state(client: "EtcdClient", data: Path) -> str:
    """Whether a new cluster is founded. A machine with an empty folder replaces its lost self."""
    if (data / "member").exists():
        return "existing"
    return "existing" if any(map(client.join_again, client.member.others)) else "new"


@dataclass(frozen=True, kw_only=True)
class EtcdState:
    """A member. `bytes_used`: of its database, of at most `SPACE_BYTES`."""

    version: str
    is_leader: bool
    has_leader: bool
    bytes_used: int


@dataclass(frozen=True, kw_only=True)
class EtcdClient:
    """Asks members of etcd by their JSON gateway."""

    member: Member
    context: ssl.SSLContext

    def is_ready(self) -> bool:
        """Whether this machine's member answers and knows a leader."""
        try:
            status = self._ask(self.member.machine, "v3/maintenance/status", {})
        except StackError:
            return False
        return str(status.get("leader", "0")) != "0"

    def read_state(self, machine: Machine) -> EtcdState:
        """Raises StackError: no answer."""
        body = self._ask(machine, "v3/maintenance/status", {})
        leader = body.get("leader", "0")
        return EtcdState(
            version=str(body.get("version", "")),
            is_leader=leader == body.get("header", {}).get("member_id"),
            has_leader=leader != "0",
            bytes_used=int(body.get("dbSize", 0)),
        )

    def join_again(self, other: Machine) -> bool:
        """Replace our former self in a cluster that has data; False: it has none, or is down.

        Raises StackError: removed, but not added within 30 s.
        """
        own = _peer_url(self.member, self.member.machine)
        try:
            if not self._ask(other, "v3/kv/range", {"key": _FOUNDED}).get("count"):
                return False
            for each in self._ask(other, "v3/cluster/member/list", {})["members"]:
                if own in each["peerURLs"]:
                    self._ask(other, "v3/cluster/member/remove", {"ID": each["ID"]})
        except StackError:
            return False
        until = time.monotonic() + _JOIN_SECONDS
        while True:
            try:
                self._ask(other, "v3/cluster/member/add", {"peerURLs": [own]})
            except StackError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)  # it waits until the others have been connected for 5 s
            else:
                return True

    def take_place_aside(self) -> int:
        """Take the place of the one broker that may leave, or learn which machine has it.

        Raises StackError: no majority answers.
        """
        own = str(self.member.machine.number)
        unheld = {"key": _ASIDE, "target": "CREATE", "result": "EQUAL", "createRevision": "0"}
        put = {"requestPut": {"key": _ASIDE, "value": b64encode(own.encode()).decode()}}
        question = {
            "compare": [unheld],
            "success": [put],
            "failure": [{"requestRange": {"key": _ASIDE}}],
        }
        answer = self._ask(self.member.machine, "v3/kv/txn", question)
        if answer.get("succeeded"):
            return self.member.machine.number
        rows = answer["responses"][0]["response_range"].get("kvs", ())
        return int(b64decode(rows[0]["value"])) if rows else 0

    def read_place_aside(self) -> int | None:
        """The machine whose broker has left for want of disk. Raises StackError."""
        rows = self._ask(self.member.machine, "v3/kv/range", {"key": _ASIDE}).get("kvs", ())
        return int(b64decode(rows[0]["value"])) if rows else None

    def give_place_back(self) -> None:
        """Where it is ours. Raises StackError: no majority answers."""
        own = b64encode(str(self.member.machine.number).encode()).decode()
        ours = {"key": _ASIDE, "target": "VALUE", "result": "EQUAL", "value": own}
        question = {
            "compare": [ours],
            "success": [{"requestDeleteRange": {"key": _ASIDE}}],
            "failure": [],
        }
        self._ask(self.member.machine, "v3/kv/txn", question)

    def _ask(self, machine: Machine, path: str, question: Mapping[str, object]) -> dict[str, Any]:
        """Raises StackError: no answer, or a refusal."""
        body = json.dumps(question).encode()
        request = Request(f"{client_url(self.member, machine)}/{path}", body)  # noqa: S310 -- https
        try:
            with urlopen(request, timeout=_PATIENCE, context=self.context) as answer:  # noqa: S310
                parsed: dict[str, Any] = json.load(answer)
        except (HTTPException, OSError, ValueError) as error:
            raise StackError("etcd at {address}: {error}", machine.address, error) from error
        return parsed


def trust(files: SecretFiles) -> ssl.SSLContext:
    """How this machine speaks TLS with servers of the plan."""
    made = ssl.create_default_context(cafile=str(files.authority))
    made.load_cert_chain(files.certificate, files.key)
    return made
