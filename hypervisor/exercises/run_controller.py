"""Whoever leads a run, as its player sees them: commands and injects out of the database."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from hypervisor.base.instants import micros, moment, text
from hypervisor.database.connect import Connection
from hypervisor.exercises import queries_injects, queries_runs
from hypervisor.exercises.plan import RunPlan
from hypervisor.exercises.queries import Questions
from hypervisor.exercises.queries_injects import Inject
from hypervisor.exercises.queries_runs import Command, RunError, RunState
from sensors._domain import catalogue
from simulators._player import Progress
from simulators._publications import Publication, native_topic
from simulators._tempo import SECOND, PlayerCommand

HOUR = 3600 * SECOND
SAY_SECONDS = 0.5  # between two words on how far it is, while its clock stands too
_JSON = msgspec.json.Encoder()


@dataclass(frozen=True, kw_only=True)
class Lost:
    """Sensors that say nothing, from and until (µs of the scenario)."""

    devices: frozenset[str]
    since: int
    until: float  # inf: to the end


@dataclass(kw_only=True)
class RunController:
    """What `simulators._tempo.Reins` asks for, for one run. `ending`: whether we are to end."""

    questions: Questions
    run: int
    plan: RunPlan
    wish: PlayerCommand
    end: int  # µs of the scenario
    ending: Callable[[], bool]
    before: int = 0  # readings that were played before this part of it
    stopped_by: str | None = None
    _injects: list[Inject] = field(default_factory=list)
    _fired: list[tuple[Inject, Command]] = field(default_factory=list)  # by hand: to go out now
    _lost: list[Lost] = field(default_factory=list)
    _jumped_from: tuple[int, str] | None = None
    _said: float = 0.0
    _readings: int = 0
    _last: tuple[float, int] | None = None  # wall and clock when it was last said

    def recall(self) -> None:
        """Sensors that were lost when it was interrupted are lost still."""
        self._injects = self.questions.ask(lambda c: queries_injects.injects(c, self.run))
        for inject in self._injects:
            if inject.kind == "lost-sensor" and inject.fired_scenario is not None:
                self._lose(inject, micros(inject.fired_scenario))

    def look(self, clock: int) -> PlayerCommand:
        """Do what was asked for since the last look."""
        if self.ending():
            self.wish = replace(self.wish, stop=True)
            return self.wish
        if time.monotonic() - self._said > SAY_SECONDS:
            self.say(clock, self._readings)
        for command in self.questions.ask(queries_runs.waiting):
            refused = self._do(command, clock)
            if refused is not None or command.kind != "fire":  # that is done once it went out
                self._done(command.id, refused)
        self._injects = self.questions.ask(lambda c: queries_injects.injects(c, self.run))
        if self.wish.until is not None and clock >= self.wish.until:
            self._landed()
        return self.wish

    def due(self, until: int) -> int | None:
        """When the next planned inject is due."""
        times = (
            micros(inject.planned)
            for inject in self._injects
            if inject.state == "planned" and inject.planned is not None
        )
        found = min(times, default=None)
        return found if found is not None and found <= until else None

    def put_in(self, clock: int, *, planned: bool) -> Sequence[Publication]:
        """What is planned by now, or was fired by hand."""
        if planned:
            due = [
                (one, one.author)
                for one in self.questions.ask(lambda c: queries_injects.injects(c, self.run))
                if one.state == "planned" and one.planned and micros(one.planned) <= clock
            ]
            gone = {one.id for one, _ in due}
            self._injects = [
                inject for inject in self._injects if inject.id not in gone and inject.waits
            ]
            return [each for one, by in due for each in self._out(one, by, clock)]
        fired, self._fired = self._fired, []
        publications: list[Publication] = []
        for one, command in fired:
            publications += self._out(one, command.author, clock)
            self._done(command.id)
        return publications

    def passes(self, publication: Publication) -> bool:
        """Unless all devices that it is of are lost."""
        at = publication.arrival
        lost = [one.devices for one in self._lost if one.since <= at < one.until]
        if not lost:
            return True
        return not self.plan.devices_of(publication) <= frozenset().union(*lost)

    def notice(self, progress: Progress) -> None:
        """How far it is: written at the next look."""
        self._readings = progress.readings

    def say(self, clock: int, readings: int) -> None:
        """Write how far it is, and that we live."""
        now = time.monotonic()
        last, self._last, self._said = self._last, (now, clock), now
        since = None if last is None else now - last[0]
        reached = 0.0 if not since or not last else (clock - last[1]) / SECOND / since

        def write(connection: Connection) -> None:
            queries_runs.beat(connection, os.getpid())
            queries_injects.settle_skips(connection)
            queries_runs.progress(
                connection,
                self.run,
                clock=moment(clock),
                readings=self.before + readings,
                reached=reached,
            )

        self.questions.ask(write)

    def close(self, clock: int, readings: int) -> None:
        """It has come to its end, or was stopped: what was jumped over until here was that."""
        if self._jumped_from is not None:
            self.wish = replace(self.wish, until=clock)
            self._landed()
        self.say(clock, readings)

    def _do(self, command: Command, clock: int) -> str | None:
        """Why it is refused; None: it was done."""
        if command.kind in {"start", "reset"}:
            return "a run is under way: stop it first"
        if command.run != self.run:
            return "that run is over"
        try:
            _ACTS[command.kind](self, command, clock)
        except RunError as error:
            return str(error)
        return None

    def _pause(self, _command: Command, _clock: int) -> None:
        self.wish = replace(self.wish, held=True)
        self._write(state=RunState.PAUSED)

    def _resume(self, _command: Command, _clock: int) -> None:
        self.wish = replace(self.wish, held=False)
        self._write(state=RunState.RUNNING)

    def _speed(self, command: Command, _clock: int) -> None:
        speed = command.details.get("speed")
        self.wish = replace(self.wish, speed=speed)
        self._write(speed=speed)

    def _jump(self, command: Command, clock: int) -> None:
        until = micros(datetime.fromisoformat(command.details["to"]))
        if not clock < until <= self.end:
            raise RunError(
                f"a jump leads onwards, to the end at the latest: from {text(clock)} to"
                f" {text(self.end)}, not {text(until)}"
            )
        self._jumped_from = self._jumped_from or (clock, command.author)
        self.wish = replace(self.wish, until=until)
        self._write(jump_to=moment(until))

    def _landed(self) -> None:
        until, (since, author) = self.wish.until, self._jumped_from or (0, "")
        self.wish, self._jumped_from = replace(self.wish, until=None), None
        self._write(jump_to=None)
        if until is not None:
            self.questions.ask(
                lambda c: queries_injects.skip(
                    c, self.run, from_at=moment(since), to_at=moment(until), author=author
                )
            )

    def _stop(self, command: Command, _clock: int) -> None:
        self.wish = replace(self.wish, stop=True)
        self.stopped_by = command.author

    def _fire(self, command: Command, _clock: int) -> None:
        number = int(command.details["inject"])
        one = self.questions.ask(lambda c: queries_injects.inject(c, number))
        if one is None or one.run != self.run or not one.waits:
            raise RunError("this inject is not one that still waits to be put in")
        self._fired.append((one, command))

    def _done(self, command: int, refused: str | None = None) -> None:
        self.questions.ask(lambda c: queries_runs.done(c, command, refused))

    def _write(self, **columns: Any) -> None:
        self.questions.ask(lambda c: queries_runs.update(c, self.run, **columns))

    def _out(self, inject: Inject, by: str, at: int) -> Iterator[Publication]:
        done = self.questions.ask(
            lambda c: queries_injects.fire(c, inject.id, at=moment(at), by=by)
        )
        if done is None:
            return
        if done.kind == "lost-sensor":
            self._lose(done, at)
        elif done.kind == "reading":
            yield from readings(done.details, at)

    def _lose(self, one: Inject, at: int) -> None:
        hours = one.details.get("hours")
        until = float("inf") if hours is None else at + float(hours) * HOUR
        self._lost.append(
            Lost(devices=frozenset(one.details.get("devices", ())), since=at, until=until)
        )


_ACTS: Mapping[str, Callable[[RunController, Command, int], None]] = {
    "pause": RunController._pause,  # noqa: SLF001  the table of its own acts
    "resume": RunController._resume,  # noqa: SLF001
    "speed": RunController._speed,  # noqa: SLF001
    "jump": RunController._jump,  # noqa: SLF001
    "stop": RunController._stop,  # noqa: SLF001
    "fire": RunController._fire,  # noqa: SLF001
}


def readings(details: Mapping[str, Any], at: int) -> Iterator[Publication]:
    """A reading put in by hand, as its device would tell it in our own form."""
    quantity = str(details["quantity"])
    body = {
        "time": text(at),
        "values": {quantity: details["value"]},
        "units": {quantity: details.get("unit") or catalogue().quantities[quantity].unit},
    }
    for device in details["devices"]:
        yield Publication(
            arrival=at, topic=native_topic(device), payload=_JSON.encode(body), readings=1
        )
