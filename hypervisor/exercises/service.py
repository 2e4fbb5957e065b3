"""What a leader asks for, checked before it is asked: the web's side of an exercise."""

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
from hypervisor.exercises.playable import one, story_of
from hypervisor.exercises.queries_runs import Command, New, Run, RunError, RunState
from simulators import _words
from simulators._story import Inject as Planned
from simulators._story import Story

# Who leads an exercise may see what is to come; those who train by it may not.
LEAD = Duty.ADMINISTER
SILENT_SECONDS = 10.0  # after which a conductor is taken for gone


@dataclass(frozen=True, kw_only=True)
class Start:
    """A run as its leader wants it. `speed` None: as fast as it is stored.

    `held`: its clock waits at the beginning until somebody resumes it. `seed`, `hours`, `faults` of
    a story; `stations`, `begins`, `ends`, `columns`, `linger` (s) of a recording.
    """

    source: str
    author: str
    language: str = "en"  # of the injects that come with it
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


def start(connection: Connection, data: Path, wanted: Start) -> tuple[int, int]:
    """Ask for a run; its number and that of the command. In the caller's transaction.

    Raises:
        RunError: one is under way, or the exercise's clock is past its beginning.
        TerritoryError: there is no such scenario, or its file cannot be read.
    """
    _require_speed(wanted.speed)
    for fault in wanted.faults:  # what cannot be read is told now, not when it is prepared
        _words.fault(fault)
    begins, ends, title, title_fr, kind = _span(data, wanted)
    _require_ahead(connection, begins)
    parameters: dict[str, Any] = {"held": wanted.held, "language": wanted.language}
    if kind == "story":
        parameters |= {"seed": wanted.seed, "hours": wanted.hours, "faults": list(wanted.faults)}
    else:
        parameters |= {
            "stations": list(wanted.stations) or None,
            "from": None if wanted.begins is None else wanted.begins.isoformat(),
            "to": None if wanted.ends is None else wanted.ends.isoformat(),
            "columns": list(wanted.columns) or None,
            "linger": wanted.linger,
        }
    new = New(
        kind=kind,
        source=wanted.source,
        title=title,
        title_fr=title_fr,
        parameters=parameters,
        speed=wanted.speed,
        begins=begins,
        ends=ends,
        author=wanted.author,
    )
    run = queries_runs.add(connection, new)
    _audit(connection, wanted.author, f"run/{run}", "start", {"source": wanted.source})
    return run, queries_runs.ask(connection, "start", author=wanted.author, run=run)


@dataclass(frozen=True, kw_only=True)
class Order:
    """Something asked of a run under way. `version`: of the run as it was seen, None: whatever."""

    kind: str
    author: str
    details: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None


def order(connection: Connection, number: int, wanted: Order) -> int:
    """Ask for a pause, resumption, speed, jump, stop; the command's number.

    Raises:
        RunError: there is no such run, it is over, or what is asked makes no sense.
        ChangedError: somebody asked for something else meanwhile.
    """
    run = queries_runs.find(connection, number)
    if run is None:
        raise RunError(f"no run has the number {number}")
    if wanted.version is not None and wanted.version != run.version:
        raise queries_injects.ChangedError(
            f"the run has changed since you saw it: it is {run.state} now; look again"
        )
    if not run.active:
        raise RunError(f"this run is {run.state}: start another one")
    details = _checked(run, wanted)
    _audit(connection, wanted.author, f"run/{number}", wanted.kind, details)
    return queries_runs.ask(
        connection, wanted.kind, author=wanted.author, run=number, details=details
    )


def fire(connection: Connection, number: int, author: str) -> int:
    """Ask for an inject to be put in now; the command's number.

    Raises:
        RunError: there is none, or it does not wait.
    """
    one = queries_injects.inject(connection, number)
    if one is None or not one.waits:
        raise RunError(f"no inject of the number {number} waits to be put in")
    _audit(connection, author, f"inject/{number}", "fire", {"title": one.title})
    return queries_runs.ask(
        connection, "fire", author=author, run=one.run, details={"inject": number}
    )


