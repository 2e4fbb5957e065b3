"""What the watch remembers: how far it is, the journal, and what it judged by."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from hypervisor.alarms.queries import Pair
from hypervisor.base.instants import micros, moment
from hypervisor.database.connect import Connection
from rules._rule_state import StateChange
from sensors._row import NEVER

FIRST_CURSOR = "0"  # older than any transaction


@dataclass(frozen=True, kw_only=True)
class EvaluationState:
    """How far the watch is. `heard_to` and `judged_to` in µs, NEVER before the first heartbeat."""

    cursor: str
    heard_to: int = NEVER
    judged_to: int = NEVER
    engine: str


def load_state(connection: Connection) -> EvaluationState | None:
    """How far the watch was at its last commit; None before its first."""
    row = connection.execute(
        "SELECT cursor::text, watermark, evaluated_to, engine FROM evaluation_state"
    ).fetchone()
    if row is None:
        return None
    return EvaluationState(
        cursor=row[0],
        heard_to=_instant(row[1]),
        judged_to=_instant(row[2]),
        engine=row[3],
    )


def save_state(connection: Connection, state: EvaluationState) -> None:
    """Write how far the watch is, in the caller's transaction."""
    connection.execute(
        "INSERT INTO evaluation_state (cursor, watermark, evaluated_to, engine)"
        " VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (only_one) DO UPDATE SET (cursor, watermark, evaluated_to, engine) ="
        " (EXCLUDED.cursor, EXCLUDED.watermark, EXCLUDED.evaluated_to, EXCLUDED.engine)",
        [
            state.cursor,
            _moment(state.heard_to),
            _moment(state.judged_to),
            state.engine,
        ],
    )


def load_open_states(
    connection: Connection, before: Mapping[Pair, int | None]
) -> dict[Pair, list[StateChange]]:
    """The moments from the last inactive one on, ascending: what the open alarm folds from.

    `before[pair]`: the last inactive moment strictly before this time (µs), or the last of all
    where None. A pair whose journal is empty is absent.
    """
    rows = connection.execute(
        "SELECT wanted.rule, wanted.subject, found.state::text"
        " FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS wanted (rule, subject, before)"
        " LEFT JOIN LATERAL (SELECT time FROM rule_state"
        "   WHERE rule = wanted.rule AND subject = wanted.subject"
        "   AND time < wanted.before AND state->>'phase' = 'inactive'"
        "   ORDER BY time DESC LIMIT 1) AS last ON true"
        " CROSS JOIN LATERAL (SELECT time, state FROM rule_state"
        "   WHERE rule = wanted.rule AND subject = wanted.subject"
        "   AND time >= coalesce(last.time, '-infinity')) AS found"
        " ORDER BY wanted.rule, wanted.subject, found.time",
        [
            [rule for rule, _ in before],
            [subject for _, subject in before],
            [
                "infinity" if limit is None else moment(limit).isoformat()
                for limit in before.values()
            ],
        ],
    )
    moments: dict[Pair, list[StateChange]] = {}
    for rule, subject, written in rows:
        moments.setdefault((rule, subject), []).append(
            msgspec.json.decode(written, type=StateChange)
        )
    return moments


def replace_states(
    connection: Connection,
    erase_from: Mapping[Pair, int],
    moments: Iterable[tuple[Pair, Sequence[StateChange]]],
) -> None:
    """Replace the journal of each pair from a time (µs) on."""
    if erase_from:
        connection.execute(
            "DELETE FROM rule_state USING unnest(%s::text[], %s::text[], %s::timestamptz[])"
            " AS gone (rule, subject, since) WHERE rule_state.rule = gone.rule"
            " AND rule_state.subject = gone.subject AND rule_state.time >= gone.since",
            [
                [rule for rule, _ in erase_from],
                [subject for _, subject in erase_from],
                [moment(since) for since in erase_from.values()],
            ],
        )
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY rule_state (rule, subject, time, state) FROM STDIN") as copy,
    ):
        for (rule, subject), changes in moments:
            for change in changes:
                written = msgspec.json.encode(change).decode()
                copy.write_row((rule, subject, moment(change.time), written))


