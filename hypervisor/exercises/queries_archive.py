"""Archived debriefs of runs before a reset."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection


def save_debrief(connection: Connection, run: int, debrief: Mapping[str, Any]) -> None:
    """Save a run's debrief."""
    connection.execute(
        "INSERT INTO exercise_archive (run, debrief) VALUES (%s, %s)"
        " ON CONFLICT (run) DO UPDATE SET debrief = EXCLUDED.debrief",
        [run, Jsonb(dict(debrief))],
    )


def load_debrief(connection: Connection, run: int) -> dict[str, Any] | None:
    """A run's archived debrief, if any."""
    row = connection.execute(
        "SELECT debrief FROM exercise_archive WHERE run = %s", [run]
    ).fetchone()
    return None if row is None else dict(row[0])
