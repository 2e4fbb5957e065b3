"""Leaders' commands and injects for the player, read from the database."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from hypervisor.base.failures import describe_failure
from hypervisor.base.instants import micros, moment, text
from hypervisor.database.connect import Connection, StoreError
from hypervisor.database.steps import ends_session
from hypervisor.exercises import queries_injects, queries_runs
from hypervisor.exercises.model import Command, Inject, RunError, RunState
from hypervisor.exercises.plan import RunPlan
from hypervisor.exercises.queries import RetryingConnection
from sensors._domain import catalogue
from sensors._errors import TerritoryError
from simulators._player import Progress
from simulators._publications import Publication, native_topic
from simulators._run_control import SECOND, PlayerCommand

HOUR = 3600 * SECOND
SAY_SECONDS = 0.5  # interval of progress reports
_JSON = msgspec.json.Encoder()


@dataclass(frozen=True, kw_only=True)
class SensorOutage:
    """Failed sensors, from and until (µs of the scenario)."""

    devices: frozenset[str]
    since: int
    until: float  # inf: to the end


@dataclass(kw_only=True)
class RunController:
    """Controls the player of one run. `ending`: whether the process should end."""

    questions: RetryingConnection
    run: int
    plan: RunPlan
    command: PlayerCommand
    end: int  # µs of the scenario
    ending: Callable[[], bool]
    before: int = 0  # readings played before a resumption
    stopped_by: str | None = None
    _injects: list[Inject] = field(default_factory=list)
    _fired: list[tuple[Inject, Command]] = field(default_factory=list)  # fired manually
    _lost: list[SensorOutage] = field(default_factory=list)
    _jumped_from: tuple[int, str] | None = None
    _written_at: float = 0.0
    _readings: int = 0
    _last: tuple[float, int] | None = None  # wall time and clock of the last report

    def recall(self) -> None:
        """Restore sensor outages after an interruption."""
        self._injects = self.questions.ask(lambda c: queries_injects.list_injects(c, self.run))
        for inject in self._injects:
            if inject.kind == "lost-sensor" and inject.fired_scenario is not None:
                self._lose(inject, micros(inject.fired_scenario))

    def look(self, clock: int) -> PlayerCommand:
        """Execute new commands."""
        if self.ending():
            self.command = replace(self.command, stop=True)
            return self.command
        if time.monotonic() - self._written_at > SAY_SECONDS:
            self.say(clock, self._readings)
        for command in self.questions.ask(queries_runs.list_pending_commands):
            refused = self._do(command, clock)
            if refused is not None or command.kind != "fire":  # finished when it was sent
                self._done(command.id, refused)
        self._injects = self.questions.ask(lambda c: queries_injects.list_injects(c, self.run))
        if self.command.until is not None and clock >= self.command.until:
            self._landed()
        return self.command

    def due(self, until: int) -> int | None:
        """Time of the next planned inject."""
        times = (
            micros(inject.planned)
            for inject in self._injects
            if inject.state == "planned" and inject.planned is not None
        )
        earliest = min(times, default=None)
        return earliest if earliest is not None and earliest <= until else None

    def take_injects(self, clock: int, *, planned: bool) -> Sequence[Publication]:
        """Messages of planned injects that are due, or of injects fired manually."""
        if planned:
            due = [
                (inject, inject.author)
                for inject in self.questions.ask(
                    lambda c: queries_injects.list_injects(c, self.run)
                )
                if inject.state == "planned" and inject.planned and micros(inject.planned) <= clock
            ]
            gone = {inject.id for inject, _ in due}
            self._injects = [
                inject for inject in self._injects if inject.id not in gone and inject.waits
            ]
            return [
                publication for inject, by in due for publication in self._out(inject, by, clock)
            ]
        fired, self._fired = self._fired, []
        publications: list[Publication] = []
        for inject, command in fired:
            publications += self._out(inject, command.author, clock)
            self._done(command.id)
        return publications

    def passes(self, publication: Publication) -> bool:
        """False if its device has failed."""
        at = publication.arrival
        return not any(
            outage.since <= at < outage.until and publication.device in outage.devices
            for outage in self._lost
        )

    def notice(self, progress: Progress) -> None:
        """Note the progress for the next report."""
        self._readings = progress.readings

    def say(self, clock: int, readings: int) -> None:
        """Save progress and heartbeat."""
        now = time.monotonic()
        last, self._last, self._written_at = self._last, (now, clock), now
        since = None if last is None else now - last[0]
        reached = 0.0 if not since or not last else (clock - last[1]) / SECOND / since

        def write(connection: Connection) -> None:
            queries_runs.save_heartbeat(connection, os.getpid())
            queries_injects.settle_skips(connection)
            queries_runs.save_progress(
                connection,
                self.run,
                clock=moment(clock),
                readings=self.before + readings,
                reached=reached,
            )

        self.questions.ask(write)

    def close(self, clock: int, readings: int) -> None:
        """Finish the run, and a jump that it was in."""
        if self._jumped_from is not None:
            self.command = replace(self.command, until=clock)
            self._landed()
        self.say(clock, readings)

    def _do(self, command: Command, clock: int) -> str | None:
        """Execute a command; returns the reason if refused."""
        if command.kind in {"start", "reset"}:
            return "a run is active: stop it first"
        if command.run != self.run:
            return "that run is over"
        try:
            _ACTS[command.kind](self, command, clock)
        except Exception as error:  # noqa: BLE001  one that fails does not end the run
            return explain_refusal(error)
        return None

    def _pause(self, _command: Command, _clock: int) -> None:
        self.command = replace(self.command, held=True)
        self._write(state=RunState.PAUSED)

    def _resume(self, _command: Command, _clock: int) -> None:
        self.command = replace(self.command, held=False)
        self._write(state=RunState.RUNNING)

    def _speed(self, command: Command, _clock: int) -> None:
        speed = command.details.get("speed")
        self.command = replace(self.command, speed=speed)
        self._write(speed=speed)

    def _jump(self, command: Command, clock: int) -> None:
        until = micros(datetime.fromisoformat(command.details["to"]))
        if not clock < until <= self.end:
            raise RunError(
                "a jump must go forward and not past the end: from {clock} to {end}, not {target}",
                text(clock),
                text(self.end),
                text(until),
            )
        self._jumped_from = self._jumped_from or (clock, command.author)
        self.command = replace(self.command, until=until)
        self._write(jump_to=moment(until))

    def _landed(self) -> None:
        until, (since, author) = self.command.until, self._jumped_from or (0, "")
        self.command, self._jumped_from = replace(self.command, until=None), None
        self._write(jump_to=None)
        if until is not None:
            self.questions.ask(
                lambda c: queries_injects.add_skip(
                    c, self.run, from_at=moment(since), to_at=moment(until), author=author
                )
            )

    def _stop(self, command: Command, _clock: int) -> None:
        self.command = replace(self.command, stop=True)
        self.stopped_by = command.author

    def _fire(self, command: Command, _clock: int) -> None:
        number = int(command.details["inject"])
        inject = self.questions.ask(lambda c: queries_injects.get_inject(c, number))
        if inject is None or inject.run != self.run or not inject.waits:
            raise RunError("this inject is not pending")
        self._fired.append((inject, command))

    def _done(self, command: int, refused: str | None = None) -> None:
        self.questions.ask(lambda c: queries_runs.finish_command(c, command, refused))

    def _write(self, **columns: Any) -> None:
        self.questions.ask(lambda c: queries_runs.update_run(c, self.run, **columns))

    def _out(self, inject: Inject, by: str, at: int) -> Iterator[Publication]:
        done = self.questions.ask(
            lambda c: queries_injects.fire_inject(c, inject.id, at=moment(at), by=by)
        )
        if done is None:
            return
        if done.kind == "lost-sensor":
            self._lose(done, at)
        elif done.kind == "reading":
            yield from reading_messages(done.details, at)

    def _lose(self, inject: Inject, at: int) -> None:
        hours = inject.details.get("hours")
        until = float("inf") if hours is None else at + float(hours) * HOUR
        self._lost.append(
            SensorOutage(
                devices=frozenset(inject.details.get("devices", ())), since=at, until=until
            )
        )


def explain_refusal(error: Exception) -> str:
    """Why a command was not executed. Raises the error itself: the database is lost."""
    if isinstance(error, StoreError) or ends_session(error):
        raise error
    return str(error) if isinstance(error, TerritoryError) else describe_failure(error)


_ACTS: Mapping[str, Callable[[RunController, Command, int], None]] = {
    "pause": RunController._pause,  # noqa: SLF001  table of its own methods
    "resume": RunController._resume,  # noqa: SLF001
    "speed": RunController._speed,  # noqa: SLF001
    "jump": RunController._jump,  # noqa: SLF001
    "stop": RunController._stop,  # noqa: SLF001
    "fire": RunController._fire,  # noqa: SLF001
}


def reading_messages(details: Mapping[str, Any], at: int) -> Iterator[Publication]:
    """An injected reading in the native format."""
    quantity = str(details["quantity"])
    body = {
        "time": text(at),
        "values": {quantity: details["value"]},
        "units": {quantity: details.get("unit") or catalogue().quantities[quantity].unit},
    }
    for device in details["devices"]:
        yield Publication(
            arrival=at,
            topic=native_topic(device),
            payload=_JSON.encode(body),
            readings=1,
            device=device,
        )
