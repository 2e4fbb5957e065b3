"""What the watch's transitions do to the operator's side, in the same transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypervisor.alarms.queries_lifecycle import SYSTEM
from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection
from rules._rule import SEVERITIES


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A transition as far as it concerns the operator's side. `noticed` in µs."""

    alarm: int
    kind: str
    noticed: int
    other: int | None


def follow(connection: Connection, told: Sequence[Followed]) -> None:
    """Ask again where a severity rose, and join or part what was merged or split.

    A revised alarm keeps its acknowledgement; one that others were merged into is acknowledged only
    if all of them were; a piece that was split off is new.
    """
    for followed in told:
        if followed.kind == "merged" and followed.other is not None:
            _merge(connection, followed, into=followed.other)
        if followed.kind == "split" and followed.other is not None:
            connection.execute(
                "UPDATE alarm SET split_from = %s WHERE id = %s", [followed.other, followed.alarm]
            )
    stepped = {
        followed.alarm: followed.noticed
        for followed in told
        if followed.kind in ("severity", "revised")
    }
    if stepped:
        _step_up(connection, stepped)


def _step_up(connection: Connection, noticed: Mapping[int, int]) -> None:
    rows = connection.execute(
        "WITH was AS (SELECT id, acknowledged, severity->-1->>1 AS stands FROM alarm"
        "  WHERE id = ANY(%(ids)s) AND state = 'acknowledged' AND"
        "  array_position(%(ranks)s::text[], severity->-1->>1)"
        "  > array_position(%(ranks)s::text[], acknowledged) AND (SELECT value FROM alarm_setting"
        "  WHERE name = 'step_up_unacknowledges') IS DISTINCT FROM 'false'::jsonb FOR UPDATE)"
        " UPDATE alarm SET acknowledged = NULL FROM was WHERE alarm.id = was.id"
        " RETURNING alarm.id, was.acknowledged, was.stands",
        {"ids": list(noticed), "ranks": list(SEVERITIES)},
    ).fetchall()
    for number, before, stands in rows:
        reason = f"its severity rose to {stands}; it was acknowledged as {before}"
        _unacknowledged(connection, number, reason, noticed[number])


def _merge(connection: Connection, one: Followed, *, into: int) -> None:
    connection.execute("UPDATE alarm SET merged_into = %s WHERE id = %s", [into, one.alarm])
    row = connection.execute(
        "UPDATE alarm SET acknowledged = NULL WHERE id = %s AND acknowledged IS NOT NULL"
        " AND closing IS NULL AND (SELECT acknowledged FROM alarm WHERE id = %s) IS NULL"
        " RETURNING id",
        [into, one.alarm],
    ).fetchone()
    if row is not None:
        reason = f"alarm {one.alarm}, which nobody had acknowledged, proved to be part of it"
        _unacknowledged(connection, into, reason, one.noticed)


def _unacknowledged(connection: Connection, number: int, reason: str, noticed: int) -> None:
    connection.execute(
        "INSERT INTO alarm_act (alarm, kind, author, at, scenario_at, reason, version, state)"
        " SELECT id, 'unacknowledge', %s, clock_timestamp(),"
        " CASE (SELECT mode FROM instance) WHEN 'exercise' THEN %s::timestamptz END,"
        " %s, version, state FROM alarm WHERE id = %s",
        [SYSTEM, moment(noticed), reason, number],
    )