def reset(connection: Connection, author: str, reason: str) -> int:
    """Ask for the exercise to begin anew; the command's number.

    Raises:
        RunError: a run is under way.
    """
    run = queries_runs.latest(connection)
    if run is not None and run.active:
        raise RunError("a run is under way: stop it before the exercise begins anew")
    details = {"reason": reason}
    return queries_runs.ask(connection, "reset", author=author, details=details)


def outcome(connection: Connection, command: int) -> Command | None:
    """What became of a command, None: nothing yet.

    Raises:
        RunError: it was refused.
    """
    found = queries_runs.command(connection, command)
    if found is None or found.done_at is None:
        return None
    if found.refused is not None:
        raise RunError(found.refused)
    return found


def alive(connection: Connection) -> bool:
    """Whether a conductor is there to play."""
    seen = queries_runs.seen(connection)
    return seen is not None and seen < SILENT_SECONDS


def planned(story: Story, language: str) -> list[tuple[Planned, dict[str, Any]]]:
    """The injects of a story as rows, in a language; who they are of is still to be picked."""
    return [(inject, _row(inject, story, language)) for inject in story.injects]


def _row(one: Planned, story: Story, language: str) -> dict[str, Any]:
    def said(name: str) -> str:
        own = str(getattr(one, f"{name}_fr")) if language == "fr" else ""
        return own or str(getattr(one, name))

    return {
        "kind": one.kind,
        **{name: said(name) for name in ("title", "text", "sender", "expected")},
        "planned": story.begins + timedelta(hours=one.at),
    }


def _checked(run: Run, wanted: Order) -> dict[str, Any]:
    match wanted.kind:
        case "pause" | "stop":
            return {}
        case "resume":
            if run.state not in {RunState.PAUSED, RunState.INTERRUPTED}:
                raise RunError(f"this run is {run.state}: there is nothing to resume")
            return {}
        case "speed":
            _require_speed(wanted.details.get("speed"))
            return {"speed": wanted.details.get("speed")}
        case "jump":
            return {"to": _landing(run, wanted).isoformat()}
    raise RunError(f"nothing is called {wanted.kind!r}: pause, resume, speed, jump or stop")


def _landing(run: Run, wanted: Order) -> datetime:
    """To a time, or onwards by so many seconds."""
    to, by = wanted.details.get("to"), wanted.details.get("by")
    here = run.clock or run.begins
    landing = to if isinstance(to, datetime) else here + timedelta(seconds=float(by or 0))
    landing = min(landing, run.ends) if to is None else landing
    if not here < landing <= run.ends:
        raise RunError(
            f"a jump leads onwards, to the end at the latest: from {here.isoformat()} to"
            f" {run.ends.isoformat()}, not {landing.isoformat()}; a clock never turns back"
        )
    return landing


def _require_speed(speed: float | None) -> None:
    if speed is not None and not 0 < speed <= 1e6:
        raise RunError("a speed is a number above 0 (scenario seconds a second), or max")


def _require_ahead(connection: Connection, begins: datetime) -> None:
    latest = exercise_store.standing(connection).latest
    if latest is not None and micros(begins) < latest:
        raise RunError(
            f"this exercise's clock stands at {text(latest)} and the scenario begins at"
            f" {text(micros(begins))}; a clock never turns back: begin the exercise anew (its"
            " readings and alarms are cleared, its territory and rules stay)"
        )


def _span(data: Path, wanted: Start) -> tuple[datetime, datetime, str, str, str]:
    chosen = one(data, wanted.source)
    if chosen.wrong or chosen.begins is None or chosen.ends is None:
        raise RunError(f"{wanted.source} cannot be played: {chosen.wrong}")
    if chosen.kind == "story":
        begins = chosen.begins
        ends = chosen.ends
        if wanted.hours is not None:
            story = story_of(data, wanted.source)
            if wanted.hours <= 0:
                raise RunError("hours: expected a number above 0")
            ends = begins + timedelta(hours=min(wanted.hours, story.hours))
    else:
        begins = max(chosen.begins, wanted.begins or chosen.begins)
        ends = min(chosen.ends, wanted.ends or chosen.ends)
        if begins >= ends:
            raise RunError("the recording holds nothing in that span")
        ends += timedelta(seconds=wanted.linger)
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
