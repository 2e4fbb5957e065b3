"""What a notification needs to know of an alarm, and of whom it was told before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import class_row

from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock


@dataclass(frozen=True, kw_only=True)
class AlarmContext:
    """Where an alarm's subject stands. `areas`: codes and names, from its commune up."""

    place: str = ""
    areas: frozenset[str] = frozenset()
    interval: int = 0  # µs: the longest expected interval of what stands there


@dataclass(frozen=True, kw_only=True)
class UnansweredAlarm:
    """An unacknowledged alarm that lasts: when (µs) a route was told the last news, its key."""

    alarm: int
    rule: str
    route: str
    notified_at: int
    news: str


def read_context(connection: Connection, alarm: int) -> AlarmContext:
    """Where it stands."""
    row = connection.execute(
        "SELECT site.title, area.name, site.commune, site.id"
        " FROM alarm a LEFT JOIN site ON site.id = a.site LEFT JOIN area ON area.code ="
        " site.commune WHERE a.id = %s",
        [alarm],
    ).fetchone()
    if row is None:
        return AlarmContext()
    title, commune, code, site = row
    return AlarmContext(
        place=", ".join(filter(None, [title, commune])),
        areas=frozenset() if code is None else areas_above(connection, code),
        interval=0 if site is None else _interval(connection, site),
    )


def areas_above(connection: Connection, code: str) -> frozenset[str]:
    """Codes and names of an area and of all that it lies in."""
    rows = connection.execute(
        "WITH RECURSIVE up AS (SELECT * FROM area WHERE code = %s UNION"
        " SELECT area.* FROM area JOIN up ON area.code = up.parent) SELECT code, name FROM up",
        [code],
    )
    return frozenset(word for row in rows for word in row)


def areas_of_site(connection: Connection, site: str) -> frozenset[str]:
    """Codes and names of all that a site lies in."""
    row = connection.execute("SELECT commune FROM site WHERE name = %s", [site]).fetchone()
    return frozenset() if row is None or row[0] is None else areas_above(connection, row[0])


def _interval(connection: Connection, site: int) -> int:
    row = connection.execute(
        "SELECT max((value->>'interval_s')::float) FROM (SELECT DISTINCT ON (key) value"
        " FROM revision JOIN device ON key LIKE device.name || '/%%' AND device.site = %s"
        " WHERE kind = 'series' ORDER BY key, effective DESC, revision.id DESC) AS standing",
        [site],
    ).fetchone()
    seconds = row[0] if row and row[0] is not None else 0.0
    return timedelta(seconds=seconds) // timedelta(microseconds=1)


def read_notified(connection: Connection, alarm: int) -> tuple[frozenset[str], bool, int | None]:
    """The routes notified of an alarm, whether as active, and when first (µs)."""
    rows = connection.execute(
        "SELECT route, active, told_at FROM delivery WHERE alarm = %s AND state <> 'dropped'"
        " ORDER BY id",
        [alarm],
    ).fetchall()
    if not rows:
        return frozenset(), False, None
    return frozenset(row[0] for row in rows), bool(rows[-1][1]), micros(rows[0][2])


def is_raise_pending(connection: Connection, alarm: int, before: int) -> bool:
    """Whether an earlier raising event of this alarm is undecided."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM outbox WHERE alarm = %s AND id < %s"
        " AND event = 'raised' AND decided_at IS NULL)",
        [alarm, before],
    ).fetchone()
    return bool(row and row[0])


def filter_active(connection: Connection, numbers: Sequence[int]) -> frozenset[int]:
    """Those of these alarms that are active."""
    if not numbers:
        return frozenset()
    rows = connection.execute(
        "SELECT id FROM alarm WHERE id = ANY(%s) AND ended IS NULL AND withdrawn IS NULL",
        [list(numbers)],
    )
    return frozenset(row[0] for row in rows)


def is_acknowledged(connection: Connection, alarm: int) -> bool:
    """Whether an alarm is acknowledged."""
    row = connection.execute("SELECT acknowledged FROM alarm WHERE id = %s", [alarm]).fetchone()
    return bool(row and row[0])


def list_unanswered(connection: Connection, routes: Sequence[str]) -> list[UnansweredAlarm]:
    """Active unacknowledged alarms that these routes were notified of."""
    if not routes:
        return []
    rows = connection.execute(
        "SELECT DISTINCT ON (a.id, d.route) a.id, a.rule, d.route, d.told_at, o.key"
        " FROM alarm a JOIN delivery d ON d.alarm = a.id JOIN outbox o ON o.id = d.outbox"
        " WHERE a.state = 'unacknowledged' AND d.state <> 'dropped' AND d.route = ANY(%s)"
        " AND o.event IN ('raised', 'severity', 'stale', 'escalation', 'revised')"
        " ORDER BY a.id, d.route, (o.event = 'revised'), d.id DESC",
        [list(routes)],
    )
    return [
        UnansweredAlarm(alarm=number, rule=rule, route=route, notified_at=micros(at), news=news)
        for number, rule, route, at, news in rows
    ]


def is_evaluation_running(connection: Connection) -> bool:
    """Whether a process holds the lock of the evaluation."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND classid = 0 AND objid = %s AND objsubid = 1"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
        [Lock.WATCH.value],
    ).fetchone()
    return bool(row and row[0])


@dataclass(frozen=True, kw_only=True)
class RoutesRevision:
    """A revision of the routes file."""

    id: int
    text: str
    author: str
    reason: str
    recorded_at: datetime


def list_routes_revisions(connection: Connection) -> list[RoutesRevision]:
    """All revisions of the routes file, latest last."""
    rows = connection.cursor(row_factory=class_row(RoutesRevision)).execute(
        "SELECT id, text, author, reason, recorded_at FROM notify_routes ORDER BY id"
    )
    return rows.fetchall()


def find_routes_revision(connection: Connection, revision: int) -> RoutesRevision | None:
    """The revision in force, if later than `revision`."""
    return (
        connection.cursor(row_factory=class_row(RoutesRevision))
        .execute(
            "SELECT id, text, author, reason, recorded_at FROM notify_routes WHERE id > %s"
            " ORDER BY id DESC LIMIT 1",
            [revision],
        )
        .fetchone()
    )


def insert_routes(connection: Connection, text: str, *, author: str, reason: str) -> int:
    """Insert a revision; returns its number."""
    row = connection.execute(
        "INSERT INTO notify_routes (text, author, reason) VALUES (%s, %s, %s) RETURNING id",
        [text, author, reason],
    ).fetchone()
    return int(row[0]) if row else 0


def read_vocabulary(
    connection: Connection,
) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The names of areas (with codes), sites and rules."""
    areas = connection.execute("SELECT code, name FROM area").fetchall()
    sites = connection.execute("SELECT name FROM site").fetchall()
    rules = connection.execute("SELECT DISTINCT key FROM revision WHERE kind = 'rule'").fetchall()
    return (
        frozenset(word for row in areas for word in row),
        frozenset(row[0] for row in sites),
        frozenset(row[0] for row in rules),
    )
