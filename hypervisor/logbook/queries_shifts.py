"""What changed hands or was changed in a shift: edits of rules and thresholds, devices at rest."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.database.connect import Connection


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A revision of a rule or a threshold. `value` None: withdrawn."""

    kind: str
    key: str
    value: dict[str, Any] | None
    before: dict[str, Any] | None
    author: str
    reason: str
    recorded_at: datetime


def edits(connection: Connection, since: datetime) -> list[Edit]:
    """What people changed of rules and thresholds since then (the wall's clock), oldest first."""
    rows = connection.execute(
        "SELECT r.kind, r.key, r.value, p.value, r.author, r.reason, r.recorded_at"
        " FROM revision r JOIN revision p ON p.id = r.previous"
        " WHERE r.kind IN ('rule', 'threshold') AND r.recorded_at >= %s ORDER BY r.id",
        [since],
    )
    return [
        Edit(
            kind=kind,
            key=key,
            value=value,
            before=before,
            author=author,
            reason=reason,
            recorded_at=at,
        )
        for kind, key, value, before, author, reason, at in rows
    ]


@dataclass(frozen=True, kw_only=True)
class AtRest:
    """A device out of service."""

    device: str
    site: str
    site_title: str
    since: datetime
    author: str
    reason: str


def at_rest(connection: Connection, at: datetime) -> list[AtRest]:
    """Devices that are out of service at a time of the instance's clock."""
    rows = connection.execute(
        "SELECT d.name, site.name, site.title, r.effective, r.author, r.reason FROM ("
        " SELECT DISTINCT ON (key) key, value, effective, author, reason FROM revision"
        " WHERE kind = 'device' AND effective <= %s ORDER BY key, effective DESC, id DESC) r"
        " JOIN device d ON d.name = r.key JOIN site ON site.id = d.site"
        " WHERE r.value->>'in_service' = 'false' AND (d.retired IS NULL OR d.retired > %s)"
        " ORDER BY site.title, d.name",
        [at, at],
    )
    return [
        AtRest(device=a, site=b, site_title=c, since=d, author=e, reason=f)
        for a, b, c, d, e, f in rows
    ]
