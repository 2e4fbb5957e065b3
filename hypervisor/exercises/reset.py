"""An exercise begun anew: its runs are archived with their debriefs, then what happened is cleared.

It comes back to what it was before its first run, and not to any other state: whoever wants to
stand at a time within a run plays it again and jumps there.
"""

import time
from collections.abc import Callable
from pathlib import Path

from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.exercises import debrief, queries_runs
from hypervisor.exercises import queries as store
from hypervisor.exercises import queries_reset as clearing
from hypervisor.exercises.queries_runs import Command, RunError, RunState
from hypervisor.readings import queries_workers

JOIN_SECONDS = 30.0  # that workers may take to join anew


def await_workers(connection: Connection, expected: int, stopping: Callable[[], bool]) -> None:
    """Until the workers have joined anew, so that the next run finds everybody listening."""
    since = time.monotonic()
    while not stopping() and time.monotonic() - since < JOIN_SECONDS:
        if (
            sum(worker.drained_at is None for worker in queries_workers.list_workers(connection))
            >= expected
        ):
            return
        time.sleep(0.1)


def reset(connection: Connection, command: Command, data: Path) -> int:
    """Do it, in one transaction; how many workers are to join anew.

    Raises:
        RunError: a run is under way, or a worker still has to store what was played.
    """
    with connection.transaction():
        latest = queries_runs.latest(connection)
        if latest is not None and latest.active:
            raise RunError("a run is under way: stop it before the exercise begins anew")
        now = store.standing(connection)
        if now.latest is not None and (now.heard is None or now.heard < now.latest):
            raise RunError(
                f"the ingest worker {now.slowest!r} has not yet stored all that was played; what it"
                " has would come into the new exercise: start it, then try again"
            )
        expected = sum(
            worker.drained_at is None for worker in queries_workers.list_workers(connection)
        )
        archive(connection, data)
        since = queries_runs.first_asked(connection)
        edited = clearing.clear(connection, since=since)
        runs = queries_runs.forget_runs(connection)
        audit.record(
            connection,
            kind="exercise",
            subject="exercise",
            reason=str(command.details.get("reason") or "the exercise begins anew"),
            author=command.author,
            details={"runs": runs, "revisions_taken_back": edited},
        )
    return expected


def archive(connection: Connection, data: Path) -> None:
    """Keep what can be told of each run, before what it is told from goes."""
    for run in queries_runs.runs(connection):
        if run.state is not RunState.RESET:
            debrief.keep(connection, data, run)
