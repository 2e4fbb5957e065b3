"""SQL of the alarm log and its transitions."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from hypervisor.alarms.queries_following import Followed, apply_transitions
from hypervisor.base.instants import micros, micros_if, moment, moment_if, parse, text, text_if
from hypervisor.database.connect import Connection
from rules._rule import SEVERITIES
from rules._rule_state import Episode

Pair = tuple[str, str]  # rule, subject

_WRITTEN = (
    "id, rule, subject, site, since, began, ended, end_reason, severity, stale, title, advice,"
    " last_value, withdrawn, noticed_at, changed_at, category, domain, title_fr, advice_fr"
)
_COLUMNS = ", ".join(f"a.{name}" for name in _WRITTEN.split(", ")) + ", site.name"
_FROM = "alarm a LEFT JOIN site ON site.id = a.site"


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm. Times in µs. `withdrawn`: when a revision of the past removed it.

    `site`, `place`: id and name of the subject's site, if any. `last_value`: the latest reading, as
    quantity, value, unit, time, trend, per_hour. `category`: hazard or maintenance. `title_fr`,
    `advice_fr`: None where the rule has no French.
    """

    id: int
    site: int | None
    place: str | None
    domain: str
    category: str
    episode: Episode
    title: str
    advice: str
    title_fr: str | None = None
    advice_fr: str | None = None
    last_value: Mapping[str, Any] | None
    withdrawn: int | None
    noticed: int
    changed: int

    @property
    def active(self) -> bool:
        return self.episode.ended is None and self.withdrawn is None


@dataclass(frozen=True, kw_only=True)
class Transition:
    """A change of an alarm: true from `event`, noticed at `noticed`. Append-only.

    `other`: the alarm merged into, or split from.
    """

    alarm: int
    kind: str
    event: int
    noticed: int
    reason: str
    snapshot: Mapping[str, Any]
    other: int | None = None


def as_text(alarm: Alarm) -> dict[str, Any]:
    """The alarm as plain values with stable keys; times RFC 3339 in UTC."""
    episode = alarm.episode
    return {
        "id": alarm.id,
        **log_entry(episode),
        "site": alarm.place,
        "domain": alarm.domain,
        "category": alarm.category,
        "title": alarm.title,
        "advice": alarm.advice,
        "title_fr": alarm.title_fr,
        "advice_fr": alarm.advice_fr,
        "active": alarm.active,
        "end_reason": episode.reason,
        "last_value": None if alarm.last_value is None else dict(alarm.last_value),
        "withdrawn": text_if(alarm.withdrawn),
        "noticed_at": text(alarm.noticed),
        "changed_at": text(alarm.changed),
    }


def highest_severity(episode: Episode) -> str:
    """The highest severity reached."""
    rank = {name: number for number, name in enumerate(SEVERITIES)}
    return max((name for _, name in episode.severity), key=lambda name: rank.get(name, -1))


def transition_as_text(transition: Transition) -> dict[str, Any]:
    """A transition as plain values."""
    return {
        "alarm": transition.alarm,
        "kind": transition.kind,
        "event_time": text(transition.event),
        "noticed_at": text(transition.noticed),
        "reason": transition.reason,
        "snapshot": dict(transition.snapshot),
    }


def log_entry(episode: Episode) -> dict[str, Any]:
    """The fields that two evaluations of the same readings must agree on."""
    return {
        "rule": episode.rule,
        "subject": episode.subject,
        "since": text(episode.since),
        "began": text(episode.began),
        "ended": text_if(episode.ended),
        "severity": [[text(at), name] for at, name in episode.severity],
        "stale": [[text(since), text_if(until)] for since, until in episode.stale],
    }


