"""Revisions of rules and thresholds, in the order they were recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from hypervisor.database.connect import Connection

Kind = Literal["rule", "threshold"]
SHIPPED = ("hypervisor", "pack")  # authors of what a version of the software brings; the first now

_COLUMNS = "id, kind, key, value, effective, author, reason, illustrative, previous, recorded_at"


@dataclass(frozen=True, kw_only=True)
class RecordedRevision:
    """A row of the table. `value` None withdraws; `previous` was in force before it."""

    id: int
    kind: str
    key: str
    value: Mapping[str, Any] | None
    effective: datetime
    author: str
    reason: str
    illustrative: bool
    previous: int | None
    recorded_at: datetime

    @property
    def shipped(self) -> bool:
        """It came with a version of the software, not from a person."""
        return self.author in SHIPPED


def list_revisions(
    connection: Connection, kind: Kind, key: str | None = None
) -> list[RecordedRevision]:
    """The revisions of one key, or of all, in the order they were recorded."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM revision WHERE kind = %s"  # noqa: S608  our own columns
        " AND (%s::text IS NULL OR key = %s) ORDER BY id",
        [kind, key, key],
    )
    return [_make_revision(row) for row in rows]


def load_latest(connection: Connection, kind: Kind) -> dict[str, RecordedRevision]:
    """By key: the last recorded revision, whenever it takes effect."""
    rows = connection.execute(
        f"SELECT DISTINCT ON (key) {_COLUMNS} FROM revision WHERE kind = %s"  # noqa: S608  our own columns
        " ORDER BY key, id DESC",
        [kind],
    )
    return {recorded.key: recorded for recorded in map(_make_revision, rows)}


def _make_revision(row: tuple[Any, ...]) -> RecordedRevision:
    return RecordedRevision(**dict(zip(_COLUMNS.split(", "), row, strict=True)))


def load_manual_thresholds(connection: Connection) -> dict[str, RecordedRevision]:
    """By threshold: its last revision, if it was set by hand and not by an inventory."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM (SELECT DISTINCT ON (key) * FROM revision"  # noqa: S608  our own columns
        " WHERE kind = 'threshold' ORDER BY key, id DESC) AS last WHERE EXISTS ("
        " SELECT FROM audit WHERE audit.subject = last.key AND starts_with(audit.kind, 'threshold')"
        " AND audit.at >= last.recorded_at)"
    )
    return {recorded.key: recorded for recorded in map(_make_revision, rows)}


def load_rule_histories(connection: Connection) -> dict[str, list[RecordedRevision]]:
    """Every rule's revisions as they were recorded."""
    revisions: dict[str, list[RecordedRevision]] = {}
    for recorded in list_revisions(connection, "rule"):
        revisions.setdefault(recorded.key, []).append(recorded)
    return revisions
