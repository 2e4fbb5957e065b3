"""At which speed a scenario passes: a line over the wall's clock, bent whenever somebody says."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from simulators._publications import Publication

SECOND = 1_000_000


@dataclass(frozen=True, kw_only=True)
class PlayerCommand:
    """How the one who leads wants it to go on.

    `speed`: scenario seconds a wall second, None: as fast as it is stored. `held`: its clock
    stands. `until`: µs of the scenario to which it hurries first. `stop`: no further.
    """

    speed: float | None = None
    held: bool = False
    until: int | None = None
    stop: bool = False


class RunControl(Protocol):
    """Who leads. Asked by the one thread that plays; none of it may take long."""

    def look(self, clock: int) -> PlayerCommand:
        """What is wished now, the clock standing at `clock` (µs)."""
        ...

    def due(self, until: int) -> int | None:
        """When (µs) the next thing planned by hand is to be put in, if by `until`."""
        ...

    def put_in(self, clock: int, *, planned: bool) -> Sequence[Publication]:
        """What is to go out now, at `clock` or right after: planned by then, or fired by hand."""
        ...

    def passes(self, publication: Publication) -> bool:
        """Whether it goes out; False: its device is lost."""
        ...


@dataclass(frozen=True, kw_only=True)
class FixedSpeed:
    """Nobody leads: one speed from beginning to end."""

    command: PlayerCommand = field(default_factory=PlayerCommand)

    def look(self, _clock: int) -> PlayerCommand:
        return self.command

    def due(self, _until: int) -> int | None:
        return None

    def put_in(self, _clock: int, *, planned: bool) -> Sequence[Publication]:  # noqa: ARG002
        return ()

    def passes(self, _publication: Publication) -> bool:
        return True


@dataclass(kw_only=True)
class ScenarioClock:
    """Where the scenario is by the wall: at `at` (µs) when the wall was at `wall` (s)."""

    now: Callable[[], float]
    at: int
    command: PlayerCommand = field(default_factory=PlayerCommand)
    wall: float = 0.0

    def start(self, at: int, command: PlayerCommand) -> None:
        """Go on from `at` as is wished, from now on."""
        self.at, self.command, self.wall = at, command, self.now()

    def bend(self, command: PlayerCommand, *, least: int, most: int) -> None:
        """Go on from where it is as is now wished; it is between `least` and `most` (µs)."""
        if command != self.command:
            self.start(min(max(self.reached(), least), max(most, least)), command)

    def reached(self) -> int:
        """Where the scenario is now; where nothing slows it down, where it last was."""
        if self._hurries or self.command.held or self.command.speed is None:
            return self.at
        return self.at + int((self.now() - self.wall) * SECOND * self.command.speed)

    def left(self, arrival: int) -> float:
        """Seconds of the wall until `arrival`; for ever while it is held."""
        if self._hurries:
            return 0.0
        if self.command.held:
            return math.inf
        if self.command.speed is None:
            return 0.0
        return self.wall + (arrival - self.at) / SECOND / self.command.speed - self.now()

    def lands_before(self, arrival: int) -> int | None:
        """Where (µs) a jump ends that does not reach `arrival`."""
        until = self.command.until
        return until if until is not None and until < arrival else None

    def land(self) -> None:
        """A jump is over: from there on it goes as it did."""
        if self.command.until is not None:
            self.start(max(self.command.until, self.at), replace(self.command, until=None))

    @property
    def _hurries(self) -> bool:
        return self.command.until is not None and self.at < self.command.until