def list_standing(
    connection: Connection, after: Mapping[Pair, int | None]
) -> dict[Pair, list[Alarm]]:
    """The alarms of each pair, not withdrawn, whose `since` is after a time (µs)."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM unnest(%s::text[], %s::text[], %s::timestamptz[])"  # noqa: S608  constants
        " AS k (rule, subject, after) JOIN alarm a ON a.rule = k.rule AND a.subject = k.subject"
        " LEFT JOIN site ON site.id = a.site"
        " WHERE a.since > k.after AND a.withdrawn IS NULL ORDER BY a.began",
        [
            [rule for rule, _ in after],
            [subject for _, subject in after],
            ["-infinity" if at is None else moment(at).isoformat() for at in after.values()],
        ],
    )
    alarms: dict[Pair, list[Alarm]] = {}
    for row in rows:
        alarm = _alarm(row)
        alarms.setdefault((alarm.episode.rule, alarm.episode.subject), []).append(alarm)
    return alarms


def reserve_ids(connection: Connection, count: int) -> list[int]:
    """Ids for alarms about to be saved."""
    rows = connection.execute(
        "SELECT nextval(pg_get_serial_sequence('alarm', 'id')) FROM generate_series(1, %s)", [count]
    )
    return [row[0] for row in rows]


def save(
    connection: Connection, alarms: Iterable[Alarm], transitions: Iterable[Transition]
) -> None:
    """Insert or replace alarms, append transitions; in the caller's transaction.

    The operator state changes only as `queries_following` says.
    """
    transitions = list(transitions)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO alarm ({_WRITTEN}) OVERRIDING SYSTEM VALUE VALUES"  # noqa: S608  constants
            f" ({', '.join(['%s'] * len(_WRITTEN.split(', ')))})"
            " ON CONFLICT (id) DO UPDATE SET (since, began, ended, end_reason, severity, stale,"
            " title, advice, title_fr, advice_fr, last_value, withdrawn, changed_at, version,"
            " closing) ="
            " (EXCLUDED.since, EXCLUDED.began,"
            " EXCLUDED.ended, EXCLUDED.end_reason, EXCLUDED.severity, EXCLUDED.stale,"
            " EXCLUDED.title, EXCLUDED.advice, EXCLUDED.title_fr, EXCLUDED.advice_fr,"
            " EXCLUDED.last_value, EXCLUDED.withdrawn, EXCLUDED.changed_at, alarm.version + 1,"
            " CASE WHEN EXCLUDED.ended IS NULL THEN alarm.closing END)",
            [_row(alarm) for alarm in alarms],
        )
        cursor.executemany(
            "INSERT INTO transition"
            " (alarm, kind, event_time, noticed_at, reason, snapshot, other)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    *(
                        transition.alarm,
                        transition.kind,
                        moment(transition.event),
                        moment(transition.noticed),
                        transition.reason,
                    ),
                    json.dumps(dict(transition.snapshot)),
                    transition.other,
                )
                for transition in transitions
            ],
        )
    apply_transitions(
        connection,
        [
            Followed(
                alarm=transition.alarm,
                kind=transition.kind,
                noticed=transition.noticed,
                other=transition.other,
            )
            for transition in transitions
        ],
    )


def save_last_values(connection: Connection, values: Mapping[int, Mapping[str, Any]]) -> None:
    """Update the latest values of open alarms; their version stays."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE alarm SET last_value = %s WHERE id = %s",
            [(json.dumps(dict(value)), key) for key, value in values.items()],
        )


@dataclass(frozen=True, kw_only=True)
class Selection:
    """A filter of alarms; None: any. `withdrawn`: include withdrawn ones.

    `site`: includes its devices and groups. `state`: a `BaseState`. `behind_began`, `behind_id`:
    the last alarm of the previous page.
    """

    site: str | None = None
    subject: str | None = None
    rule: str | None = None
    domain: str | None = None
    category: str | None = None
    active: bool | None = None
    state: str | None = None
    withdrawn: bool = False
    limit: int | None = None
    behind_began: datetime | None = None
    behind_id: int | None = None


