"""Checked commands of exercise leaders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypervisor.base.duties import Duty
from hypervisor.base.instants import micros, text
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.exercises import queries as exercise_store
from hypervisor.exercises import queries_injects, queries_runs
from hypervisor.exercises.playable import get_playable, load_story
from hypervisor.exercises.queries_runs import Command, NewRun, Run, RunError, RunState
from simulators import _options
from simulators._story import Inject as Planned
from simulators._story import Story

# Leaders see the scenario in advance; trainees do not.
LEAD = Duty.ADMINISTER
SILENT_SECONDS = 10.0  # after which the player counts as stopped


@dataclass(frozen=True, kw_only=True)
class StartOptions:
    """Options of a run. `speed` None: as fast as readings are stored.

    `held`: start paused. `seed`, `hours`, `faults`: for scenarios; `stations`, `begins`, `ends`,
    `columns`, `linger` (s): for recordings.
    """

    source: str
    author: str
    language: str = "en"  # of the scenario's injects
    speed: float | None = 60.0
    held: bool = False
    seed: int = 1
    hours: float | None = None
    faults: Sequence[str] = ()
    stations: Sequence[str] = ()
    begins: datetime | None = None
    ends: datetime | None = None
    columns: Sequence[str] = ()
    linger: float = 0.0


def start_run(connection: Connection, data: Path, options: StartOptions) -> tuple[int, int]:
    """Request a run in the caller's transaction; returns the ids of run and command.

    Raises:
        RunError: another run is active, or the exercise's clock is past the beginning.
        TerritoryError: there is no such scenario, or its file cannot be read.
    """
    _require_speed(options.speed)
    for fault in options.faults:  # fail now, not during preparation
        _options.parse_fault(fault)
    begins, ends, title, title_fr, kind = _find_span(data, options)
    _require_ahead(connection, begins)
    parameters: dict[str, Any] = {"held": options.held, "language": options.language}
    if kind == "story":
        parameters |= {"seed": options.seed, "hours": options.hours, "faults": list(options.faults)}
    else:
        parameters |= {
            "stations": list(options.stations) or None,
            "from": None if options.begins is None else options.begins.isoformat(),
            "to": None if options.ends is None else options.ends.isoformat(),
            "columns": list(options.columns) or None,
            "linger": options.linger,
        }
    new = NewRun(
        kind=kind,
        source=options.source,
        title=title,
        title_fr=title_fr,
        parameters=parameters,
        speed=options.speed,
        begins=begins,
        ends=ends,
        author=options.author,
    )
    run = queries_runs.add_run(connection, new)
    _audit(connection, options.author, f"run/{run}", "start", {"source": options.source})
    return run, queries_runs.add_command(connection, "start", author=options.author, run=run)


@dataclass(frozen=True, kw_only=True)
class Order:
    """A command to an active run. `version`: the version seen, None: any."""

    kind: str
    author: str
    details: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None


def order_run(connection: Connection, number: int, order_: Order) -> int:
    """Request a pause, resumption, speed, jump or stop; returns the command's id.

    Raises:
        RunError: there is no such run, it is over, or the command is invalid.
        ChangedError: the run has changed.
    """
    run = queries_runs.get_run(connection, number)
    if run is None:
        raise RunError(f"no run has the number {number}")
    if order_.version is not None and order_.version != run.version:
        raise queries_injects.ChangedError(f"the run has changed: it is now {run.state}; reload it")
    if not run.active:
        raise RunError(f"this run is {run.state}: start another one")
    details = _check_order(run, order_)
    _audit(connection, order_.author, f"run/{number}", order_.kind, details)
    return queries_runs.add_command(
        connection, order_.kind, author=order_.author, run=number, details=details
    )


def fire_inject(connection: Connection, number: int, author: str) -> int:
    """Request an inject now; returns the command's id.

    Raises:
        RunError: there is no such pending inject.
    """
    inject = queries_injects.get_inject(connection, number)
    if inject is None or not inject.waits:
        raise RunError(f"no pending inject has the number {number}")
    _audit(connection, author, f"inject/{number}", "fire", {"title": inject.title})
    return queries_runs.add_command(
        connection, "fire", author=author, run=inject.run, details={"inject": number}
    )


def request_reset(connection: Connection, author: str, reason: str) -> int:
    """Request a reset; returns the command's id.

    Raises:
        RunError: a run is active.
    """
    run = queries_runs.get_latest_run(connection)
    if run is not None and run.active:
        raise RunError("a run is active: stop it before the reset")
    details = {"reason": reason}
    return queries_runs.add_command(connection, "reset", author=author, details=details)


def get_outcome(connection: Connection, command: int) -> Command | None:
    """A finished command, None: still pending.

    Raises:
        RunError: it was refused.
    """
    outcome = queries_runs.get_command(connection, command)
    if outcome is None or outcome.done_at is None:
        return None
    if outcome.refused is not None:
        raise RunError(outcome.refused)
    return outcome


def is_conducted(connection: Connection) -> bool:
    """Whether the exercise player is running."""
    seen = queries_runs.seconds_since_heartbeat(connection)
    return seen is not None and seen < SILENT_SECONDS


def plan_injects(story: Story, language: str) -> list[tuple[Planned, dict[str, Any]]]:
    """Injects of a scenario as columns, in a language, without devices."""
    return [(inject, _inject_columns(inject, story, language)) for inject in story.injects]


def _inject_columns(inject: Planned, story: Story, language: str) -> dict[str, Any]:
    def localized(name: str) -> str:
        own = str(getattr(inject, f"{name}_fr")) if language == "fr" else ""
        return own or str(getattr(inject, name))

    return {
        "kind": inject.kind,
        **{name: localized(name) for name in ("title", "text", "sender", "expected")},
        "planned": story.begins + timedelta(hours=inject.at),
    }


def _check_order(run: Run, order_: Order) -> dict[str, Any]:
    match order_.kind:
        case "pause" | "stop":
            return {}
        case "resume":
            if run.state not in {RunState.PAUSED, RunState.INTERRUPTED}:
                raise RunError(f"this run is {run.state}: there is nothing to resume")
            return {}
        case "speed":
            _require_speed(order_.details.get("speed"))
            return {"speed": order_.details.get("speed")}
        case "jump":
            return {"to": _jump_target(run, order_).isoformat()}
    raise RunError(f"unknown command {order_.kind!r}: expected pause, resume, speed, jump or stop")


def _jump_target(run: Run, order_: Order) -> datetime:
    """Target of a jump, by time or by seconds."""
    to, by = order_.details.get("to"), order_.details.get("by")
    here = run.clock or run.begins
    landing = to if isinstance(to, datetime) else here + timedelta(seconds=float(by or 0))
    landing = min(landing, run.ends) if to is None else landing
    if not here < landing <= run.ends:
        raise RunError(
            f"a jump must go forward and not past the end: from {here.isoformat()} to"
            f" {run.ends.isoformat()}, not {landing.isoformat()}"
        )
    return landing


def _require_speed(speed: float | None) -> None:
    if speed is not None and not 0 < speed <= 1e6:
        raise RunError("a speed is a number above 0 (scenario seconds a second), or max")


def _require_ahead(connection: Connection, begins: datetime) -> None:
    latest = exercise_store.get_progress(connection).latest
    if latest is not None and micros(begins) < latest:
        raise RunError(
            f"this exercise's clock stands at {text(latest)} and the scenario begins at"
            f" {text(micros(begins))}; the clock cannot be set back: reset the exercise (clears"
            " readings and alarms, keeps territory and rules)"
        )


def _find_span(data: Path, options: StartOptions) -> tuple[datetime, datetime, str, str, str]:
    chosen = get_playable(data, options.source)
    if chosen.wrong or chosen.begins is None or chosen.ends is None:
        raise RunError(f"{options.source} cannot be played: {chosen.wrong}")
    if chosen.kind == "story":
        begins = chosen.begins
        ends = chosen.ends
        if options.hours is not None:
            story = load_story(data, options.source)
            if options.hours <= 0:
                raise RunError("hours: expected a number above 0")
            ends = begins + timedelta(hours=min(options.hours, story.hours))
    else:
        begins = max(chosen.begins, options.begins or chosen.begins)
        ends = min(chosen.ends, options.ends or chosen.ends)
        if begins >= ends:
            raise RunError("the recording has no readings in this period")
        ends += timedelta(seconds=options.linger)
    return begins, ends, chosen.title, chosen.title_fr, chosen.kind


def _audit(
    connection: Connection, author: str, subject: str, what: str, details: Mapping[str, Any]
) -> None:
    audit.record(
        connection,
        kind="exercise",
        subject=subject,
        reason=what,
        author=author,
        details=dict(details),
    )
