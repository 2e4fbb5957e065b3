"""SQL of incidents; they are regrouped where alarms, registry or settings changed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hypervisor.alarms.incidents import (
    OUTAGE,
    OUTAGE_PAUSE,
    OUTAGE_PLACE,
    Incident,
    Key,
    Member,
    find_outages,
    group_alarms,
)
from hypervisor.alarms.queries_lifecycle import read_clock
from hypervisor.alarms.queries_places import AlarmSubject, Places, read_fingerprint
from hypervisor.base.instants import micros, micros_if, moment, moment_if
from hypervisor.database import feed, locks
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock

_ROOM = timedelta(hours=6)  # around what changed, in which an outage is looked for
_HIGHEST = (
    "(SELECT step->>1 FROM jsonb_array_elements(a.severity) step"
    " ORDER BY severity_rank(step->>1) LIMIT 1)"
)
_KEY = ("domain", "category", "grouped_by", "name")
_COLUMNS = f"number, {', '.join(_KEY)}, title, opened, ended, closes, severity, alarms, active"

# Where an incident spans tenants, each sees only the part of their own alarms.
_SEEN = f"""(
    SELECT i.number, {", ".join(f"i.{name}" for name in _KEY)}, i.title, v.opened, v.ended,
           v.ended + (i.closes - i.ended) AS closes, v.severity, v.alarms, v.active
    FROM incident i, LATERAL (
        SELECT min(a.began) AS opened, array_agg(a.id ORDER BY a.id) AS alarms,
               CASE WHEN bool_or(a.ended IS NULL) THEN NULL ELSE max(a.ended) END AS ended,
               count(*) FILTER (WHERE a.ended IS NULL) AS active,
               (array_agg({_HIGHEST} ORDER BY severity_rank({_HIGHEST})))[1] AS severity
        FROM incident_alarm m JOIN alarm a ON a.id = m.alarm
        WHERE m.incident = i.number AND a.withdrawn IS NULL) v
    WHERE v.alarms IS NOT NULL)"""  # noqa: S608  constants


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


_SUBJECT = (
    "SELECT a.id, a.version, i.key AS before, a.rule, a.subject, a.domain, a.category,"
    " a.began, site.name AS site, a.title, a.source, a.commune"
    " FROM alarm a LEFT JOIN incident_alarm i ON i.alarm = a.id"
    " LEFT JOIN site ON site.id = a.site"
)


def _list_changed(connection: Connection) -> list[AlarmSubject]:
    """Alarms changed since they were grouped."""
    rows = connection.cursor(row_factory=class_row(AlarmSubject)).execute(
        f"{_SUBJECT} WHERE i.version IS DISTINCT FROM a.version"
    )
    return rows.fetchall()


def _assign_keys(connection: Connection, changed: Sequence[AlarmSubject]) -> list[str]:
    """Store the keys of these alarms and of those of their outages; returns the keys affected."""
    places = Places.read(connection)
    around = _list_silences(connection, places, changed)
    silences = [silence for alarm in around if (silence := places.silence(alarm))]
    outages = find_outages(silences)
    touched: set[str] = set()
    rows = []
    for alarm in {alarm.id: alarm for alarm in (*around, *changed)}.values():
        key, place = places.key(alarm)
        if alarm.id in outages:
            key, place = outages[alarm.id], OUTAGE_PLACE
        touched |= {key.text, alarm.before or key.text}
        rows.append((alarm.id, alarm.version, key.text, place))
    connection.execute(
        "INSERT INTO incident_alarm (alarm, version, key, place)"
        " SELECT * FROM unnest(%s::bigint[], %s::int[], %s::text[], %s::text[])"
        " ON CONFLICT (alarm) DO UPDATE SET (version, key, place) ="
        " (EXCLUDED.version, EXCLUDED.key, EXCLUDED.place)",
        [list(column) for column in zip(*rows, strict=True)],
    )
    return sorted(touched)


def _list_silences(
    connection: Connection, places: Places, changed: Sequence[AlarmSubject]
) -> list[AlarmSubject]:
    """Alarms about silence that began around those that changed, or were in an outage with them."""
    rules = places.silence_rules
    outages = {alarm.before for alarm in changed if f"/{OUTAGE}/" in (alarm.before or "")}
    times = [moment(alarm.began) for alarm in changed if alarm.rule in rules]
    times += [
        began
        for (began,) in connection.execute(
            "SELECT a.began FROM incident_alarm i JOIN alarm a ON a.id = i.alarm"
            " WHERE i.key = ANY(%s)",
            [sorted(filter(None, outages))],
        )
    ]
    if not times:
        return []
    pause, room = timedelta(microseconds=OUTAGE_PAUSE), _ROOM
    while True:
        since, until = min(times) - room, max(times) + room
        rows = (
            connection.cursor(row_factory=class_row(AlarmSubject))
            .execute(
                f"{_SUBJECT} WHERE a.rule = ANY(%s) AND a.withdrawn IS NULL"
                " AND a.began BETWEEN %s AND %s ORDER BY a.began",
                [rules, since, until],
            )
            .fetchall()
        )
        edges = [moment(rows[0].began) - since, until - moment(rows[-1].began)] if rows else []
        if all(edge > pause for edge in edges):
            return rows
        room *= 2  # what is at an edge may go on beyond it


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
            to.write_row(
                [
                    *(incident.number, *(getattr(incident, name) for name in _KEY)),
                    *(incident.title, moment(incident.opened), moment_if(incident.ended)),
                    *(moment_if(incident.closes), incident.severity),
                    *(len(incident.alarms), incident.active),
                ]
            )
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
    wall: datetime | None = None,
    every: bool = True,
    domain: str | None = None,
    number: int | None = None,
    limit: int | None = None,
    behind: tuple[datetime, int] | None = None,
) -> list[Incident]:
    """Incidents, latest first; `every`: also those closed at `wall`, a wall-clock time.

    `behind`: opening and number of the last incident of the previous page.
    """
    clock = None if wall is None else read_clock(connection, wall)
    opened, last = behind or (None, None)
    rows = connection.cursor(row_factory=class_row(Incident)).execute(
        f"SELECT * FROM (SELECT {_COLUMNS}, closes IS NULL OR %(clock)s::timestamptz IS NULL"  # noqa: S608  constants
        f" OR closes > %(clock)s AS open FROM {_SEEN} visible) incident WHERE (%(every)s OR open)"
        " AND (%(domain)s::text IS NULL OR domain = %(domain)s)"
        " AND (%(number)s::bigint IS NULL OR number = %(number)s)"
        " AND (%(opened)s::timestamptz IS NULL OR (opened, number) < (%(opened)s, %(last)s))"
        " ORDER BY opened DESC, number DESC LIMIT %(limit)s",
        {
            "clock": clock,
            "every": every,
            "domain": domain,
            "number": number,
            "opened": opened,
            "last": last,
            "limit": limit,
        },
    )
    return rows.fetchall()


def find_number(connection: Connection, alarm: int) -> int | None:
    """The number of an alarm's incident."""
    row = connection.execute(
        "SELECT incident FROM incident_alarm WHERE alarm = %s", [alarm]
    ).fetchone()
    return None if row is None else row[0]
