"""Public state of an exercise: scenario, speed, progress."""

from dataclasses import dataclass
from datetime import datetime

from hypervisor.database.connect import Connection
from hypervisor.exercises import queries_runs
from hypervisor.exercises.queries_runs import RunState


@dataclass(frozen=True, kw_only=True)
class ExerciseStatus:
    """The active run, or the last one. `speed` None: as fast as readings are stored.

    `clock` and the span are the scenario's. `hurrying`: it is jumping ahead.
    """

    run: int
    title: str
    title_fr: str
    state: RunState
    speed: float | None
    begins: datetime
    ends: datetime
    clock: datetime | None
    hurrying: bool

    def name(self, language: str) -> str:
        """The title in a language."""
        return (self.title_fr if language == "fr" else self.title) or self.title

    @property
    def playing(self) -> bool:
        """Whether its clock runs, or is about to."""
        return self.state in {RunState.PREPARING, RunState.RUNNING}

    @property
    def done(self) -> float:
        """Progress, 0 … 1."""
        if self.clock is None:
            return 0.0
        whole = (self.ends - self.begins).total_seconds()
        gone = (self.clock - self.begins).total_seconds()
        return min(1.0, max(0.0, gone / whole)) if whole > 0 else 1.0


def get_status(connection: Connection) -> ExerciseStatus | None:
    """Status for the banner; None without a run, or in a live instance."""
    run = queries_runs.get_latest_run(connection)
    if run is None:
        return None
    return ExerciseStatus(
        run=run.id,
        title=run.title,
        title_fr=run.title_fr,
        state=run.state,
        speed=run.speed,
        begins=run.begins,
        ends=run.ends,
        clock=run.clock,
        hurrying=run.jump_to is not None,
    )
