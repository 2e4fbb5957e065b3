"""SQL of what a notification needs about its alarm, and of whom it was sent to before."""

from collections.abc import Mapping, Sequence
from dataclasses import field

from psycopg.rows import class_row
from pydantic.dataclasses import dataclass as record

from hypervisor.base.instants import Micros
from hypervisor.database import locks
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock

# Codes and names of an area and of all that contain it.
_AREAS_ABOVE = """
WITH RECURSIVE up AS (SELECT * FROM area WHERE code = {commune} UNION
    SELECT area.* FROM area JOIN up ON area.code = up.parent)
SELECT unnest(ARRAY[code, name]) FROM up
"""
_AREAS_OF_SITE = (
    "SELECT part FROM site CROSS JOIN LATERAL"  # noqa: S608  constants
    f" ({_AREAS_ABOVE.format(commune='site.commune')}) above (part) WHERE site.name = %s"
)
# In µs: the longest expected interval of the series at a site.
_INTERVAL = """
SELECT coalesce(max((value->>'interval_s')::float) * 1e6, 0)::bigint
FROM (SELECT DISTINCT ON (key) value FROM revision
    JOIN device ON key LIKE device.name || '/%%' AND device.site = site.id
    WHERE kind = 'series' ORDER BY key, effective DESC, revision.id DESC) present
"""
_SENT = """
SELECT array_agg(DISTINCT route) AS routes, min(notified_at) AS first,
    (array_agg(active ORDER BY id DESC))[1] AS active
FROM delivery WHERE alarm = a.id AND state <> 'dropped'
"""
_CONTEXT = f"""
SELECT concat_ws(', ', site.title, area.name) AS place,
    ARRAY({_AREAS_ABOVE.format(commune="coalesce(site.commune, a.commune)")}) AS areas,
    ({_INTERVAL}) AS interval, coalesce(sent.routes, '{{}}') AS notified,
    coalesce(sent.active, false) AS notified_active, sent.first AS notified_at,
    a.acknowledged IS NOT NULL AS acknowledged, coalesce(site.personal, false) AS personal,
    coalesce(e.labels, '{{}}') AS labels,
    EXISTS (SELECT FROM outbox WHERE alarm = a.id AND id < %(event)s AND event = 'raised'
        AND decided_at IS NULL) AS raise_pending
FROM alarm a LEFT JOIN site ON site.id = a.site
LEFT JOIN area ON area.code = coalesce(site.commune, a.commune)
LEFT JOIN external_alarm e ON e.alarm = a.id
CROSS JOIN LATERAL ({_SENT}) sent WHERE a.id = %(alarm)s
"""  # noqa: S608  constants


@record(frozen=True, kw_only=True)
class AlarmContext:
    """An alarm's place and what was sent about it. `areas`: codes and names, from its commune up.

    `interval`: µs, the longest expected one at its site. `notified`: routes, `notified_active`:
    whether it was active at the last message, `notified_at`: µs, the first one. `raise_pending`:
    its raising is still undecided. `labels`: of an external alarm. `personal`: of somebody's home.
    """

    place: str = ""
    areas: frozenset[str] = frozenset()
    interval: int = 0
    notified: frozenset[str] = frozenset()
    notified_active: bool = False
    notified_at: Micros | None = None
    acknowledged: bool = False
    raise_pending: bool = False
    personal: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)


@record(frozen=True, kw_only=True)
class UnansweredAlarm:
    """An active unacknowledged alarm: when (µs) a route was sent the last news, and its key."""

    alarm: int
    rule: str
    route: str
    notified_at: Micros
    news: str


def read_context(connection: Connection, alarm: int, event: int = 0) -> AlarmContext:
    """The context of an alarm; `event`: before which its raising may be pending."""
    rows = connection.cursor(row_factory=class_row(AlarmContext))
    row = rows.execute(_CONTEXT, {"alarm": alarm, "event": event}).fetchone()
    return row or AlarmContext()


def name_homes(connection: Connection, subjects: Sequence[str]) -> bool:
    """Whether one of these sites and `device/<name>` is, or stands in, somebody's home."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM site LEFT JOIN device ON device.site = site.id"
        " WHERE site.personal AND (site.name = ANY(%(subjects)s)"
        "   OR 'device/' || device.name = ANY(%(subjects)s)))",
        {"subjects": list(subjects)},
    ).fetchone()
    return bool(row and row[0])


def list_personal_domains(connection: Connection) -> frozenset[str]:
    """The personal domains that have sites."""
    rows = connection.execute("SELECT DISTINCT domain FROM site WHERE personal")
    return frozenset(row[0] for row in rows)


def areas_of_site(connection: Connection, name: str) -> frozenset[str]:
    """Codes and names of the areas that contain a site."""
    rows = connection.execute(
        _AREAS_OF_SITE,
        [name],
    )
    return frozenset(row[0] for row in rows)


def filter_active(connection: Connection, numbers: Sequence[int]) -> frozenset[int]:
    """Those of these alarms that are active."""
    rows = connection.execute(
        "SELECT id FROM alarm WHERE id = ANY(%s) AND ended IS NULL AND withdrawn IS NULL",
        [list(numbers)],
    )
    return frozenset(row[0] for row in rows)


def list_unanswered(connection: Connection, routes: Sequence[str]) -> list[UnansweredAlarm]:
    """Active unacknowledged alarms that these routes were notified of."""
    rows = connection.cursor(row_factory=class_row(UnansweredAlarm)).execute(
        "SELECT DISTINCT ON (a.id, d.route) a.id AS alarm, a.rule, d.route,"
        " d.notified_at, o.key AS news"
        " FROM alarm a JOIN delivery d ON d.alarm = a.id JOIN outbox o ON o.id = d.outbox"
        " WHERE a.state = 'unacknowledged' AND d.state <> 'dropped' AND d.route = ANY(%s)"
        " AND o.event IN ('raised', 'severity', 'stale', 'escalation', 'revised')"
        " ORDER BY a.id, d.route, (o.event = 'revised'), d.id DESC",
        [list(routes)],
    )
    return rows.fetchall()


def is_evaluation_running(connection: Connection) -> bool:
    """Whether a process evaluates a shard."""
    return bool(locks.list_held_parts(connection, Lock.WATCH))
