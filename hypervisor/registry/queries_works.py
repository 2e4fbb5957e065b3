"""Revisions in force, and planned works."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection

# The value in force of each key of a kind of revision; %(at)s null: the one that came last.
_IN_FORCE = (
    "SELECT DISTINCT ON (key) key, value, author, reason FROM revision WHERE kind = %(kind)s"
    " AND (%(at)s::timestamptz IS NULL OR effective <= %(at)s)"
    " ORDER BY key, effective DESC, id DESC"
)


def load_in_force(connection: Connection, kind: str, at: datetime | None) -> dict[str, Any]:
    """By key, the values of a kind in force at a time; withdrawn ones are left out."""
    rows = connection.execute(_IN_FORCE, {"kind": kind, "at": at})
    return {key: value for key, value, _, _ in rows if value is not None}


@dataclass(frozen=True, kw_only=True)
class WorksWindow:
    """Planned works: names of sites, devices and groups; from `begins` to before `ends`, µs."""

    name: str
    begins: int
    ends: int
    reason: str
    sites: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


def load_works(connection: Connection) -> list[WorksWindow]:
    """Planned works that are not withdrawn, past and to come."""
    rows = connection.execute(_IN_FORCE, {"kind": "works", "at": None})
    return [
        WorksWindow(
            name=key,
            begins=micros(datetime.fromisoformat(value["begins"])),
            ends=micros(datetime.fromisoformat(value["ends"])),
            reason=reason,
            sites=frozenset(value.get("sites", ())),
            devices=frozenset(value.get("devices", ())),
            groups=frozenset(value.get("groups", ())),
        )
        for key, value, _, reason in rows
        if value is not None
    ]
