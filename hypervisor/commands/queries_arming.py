"""SQL of armed rules, and of what keeps one from sending."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from hypervisor.commands.queries import NOW
from hypervisor.database.connect import Connection, fetch


@dataclass(frozen=True, kw_only=True)
class Arming:
    """A rule that may send by itself at a site, from `starts` to before `ends`.

    `written`: the rule as it was armed (`arming.armed_text`). `since`: the revision that was armed,
    and each that came into force after it; None: a withdrawal.
    """

    id: int
    rule: str
    site: str
    site_title: str
    commune: str | None
    written: Mapping[str, Any]
    since: Sequence[Mapping[str, Any] | None]
    starts: datetime
    ends: datetime
    author: str
    reason: str


_ARMED = f"""
SELECT a.id, a.rule, s.name AS site, s.title AS site_title, s.commune, a.written, a.starts, a.ends,
    a.author, a.reason, ARRAY (SELECT r.value FROM revision r, revision armed
        WHERE armed.id = coalesce(a.revision, (SELECT b.id FROM revision b
            WHERE b.kind = 'rule' AND b.key = a.rule AND b.effective <= a.recorded_at
                AND b.recorded_at <= a.recorded_at ORDER BY b.effective DESC, b.id DESC LIMIT 1))
        AND r.kind = 'rule' AND r.key = a.rule AND r.effective <= {NOW}
        AND (r.effective, r.id) >= (armed.effective, armed.id)) AS since
FROM (SELECT DISTINCT ON (rule, site) * FROM arming ORDER BY rule, site, id DESC) a
JOIN site s ON s.id = a.site
WHERE a.armed AND a.ends > {NOW} AND (%(rule)s::text IS NULL OR a.rule = %(rule)s)
ORDER BY a.rule, s.title, s.name
"""  # noqa: S608  a constant


def list_armed(connection: Connection, rule: str | None = None) -> list[Arming]:
    """What is armed, also from a later time on."""
    return fetch(connection, Arming, _ARMED, {"rule": rule})


def lock(connection: Connection) -> None:
    """Let no other transaction arm or disarm until this one ends."""
    connection.execute("LOCK TABLE arming IN SHARE ROW EXCLUSIVE MODE")


def hold(connection: Connection) -> None:
    """Keep everybody from arming or disarming until this transaction ends."""
    connection.execute("LOCK TABLE arming IN SHARE MODE")


def read_last(connection: Connection, *, rule: str | None = None, site: str | None = None) -> int:
    """The number of the last decision, of a rule and site or of all; 0: there is none."""
    row = connection.execute(
        "SELECT coalesce(max(a.id), 0) FROM arming a JOIN site s ON s.id = a.site"
        " WHERE (%(rule)s::text IS NULL OR a.rule = %(rule)s)"
        " AND (%(site)s::text IS NULL OR s.name = %(site)s)",
        {"rule": rule, "site": site},
    ).fetchone()
    return int(row[0]) if row else 0


def insert_arming(  # noqa: PLR0913  the columns
    connection: Connection,
    *,
    rule: str,
    site: str,
    written: Mapping[str, Any] | None,
    starts: datetime,
    ends: datetime | None,
    author: str,
    reason: str,
) -> None:
    """Arm a rule at a site, or with `written` None disarm it."""
    connection.execute(
        "INSERT INTO arming (rule, site, armed, written, starts, ends, author, reason, revision)"  # noqa: S608  a constant
        " SELECT %s, id, %s, %s, %s, %s, %s, %s, (SELECT r.id FROM revision r"
        f" WHERE r.kind = 'rule' AND r.key = %s AND r.effective <= {NOW}"
        " ORDER BY r.effective DESC, r.id DESC LIMIT 1) FROM site WHERE name = %s",
        [
            *(rule, written is not None, None if written is None else Jsonb(dict(written))),
            *(starts, ends, author, reason, rule, site),
        ],
    )


def list_unsent(connection: Connection, author: str, site: str) -> list[UUID]:
    """Queued commands of an author, with all of their order, of which one is for a device there."""
    rows = connection.execute(
        "SELECT id FROM command WHERE state = 'queued' AND batch IN (SELECT c.batch FROM command c"
        " JOIN site s ON s.id = c.site"
        " WHERE c.state = 'queued' AND c.author = %s AND s.name = %s)",
        [author, site],
    )
    return [key for (key,) in rows]


def list_busy(connection: Connection, devices: Collection[str], actuator: str) -> list[str]:
    """Those of the devices whose actuator a command is under way to, or drafted for."""
    rows = connection.execute(
        "SELECT DISTINCT d.name FROM command c JOIN device d ON d.id = c.device"
        " WHERE d.name = ANY (%s) AND c.actuator = %s AND c.due_at IS NOT NULL ORDER BY 1",
        [list(devices), actuator],
    )
    return [name for (name,) in rows]
