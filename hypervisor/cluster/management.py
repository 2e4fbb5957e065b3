"""RabbitMQ's management interface on this machine: who is connected, and which queues there are."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote

from hypervisor.broker.errors import StackError
from hypervisor.broker.ports import LOOPBACK
from hypervisor.cluster.plan import Plan
from hypervisor.cluster.rabbitmq_accounts import MANAGER

_SECONDS = 20.0  # for an answer; the list of ten thousand connections takes a while


@dataclass(frozen=True, kw_only=True)
class OpenConnection:
    user: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class BrokerState:
    """A node. `disk_free`: bytes; None: not looked yet. `alarms`: for want of it, none is taken."""

    address: str
    running: bool
    version: str = ""
    up_seconds: int = 0
    disk_free: int | None = None
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Management:
    """Of the whole cluster, as this machine's node knows them."""

    plan: Plan

    def close(self, user: str, reason: str) -> None:
        """Close whatever a user has open. Raises StackError: the node does not answer."""
        path = f"/api/connections/username/{quote(user, safe='')}"
        self._ask("DELETE", path, {"X-Reason": reason})

    def list_open(self) -> Iterator[OpenConnection]:
        """Raises StackError: the node does not answer."""
        for row in self._ask("GET", "/api/connections?columns=user,connected_at"):
            if "user" in row and "connected_at" in row:
                since = datetime.fromtimestamp(row["connected_at"] / 1_000, UTC)
                yield OpenConnection(user=row["user"], since=since)

    def list_queues(self) -> set[str]:
        """By name. Raises StackError: the node does not answer."""
        return {row["name"] for row in self._ask("GET", "/api/queues?columns=name")}

    def count_thin_queues(self, copies: int) -> int:
        """Queues of which fewer copies run. Raises StackError: the node does not answer."""
        rows = self._ask("GET", "/api/queues?columns=type,online")
        return sum(
            row.get("type") == "quorum" and len(row.get("online", ())) < copies for row in rows
        )

    def require_spare(self, *, seconds: float) -> None:
        """Raises StackError: the queues need this machine's node, or it does not answer."""
        self._ask("GET", "/api/health/checks/node-is-quorum-critical", seconds=seconds)

    def list_nodes(self) -> list[BrokerState]:
        """Those that belong to the cluster. Raises StackError: the node does not answer."""
        return [_read_node(row) for row in self._ask("GET", "/api/nodes")]

    def _ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        *,
        seconds: float = _SECONDS,
    ) -> Any:
        secret = b64encode(f"{MANAGER}:{self.plan.secrets.broker}".encode()).decode()
        port = self.plan.ports.management
        connection = HTTPConnection(LOOPBACK, port, timeout=seconds)
        try:
            connection.request(
                method, path, headers={"Authorization": f"Basic {secret}", **(headers or {})}
            )
            response = connection.getresponse()
            body = response.read()
            if response.status >= 300:
                raise StackError("the broker refuses {method} {path}: {status}", method, path,
                                 response.status)  # fmt: skip
            return json.loads(body) if body else None
        except (OSError, HTTPException, ValueError) as error:
            raise StackError(
                "the broker's management does not answer at port {port}: {error}", port, error
            ) from error
        finally:
            connection.close()


def _read_node(row: Mapping[str, Any]) -> BrokerState:
    versions = {each["name"]: each["version"] for each in row.get("applications", ())}
    lacks = {"memory": row.get("mem_alarm"), "disk space": row.get("disk_free_alarm")}
    return BrokerState(
        address=row["name"].partition("@")[2],
        running=bool(row.get("running")),
        version=versions.get("rabbit", ""),
        up_seconds=row.get("uptime", 0) // 1_000,
        disk_free=row.get("disk_free") or None,
        alarms=tuple(what for what, lacking in lacks.items() if lacking),
    )
