"""Checked commands of exercise leaders."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.instants import micros, text
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.exercises import queries as exercise_store
from hypervisor.exercises import queries_injects, queries_runs
from hypervisor.exercises.model import (
    ChangedError,
    NewRun,
    Playable,
    Run,
    RunError,
    RunState,
    StartPost,
)
from hypervisor.exercises.playable import get_playable
from simulators import _options

# Leaders see the scenario in advance; trainees do not.
LEAD = Duty.ADMINISTER
SILENT_SECONDS = 10.0  # after which the player counts as stopped


def start_run(connection: Connection, data: Path, options: StartPost, author: str) -> int:
    """Request a run in the caller's transaction; returns its id.

    Raises:
        RunError: another run is active, or the exercise's clock is past the beginning.
        TerritoryError: there is no such scenario, or its file cannot be read.
    """
    _require_speed(options.speed)
    for fault in options.faults:  # fail now, not during preparation
        _options.parse_fault(fault)
    chosen = get_playable(data, options.source)
    begins, ends = _find_span(options, chosen)
    _require_ahead(connection, begins)
    parameters: dict[str, Any] = {"held": options.held, "language": options.language}
    if chosen.kind == "story":
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
        kind=chosen.kind,
        source=options.source,
        title=chosen.title,
        title_fr=chosen.title_fr,
        parameters=parameters,
        speed=options.speed,
        begins=begins,
        ends=ends,
        author=author,
    )
    run = queries_runs.add_run(connection, new)
    _audit(connection, author, f"run/{run}", "start", {"source": options.source})
    queries_runs.add_command(connection, "start", author=author, run=run)
    return run


@dataclass(frozen=True, kw_only=True)
class Order:
    """A command to an active run. `version`: the version seen, None: any."""

    kind: str
    author: str
    details: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None


def order_run(connection: Connection, number: int, order: Order) -> int:
    """Request a pause, resumption, speed, jump or stop; returns the command's id.

    Raises:
        RunError: there is no such run, it is over, or the command is invalid.
        ChangedError: the run has changed.
    """
    run = queries_runs.get_run(connection, number)
    if run is None:
        raise RunError("no run has the number {number}", number)
    seen = order.version is None or queries_runs.claim_version(connection, number, order.version)
    if not seen:
        raise ChangedError("the run has changed: it is now {state}; reload it", run.state.words)
    if not run.active:
        raise RunError("this run is {state}: start another one", run.state.words)
    details = _check_order(run, order)
    _audit(connection, order.author, f"run/{number}", order.kind, details)
    return queries_runs.add_command(
        connection, order.kind, author=order.author, run=number, details=details
    )


def fire_inject(connection: Connection, number: int, author: str) -> int:
    """Request an inject now; returns the command's id.

    Raises RunError: there is no such pending inject.
    """
    inject = queries_injects.get_inject(connection, number)
    if inject is None or not inject.waits:
        raise RunError("no pending inject has the number {number}", number)
    _audit(connection, author, f"inject/{number}", "fire", {"title": inject.title})
    return queries_runs.add_command(
        connection, "fire", author=author, run=inject.run, details={"inject": number}
    )


def request_reset(connection: Connection, author: str, reason: str) -> int:
    """Request a reset; returns the command's id. Raises RunError: a run is active."""
    run = queries_runs.get_latest_run(connection)
    if run is not None and run.active:
        raise RunError("a run is active: stop it before the reset")
    details = {"reason": reason}
    return queries_runs.add_command(connection, "reset", author=author, details=details)


def is_conducted(connection: Connection) -> bool:
    """Whether the exercise player is running."""
    seen = queries_runs.seconds_since_heartbeat(connection)
    return seen is not None and seen < SILENT_SECONDS


def require_conductor(connection: Connection) -> None:
    """Refuse what needs the exercise player while it is not running."""
    if not is_conducted(connection):
        raise RunError(
            "the exercise player is not running: `hypervisor up` starts `conduct` in an exercise,"
            " or start `hypervisor conduct` yourself"
        )


def execute(
    context: RequestContext, request: Callable[[Connection], int], *, seconds: float = 3.0
) -> None:
    """Request a command and wait briefly for it, so that the response shows its result.

    Raises RunError: it was refused, or no player is running.
    """
    require_conductor(context.connection)
    with context.writing() as connection:
        number = request(connection)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with context.owning() as connection:
            if is_done(connection, number):
                return
        time.sleep(0.05)


def is_done(connection: Connection, number: int) -> bool:
    """Whether a command was executed. Raises RunError: it was refused."""
    command = queries_runs.get_command(connection, number)
    if command is not None and command.refused is not None:
        raise RunError(command.refused)
    return command is not None and command.done_at is not None


def _check_order(run: Run, order: Order) -> dict[str, Any]:
    match order.kind:
        case "pause" | "stop":
            return {}
        case "resume":
            if run.state not in {RunState.PAUSED, RunState.INTERRUPTED}:
                raise RunError("this run is {state}: there is nothing to resume", run.state.words)
            return {}
        case "speed":
            _require_speed(order.details.get("speed"))
            return {"speed": order.details.get("speed")}
        case "jump":
            return {"to": _jump_target(run, order).isoformat()}
    raise RunError(
        "unknown command {kind!r}: expected pause, resume, speed, jump or stop", order.kind
    )


def _jump_target(run: Run, order: Order) -> datetime:
    """Target of a jump, by time or by seconds."""
    to, by = order.details.get("to"), order.details.get("by")
    here = run.clock or run.begins
    landing = to if isinstance(to, datetime) else here + timedelta(seconds=float(by or 0))
    landing = min(landing, run.ends) if to is None else landing
    if not here < landing <= run.ends:
        raise RunError(
            "a jump must go forward and not past the end: from {clock} to {end}, not {target}",
            here.isoformat(),
            run.ends.isoformat(),
            landing.isoformat(),
        )
    return landing


def _require_speed(speed: float | None) -> None:
    if speed is not None and not 0 < speed <= 1e6:
        raise RunError("a speed is a number above 0 (scenario seconds a second), or max")


def _require_ahead(connection: Connection, begins: datetime) -> None:
    latest = exercise_store.get_progress(connection).latest
    if latest is not None and micros(begins) < latest:
        raise RunError(
            "this exercise's clock stands at {clock} and the scenario begins at "
            "{begins}; the clock cannot be set back: reset the exercise (clears "
            "readings and alarms, keeps territory and rules)",
            text(latest),
            text(micros(begins)),
        )


def _find_span(options: StartPost, chosen: Playable) -> tuple[datetime, datetime]:
    if chosen.wrong or chosen.begins is None or chosen.ends is None:
        raise RunError("{source} cannot be played: {problem}", options.source, chosen.wrong)
    if chosen.kind == "story":
        ends = chosen.ends
        if options.hours is not None:
            if options.hours <= 0:
                raise RunError("hours: expected a number above 0")
            ends = min(ends, chosen.begins + timedelta(hours=options.hours))
        return chosen.begins, ends
    begins = max(chosen.begins, options.begins or chosen.begins)
    ends = min(chosen.ends, options.ends or chosen.ends)
    if begins >= ends:
        raise RunError("the recording has no readings in this period")
    return begins, ends + timedelta(seconds=options.linger)


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
