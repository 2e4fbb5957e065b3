"""Plays a scenario into an exercise: each message at its time, stamped, and the scenario's clock.

Clock C goes out after every message stamped at or before C. Arrival is the stamp, and silence is
evaluated up to the clock that every worker has stored, so results are the same at any speed, with
pauses and jumps. A command takes effect at the clock at which it comes; from then on the messages
are those of a scenario in which it was given at that time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulators._mqtt import PLAYED, Broker, MqttConnection, PlayerError, WallClock
from simulators._obedience import Actuators
from simulators._publications import Publication, format_instant
from simulators._run_control import FixedSpeed, PlayerCommand, RunControl, ScenarioClock
from simulators._script import Script

CLOCK = f"{PLAYED}clock"
COMMANDS = f"{PLAYED}devices/+/commands"
SECOND = 1_000_000
LOOK_SECONDS = 0.1  # wall seconds between two checks of the leader's commands


@dataclass(frozen=True, kw_only=True)
class Pace:
    """`speed`: scenario seconds a wall second, None: as fast as it is stored.

    `tick`: wall seconds between two clocks. `clock_every`: publications between two clocks at
    most. `ahead`: publications beyond the clock heard by every worker at which playing waits, so
    that the broker's queues stay short. `again`: wall seconds after which a clock that no worker
    has stored is published again, because a killed broker may have lost it.
    """

    speed: float | None = None
    tick: float = 0.25
    clock_every: int = 2_000
    ahead: int = 20_000
    patience: float = 60.0
    again: float = 5.0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Progress: `clock` in µs of the scenario, `speed` as reached so far."""

    publications: int
    readings: int
    clock: int
    speed: float


@dataclass(frozen=True, kw_only=True)
class PlayResult:
    """What was played. `stopped`: a leader ended it early."""

    publications: int
    readings: int
    first: int  # when its first message came (µs)
    clock: int
    acknowledged: int
    reconnections: int
    seconds: float
    stopped: bool = False


