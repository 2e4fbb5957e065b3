"""What evaluation stores: its state, rule states, and the inputs that it used."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from hypervisor.alarms.log import Pair
from hypervisor.base.instants import micros, moment
from hypervisor.database.connect import Connection
from hypervisor.evaluation.shards import ALL
from rules._rule_state import StateChange
from sensors._row import NEVER

FIRST_CURSOR = "0"  # older than any transaction
_STATES = 10_000  # written at once
_GAPS = "SELECT from_at, to_at FROM ingest_gap ORDER BY from_at"
Fact = tuple[int, str, str]  # shard, kind and key, as in the table evaluation_input


@dataclass(frozen=True, kw_only=True)
class EvaluationState:
    """`watermark` and `evaluated_to` in µs, NEVER before the first heartbeat.

    `newest`: the latest time (µs) of a reading in the feed up to the cursor; NEVER: none yet.
    """

    cursor: str
    watermark: int = NEVER
    evaluated_to: int = NEVER
    newest: int = NEVER
    engine: str


def load_state(connection: Connection, shards: AbstractSet[int] = ALL) -> EvaluationState | None:
    """How far all of these shards came with the last commit; None before the first."""
    return request_state(connection, shards)()


def request_state(
    connection: Connection, shards: AbstractSet[int]
) -> Callable[[], EvaluationState | None]:
    """Ask for what `load_state` returns; call the result when the pipeline has ended."""
    rows = connection.execute(
        "SELECT min(cursor)::text,"
        " CASE WHEN bool_and(watermark IS NOT NULL) THEN min(watermark) END,"
        " CASE WHEN bool_and(evaluated_to IS NOT NULL) THEN min(evaluated_to) END,"
        " max(newest), min(engine) FROM evaluation_state WHERE shard = ANY(%s)",
        [sorted(shards)],
    )

    def receive() -> EvaluationState | None:
        cursor, watermark, evaluated_to, newest, engine = rows.fetchall()[0]
        if cursor is None:
            return None
        return EvaluationState(
            cursor=cursor,
            watermark=_micros(watermark),
            evaluated_to=_micros(evaluated_to),
            newest=_micros(newest),
            engine=engine,
        )

    return receive


def create_states(connection: Connection, state: EvaluationState) -> None:
    """Write the first state of all shards that have none, in the caller's transaction."""
    save_state(connection, state, ALL, replace=False)


def save_state(
    connection: Connection,
    state: EvaluationState,
    shards: AbstractSet[int] = ALL,
    *,
    replace: bool = True,
) -> None:
    """Write the state of these shards in the caller's transaction."""
    columns = "cursor, watermark, evaluated_to, newest, engine"
    action = (
        f"UPDATE SET ({columns}) = ROW (EXCLUDED.cursor, EXCLUDED.watermark,"
        " EXCLUDED.evaluated_to, EXCLUDED.newest, EXCLUDED.engine)"
        if replace
        else "NOTHING"
    )
    times = map(_moment, (state.watermark, state.evaluated_to, state.newest))
    connection.execute(
        f"INSERT INTO evaluation_state (shard, {columns})"  # noqa: S608  constants
        " SELECT shard, %s::xid8, %s, %s, %s, %s FROM unnest(%s::int[]) shard"
        f" ON CONFLICT (shard) DO {action}",
        [state.cursor, *times, state.engine, sorted(shards)],
    )


def load_open_states(
    connection: Connection, before: Mapping[Pair, int | None]
) -> dict[Pair, list[StateChange]]:
    """The states of each pair from the last inactive one on, ascending.

    `before[pair]`: the last inactive one strictly before this time (µs); None: the last of all. A
    pair without states is absent.
    """
    rows = connection.execute(
        "SELECT pair.rule, pair.subject, states.state::text"
        " FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS pair (rule, subject, before)"
        " LEFT JOIN LATERAL (SELECT time FROM rule_state"
        "   WHERE rule = pair.rule AND subject = pair.subject"
        "   AND time < pair.before AND state->>'phase' = 'inactive'"
        "   ORDER BY time DESC LIMIT 1) AS last ON true"
        " CROSS JOIN LATERAL (SELECT time, state FROM rule_state"
        "   WHERE rule = pair.rule AND subject = pair.subject"
        "   AND time >= coalesce(last.time, '-infinity')) AS states"
        " ORDER BY pair.rule, pair.subject, states.time",
        [
            [rule for rule, _ in before],
            [subject for _, subject in before],
            ["infinity" if at is None else moment(at).isoformat() for at in before.values()],
        ],
    )
    states: dict[Pair, list[StateChange]] = {}
    for rule, subject, written in rows:
        state = msgspec.json.decode(written, type=StateChange)
        states.setdefault((rule, subject), []).append(state)
    return states


def replace_states(
    connection: Connection,
    erase_from: Mapping[Pair, int],
    states: Iterable[tuple[Pair, Sequence[StateChange]]],
) -> None:
    """Replace the states of each pair from a time (µs) on."""
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
    rows = [
        {"rule": rule, "subject": subject, "time": moment(change.time).isoformat(), "state": change}
        for (rule, subject), changes in states
        for change in changes
    ]
    for first in range(0, len(rows), _STATES):
        # One text: of arrays psycopg makes some copies of each element, which scatter over memory.
        connection.execute(
            "INSERT INTO rule_state (rule, subject, time, state) SELECT rule, subject, time, state"
            " FROM jsonb_to_recordset(%s)"
            " AS new (rule text, subject text, time timestamptz, state jsonb)",
            [msgspec.json.encode(rows[first : first + _STATES]).decode()],
        )


