"""SQL of the console's list of alarms."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from hypervisor.database.connect import Connection
from hypervisor.web import marks

PAGE, MOST = 100, 5_000  # alarms shown at first, and at most
_HISTORY = 500
_OPEN = "a.state IN ('unacknowledged', 'acknowledged', 'closing', 'returned')"
_COLUMNS = """
a.id, a.version, a.state, a.severity->-1->>1 AS severity,
(a.severity->-1->>0)::timestamptz AS stepped, h.kind AS hold, h.until,
(a.stale->-1) IS NOT NULL AND a.stale->-1->>1 IS NULL AS stale,
(a.stale->-1->>0)::timestamptz AS stale_since,
a.domain, a.category, a.rule, a.subject, a.title, a.title_fr, a.began, a.ended, a.assignee,
a.last_value, GREATEST(a.changed_at, acted.at) AS changed, site.name AS site,
coalesce(site.title, town.name) AS site_title,
coalesce(site.commune, a.commune) AS commune, i.incident, a.noticed_at AS noticed, a.source
"""
_FROM = """
alarm a LEFT JOIN site ON site.id = a.site LEFT JOIN area town ON town.code = a.commune
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
    """An alarm of the list. `hold`: shelved or out-of-service; `until`: the end of shelving.

    `site_title`: the commune's name where an external alarm names only that. `changed`: the latest
    transition or act, on the instance's clock.
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
    source: str | None = None

    @property
    def waits(self) -> bool:
        """Unacknowledged and not held."""
        return self.hold is None and self.state in {"unacknowledged", "returned"}

    @property
    def rank(self) -> int:
        return marks.priority(self.severity)

    @property
    def how(self) -> str:
        """The CSS class of its mark."""
        return "shv" if self.hold else marks.of_base(self.state)

    @property
    def urgency(self) -> tuple[bool, bool, int, bool, float, int]:
        """The sort key: open, not held, priority, unacknowledged, latest."""
        return (
            self.state == "normal",
            self.hold is not None,
            self.rank,
            not self.waits,
            -self.began.timestamp(),
            -self.id,
        )


@dataclass(frozen=True, kw_only=True)
class AlarmFilter:
    """A filter of the alarm list; None: any. `numbers`: only these alarms, whatever their state."""

    which: str = "open"
    severity: str | None = None
    domain: str | None = None
    area: str | None = None
    text: str | None = None
    mine: bool = False
    changed: bool = False
    flat: bool = False
    show: int = PAGE
    numbers: tuple[int, ...] | None = None

    @property
    def narrowed(self) -> bool:
        """Whether it hides any open alarm."""
        return self != AlarmFilter(show=self.show, flat=self.flat)


def list_rows(
    connection: Connection, query: AlarmFilter, now: datetime, *, person: str | None = None
) -> list[AlarmRow]:
    """Alarms, latest first. `now`: the instance's clock; `person`: whose are `mine`."""
    which = _OPEN
    if query.numbers is not None:
        which = "a.id = ANY (%(numbers)s)"
    elif query.which == "over":
        which = "a.state = 'normal'"
    rows = connection.cursor(row_factory=class_row(AlarmRow)).execute(
        f"{_BELOW} SELECT {_COLUMNS} FROM {_FROM} WHERE {which}"  # noqa: S608  constants
        " AND (%(severity)s::text IS NULL OR a.severity->-1->>1 = %(severity)s)"
        " AND (%(domain)s::text IS NULL OR a.domain = %(domain)s)"
        " AND (%(area)s::text IS NULL"
        "   OR coalesce(site.commune, a.commune) IN (SELECT code FROM below))"
        " AND (NOT %(mine)s OR a.assignee = %(person)s)"
        " AND (%(text)s::text IS NULL OR concat_ws(' ', a.title, a.title_fr, site.title,"
        "   a.subject, a.rule) ILIKE %(like)s)"
        " ORDER BY a.began DESC, a.id DESC LIMIT %(most)s",
        {
            **asdict(query),
            "numbers": list(query.numbers or ()),
            "person": person,
            "now": now,
            "like": f"%{_escape_like(query.text or '')}%",
            "most": _HISTORY if query.which == "over" else MOST,
        },
    )
    return rows.fetchall()


