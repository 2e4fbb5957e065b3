"""SQL of alarms, their transitions, and what these change in the operator state.

The alarm log is those without a source; those of other systems are beside it (room `external`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import Cursor
from psycopg.rows import class_row, kwargs_row
from psycopg.types.json import Jsonb

from hypervisor.alarms.log import SYSTEM, Alarm, Pair, Transition, log_entry
from hypervisor.base.instants import (
    micros,
    micros_if,
    moment,
    moment_if,
    parse,
)
from hypervisor.database.connect import Connection
from rules._rule import SEVERITIES
from rules._rule_state import Episode
from sensors._errors import Message

_WRITTEN = (
    "id, rule, subject, site, since, began, ended, end_reason, severity, stale, title, advice,"
    " last_value, withdrawn, noticed_at, changed_at, category, domain, title_fr, advice_fr, commune"
)
_COLUMNS = ", ".join(f"a.{name}" for name in _WRITTEN.split(", ")) + ", site.name AS place"
_FROM = "alarm a LEFT JOIN site ON site.id = a.site"
_RISEN = Message(
    "its severity rose to {severity}; it was acknowledged as {severity2}",
    *("{severity}", "{severity2}"),  # for SQL to fill in
)
_UNACKNOWLEDGE = (
    "INSERT INTO alarm_act (alarm, kind, author, at, scenario_at, reason, version, state)"
    " SELECT id, 'unacknowledge', %(system)s, clock_timestamp(),"
    " CASE (SELECT mode FROM instance) WHEN 'exercise' THEN noticed END, reason, version, state"
)


def list_standing(
    connection: Connection, after: Mapping[Pair, int | None]
) -> dict[Pair, list[Alarm]]:
    """The alarms of each pair in the log, not withdrawn, whose `since` is after a time (µs)."""
    rows = _read(connection).execute(
        f"SELECT {_COLUMNS} FROM unnest(%s::text[], %s::text[], %s::timestamptz[])"  # noqa: S608  constants
        " AS k (rule, subject, after) JOIN alarm a ON a.rule = k.rule AND a.subject = k.subject"
        " LEFT JOIN site ON site.id = a.site"
        " WHERE a.since > k.after AND a.withdrawn IS NULL AND a.source IS NULL ORDER BY a.began",
        [
            [rule for rule, _ in after],
            [subject for _, subject in after],
            ["-infinity" if at is None else moment(at).isoformat() for at in after.values()],
        ],
    )
    alarms: dict[Pair, list[Alarm]] = {}
    for alarm in rows:
        alarms.setdefault((alarm.episode.rule, alarm.episode.subject), []).append(alarm)
    return alarms


def list_active(connection: Connection, shards: Sequence[int]) -> list[Alarm]:
    """The active alarms of the log whose subjects belong to these shards of evaluation."""
    return (
        _read(connection)
        .execute(
            f"SELECT {_COLUMNS} FROM {_FROM} WHERE a.ended IS NULL AND a.withdrawn IS NULL"  # noqa: S608  constants
            " AND a.source IS NULL AND evaluation_shard(a.subject) = ANY(%s) ORDER BY a.id",
            [shards],
        )
        .fetchall()
    )


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

    The operator state changes only as `apply_transitions` says.
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
                    *(change.alarm, change.kind, moment(change.event), moment(change.noticed)),
                    *(change.reason, json.dumps(dict(change.snapshot)), change.other),
                )
                for change in transitions
            ],
        )
    apply_transitions(connection, transitions)


def apply_transitions(connection: Connection, transitions: Sequence[Transition]) -> None:
    """Require a new acknowledgement where a severity rose; merge and split operator states.

    A revised alarm keeps its acknowledgement. A merged one is acknowledged only if all its parts
    were. A piece split off is unacknowledged.
    """
    for transition in transitions:
        if transition.kind == "merged" and transition.other is not None:
            _merge(connection, transition, into=transition.other)
        if transition.kind == "split" and transition.other is not None:
            connection.execute(
                "UPDATE alarm SET split_from = %s WHERE id = %s",
                [transition.other, transition.alarm],
            )
    stepped = {
        transition.alarm: transition.noticed
        for transition in transitions
        if transition.kind in ("severity", "revised")
    }
    if stepped:
        _step_up(connection, stepped)


def _step_up(connection: Connection, noticed: Mapping[int, int]) -> None:
    """Withdraw acknowledgements of a lower severity; `noticed`: by alarm, in µs."""
    connection.execute(
        "WITH was AS (SELECT id, acknowledged AS before, severity->-1->>1 AS present"  # noqa: S608  constants
        "  FROM alarm"
        "  WHERE id = ANY(%(ids)s) AND state = 'acknowledged' AND"
        "  array_position(%(ranks)s::text[], severity->-1->>1)"
        "  > array_position(%(ranks)s::text[], acknowledged) AND (SELECT value FROM alarm_setting"
        "  WHERE name = 'step_up_unacknowledges') IS DISTINCT FROM 'false'::jsonb FOR UPDATE),"
        " risen AS (UPDATE alarm SET acknowledged = NULL FROM was WHERE alarm.id = was.id"
        "  RETURNING alarm.id, version, state, replace(replace(%(reason)s, '{severity}', present),"
        "  '{severity2}', before) AS reason, (%(noticed)s::timestamptz[])"
        f"  [array_position(%(ids)s, alarm.id)] AS noticed) {_UNACKNOWLEDGE} FROM risen",
        {
            "ids": list(noticed),
            "noticed": [*map(moment, noticed.values())],
            "ranks": list(SEVERITIES),
            "reason": _RISEN,
            "system": SYSTEM,
        },
    )


def _merge(connection: Connection, transition: Transition, *, into: int) -> None:
    connection.execute("UPDATE alarm SET merged_into = %s WHERE id = %s", [into, transition.alarm])
    connection.execute(
        "WITH joined AS (UPDATE alarm SET acknowledged = NULL"  # noqa: S608  constants
        "  WHERE id = %(into)s AND acknowledged IS NOT NULL"
        "  AND closing IS NULL AND (SELECT acknowledged FROM alarm WHERE id = %(part)s) IS NULL"
        "  RETURNING id, version, state, %(reason)s AS reason,"
        f"  %(noticed)s::timestamptz AS noticed) {_UNACKNOWLEDGE} FROM joined",
        {
            "into": into,
            "part": transition.alarm,
            "reason": Message(
                "alarm {number}, which no one had acknowledged, proved to be part of it",
                transition.alarm,
            ),
            "noticed": moment(transition.noticed),
            "system": SYSTEM,
        },
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
    """A filter of alarms; None: any. `withdrawn`: include withdrawn ones; `numbers`: only these.

    `site`: includes its devices and groups. `state`: a `BaseState`. `external`: of another system;
    False: the alarm log. `behind_began`, `behind_id`: the last alarm of the previous page.
    """

    site: str | None = None
    subject: str | None = None
    rule: str | None = None
    domain: str | None = None
    category: str | None = None
    active: bool | None = None
    state: str | None = None
    source: str | None = None
    external: bool | None = None
    withdrawn: bool = False
    limit: int | None = None
    behind_began: datetime | None = None
    behind_id: int | None = None
    numbers: list[int] | None = None


SELECTED = """
WHERE (%(site)s::text IS NULL OR site.name = %(site)s)
    AND (%(subject)s::text IS NULL OR a.subject = %(subject)s)
    AND (%(rule)s::text IS NULL OR a.rule = %(rule)s)
    AND (%(domain)s::text IS NULL OR a.domain = %(domain)s)
    AND (%(category)s::text IS NULL OR category = %(category)s)
    AND (%(active)s::boolean IS NULL OR (ended IS NULL AND withdrawn IS NULL) = %(active)s)
    AND (%(state)s::text IS NULL OR state = %(state)s)
    AND (%(source)s::text IS NULL OR a.source = %(source)s)
    AND (%(external)s::boolean IS NULL OR (a.source IS NOT NULL) = %(external)s)
    AND (%(withdrawn)s OR withdrawn IS NULL)
    AND (%(numbers)s::bigint[] IS NULL OR a.id = ANY(%(numbers)s))
    AND (%(behind_began)s::timestamptz IS NULL
        OR (began, a.id) < (%(behind_began)s, %(behind_id)s))
