"""SQL of acts on alarms: append-only."""

from collections.abc import Sequence

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hypervisor.alarms.model import ActRecord
from hypervisor.base.instants import moment, moment_if
from hypervisor.database.connect import Connection


def record(connection: Connection, act: ActRecord) -> int:
    """Append an act; returns its id."""
    row = connection.execute(
        "INSERT INTO alarm_act"
        " (alarm, kind, author, at, scenario_at, reason, details, version, state)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        [
            *(act.alarm, act.kind, act.author, moment(act.at), moment_if(act.scenario_at)),
            *(act.reason, Jsonb(act.details), act.version, act.state),
        ],
    ).fetchone()
    return int(row[0]) if row else 0


def list_acts(connection: Connection, numbers: Sequence[int]) -> list[ActRecord]:
    """The acts on these alarms, oldest first."""
    rows = connection.cursor(row_factory=class_row(ActRecord)).execute(
        "SELECT id, alarm, kind, author, at, scenario_at, reason, details, version, state"
        " FROM alarm_act WHERE alarm = ANY(%s) ORDER BY id",
        [list(numbers)],
    )
    return rows.fetchall()