@dataclass(frozen=True, kw_only=True)
class ExternalDetails:
    """What the source of an external alarm last said of it; empty for ours."""

    labels: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


def read_details(connection: Connection, number: int) -> ExternalDetails:
    """The details of an alarm."""
    rows = connection.cursor(row_factory=class_row(ExternalDetails)).execute(
        "SELECT labels, links FROM external_alarm WHERE alarm = %s", [number]
    )
    return rows.fetchone() or ExternalDetails()


def read_incident_titles(
    connection: Connection, numbers: Sequence[int]
) -> dict[int, tuple[str, str, str, str]]:
    """(domain, category, title, opened as RFC 3339) by incident."""
    rows = connection.execute(
        "SELECT number, domain, category, title, to_char(opened, 'YYYY-MM-DD\"T\"HH24:MI:SSOF:00')"
        " FROM incident WHERE number = ANY(%s)",
        [list(numbers)],
    )
    return {row[0]: (row[1], row[2], row[3], row[4]) for row in rows}


def list_areas(connection: Connection) -> list[tuple[str, str, str, str | None]]:
    """(code, kind, name, parent) of areas that contain a site."""
    rows = connection.execute(
        "WITH RECURSIVE up AS (SELECT area.* FROM area WHERE code IN (SELECT commune FROM site)"
        " UNION SELECT area.* FROM area JOIN up ON area.code = up.parent)"
        " SELECT code, kind, name, parent FROM up ORDER BY name"
    )
    return rows.fetchall()


@dataclass(frozen=True, kw_only=True)
class SentNotice:
    """A message about an alarm by a route's channel. `at`: decided, on the instance's clock."""

    at: datetime
    alarm: int
    event: str
    state: str
    route: str
    channel: str


def list_notices(connection: Connection, numbers: Sequence[int]) -> list[SentNotice]:
    """What was sent about these alarms, or waits to be, oldest first."""
    rows = connection.cursor(row_factory=class_row(SentNotice)).execute(
        "SELECT d.notified_at AS at, d.alarm, o.event, d.state, d.route, d.channel FROM delivery d"
        " JOIN outbox o ON o.id = d.outbox WHERE d.alarm = ANY (%s) ORDER BY d.id",
        [list(numbers)],
    )
    return rows.fetchall()


def list_operators(
    connection: Connection, communes: Collection[str | None]
) -> list[tuple[str, str]]:
    """(name, title) of accounts that may act in all of these communes; None: an unknown one."""
    rows = connection.execute(
        "WITH RECURSIVE up AS"
        " (SELECT code AS commune, code, parent FROM area WHERE code = ANY(%(communes)s)"
        " UNION SELECT up.commune, area.code, area.parent"
        " FROM area JOIN up ON area.code = up.parent)"
        " SELECT c.name, c.title FROM account c JOIN account_role r ON r.account = c.id"
        " LEFT JOIN up ON up.code = r.area"
        " WHERE c.disabled_at IS NULL AND r.role IN ('operator', 'administrator')"
        " GROUP BY c.name, c.title"
        " HAVING bool_or(r.area IS NULL) OR count(DISTINCT up.commune) = %(number)s"
        " ORDER BY c.title, c.name",
        {"communes": sorted(filter(None, communes)), "number": max(1, len(set(communes)))},
    )
    return rows.fetchall()


def read_account_titles(connection: Connection) -> dict[str, str]:
    """What people are called, by the name of their account: its title, if it has one."""
    query = "SELECT name, COALESCE(NULLIF(title, ''), name) FROM account"
    return dict(connection.execute(query).fetchall())


def find_latest(connection: Connection) -> tuple[datetime, str, str | None] | None:
    """The latest alarm: (began, title, French title)."""
    row = connection.execute(
        "SELECT began, title, title_fr FROM alarm WHERE withdrawn IS NULL"
        " ORDER BY began DESC LIMIT 1"
    ).fetchone()
    return None if row is None else (row[0], row[1], row[2])


def _escape_like(text: str) -> str:
    """Escape a text for LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