def list_alarms(connection: Connection, selection: Selection) -> list[Alarm]:
    """Alarms, latest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM {_FROM}"  # noqa: S608  constants
        " WHERE (%(site)s::text IS NULL OR site.name = %(site)s)"
        " AND (%(subject)s::text IS NULL OR subject = %(subject)s)"
        " AND (%(rule)s::text IS NULL OR rule = %(rule)s)"
        " AND (%(domain)s::text IS NULL OR a.domain = %(domain)s)"
        " AND (%(category)s::text IS NULL OR category = %(category)s)"
        " AND (%(active)s::boolean IS NULL"
        "   OR (ended IS NULL AND withdrawn IS NULL) = %(active)s)"
        " AND (%(state)s::text IS NULL OR state = %(state)s)"
        " AND (%(withdrawn)s OR withdrawn IS NULL)"
        " AND (%(behind_began)s::timestamptz IS NULL"
        "   OR (began, a.id) < (%(behind_began)s, %(behind_id)s))"
        " ORDER BY began DESC, a.id DESC LIMIT %(limit)s",
        asdict(selection),
    )
    return [_alarm(row) for row in rows]


def find_alarm(connection: Connection, number: int) -> Alarm | None:
    """An alarm by its id."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM {_FROM} WHERE a.id = %s", [number]).fetchone()  # noqa: S608  constants
    return None if row is None else _alarm(row)


def list_merged(connection: Connection, number: int) -> list[int]:
    """The alarms merged into this one."""
    rows = connection.execute("SELECT id FROM alarm WHERE merged_into = %s ORDER BY id", [number])
    return [row[0] for row in rows]


def list_transitions(connection: Connection, numbers: Sequence[int]) -> list[Transition]:
    """The transitions of these alarms, in the order they were noticed."""
    rows = connection.execute(
        "SELECT alarm, kind, event_time, noticed_at, reason, snapshot, other FROM transition"
        " WHERE alarm = ANY(%s) ORDER BY id",
        [list(numbers)],
    )
    return [
        Transition(
            alarm=alarm,
            kind=kind,
            event=micros(event),
            noticed=micros(noticed),
            reason=reason,
            snapshot=snapshot,
            other=other,
        )
        for alarm, kind, event, noticed, reason, snapshot, other in rows
    ]


def _row(alarm: Alarm) -> tuple[object, ...]:
    episode = alarm.episode
    entry = log_entry(episode)
    return (
        *(alarm.id, episode.rule, episode.subject, alarm.site, moment(episode.since)),
        *(moment(episode.began), moment_if(episode.ended), episode.reason),
        *(json.dumps(entry["severity"]), json.dumps(entry["stale"]), alarm.title, alarm.advice),
        None if alarm.last_value is None else Jsonb(dict(alarm.last_value)),
        *(moment_if(alarm.withdrawn), moment(alarm.noticed), moment(alarm.changed)),
        *(alarm.category, alarm.domain, alarm.title_fr, alarm.advice_fr),
    )


def _alarm(row: Sequence[Any]) -> Alarm:
    number, rule, subject, site, since, began, ended, reason, severity, stale = row[:10]
    title, advice, last_value, withdrawn, noticed, changed = row[10:16]
    category, domain, title_fr, advice_fr, place = row[16:]
    return Alarm(
        id=number,
        site=site,
        place=place,
        domain=domain,
        category=category,
        episode=Episode(
            rule=rule,
            subject=subject,
            since=micros(since),
            began=micros(began),
            ended=micros_if(ended),
            severity=tuple((parse(at), name) for at, name in severity),
            stale=tuple((parse(a), None if b is None else parse(b)) for a, b in stale),
            reason=reason,
        ),
        title=title,
        advice=advice,
        title_fr=title_fr,
        advice_fr=advice_fr,
        last_value=last_value,
        withdrawn=micros_if(withdrawn),
        noticed=micros(noticed),
        changed=micros(changed),
    )
