"""The console's list of alarms: those that are open, over, or of one incident, in one question."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.database.connect import Connection

_OPEN = "a.state IN ('unacknowledged', 'acknowledged', 'closing', 'returned')"
_COLUMNS = """
a.id, a.version, a.state, a.severity->-1->>1, a.severity->-1->>0, h.kind, h.until,
(a.stale->-1) IS NOT NULL AND a.stale->-1->>1 IS NULL, a.stale->-1->>0,
a.domain, a.category, a.rule, a.subject, a.title, a.title_fr, a.began, a.ended, a.assignee,
a.last_value, GREATEST(a.changed_at, acted.at), site.name, site.title, site.commune, i.incident,
a.noticed_at
"""
_FROM = """
alarm a LEFT JOIN site ON site.id = a.site
LEFT JOIN alarm_hold h ON h.rule = a.rule AND h.subject = a.subject
    AND (h.until IS NULL OR h.until > %(now)s)
LEFT JOIN incident_alarm i ON i.alarm = a.id
LEFT JOIN LATERAL (SELECT coalesce(scenario_at, alarm_act.at) AS at FROM alarm_act
    WHERE alarm = a.id ORDER BY id DESC LIMIT 1) acted ON true
"""
_BELOW = """
WITH RECURSIVE below AS (SELECT code FROM area WHERE code = %(area)s
    UNION SELECT area.code FROM area JOIN below ON area.parent = below.code)
"""


@dataclass(frozen=True, kw_only=True)
class AlarmRow:
    """An alarm as it is listed. `hold`: shelved or out-of-service; `until`: the end of a shelving.

    `changed`: what became of it last, or was done to it, on the instance's clock.
    """

    id: int
    version: int
    state: str
    severity: str
    stepped: datetime
    hold: str | None
    until: datetime | None
    stale: bool
    stale_since: datetime | None
    domain: str
    category: str
    rule: str
    subject: str
    title: str
    title_fr: str | None
    began: datetime
    ended: datetime | None
    assignee: str | None
    last_value: dict[str, Any] | None
    changed: datetime
    site: str | None
    site_title: str | None
    commune: str | None
    incident: int | None
    noticed: datetime

    @property
    def waits(self) -> bool:
        """Nobody has acknowledged it, and it may speak."""
        return self.hold is None and self.state in {"unacknowledged", "returned"}


@dataclass(frozen=True, kw_only=True)
class AlarmFilter:
    """What is asked for; None: any. `which`: open, over or of an incident, as `incident` says."""

    over: bool = False
    incident: int | None = None
    number: int | None = None
    severity: str | None = None
    domain: str | None = None
    area: str | None = None
    text: str | None = None
    assignee: str | None = None
    most: int = 5_000


def list_rows(connection: Connection, query: AlarmFilter, now: datetime) -> list[AlarmRow]:
    """The alarms, the latest to begin first. `now`: the instance's clock."""
    which = _OPEN
    if query.number is not None:
        which = "a.id = %(number)s"
    elif query.incident is not None:
        which = "i.incident = %(incident)s AND a.withdrawn IS NULL"
    elif query.over:
        which = "a.state = 'normal'"
    rows = connection.execute(
        f"{_BELOW} SELECT {_COLUMNS} FROM {_FROM} WHERE {which}"  # noqa: S608  constants
        " AND (%(severity)s::text IS NULL OR a.severity->-1->>1 = %(severity)s)"
        " AND (%(domain)s::text IS NULL OR a.domain = %(domain)s)"
        " AND (%(area)s::text IS NULL OR site.commune IN (SELECT code FROM below))"
        " AND (%(assignee)s::text IS NULL OR a.assignee = %(assignee)s)"
        " AND (%(text)s::text IS NULL OR concat_ws(' ', a.title, a.title_fr, site.title,"
        "   a.subject, a.rule) ILIKE %(like)s)"
        " ORDER BY a.began DESC, a.id DESC LIMIT %(most)s",
        {
            "now": now,
            "number": query.number,
            "incident": query.incident,
            "severity": query.severity,
            "domain": query.domain,
            "area": query.area,
            "assignee": query.assignee,
            "text": query.text,
            "like": f"%{_escape_like(query.text or '')}%",
            "most": query.most,
        },
    )
    return [_row(row) for row in rows]


