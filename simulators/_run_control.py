"""The scenario clock: its speed over wall time, and who controls it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from simulators._publications import Publication

SECOND = 1_000_000


@dataclass(frozen=True, kw_only=True)
class PlayerCommand:
    """How the run should go on.

    `speed`: scenario seconds a wall second, None: as fast as it is stored. `held`:
    paused. `until`: target of a jump (µs). `stop`: end the run.
    """

    speed: float | None = None
    held: bool = False
    until: int | None = None
    stop: bool = False


class RunControl(Protocol):
    """Controls a run; called by the thread that plays, so nothing here may take long."""

    def look(self, clock: int) -> PlayerCommand:
        """The command now, at `clock` (µs)."""
        ...

    def due(self, until: int) -> int | None:
        """Time (µs) of the next planned inject, if not after `until`."""
        ...

    def take_injects(self, clock: int, *, planned: bool) -> Sequence[Publication]:
        """Messages of injects to send at `clock`: planned until then, or fired manually."""
        ...

    def passes(self, publication: Publication) -> bool:
        """Whether to publish it; False: its device has failed."""
        ...


@dataclass(frozen=True, kw_only=True)
class FixedSpeed:
    """No control: one speed from beginning to end."""

    command: PlayerCommand = field(default_factory=PlayerCommand)

    def look(self, _clock: int) -> PlayerCommand:
        return self.command

    def due(self, _until: int) -> int | None:
        return None

    def take_injects(self, _clock: int, *, planned: bool) -> Sequence[Publication]:  # noqa: ARG002
        return ()

    def passes(self, _publication: Publication) -> bool:
        return True


@dataclass(kw_only=True)
class ScenarioClock:
    """Scenario time by wall time: `at` (µs) when the wall clock was at `wall` (s)."""

    now: Callable[[], float]
    at: int
    command: PlayerCommand = field(default_factory=PlayerCommand)
    wall: float = 0.0

    def start(self, at: int, command: PlayerCommand) -> None:
        """Continue from `at` under a command."""
        self.at, self.command, self.wall = at, command, self.now()

    def change(self, command: PlayerCommand, *, least: int, most: int) -> None:
        """Continue under a new command from where the clock is, between `least` and `most` (µs)."""
        if command != self.command:
            self.start(min(max(self.reached(), least), max(most, least)), command)

    def reached(self) -> int:
        """Scenario time now; without a speed, the last one reached."""
        if self._hurries or self.command.held or self.command.speed is None:
            return self.at
        return self.at + int((self.now() - self.wall) * SECOND * self.command.speed)

    def left(self, arrival: int) -> float:
        """Wall seconds until `arrival`; infinite while paused."""
        if self._hurries:
            return 0.0
        if self.command.held:
            return math.inf
        if self.command.speed is None:
            return 0.0
        return self.wall + (arrival - self.at) / SECOND / self.command.speed - self.now()

    def lands_before(self, arrival: int) -> int | None:
        """Target (µs) of a jump that ends before `arrival`."""
        until = self.command.until
        return until if until is not None and until < arrival else None

    def land(self) -> None:
        """End a jump and continue as before."""
        if self.command.until is not None:
            self.start(max(self.command.until, self.at), replace(self.command, until=None))

    @property
    def _hurries(self) -> bool:
        return self.command.until is not None and self.at < self.command.until
