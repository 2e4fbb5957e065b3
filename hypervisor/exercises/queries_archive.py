"""Debriefs of runs of exercises that were begun anew since: kept as they were then told."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection


def keep(connection: Connection, run: int, debrief: Mapping[str, Any]) -> None:
    """Keep what is told of a run."""
    connection.execute(
        "INSERT INTO exercise_archive (run, debrief) VALUES (%s, %s)"
        " ON CONFLICT (run) DO UPDATE SET debrief = EXCLUDED.debrief",
        [run, Jsonb(dict(debrief))],
    )


def kept(connection: Connection, run: int) -> dict[str, Any] | None:
    """What was told of it; None: nothing was kept."""
    row = connection.execute(
        "SELECT debrief FROM exercise_archive WHERE run = %s", [run]
    ).fetchone()
    return None if row is None else dict(row[0])
