"""SQL of external alarms: what each source raised, and how it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from pydantic.dataclasses import dataclass as record

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms.log import EXTERNAL, Alarm
from hypervisor.alarms.queries import Selection
from hypervisor.base.instants import Micros, moment
from hypervisor.database.connect import Connection
from hypervisor.database.documents import Document
from hypervisor.external.mapping import Places
from hypervisor.external.model import Alert, SourceState

MAPPINGS = Document(table="external_mapping", kind="sources")
_LATEST = """
SELECT DISTINCT ON (a.subject) a.id AS alarm, coalesce(e.closed, false) AS closed, e.heard_at
FROM alarm a LEFT JOIN external_alarm e ON e.alarm = a.id
WHERE a.rule = %s AND a.subject = ANY(%s) ORDER BY a.subject, a.began DESC, a.id DESC
"""
_HEARD = """
INSERT INTO external_alarm (alarm, heard_at, labels, annotations, links)
VALUES (%s, %s, %s, %s, %s) ON CONFLICT (alarm) DO UPDATE SET
(heard_at, labels, annotations, links) =
(EXCLUDED.heard_at, EXCLUDED.labels, EXCLUDED.annotations, EXCLUDED.links)
"""
_STATES = """
SELECT a.name, a.title, s.kind, s.heard_at, coalesce(s.deliveries, 0) AS deliveries,
    coalesce(s.raised, 0) AS raised, coalesce(s.refused, 0) AS refused, s.problem, s.problem_at,
    s.excerpt, coalesce(o.open, 0) AS open, coalesce(o.stale, 0) AS stale
FROM account a LEFT JOIN external_source s USING (name)
LEFT JOIN (SELECT source, count(*) AS open,
        count(*) FILTER (WHERE stale->-1->1 = 'null'::jsonb) AS stale
    FROM alarm WHERE source IS NOT NULL AND ended IS NULL GROUP BY source) o ON o.source = a.name
WHERE s.name IS NOT NULL OR a.disabled_at IS NULL
    AND EXISTS (SELECT FROM account_role r WHERE r.account = a.id AND r.role = 'source')
ORDER BY a.name
"""


@record(frozen=True, kw_only=True)
class Standing:
    """The latest alarm of a fingerprint. `heard_at`: µs; None: its details were deleted."""

    alarm: int
    closed: bool
    heard_at: Micros | None


@dataclass(frozen=True, kw_only=True)
class Heard:
    """An alert that concerns an open alarm."""

    alarm: int
    alert: Alert


def lock_source(connection: Connection, source: str) -> None:
    """Receive one delivery of a source at a time, until the transaction's end."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 5))", [source])


def list_latest(
    connection: Connection, source: str, fingerprints: Sequence[str]
) -> list[tuple[Alarm, Standing]]:
    """The latest alarm of each of these fingerprints, locked."""
    rows = connection.cursor(row_factory=class_row(Standing)).execute(
        _LATEST, [EXTERNAL + source, list(fingerprints)]
    )
    standings = {row.alarm: row for row in rows}
    return [(alarm, standings[alarm.id]) for alarm in _list_locked(connection, [*standings])]


def _list_locked(connection: Connection, numbers: Sequence[int]) -> list[Alarm]:
    """These alarms, locked until the transaction's end."""
    connection.execute(
        "SELECT FROM alarm WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [list(numbers)]
    )
    return alarm_queries.list_alarms(connection, Selection(numbers=list(numbers)))


def list_closing(connection: Connection) -> list[tuple[Alarm, str, str]]:
    """External alarms that somebody closed and that have not ended: with author and reason."""
    rows = connection.execute(
        "SELECT DISTINCT ON (a.id) a.id, act.author, act.reason FROM alarm a"
        " JOIN alarm_act act ON act.alarm = a.id AND act.kind = 'close'"
        " WHERE a.state = 'closing' AND a.source IS NOT NULL ORDER BY a.id, act.id DESC"
    ).fetchall()
    words = {number: (author, reason) for number, author, reason in rows}
    alarms = _list_locked(connection, [*words])
    return [(alarm, *words[alarm.id]) for alarm in alarms if alarm.active]


def list_silent(connection: Connection, source: str, before: datetime) -> list[tuple[Alarm, int]]:
    """Open alarms of a source not repeated since, and not stale yet: with when they were, µs."""
    rows = connection.cursor(row_factory=class_row(Standing)).execute(
        "SELECT a.id AS alarm, e.closed, e.heard_at FROM alarm a"
        " JOIN external_alarm e ON e.alarm = a.id"
        " WHERE a.source = %s AND a.ended IS NULL AND e.heard_at < %s"
        " AND a.stale->-1->1 IS DISTINCT FROM 'null'::jsonb",
        [source, before],
    )
    heard = {row.alarm: row.heard_at or 0 for row in rows}
    alarms = _list_locked(connection, [*heard])
    return [(alarm, heard[alarm.id]) for alarm in alarms if alarm.active]


