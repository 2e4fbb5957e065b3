"""Reset of an exercise: archive debriefs, then clear readings and alarms.

The exercise returns to its state before the first run. To reach a time within a run, play it again
and jump there.
"""

import time
from collections.abc import Callable
from pathlib import Path

from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.exercises import debrief, queries_runs
from hypervisor.exercises import queries as store
from hypervisor.exercises import queries_reset as clearing
from hypervisor.exercises.model import Command, RunError, RunState
from hypervisor.readings import queries_workers

JOIN_SECONDS = 30.0  # for workers to register again


def await_workers(connection: Connection, expected: int, stopping: Callable[[], bool]) -> int:
    """Wait until the workers have registered again; how many have not, after some time."""
    since = time.monotonic()
    while True:
        workers = queries_workers.list_workers(connection)
        missing = expected - sum(worker.drained_at is None for worker in workers)
        if missing <= 0 or stopping() or time.monotonic() - since > JOIN_SECONDS:
            return max(0, missing)
        time.sleep(0.1)


def reset_exercise(connection: Connection, command: Command, data: Path) -> int:
    """Reset in one transaction; returns the number of workers that should register again.

    Raises RunError: a run is active, or a worker has not stored everything.
    """
    with connection.transaction():
        latest = queries_runs.get_latest_run(connection)
        if latest is not None and latest.active:
            raise RunError("a run is active: stop it before the reset")
        now = store.get_progress(connection)
        if now.latest is not None and (now.heard is None or now.heard < now.latest):
            raise RunError(
                "the ingest worker {worker!r} has not stored all readings; they would "
                "appear in the new exercise: start it, then try again",
                now.slowest,
            )
        expected = sum(
            worker.drained_at is None for worker in queries_workers.list_workers(connection)
        )
        archive_runs(connection, data)
        since = queries_runs.get_first_run_time(connection)
        edited = clearing.clear_exercise(connection, since=since)
        runs = queries_runs.mark_runs_reset(connection)
        audit.record(
            connection,
            kind="exercise",
            subject="exercise",
            reason=str(command.details.get("reason") or "reset"),
            author=command.author,
            details={"runs": runs, "revisions_taken_back": edited},
        )
    return expected


def archive_runs(connection: Connection, data: Path) -> None:
    """Archive the debrief of each run."""
    for run in queries_runs.list_runs(connection):
        if run.state is not RunState.RESET:
            debrief.archive_debrief(connection, data, run)
