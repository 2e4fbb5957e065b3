"""An exercise begun anew: its runs are archived with their debriefs, then what happened is cleared.

It comes back to what it was before its first run, and not to any other state: whoever wants to
stand at a time within a run plays it again and jumps there.
"""

from hypervisor.store import audit, conducting
from hypervisor.store import exercise as store
from hypervisor.store import resetting as clearing
from hypervisor.store.conducting import Command, RunError
from hypervisor.store.connect import Connection


def reset(connection: Connection, command: Command) -> None:
    """Do it, in one transaction.

    Raises:
        RunError: a run is under way, or a worker still has to store what was played.
    """
    with connection.transaction():
        latest = conducting.latest(connection)
        if latest is not None and latest.active:
            raise RunError("a run is under way: stop it before the exercise begins anew")
        now = store.standing(connection)
        if now.latest is not None and (now.heard is None or now.heard < now.latest):
            raise RunError(
                f"the ingest worker {now.slowest!r} has not yet stored all that was played; what it"
                " has would come into the new exercise: start it, then try again"
            )
        since = conducting.first_asked(connection)
        edited = clearing.clear(connection, since=since)
        runs = conducting.forget_runs(connection)
        audit.record(
            connection,
            kind="exercise",
            subject="exercise",
            reason=str(command.details.get("reason") or "the exercise begins anew"),
            author=command.author,
            details={"runs": runs, "revisions_taken_back": edited},
        )
