"""Plays a scenario to an exercise: each message at its time, stamped, and the scenario's clock.

The clock published at C promises that every message stamped at or before C went out before it.
That, and the stamp, make what follows exact at any speed: an arrival is what its stamp says, and
silence is judged up to the clock that came round through every worker. So it may be paused, hurried
and slowed at will: neither stamp nor promise depends on the wall.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulators._mqtt import Broker, MqttConnection, PlayerError, WallClock
from simulators._publications import Publication, format_instant
from simulators._run_control import FixedSpeed, PlayerCommand, RunControl, ScenarioClock

CLOCK = "exercise/clock"
SECOND = 1_000_000
LOOK_SECONDS = 0.1  # of the wall, between two looks at what the leader wishes


@dataclass(frozen=True, kw_only=True)
class Pace:
    """`speed`: scenario seconds a wall second, None: as fast as it is stored.

    `tick`: wall seconds between two clocks. `clock_every`: publications between two clocks at
    most. `ahead`: publications beyond the clock heard by every worker at which playing waits, so
    that the broker's queues stay short. `again`: wall seconds of waiting for a clock to be heard
    after which it is told again, for a broker that died may have lost it.
    """

    speed: float | None = None
    tick: float = 0.25
    clock_every: int = 2_000
    ahead: int = 20_000
    patience: float = 60.0
    again: float = 5.0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where playing stands: `clock` in µs of the scenario, `speed` as reached so far."""

    publications: int
    readings: int
    clock: int
    speed: float


@dataclass(frozen=True, kw_only=True)
class PlayResult:
    """What was played. `stopped`: whoever leads ended it before its end."""

    publications: int
    readings: int
    first: int  # when its first message came (µs)
    clock: int
    acknowledged: int
    reconnections: int
    seconds: float
    stopped: bool = False