def read_incident_titles(
    connection: Connection, numbers: Sequence[int]
) -> dict[int, tuple[str, str, str, str]]:
    """Of incidents: (domain, category, where, opened as RFC 3339)."""
    rows = connection.execute(
        "SELECT number, domain, category, title, to_char(opened, 'YYYY-MM-DD\"T\"HH24:MI:SSOF:00')"
        " FROM incident WHERE number = ANY(%s)",
        [list(numbers)],
    )
    return {row[0]: (row[1], row[2], row[3], row[4]) for row in rows}


def list_areas(connection: Connection) -> list[tuple[str, str, str, str | None]]:
    """(code, kind, name, parent) of areas in which a site stands, or that hold such a one."""
    rows = connection.execute(
        "WITH RECURSIVE up AS (SELECT area.* FROM area WHERE code IN (SELECT commune FROM site)"
        " UNION SELECT area.* FROM area JOIN up ON area.code = up.parent)"
        " SELECT code, kind, name, parent FROM up ORDER BY name"
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def list_deliveries(connection: Connection, number: int) -> list[tuple[datetime, str, str, str]]:
    """What was sent of an alarm: when, in which state, by which route, over which channel."""
    rows = connection.execute(
        "SELECT told_at, state, route, channel FROM delivery WHERE alarm = %s ORDER BY id", [number]
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def list_operators(connection: Connection, commune: str | None) -> list[tuple[str, str]]:
    """(name, title) of accounts that may act in a commune (None: in none that is known)."""
    rows = connection.execute(
        "WITH RECURSIVE up AS (SELECT code, parent FROM area WHERE code = %s"
        " UNION SELECT area.code, area.parent FROM area JOIN up ON area.code = up.parent)"
        " SELECT DISTINCT c.name, c.title FROM account c JOIN account_role r ON r.account = c.id"
        " WHERE c.disabled_at IS NULL AND r.role IN ('operator', 'administrator')"
        " AND (r.area IS NULL OR r.area IN (SELECT code FROM up)) ORDER BY c.title, c.name",
        [commune],
    )
    return [(row[0], row[1]) for row in rows]


def read_account_titles(connection: Connection) -> dict[str, str]:
    """What people read of an account, by its name."""
    return dict(connection.execute("SELECT name, title FROM account").fetchall())


def find_latest(connection: Connection) -> tuple[datetime, str, str | None] | None:
    """The alarm that began last: when, and its titles."""
    row = connection.execute(
        "SELECT began, title, title_fr FROM alarm WHERE withdrawn IS NULL"
        " ORDER BY began DESC LIMIT 1"
    ).fetchone()
    return None if row is None else (row[0], row[1], row[2])


def _escape_like(text: str) -> str:
    """For LIKE: nothing in it stands for anything else."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _row(row: Sequence[Any]) -> AlarmRow:
    return AlarmRow(
        id=row[0],
        version=row[1],
        state=row[2],
        severity=row[3],
        stepped=datetime.fromisoformat(row[4]),
        hold=row[5],
        until=row[6],
        stale=row[7],
        stale_since=None if row[8] is None else datetime.fromisoformat(row[8]),
        domain=row[9],
        category=row[10],
        rule=row[11],
        subject=row[12],
        title=row[13],
        title_fr=row[14],
        began=row[15],
        ended=row[16],
        assignee=row[17],
        last_value=row[18],
        changed=row[19],
        site=row[20],
        site_title=row[21],
        commune=row[22],
        incident=row[23],
        noticed=row[24],
    )