def prune_states(
    connection: Connection,
    horizon: int,
    *,
    mark: str,
    spared: Sequence[Pair],
    shards: AbstractSet[int],
) -> int:
    """Delete each pair's states before its last inactive one before a time (µs); how many rows.

    That one takes `mark` as its reason. Nothing of the spared pairs is deleted.
    """
    # After the horizon an inactive state between two others stays, too: evaluation that begins
    # behind it takes up its run of `clear`, at whose length rules that name an `on_change` series
    # are evaluated once more, where a window of a gauge may have become true.
    words = {
        "horizon": moment(horizon),
        "mark": mark,
        "rules": [rule for rule, _ in spared],
        "subjects": [subject for _, subject in spared],
        "shards": sorted(shards),
    }
    last = (
        "WITH last AS (SELECT rule, subject, max(time) AS time FROM rule_state"
        " WHERE time < %(horizon)s AND state->>'phase' = 'inactive'"
        " AND evaluation_shard(subject) = ANY(%(shards)s) AND (rule, subject) NOT IN"
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
    """When (µs) operators closed alarms, and the reason, by rule and subject, ascending."""
    closings: dict[Pair, list[tuple[int, str]]] = {}
    for rule, subject, at, author, reason in connection.execute(
        "SELECT rule, subject, at, author, reason FROM closing ORDER BY at, id"
    ):
        closings.setdefault((rule, subject), []).append(
            (micros(at), f"closed by {author}: {reason}")
        )
    return closings


def load_inputs(connection: Connection, shards: AbstractSet[int] = ALL) -> dict[Fact, Any]:
    """The inputs of the last evaluation, by shard, kind (subject, rule, gap, closing) and key.

    What is the same in many shards, as a rule is, comes and is decoded once.
    """
    rows = connection.execute(
        "SELECT array_agg(shard), kind, key, facts::text FROM evaluation_input"
        " WHERE shard = ANY(%s) GROUP BY kind, key, facts",
        [sorted(shards)],
    )
    return {
        (shard, kind, key): value
        for where, kind, key, facts in rows
        for value in [msgspec.json.decode(facts)]
        for shard in where
    }


def load_subject_inputs(connection: Connection, subjects: Iterable[str]) -> dict[str, Any]:
    """The facts of these subjects as their own shards evaluated them last."""
    rows = connection.execute(
        "SELECT key, facts::text FROM evaluation_input WHERE kind = 'subject' AND key = ANY(%s)"
        " AND shard = evaluation_shard(key)",
        [sorted(subjects)],
    )
    return {key: msgspec.json.decode(facts) for key, facts in rows}


def save_inputs(connection: Connection, facts: Mapping[Fact, Any], gone: Iterable[Fact]) -> None:
    """Store changed inputs; delete those that no longer exist."""
    records = [
        {"shard": shard, "kind": kind, "key": key, "facts": value}
        for (shard, kind, key), value in facts.items()
    ]
    connection.execute(
        "INSERT INTO evaluation_input (shard, kind, key, facts)"
        " SELECT shard, kind, key, COALESCE(facts, 'null') FROM jsonb_to_recordset(%s)"
        " AS (shard smallint, kind text, key text, facts jsonb)"
        " ON CONFLICT (shard, kind, key) DO UPDATE SET facts = EXCLUDED.facts",
        [msgspec.json.encode(records).decode()],
    )
    if gone := list(gone):
        connection.execute(
            "DELETE FROM evaluation_input USING"
            " unnest(%s::smallint[], %s::text[], %s::text[]) AS gone (shard, kind, key)"
            " WHERE (evaluation_input.shard, evaluation_input.kind, evaluation_input.key)"
            " = (gone.shard, gone.kind, gone.key)",
            [*map(list, zip(*gone, strict=True))],
        )


def _micros(at: datetime | None) -> int:
    return NEVER if at is None else micros(at)


def _moment(instant: int) -> datetime | None:
    return None if instant == NEVER else moment(instant)


def load_gaps(connection: Connection) -> list[tuple[int, int]]:
    """Spans (µs) in which a worker did not listen, also of workers that were drained since."""
    return _spans(connection.execute(_GAPS))


def request_listening(
    connection: Connection,
) -> Callable[[], tuple[dict[str, int], list[tuple[int, int]]]]:
    """Ask for the workers and `load_gaps`; call the result when the pipeline has ended.

    Of each worker that was not drained: when (µs) it joined, by name.
    """
    workers = connection.execute("SELECT name, joined_at FROM worker WHERE drained_at IS NULL")
    gaps = connection.execute(_GAPS)
    return lambda: ({name: micros(joined) for name, joined in workers}, _spans(gaps))


def _spans(rows: Iterable[tuple[Any, ...]]) -> list[tuple[int, int]]:
    return [(micros(since), micros(until)) for since, until in rows]