ORDER BY began DESC, a.id DESC LIMIT %(limit)s
"""


def list_alarms(connection: Connection, selection: Selection) -> list[Alarm]:
    """Alarms, latest first."""
    query = f"SELECT {_COLUMNS} FROM {_FROM} {SELECTED}"  # noqa: S608  constants
    return _read(connection).execute(query, asdict(selection)).fetchall()


def find_alarm(connection: Connection, number: int) -> Alarm | None:
    """An alarm by its id."""
    query = f"SELECT {_COLUMNS} FROM {_FROM} WHERE a.id = %s"  # noqa: S608  constants
    return _read(connection).execute(query, [number]).fetchone()


def list_merged(connection: Connection, number: int) -> list[int]:
    """The alarms merged into this one."""
    rows = connection.execute("SELECT id FROM alarm WHERE merged_into = %s ORDER BY id", [number])
    return [row[0] for row in rows]


def list_transitions(connection: Connection, numbers: Sequence[int]) -> list[Transition]:
    """The transitions of these alarms, in the order they were noticed."""
    rows = connection.cursor(row_factory=class_row(Transition)).execute(
        "SELECT alarm, kind, event_time AS event, noticed_at AS noticed, reason, snapshot, other"
        " FROM transition WHERE alarm = ANY(%s) ORDER BY id",
        [list(numbers)],
    )
    return rows.fetchall()


def _row(alarm: Alarm) -> tuple[object, ...]:
    episode = alarm.episode
    entry = log_entry(episode)
    return (
        *(alarm.id, episode.rule, episode.subject, alarm.site, moment(episode.since)),
        *(moment(episode.began), moment_if(episode.ended), episode.reason),
        *(json.dumps(entry["severity"]), json.dumps(entry["stale"]), alarm.title, alarm.advice),
        None if alarm.last_value is None else Jsonb(dict(alarm.last_value)),
        *(moment_if(alarm.withdrawn), moment(alarm.noticed), moment(alarm.changed)),
        *(alarm.category, alarm.domain, alarm.title_fr, alarm.advice_fr, alarm.commune),
    )


def _read(connection: Connection) -> Cursor[Alarm]:
    return connection.cursor(row_factory=kwargs_row(_alarm))


def _alarm(  # noqa: PLR0913  one argument a column
    *,
    rule: str,
    subject: str,
    since: datetime,
    began: datetime,
    ended: datetime | None,
    end_reason: str | None,
    severity: list[tuple[str, str]],
    stale: list[tuple[str, str | None]],
    withdrawn: datetime | None,
    noticed_at: datetime,
    changed_at: datetime,
    **others: Any,
) -> Alarm:
    episode = Episode(
        rule=rule,
        subject=subject,
        since=micros(since),
        began=micros(began),
        ended=micros_if(ended),
        severity=tuple((parse(at), name) for at, name in severity),
        stale=tuple((parse(a), None if b is None else parse(b)) for a, b in stale),
        reason=end_reason,
    )
    return Alarm(
        episode=episode,
        withdrawn=micros_if(withdrawn),
        noticed=micros(noticed_at),
        changed=micros(changed_at),
        **others,
    )