def list_open_sources(connection: Connection) -> list[str]:
    """Sources with an open alarm."""
    rows = connection.execute(
        "SELECT DISTINCT source FROM alarm WHERE source IS NOT NULL AND ended IS NULL"
    )
    return [name for (name,) in rows]


def count_open(connection: Connection, source: str) -> int:
    """The open alarms of a source."""
    row = connection.execute(
        "SELECT count(*) FROM alarm WHERE source = %s AND ended IS NULL", [source]
    ).fetchone()
    return int(row[0]) if row else 0


def save_heard(connection: Connection, heard: Sequence[Heard], at: int) -> None:
    """What a source last said of these alarms."""
    with connection.cursor() as cursor:
        cursor.executemany(
            _HEARD,
            [
                (
                    *(each.alarm, moment(at), Jsonb(dict(each.alert.labels))),
                    *(Jsonb(dict(each.alert.annotations)), Jsonb(dict(each.alert.links))),
                )
                for each in heard
            ],
        )


def save_texts(connection: Connection, alarms: Sequence[Alarm]) -> None:
    """Another title or advice; like a new value it is no new version."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE alarm SET (title, title_fr, advice) = (%s, %s, %s) WHERE id = %s",
            [(alarm.title, alarm.title_fr, alarm.advice, alarm.id) for alarm in alarms],
        )


def mark_closed(connection: Connection, numbers: Sequence[int]) -> None:
    """An operator closed these alarms."""
    connection.execute(
        "UPDATE external_alarm SET closed = true WHERE alarm = ANY(%s)", [list(numbers)]
    )


def read_places(connection: Connection) -> tuple[Places, Mapping[str, int]]:
    """Sites and communes by name; the numbers of sites."""
    sites = connection.execute("SELECT name, id, commune FROM site").fetchall()
    communes = connection.execute(
        "SELECT code, name FROM area WHERE kind = 'commune' ORDER BY code DESC"
    ).fetchall()
    by_name = {name.casefold(): code for code, name in communes}
    places = Places(
        sites={name: commune for name, _, commune in sites},
        communes={**by_name, **{code.casefold(): code for code, _ in communes}},
    )
    return places, {name: number for name, number, _ in sites}


def list_names(connection: Connection) -> tuple[list[str], list[str]]:
    """The names of sources and of sites."""
    sources = [state.name for state in list_states(connection)]
    sites = connection.execute("SELECT name FROM site ORDER BY name").fetchall()
    return sources, [name for (name,) in sites]


def find_title(connection: Connection, source: str) -> str:
    """What people call a source."""
    row = connection.execute("SELECT title FROM account WHERE name = %s", [source]).fetchone()
    return str(row[0]) if row and row[0] else source


def record_delivery(  # noqa: PLR0913  what is known of a delivery
    connection: Connection,
    source: str,
    kind: str,
    *,
    at: int,
    raised: int,
    refused: int,
    usable: bool,
    problem: str | None,
    excerpt: str,
) -> bool:
    """How a source does; whether its problem is a new one."""
    before = connection.execute(
        "SELECT problem FROM external_source WHERE name = %s", [source]
    ).fetchone()
    connection.execute(
        "INSERT INTO external_source AS s"
        " (name, kind, heard_at, deliveries, raised, refused, problem, problem_at, excerpt)"
        " VALUES (%(name)s, %(kind)s, %(heard)s, 1, %(raised)s, %(refused)s, %(problem)s,"
        " %(problem_at)s, %(excerpt)s) ON CONFLICT (name) DO UPDATE SET kind = EXCLUDED.kind,"
        " heard_at = coalesce(EXCLUDED.heard_at, s.heard_at), deliveries = s.deliveries + 1,"
        " raised = s.raised + EXCLUDED.raised, refused = s.refused + EXCLUDED.refused,"
        " problem = coalesce(EXCLUDED.problem, s.problem),"
        " problem_at = coalesce(EXCLUDED.problem_at, s.problem_at),"
        " excerpt = CASE WHEN EXCLUDED.problem IS NULL THEN s.excerpt ELSE EXCLUDED.excerpt END",
        {
            "name": source,
            "kind": kind,
            "heard": moment(at) if usable else None,
            "raised": raised,
            "refused": refused,
            "problem": problem,
            "problem_at": None if problem is None else moment(at),
            "excerpt": excerpt or None,
        },
    )
    return problem is not None and (before is None or before[0] != problem)


def list_states(connection: Connection) -> list[SourceState]:
    """All sources, by name."""
    return connection.cursor(row_factory=class_row(SourceState)).execute(_STATES).fetchall()


def delete_details(connection: Connection, before: datetime) -> int:
    """Forget what sources said of alarms that ended before; returns of how many."""
    return connection.execute(
        "DELETE FROM external_alarm e USING alarm a WHERE a.id = e.alarm AND a.ended < %s", [before]
    ).rowcount