def prune_states(connection: Connection, horizon: int, *, mark: str, spared: Sequence[Pair]) -> int:
    """Delete each pair's journal before its last inactive moment before a time (µs); how many rows.

    That moment is given `mark` as its reason. Nothing of the spared pairs is deleted.
    """
    words = {
        "horizon": moment(horizon),
        "mark": mark,
        "rules": [rule for rule, _ in spared],
        "subjects": [subject for _, subject in spared],
    }
    last = (
        "WITH last AS (SELECT rule, subject, max(time) AS time FROM rule_state"
        " WHERE time < %(horizon)s AND state->>'phase' = 'inactive' AND (rule, subject) NOT IN"
        " (SELECT * FROM unnest(%(rules)s::text[], %(subjects)s::text[])) GROUP BY 1, 2)"
    )
    connection.execute(
        f"{last} UPDATE rule_state SET"  # noqa: S608  constants
        " state = state || jsonb_build_object('reason', %(mark)s::text)"
        " FROM last WHERE rule_state.rule = last.rule AND rule_state.subject = last.subject"
        " AND rule_state.time = last.time AND state->>'reason' IS DISTINCT FROM %(mark)s",
        words,
    )
    return connection.execute(
        f"{last} DELETE FROM rule_state USING last WHERE rule_state.rule = last.rule"  # noqa: S608  constants
        " AND rule_state.subject = last.subject AND rule_state.time < last.time",
        words,
    ).rowcount


def load_closings(connection: Connection) -> dict[Pair, list[tuple[int, str]]]:
    """Where operators closed alarms: by rule and subject (at µs, who and why), ascending."""
    closings_of_pair: dict[Pair, list[tuple[int, str]]] = {}
    for rule, subject, at, author, reason in connection.execute(
        "SELECT rule, subject, at, author, reason FROM closing ORDER BY at, id"
    ):
        closings_of_pair.setdefault((rule, subject), []).append(
            (micros(at), f"closed by {author}: {reason}")
        )
    return closings_of_pair


def load_inputs(connection: Connection) -> dict[tuple[str, str], Any]:
    """What was last judged by: (kind, key) -> facts. Kinds: subject, rule, deaf, closing."""
    rows = connection.execute("SELECT kind, key, facts::text FROM evaluation_input")
    return {(kind, key): msgspec.json.decode(facts) for kind, key, facts in rows}


def save_inputs(
    connection: Connection, facts: Mapping[tuple[str, str], Any], gone: Iterable[tuple[str, str]]
) -> None:
    """Remember what is judged by from now on; forget what no longer exists."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO evaluation_input (kind, key, facts) VALUES (%s, %s, %s)"
            " ON CONFLICT (kind, key) DO UPDATE SET facts = EXCLUDED.facts",
            [(kind, key, json.dumps(value)) for (kind, key), value in facts.items()],
        )
        cursor.executemany("DELETE FROM evaluation_input WHERE kind = %s AND key = %s", list(gone))


def _instant(stored: datetime | None) -> int:
    return NEVER if stored is None else micros(stored)


def _moment(instant: int) -> datetime | None:
    return None if instant == NEVER else moment(instant)


def expected_workers(connection: Connection) -> list[tuple[str, int]]:
    """(name, joined µs) of the ingest workers that joined and were not drained."""
    rows = connection.execute("SELECT name, joined_at FROM worker WHERE drained_at IS NULL")
    return [(name, micros(joined)) for name, joined in rows]


def load_gaps(connection: Connection) -> list[tuple[int, int]]:
    """(from, to) µs in which a worker was not listening, whether or not it was drained since.

    What it missed then, it missed: taking it away later does not change the past.
    """
    rows = connection.execute("SELECT from_at, to_at FROM deaf_span ORDER BY from_at")
    return [(micros(since), micros(until)) for since, until in rows]