class Player:
    """Plays to one broker. `heard` says the clock that every worker has stored, None: none yet."""

    def __init__(
        self,
        broker: Broker,
        *,
        wall: WallClock,
        pace: Pace,
        heard: Callable[[], int | None] | None = None,
        notice: Callable[[Progress], None] | None = None,
    ) -> None:
        self._wire = MqttConnection(broker, wall=wall, patience=pace.patience)
        self._wall = wall
        self._pace = pace
        self._heard = heard
        self._notice = notice
        self._begun = 0.0
        self._first = 0
        self._clock = 0
        self._last = 0  # the latest stamp or clock that went out
        self._reins: RunControl = FixedSpeed(command=PlayerCommand(speed=pace.speed))
        self._tempo = ScenarioClock(now=wall.now, at=0)
        self._looked = 0.0
        self._ticked = 0.0
        self._publications = 0
        self._readings = 0
        self._clocks: list[tuple[int, int]] = []  # (clock, publications before it), not yet heard

    def play(
        self,
        plan: Sequence[Publication],
        *,
        not_before: int | None = None,
        linger: float = 0.0,
        reins: RunControl | None = None,
    ) -> PlayResult:
        """Publish `plan` (ascending by arrival); at the end the clock goes on for `linger` seconds.

        `reins`: who leads; without them the pace's speed is kept from beginning to end.
        `not_before`: the clock at which the exercise stands (µs); clocks before it are not
        published again, because a clock never turns back.

        Raises:
            PlayerError: the broker stays away or refuses, or the workers stay behind.
        """
        if not plan:
            raise PlayerError("there is nothing to play")
        self._reins = reins or self._reins
        self._first = plan[0].arrival
        self._clock = max(self._first - SECOND, not_before or self._first - SECOND)
        self._wire.open()
        try:
            self._begun = self._wall.now()
            self._tell_clock(self._clock)
            self._wire.settle()  # so that somebody is known to listen before the first reading
            self._await_heard(self._clock)  # and knows the inventory as it is now
            self._tempo.start(self._first, self._reins.look(self._clock))
            stopped = not self._perform(plan) or not self._finish(plan[-1].arrival, linger)
            self._wire.settle()
        finally:
            self._wire.close()
        return self._tally(stopped=stopped)

    def _perform(self, plan: Sequence[Publication]) -> bool:
        """Each message at its time; False: it was stopped before the last."""
        for publication in plan:
            if not self._reach(publication.arrival):
                return False
            if self._reins.passes(publication):
                self._publish(publication)
        return True

    def _reach(self, arrival: int) -> bool:
        """Come to `arrival`, putting in on the way what was planned; False: no further."""
        while (due := self._reins.due(arrival)) is not None:
            at = max(due, self._clock + 1)
            if not self._wait_for(at):
                return False
            for publication in self._reins.put_in(at, planned=True):
                self._publish(publication)
        return self._wait_for(arrival)

    def tell(self, clock: int) -> None:
        """Publish a clock once more (µs): for a broker that may have lost it.

        Raises:
            PlayerError: the broker stays away or refuses.
        """
        self._wire.open()
        try:
            self._wire.send(CLOCK, format_instant(clock).encode())
            self._wire.settle()
        finally:
            self._wire.close()

    def _publish(self, publication: Publication) -> None:
        self._wire.send(publication.topic, publication.payload, format_instant(publication.arrival))
        self._last = max(self._last, publication.arrival)
        self._publications += 1
        self._readings += publication.readings
        if self._publications % self._pace.clock_every == 0:
            self._await_workers()

    def _wait_for(self, arrival: int) -> bool:
        """Let the wall come to `arrival`, the clock going on up to just before it; False: stopped.

        What is stopped has told the last clock that it can promise.
        """
        self._look(arrival)
        while not self._tempo.command.stop:
            self._land(arrival)
            left = self._tempo.left(arrival)
            if left <= 0:
                self._tick(arrival - 1)
                return True
            self._tick(min(self._tempo.reached(), arrival - 1))
            self._wire.pump(min(left, self._pace.tick))
            self._look(arrival)
        self._tell_clock(max(self._clock, min(self._tempo.reached(), arrival - 1)))
        return False

    def _look(self, arrival: int, *, at_once: bool = False) -> None:
        """See what the leader wishes, and put in what was fired by hand; `arrival` comes next."""
        if not at_once and self._wall.now() - self._looked < LOOK_SECONDS:
            return
        self._looked = self._wall.now()
        self._tempo.bend(self._reins.look(self._clock), least=self._last, most=arrival - 1)
        at = max(self._tempo.reached(), self._last, self._clock + 1)
        for publication in self._reins.put_in(at, planned=False):
            self._publish(publication)

    def _land(self, arrival: int) -> None:
        """Where a jump ends before `arrival`, tell its end and go on from there."""
        end = self._tempo.lands_before(arrival)
        if end is None:
            return
        if end > self._clock:
            self._tell_clock(end)
        self._tempo.land()
        self._look(arrival, at_once=True)

    def _tick(self, clock: int) -> None:
        if clock <= self._clock:
            return
        due = self._wall.now() - self._ticked >= self._pace.tick
        if due or self._publications - self._since_clock() >= self._pace.clock_every:
            self._tell_clock(clock)

    def _since_clock(self) -> int:
        return self._clocks[-1][1] if self._clocks else 0

    def _tell_clock(self, clock: int) -> None:
        self._wire.send(CLOCK, format_instant(clock).encode())
        self._clock = clock
        self._last = max(self._last, clock)
        self._clocks.append((clock, self._publications))
        self._ticked = self._wall.now()
        if self._notice is not None:
            self._notice(self._progress())

    def _await_heard(self, clock: int) -> None:
        """Wait until every worker has stored a clock; workers look at the inventory as they do."""
        if self._heard is None:
            return
        since = self._wall.now()
        while (heard := self._heard()) is None or heard < clock:
            if self._wall.now() - since > self._pace.patience:
                raise PlayerError(
                    f"the workers have not heard the clock for {self._pace.patience:.0f} s;"
                    " is every ingest worker running?"
                )
            self._linger()

    def _await_workers(self) -> None:
        """Wait while the workers are more than `ahead` publications behind."""
        if self._heard is None:
            return
        since, before = self._wall.now(), -1
        while (behind := self._behind(self._heard())) > self._pace.ahead:
            if behind != before:
                since, before = self._wall.now(), behind
            elif self._wall.now() - since > self._pace.patience:
                raise PlayerError(
                    f"the workers have stored nothing for {self._pace.patience:.0f} s and are"
                    f" {behind} publications behind; is every ingest worker running?"
                )
            self._linger()

    def _linger(self) -> None:
        self._wire.pump(self._pace.tick / 5)
        if self._wall.now() - self._ticked >= self._pace.again:
            self._wire.send(CLOCK, format_instant(self._clock).encode())
            self._ticked = self._wall.now()

    def _behind(self, heard: int | None) -> int:
        if heard is not None:
            while len(self._clocks) > 1 and self._clocks[1][0] <= heard:
                self._clocks.pop(0)
        return self._publications - self._since_heard()

    def _since_heard(self) -> int:
        return self._clocks[0][1] if self._clocks else 0

    def _finish(self, last: int, linger: float) -> bool:
        """The clock goes on after the last message; False: it was stopped meanwhile."""
        end = max(last + int(linger * SECOND), self._clock)
        if not self._reach(end):
            return False
        self._tell_clock(end)
        return True

    def _progress(self) -> Progress:
        elapsed = max(self._wall.now() - self._begun, 1e-9)
        return Progress(
            publications=self._publications,
            readings=self._readings,
            clock=self._clock,
            speed=(self._clock - self._first) / SECOND / elapsed,
        )

    def _tally(self, *, stopped: bool) -> PlayResult:
        return PlayResult(
            publications=self._publications,
            readings=self._readings,
            first=self._first,
            clock=self._clock,
            acknowledged=self._wire.acknowledged,
            reconnections=self._wire.reconnections,
            seconds=self._wall.now() - self._begun,
            stopped=stopped,
        )