class Player:
    """Plays to one broker. `heard`: the clock that every worker has stored, None: none yet."""

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
        self._control: RunControl = FixedSpeed(command=PlayerCommand(speed=pace.speed))
        self._tempo = ScenarioClock(now=wall.now, at=0)
        self._script = Script()
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
        control: RunControl | None = None,
        actuators: Actuators | None = None,
    ) -> PlayResult:
        """Publish `plan` (ascending by arrival); at the end the clock goes on for `linger` seconds.

        `control`: commands of leaders; without it the pace's speed is kept. `actuators`: what
        commands of the exercise reach; without them nothing obeys.
        `not_before`: the exercise's clock (µs); earlier clocks are not published, because a clock
        never goes back.

        Raises:
            PlayerError: the broker stays away or refuses, or the workers stay behind.
        """
        if not plan:
            raise PlayerError("there is nothing to play")
        self._control = control or self._control
        self._script = Script(actuators=actuators)
        self._first = plan[0].arrival
        self._clock = max(self._first - SECOND, not_before or self._first - SECOND)
        if actuators is not None:
            self._wire.listen(COMMANDS)
        self._wire.open()
        try:
            self._begun = self._wall.now()
            self._publish_clock(self._clock)
            self._wire.settle()  # so that workers listen before the first reading
            self._await_heard(self._clock)  # and have loaded the current inventory
            self._tempo.start(self._first, self._control.look(self._clock))
            stopped = not self._perform(plan) or not self._finish(plan[-1].arrival, linger)
            self._wire.settle()
        finally:
            self._wire.close()
        return self._tally(stopped=stopped)

    def _perform(self, plan: Sequence[Publication]) -> bool:
        """Publish each message at its time; False: stopped before the last."""
        for publication in plan:
            if not self._reach(publication.arrival):
                return False
            if self._script.still_planned(publication) and self._control.passes(publication):
                self._publish(publication)
        return True

    def _reach(self, arrival: int) -> bool:
        """Wait until `arrival`, sending planned injects on the way; False: stopped."""
        while (due := self._control.due(arrival)) is not None:
            at = max(due, self._clock + 1)
            if not self._wait_for(at):
                return False
            for publication in self._control.take_injects(at, planned=True):
                self._publish(publication)
        return self._wait_for(arrival)

    def publish_clock(self, clock: int) -> None:
        """Publish a clock (µs) again, for a broker that may have lost it.

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
        """Wait until `arrival`, publishing clocks up to just before it; False: stopped.

        When stopped, the last clock that holds has been published.
        """
        self._look(arrival)
        while not self._tempo.command.stop:
            self._land(arrival)
            self._obey(arrival)
            due = min(arrival, self._script.next_arrival() or arrival)
            left = self._tempo.left(due)
            if left <= 0:
                self._tick(due - 1)
                if self._script.next_arrival() != due:
                    return True
                self._publish_unplanned()
                continue
            self._tick(min(self._tempo.reached(), due - 1))
            self._wire.pump(min(left, self._pace.tick))
            self._look(arrival)
        self._publish_clock(max(self._clock, min(self._tempo.reached(), arrival - 1)))
        return False

    def _obey(self, arrival: int) -> None:
        """Take commands that have come; `arrival` comes next."""
        received = self._wire.take_received() if self._script.actuators else ()
        if received:
            at = max(min(self._tempo.reached(), arrival - 1), self._last, self._clock + 1)
            heard = None if self._heard is None else self._heard()
            commands = [(topic.split("/")[2], body) for topic, body in received]
            self._script.obey(commands, at, at if heard is None else min(heard, at))

    def _publish_unplanned(self) -> None:
        publication = self._script.pop()
        if self._control.passes(publication):
            self._publish(publication)

    def _look(self, arrival: int, *, at_once: bool = False) -> None:
        """Take new commands and send injects fired manually; `arrival` comes next."""
        if not at_once and self._wall.now() - self._looked < LOOK_SECONDS:
            return
        self._looked = self._wall.now()
        self._tempo.change(self._control.look(self._clock), least=self._last, most=arrival - 1)
        at = max(self._tempo.reached(), self._last, self._clock + 1)
        for publication in self._control.take_injects(at, planned=False):
            self._publish(publication)

    def _land(self, arrival: int) -> None:
        """If a jump ends before `arrival`, publish its end and continue from there.

        Once the workers are there, too: people act on what is stored.
        """
        end = self._tempo.lands_before(arrival)
        if end is None:
            return
        if end > self._clock:
            self._publish_clock(end)
            self._await_heard(end)
        self._tempo.land()
        self._look(arrival, at_once=True)

    def _tick(self, clock: int) -> None:
        if clock <= self._clock:
            return
        due = self._wall.now() - self._ticked >= self._pace.tick
        if due or self._publications - self._since_clock() >= self._pace.clock_every:
            self._publish_clock(clock)

    def _since_clock(self) -> int:
        return self._clocks[-1][1] if self._clocks else 0

    def _publish_clock(self, clock: int) -> None:
        self._wire.send(CLOCK, format_instant(clock).encode())
        self._clock = clock
        self._last = max(self._last, clock)
        self._clocks.append((clock, self._publications))
        self._ticked = self._wall.now()
        if self._notice is not None:
            self._notice(self._progress())

    def _await_heard(self, clock: int) -> None:
        """Wait until every worker has stored a clock; then it has the current inventory."""
        if self._heard is None:
            return
        since, before = self._wall.now(), None
        while (heard := self._heard()) is None or heard < clock:
            if heard != before:
                since, before = self._wall.now(), heard
            elif self._wall.now() - since > self._pace.patience:
                raise PlayerError(
                    "the workers have not received the clock for {count:.0f} s; is every ingest"
                    " worker running?",
                    self._pace.patience,
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
                    "the workers have stored nothing for {count:.0f} s and are {number}"
                    " publications behind; is every ingest worker running?",
                    self._pace.patience,
                    behind,
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
        """Let the clock run on after the last message; False: stopped meanwhile."""
        end = max(last + int(linger * SECOND), self._clock)
        if not self._reach(end):
            return False
        self._publish_clock(end)
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
