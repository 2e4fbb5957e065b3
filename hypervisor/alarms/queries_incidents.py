"""SQL of incidents; they are regrouped where alarms, registry or settings changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from hypervisor.alarms.incidents import Incident, Key, Member, group_alarms
from hypervisor.alarms.queries_places import AlarmSubject, Places, read_fingerprint
from hypervisor.base.instants import micros, micros_if, moment, moment_if, text, text_if
from hypervisor.database import feed, locks
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock

_HIGHEST = (
    "(SELECT step->>1 FROM jsonb_array_elements(a.severity) step"
    " ORDER BY array_position(ARRAY['info', 'minor', 'major', 'critical'], step->>1)"
    " DESC NULLS LAST LIMIT 1)"
)
_KEY = ("domain", "category", "grouped_by", "name")
_COLUMNS = f"number, {', '.join(_KEY)}, title, opened, ended, closes, severity, alarms, active"

# Where an incident spans tenants, each sees only the part of their own alarms.
_SEEN = f"""(
    SELECT i.number, {", ".join(f"i.{name}" for name in _KEY)}, i.title, v.opened, v.ended,
           v.ended + (i.closes - i.ended) AS closes, v.severity, v.alarms, v.active
    FROM incident i, LATERAL (
        SELECT min(a.began) AS opened, count(*) AS alarms,
               CASE WHEN bool_or(a.ended IS NULL) THEN NULL ELSE max(a.ended) END AS ended,
               count(*) FILTER (WHERE a.ended IS NULL) AS active,
               (array_agg({_HIGHEST} ORDER BY array_position(
                   ARRAY['critical', 'major', 'minor', 'info'], {_HIGHEST})))[1] AS severity
        FROM incident_alarm m JOIN alarm a ON a.id = m.alarm
        WHERE m.incident = i.number AND a.withdrawn IS NULL) v
    WHERE v.alarms > 0)"""  # noqa: S608  constants


@dataclass(frozen=True, kw_only=True)
class IncidentRow:
    """An incident of a list. Times in µs; `alarms` and `active` are counts."""

    number: int
    key: Key
    title: str
    opened: int
    ended: int | None
    closes: int | None
    severity: str
    alarms: int
    active: int


def refresh(connection: Connection, quiet: int) -> int:
    """Regroup the alarms that changed; returns how many."""
    with connection.transaction():
        locks.wait_for(connection, Lock.INCIDENTS)
        if _grouping_changed(connection, quiet):
            connection.execute("DELETE FROM incident")
            connection.execute("DELETE FROM incident_alarm")
        changed = _list_changed(connection)
        if changed:
            _rewrite(connection, _assign_keys(connection, changed), quiet)
    return len(changed)


def _grouping_changed(connection: Connection, quiet: int) -> bool:
    """Whether the inputs of grouping changed; remembers the new ones."""
    registry = feed.registry_version(connection)
    row = connection.execute("SELECT grouped FROM incident_state").fetchone()
    before = row[0] if row else {}
    if (before.get("registry"), before.get("quiet")) == (registry, quiet):
        return False
    grouped = {"registry": registry, "quiet": quiet, "places": read_fingerprint(connection)}
    connection.execute(
        "INSERT INTO incident_state (grouped) VALUES (%s)"
        " ON CONFLICT (only_one) DO UPDATE SET grouped = EXCLUDED.grouped",
        [Jsonb(grouped)],
    )
    return any(before.get(name) != grouped[name] for name in ("quiet", "places"))


def _list_changed(connection: Connection) -> list[tuple[int, int, str | None, AlarmSubject]]:
    """Alarms changed since they were grouped: (id, version, previous key, subject)."""
    rows = connection.execute(
        "SELECT a.id, a.version, i.key, a.rule, a.subject, a.domain, a.category, a.began,"
        " site.name, a.title FROM alarm a LEFT JOIN incident_alarm i ON i.alarm = a.id"
        " LEFT JOIN site ON site.id = a.site WHERE i.version IS DISTINCT FROM a.version"
    )
    return [
        (
            *row[:3],
            AlarmSubject(
                rule=row[3],
                subject=row[4],
                domain=row[5],
                category=row[6],
                began=micros(row[7]),
                site=row[8],
                title=row[9],
            ),
        )
        for row in rows
    ]


def _assign_keys(
    connection: Connection, changed: Sequence[tuple[int, int, str | None, AlarmSubject]]
) -> list[str]:
    """Store the keys of alarms; returns the keys affected."""
    places = Places.read(connection)
    touched: set[str] = set()
    rows = []
    for number, version, before, subject in changed:
        key, place = places.key(subject)
        touched |= {key.text, before or key.text}
        rows.append((number, version, key.text, place))
    connection.execute(
        "INSERT INTO incident_alarm (alarm, version, key, place)"
        " SELECT * FROM unnest(%s::bigint[], %s::int[], %s::text[], %s::text[])"
        " ON CONFLICT (alarm) DO UPDATE SET (version, key, place) ="
        " (EXCLUDED.version, EXCLUDED.key, EXCLUDED.place)",
        [list(column) for column in zip(*rows, strict=True)],
    )
    return sorted(touched)


def _rewrite(connection: Connection, touched: list[str], quiet: int) -> None:
    """Rebuild the incidents of these keys."""
    incidents = group_alarms(_list_members(connection, touched), quiet)
    connection.execute(
        "DELETE FROM incident WHERE number IN"
        " (SELECT incident FROM incident_alarm WHERE key = ANY(%s))",
        [touched],
    )
    connection.execute("UPDATE incident_alarm SET incident = NULL WHERE key = ANY(%s)", [touched])
    with connection.cursor() as cursor, cursor.copy(f"COPY incident ({_COLUMNS}) FROM STDIN") as to:
        for incident in incidents:
            to.write_row(_to_row(incident))
    pairs = [(alarm, incident.number) for incident in incidents for alarm in incident.alarms]
    connection.execute(
        "UPDATE incident_alarm i SET incident = n.incident"
        " FROM unnest(%s::bigint[], %s::bigint[]) AS n (alarm, incident) WHERE n.alarm = i.alarm",
        [[alarm for alarm, _ in pairs], [number for _, number in pairs]],
    )


def _list_members(connection: Connection, keys: list[str]) -> list[Member]:
    rows = connection.execute(
        f"SELECT a.id, i.key, i.place, a.began, a.ended, {_HIGHEST} FROM incident_alarm i"  # noqa: S608  constants
        " JOIN alarm a ON a.id = i.alarm WHERE i.key = ANY(%s) AND a.withdrawn IS NULL",
        [keys],
    )
    return [
        Member(
            alarm=number,
            key=Key(**dict(zip(_KEY, key.split("/", 3), strict=True))),
            place=place,
            began=micros(began),
            ended=micros_if(ended),
            severity=severity,
        )
        for number, key, place, began, ended, severity in rows
    ]


def list_incidents(  # noqa: PLR0913  each narrows the search
    connection: Connection,
    *,
    opened_at: datetime | None = None,
    domain: str | None = None,
    number: int | None = None,
    limit: int | None = None,
    behind: tuple[datetime, int] | None = None,
) -> list[IncidentRow]:
    """Incidents, latest first. `opened_at`: only those not closed by then.

    `behind`: opening and number of the last incident of the previous page.
    """
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM {_SEEN} incident"  # noqa: S608  constants
        " WHERE (%(at)s::timestamptz IS NULL OR closes IS NULL OR closes > %(at)s)"
        " AND (%(domain)s::text IS NULL OR domain = %(domain)s)"
        " AND (%(number)s::bigint IS NULL OR number = %(number)s)"
        " AND (%(opened)s::timestamptz IS NULL OR (opened, number) < (%(opened)s, %(behind)s))"
        " ORDER BY opened DESC, number DESC LIMIT %(limit)s",
        {
            "at": opened_at,
            "domain": domain,
            "number": number,
            "limit": limit,
            "opened": behind[0] if behind else None,
            "behind": behind[1] if behind else None,
        },
    )
    return [_from_row(row) for row in rows]


def list_members(connection: Connection, numbers: Sequence[int]) -> dict[int, list[int]]:
    """The alarms of these incidents, by number."""
    alarms: dict[int, list[int]] = {number: [] for number in numbers}
    rows = connection.execute(
        "SELECT incident, alarm FROM incident_alarm WHERE incident = ANY(%s) ORDER BY alarm",
        [list(numbers)],
    )
    for incident, alarm in rows:
        alarms[incident].append(alarm)
    return alarms


def find_incidents(connection: Connection, numbers: Sequence[int]) -> dict[int, int]:
    """The incident of each of these alarms."""
    rows = connection.execute(
        "SELECT alarm, incident FROM incident_alarm WHERE alarm = ANY(%s) AND incident IS NOT NULL",
        [list(numbers)],
    )
    return dict(rows.fetchall())


def as_text(incident: IncidentRow, now: int | None) -> dict[str, Any]:
    """An incident as plain values; `open` at `now`."""
    return {
        "number": incident.number,
        "title": incident.title,
        "domain": incident.key.domain,
        "category": incident.key.category,
        "grouped_by": incident.key.grouped_by,
        "name": incident.key.name,
        "severity": incident.severity,
        "opened": text(incident.opened),
        "ended": text_if(incident.ended),
        "closes": text_if(incident.closes),
        "open": incident.closes is None or now is None or incident.closes > now,
        "alarms": incident.alarms,
        "active": incident.active,
    }


def _to_row(incident: Incident) -> tuple[object, ...]:
    return (
        *(
            incident.number,
            incident.key.domain,
            incident.key.category,
            incident.key.grouped_by,
            incident.key.name,
        ),
        *(
            incident.title,
            moment(incident.opened),
            moment_if(incident.ended),
            moment_if(incident.closes),
            incident.severity,
        ),
        *(len(incident.alarms), incident.active),
    )


def _from_row(row: Sequence[Any]) -> IncidentRow:
    return IncidentRow(
        number=row[0],
        key=Key(**dict(zip(_KEY, row[1:5], strict=True))),
        title=row[5],
        opened=micros(row[6]),
        ended=micros_if(row[7]),
        closes=micros_if(row[8]),
        severity=row[9],
        alarms=row[10],
        active=row[11],
    )
