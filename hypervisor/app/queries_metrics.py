"""Figures of every part from the database; ages in seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg.rows import class_row

from hypervisor.base.instance import Mode
from hypervisor.database.connect import Connection
from hypervisor.database.instance import CLOCK
from hypervisor.database.progress import get_progress

_WORKERS = f"""
SELECT name, messages, rows, refused, batches, retries, repeated,
    extract(epoch FROM {CLOCK} - heartbeat_at)::float8 AS age
FROM worker WHERE drained_at IS NULL ORDER BY name
"""  # noqa: S608  a constant
_EVALUATED = f"SELECT extract(epoch FROM {CLOCK} - evaluated_to)::float8 FROM evaluation_progress()"  # noqa: S608  a constant
_WATERMARK = f"SELECT extract(epoch FROM {CLOCK} - watermark)::float8 FROM evaluation_progress()"  # noqa: S608  a constant
_DEAD_LETTERS = (
    "SELECT reason, replayed_at IS NOT NULL, count(*) FROM dead_letter GROUP BY 1, 2 ORDER BY 1, 2"
)
_ALARMS = (
    "SELECT state, severity->-1->>1, domain, count(*) FROM alarm"
    " WHERE state IN ('unacknowledged', 'acknowledged', 'closing', 'returned')"
    " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
)
_DELIVERIES = (
    "SELECT state, count(delivery.id) FROM unnest(ARRAY['dead', 'dropped', 'sent', 'waiting'])"
    " AS states (state) LEFT JOIN delivery USING (state) GROUP BY 1 ORDER BY 1"
)
_INSTANCE = "SELECT mode, name FROM instance"
_COMMANDS = (
    "SELECT states.state, count(command.id) FROM"
    " unnest(ARRAY['accepted', 'acknowledged', 'drafted', 'queued', 'sent']) AS states (state)"
    " LEFT JOIN command ON command.state = states.state AND due_at IS NOT NULL"
    " GROUP BY 1 ORDER BY 1"
)
_FIGURES = {
    "evaluation_age_seconds": _EVALUATED,
    "evaluation_watermark_age_seconds": _WATERMARK,
    "evaluation_unread_batches": (
        "SELECT count(*) FROM feed"
        " WHERE xid >= coalesce((SELECT cursor FROM evaluation_progress()), '0'::xid8)"
    ),
    "ingest_gaps": "SELECT count(*) FROM message_loss",
    "ingest_dropped_messages": "SELECT coalesce(sum(messages), 0)::float8 FROM message_loss",
    "alarm_transitions": "SELECT coalesce(max(id), 0) FROM transition",
    "alarm_acts": "SELECT coalesce(max(id), 0) FROM alarm_act",
    "alarms_silenced": "SELECT count(*) FROM alarm_hold",
    "notify_events_waiting": "SELECT count(*) FROM outbox WHERE decided_at IS NULL",
    "notify_oldest_delivery_age_seconds": (
        "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at))::float8, 0)"
        " FROM delivery WHERE state = 'waiting'"
    ),
    "housekeeping_last_run_age_seconds": (
        "SELECT extract(epoch FROM clock_timestamp() - pruned_at)::float8 FROM event_log_horizon"
    ),
    "rollup_unread_batches": (
        "SELECT count(*) FROM feed WHERE kind = 'readings'"
        " AND xid >= (SELECT cursor FROM rollup_state)"
    ),
    "rollup_last_run_age_seconds": (
        "SELECT extract(epoch FROM clock_timestamp() - seen_at)::float8 FROM rollup_state"
    ),
    "command_sender_age_seconds": (
        "SELECT extract(epoch FROM clock_timestamp() - seen_at)::float8 FROM command_sender"
    ),
    "columnar_rows": "SELECT coalesce(sum(rows), 0)::float8 FROM columnar_part",
    "readings": "SELECT approximate_row_count('reading')",
    "sites": "SELECT count(*) FROM site WHERE NOT personal",
    "devices": "SELECT count(*) FROM device JOIN site ON site.id = device.site"
    " WHERE retired IS NULL AND NOT site.personal",
    "database_size_bytes": "SELECT pg_database_size(current_database())",
    "database_connections": (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    ),
}


@dataclass(frozen=True, kw_only=True)
class WorkerFigures:
    """An ingest worker since it first joined. `age`: of its heartbeat; None: never heard."""

    name: str
    messages: int
    rows: int
    refused: int
    batches: int
    retries: int
    repeated: int
    age: float | None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All figures. `figures` by name; None: no value yet."""

    mode: str
    instance: str
    workers: Sequence[WorkerFigures]
    letters: Sequence[tuple[str, bool, int]]  # reason, replayed, count
    alarms: Sequence[tuple[str, str, str, int]]  # state, severity, domain, count
    deliveries: Sequence[tuple[str, int]]  # state, count
    commands: Sequence[tuple[str, int]]  # state, count of those under way
    figures: dict[str, float | None]


def measure(connection: Connection) -> Measured:
    """Read all figures."""
    mode, instance = connection.execute(_INSTANCE).fetchone() or ("", "")
    figures: dict[str, float | None] = {}
    for name, query in _FIGURES.items():
        row = connection.execute(query.encode()).fetchone()
        figures[name] = None if row is None or row[0] is None else float(row[0])
    progress = get_progress(connection)
    lag = progress.lag(datetime.now(UTC), live=mode == Mode.LIVE)
    figures["evaluation_lag_seconds"] = None if lag is None else lag.total_seconds()
    return Measured(
        mode=mode,
        instance=instance,
        workers=connection.cursor(row_factory=class_row(WorkerFigures))
        .execute(_WORKERS.encode())
        .fetchall(),
        letters=connection.execute(_DEAD_LETTERS).fetchall(),
        alarms=connection.execute(_ALARMS).fetchall(),
        deliveries=connection.execute(_DELIVERIES).fetchall(),
        commands=connection.execute(_COMMANDS).fetchall(),
        figures=figures,
    )
