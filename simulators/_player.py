"""Plays a scenario to an exercise: each message at its time, stamped, and the scenario's clock.

The clock published at C promises that every message stamped at or before C went out before it.
That, and the stamp, make what follows exact at any speed: an arrival is what its stamp says, and
silence is judged up to the clock that came round through every worker.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulators._publications import Publication, written
from simulators._wire import Broker, PlayerError, Wall, Wire

CLOCK = "exercise/clock"
SECOND = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Pace:
    """`speed`: scenario seconds a wall second, None: as fast as it is stored.

    `tick`: wall seconds between two clocks. `clock_every`: publications between two clocks at
    most. `ahead`: publications beyond the clock heard by every worker at which playing waits, so
    that the broker's queues stay short.
    """

    speed: float | None = None
    tick: float = 0.25
    clock_every: int = 2_000
    ahead: int = 20_000
    patience: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where playing stands: `clock` in µs of the scenario, `speed` as reached so far."""

    publications: int
    readings: int
    clock: int
    speed: float


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What was played. `unheard`: sent again because nobody was subscribed at first."""

    publications: int
    readings: int
    clock: int
    acknowledged: int
    unheard: int
    reconnections: int
    seconds: float


class Player:
    """Plays to one broker. `heard` says the clock that every worker has stored, None: none yet."""

    def __init__(
        self,
        broker: Broker,
        *,
        wall: Wall,
        pace: Pace,
        heard: Callable[[], int | None] | None = None,
        notice: Callable[[Progress], None] | None = None,
    ) -> None:
        self._wire = Wire(broker, wall=wall, patience=pace.patience)
        self._wall = wall
        self._pace = pace
        self._heard = heard
        self._notice = notice
        self._begun = 0.0
        self._first = 0
        self._clock = 0
        self._ticked = 0.0
        self._publications = 0
        self._readings = 0
        self._clocks: list[tuple[int, int]] = []  # (clock, publications before it), not yet heard

    def play(
        self, plan: Sequence[Publication], *, not_before: int | None = None, linger: float = 0.0
    ) -> Tally:
        """Publish `plan` (ascending by arrival); at the end the clock goes on for `linger` seconds.

        `not_before`: the clock at which the exercise stands (µs); clocks before it are not
        published again, because a clock never turns back.

        Raises:
            PlayerError: the broker stays away or refuses, or the workers stay behind.
        """
        if not plan:
            raise PlayerError("there is nothing to play")
        self._first = plan[0].arrival
        self._clock = max(self._first - SECOND, not_before or self._first - SECOND)
        self._wire.open()
        try:
            self._begun = self._wall.now()
            self._tell_clock(self._clock)
            self._wire.settle()  # so that somebody is known to listen before the first reading
            self._await_heard(self._clock)  # and knows the inventory as it is now
            for publication in plan:
                self._wait_for(publication.arrival)
                self._publish(publication)
            self._finish(plan[-1].arrival, linger)
        finally:
            self._wire.close()
        return self._tally()

    def tell(self, clock: int) -> None:
        """Publish a clock once more (µs): for a broker that may have lost it.

        Raises:
            PlayerError: the broker stays away or refuses.
        """
        self._wire.open()
        try:
            self._wire.send(CLOCK, written(clock).encode())
            self._wire.settle()
        finally:
            self._wire.close()

    def _publish(self, publication: Publication) -> None:
        self._wire.send(publication.topic, publication.payload, written(publication.arrival))
        self._publications += 1
        self._readings += publication.readings
        if self._publications % self._pace.clock_every == 0:
            self._await_workers()

    def _wait_for(self, arrival: int) -> None:
        """Let the wall come to `arrival`, the clock going on meanwhile up to just before it."""
        if arrival <= self._clock:
            return
        while True:
            left = self._seconds_until(arrival)
            if left <= 0:
                break
            self._tick(min(self._scenario_now(), arrival - 1))
            self._wire.pump(min(left, self._pace.tick))
        self._tick(arrival - 1)

    def _seconds_until(self, arrival: int) -> float:
        if self._pace.speed is None:
            return 0.0
        due = self._begun + (arrival - self._first) / SECOND / self._pace.speed
        return due - self._wall.now()

    def _scenario_now(self) -> int:
        elapsed = self._wall.now() - self._begun
        return self._first + int(elapsed * SECOND * (self._pace.speed or 0.0))

    def _tick(self, clock: int) -> None:
        if clock <= self._clock:
            return
        due = self._wall.now() - self._ticked >= self._pace.tick
        if due or self._publications - self._since_clock() >= self._pace.clock_every:
            self._tell_clock(clock)

    def _since_clock(self) -> int:
        return self._clocks[-1][1] if self._clocks else 0

    def _tell_clock(self, clock: int) -> None:
        self._wire.send(CLOCK, written(clock).encode())
        self._clock = clock
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
            self._wire.pump(self._pace.tick / 5)

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
            self._wire.pump(self._pace.tick / 5)

    def _behind(self, heard: int | None) -> int:
        if heard is not None:
            while len(self._clocks) > 1 and self._clocks[1][0] <= heard:
                self._clocks.pop(0)
        return self._publications - self._since_heard()

    def _since_heard(self) -> int:
        return self._clocks[0][1] if self._clocks else 0

    def _finish(self, last: int, linger: float) -> None:
        end = max(last + int(linger * SECOND), self._clock)
        self._wait_for(end)
        self._tell_clock(end)
        self._wire.settle()

    def _progress(self) -> Progress:
        elapsed = max(self._wall.now() - self._begun, 1e-9)
        return Progress(
            publications=self._publications,
            readings=self._readings,
            clock=self._clock,
            speed=(self._clock - self._first) / SECOND / elapsed,
        )

    def _tally(self) -> Tally:
        return Tally(
            publications=self._publications,
            readings=self._readings,
            clock=self._clock,
            acknowledged=self._wire.acknowledged,
            unheard=self._wire.unheard,
            reconnections=self._wire.reconnections,
            seconds=self._wall.now() - self._begun,
        )
