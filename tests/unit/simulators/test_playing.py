"""What the player sends and when, by a wall clock that the test moves: no broker, no waiting."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from simulators._mqtt import Broker, PlayerError, WallClock
from simulators._obedience import Actuators
from simulators._player import Pace, Player, PlayResult, Progress
from simulators._publications import MessageSet, Publication, Revision, instant_of
from simulators._run_control import PlayerCommand

T0 = instant_of(datetime(2024, 10, 29, 18, tzinfo=UTC))
SECOND = 1_000_000
NOBODY = Broker(host="127.0.0.1", port=9, user="player", password="")


class Time:
    """The wall's clock: it moves when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now = round(self.now + seconds, 6)


class Line:
    """Stands for the wire: notes what is sent and when, and waits by moving the clock."""

    acknowledged, reconnections = 70, 7

    def __init__(self, time: Time) -> None:
        self.time = time
        self.sent: list[tuple[float, str, str]] = []
        self.calls: list[str] = []
        self.pumped: list[float] = []
        self.commands: list[tuple[float, str, bytes]] = []  # and when each comes

    def send(self, topic: str, payload: bytes, stamp: str | None = None) -> None:
        said = payload.decode() if stamp is None else f"{payload.decode()}@{stamp}"
        self.sent.append((round(self.time.now - 100, 6), topic, said))

    def pump(self, seconds: float) -> None:
        self.pumped.append(seconds)
        self.time.pass_(seconds)

    def open(self) -> None:
        self.calls.append("open")

    def settle(self) -> None:
        self.calls.append("settle")

    def close(self) -> None:
        self.calls.append("close")

    def listen(self, topic_filter: str) -> None:
        self.calls.append(f"listen {topic_filter}")

    def take_received(self) -> list[tuple[str, bytes]]:
        come = [entry for entry in self.commands if entry[0] <= self.time.now - 100]
        self.commands = [entry for entry in self.commands if entry not in come]
        return [(topic, payload) for _, topic, payload in come]


@dataclass
class Leader:
    """Wishes by the wall's time; has things planned by the scenario's, and fired by the wall's."""

    time: Time
    wishes: list[tuple[float, PlayerCommand]]
    planned: list[Publication] = field(default_factory=list)
    fired: list[tuple[float, Publication]] = field(default_factory=list)
    lost: frozenset[bytes] = frozenset()
    looks: list[tuple[float, float]] = field(default_factory=list)

    def look(self, clock: int) -> PlayerCommand:
        now = round(self.time.now - 100, 6)
        self.looks.append((now, (clock - T0) / SECOND))
        return [wish for since, wish in self.wishes if since <= now][-1]

    def due(self, until: int) -> int | None:
        times = [each.arrival for each in self.planned if each.arrival <= until]
        return min(times, default=None)

    def take_injects(self, clock: int, *, planned: bool) -> Sequence[Publication]:
        if planned:
            out = [each for each in self.planned if each.arrival <= clock]
            self.planned = [each for each in self.planned if each.arrival > clock]
        else:
            now = self.time.now - 100
            out = [each for since, each in self.fired if since <= now]
            self.fired = [each for each in self.fired if each[0] > now]
        return [replace(each, arrival=clock) for each in out]

    def passes(self, publication: Publication) -> bool:
        return publication.payload not in self.lost


@dataclass(kw_only=True)
class Stage:
    time: Time
    line: Line
    player: Player
    seen: list[Progress]

    def told(self) -> list[tuple[float, str]]:
        """At which second of the wall: a clock as `clock SECONDS`, a message as its payload."""
        found = []
        for at, topic, said in self.line.sent:
            if topic == "exercise/clock":
                clock = instant_of(datetime.fromisoformat(said))
                found.append((at, f"clock {(clock - T0) / SECOND:g}"))
            else:
                found.append((at, said.partition("@")[0]))
        return found


Set = Callable[..., Stage]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Set:
    def set_(pace: Pace, heard: Callable[[], int | None] | None = None) -> Stage:
        time, seen = Time(), list[Progress]()
        line = Line(time)

        def wire(broker: Broker, *, wall: WallClock, patience: float) -> Any:
            assert (broker, wall.now, patience) == (NOBODY, time, pace.patience)
            return line

        monkeypatch.setattr("simulators._player.MqttConnection", wire)
        wall = WallClock(now=time, sleep=time.pass_)
        player = Player(NOBODY, wall=wall, pace=pace, heard=heard, notice=seen.append)
        return Stage(time=time, line=line, player=player, seen=seen)

    return set_


def plan(*seconds: float) -> list[Publication]:
    return [
        Publication(
            arrival=T0 + round(at * SECOND),
            topic="devices/a/readings",
            payload=f"m{number}".encode(),
            readings=number + 1,
        )
        for number, at in enumerate(seconds)
    ]


def test_at_its_speed_each_message_has_its_second_and_clocks_go_out_between(stage: Set) -> None:
    set_ = stage(Pace(speed=2.0, tick=0.25))
    tally = set_.player.play(plan(0, 2), linger=1)
    assert set_.told() == [
        (0.0, "clock -1"),
        (0.0, "m0"),
        (0.25, "clock 0.5"),
        (0.5, "clock 1"),
        (0.75, "clock 1.5"),
        (1.0, "clock 2"),  # a microsecond before the message
        (1.0, "m1"),
        (1.25, "clock 2.5"),
        (1.5, "clock 3"),
        (1.5, "clock 3"),
    ]
    assert set_.line.sent[5][2] == "2024-10-29T18:00:01.999999Z"
    assert set_.line.sent[6][1:] == ("devices/a/readings", "m1@2024-10-29T18:00:02Z")
    assert set_.line.calls == ["open", "settle", "settle", "close"]
    assert tally == PlayResult(
        publications=2,
        readings=3,
        first=T0,
        clock=T0 + 3 * SECOND,
        acknowledged=70,
        reconnections=7,
        seconds=1.5,
    )
    assert (set_.seen[0].publications, set_.seen[0].clock) == (0, T0 - SECOND)
    assert set_.seen[0].speed < 0
    assert set_.seen[2] == Progress(publications=1, readings=1, clock=T0 + SECOND, speed=2.0)
    assert set_.seen[-1].speed == 2.0


def test_as_fast_as_can_be_a_clock_follows_so_many_messages(stage: Set) -> None:
    set_ = stage(Pace(clock_every=2))
    set_.player.play(plan(0, 0, 0, 5, 6, 7))
    told = [what for _, what in set_.told()]
    assert told == [
        *("clock -1", "m0", "m1", "clock -1e-06", "m2", "m3"),
        *("clock 6", "m4", "m5", "clock 7", "clock 7"),
    ]
    assert set_.line.sent[6][2] == "2024-10-29T18:00:05.999999Z"
    assert set_.time.now == 100.0


def test_what_there_is_to_play_is_something(stage: Set) -> None:
    with pytest.raises(PlayerError, match="there is nothing to play"):
        stage(Pace()).player.play([])


def test_a_clock_that_stands_further_is_where_it_begins(stage: Set) -> None:
    set_ = stage(Pace())
    tally = set_.player.play(plan(0, 1), not_before=T0 + 10 * SECOND)
    assert [what for _, what in set_.told()] == ["clock 10", "m0", "m1", "clock 10"]
    assert tally.clock == T0 + 10 * SECOND
    earlier = stage(Pace())
    earlier.player.play(plan(0), not_before=T0 - 5 * SECOND)
    assert earlier.told()[0][1] == "clock -1"


def test_a_clock_is_told_once_more(stage: Set) -> None:
    set_ = stage(Pace())
    set_.player.publish_clock(T0)
    assert set_.line.sent == [(0.0, "exercise/clock", "2024-10-29T18:00:00Z")]
    assert set_.line.calls == ["open", "settle", "close"]


# -- who leads ----------------------------------------------------------------------------------


def led(set_: Stage, *wishes: tuple[float, PlayerCommand], **more: Any) -> Leader:
    return Leader(set_.time, list(wishes), **more)


def test_held_it_stands_and_then_goes_on(stage: Set) -> None:
    set_ = stage(Pace(tick=0.5))
    leader = led(
        set_,
        (0.0, PlayerCommand(speed=1.0)),
        (1.0, PlayerCommand(speed=1.0, held=True)),
        (3.0, PlayerCommand(speed=1.0)),
    )
    tally = set_.player.play(plan(0, 2), control=leader)
    assert [(at, what) for at, what in set_.told() if what.startswith("m")] == [
        (0.0, "m0"),
        (4.0, "m1"),
    ]
    stood = [what for at, what in set_.told() if 1.0 < at < 3.0]
    assert set(stood) <= {"clock 1"}
    assert tally.seconds == 4.0
    assert not tally.stopped


def test_who_leads_is_looked_at_ten_times_a_second(stage: Set) -> None:
    set_ = stage(Pace(tick=0.03))
    leader = led(set_, (0.0, PlayerCommand(speed=1.0)))
    set_.player.play(plan(0, 0.3), control=leader)
    looked = sorted({at for at, _ in leader.looks})
    assert looked == [0.0, 0.12, 0.24]


def test_stopped_it_tells_the_last_clock_that_it_can_promise(stage: Set) -> None:
    set_ = stage(Pace(tick=0.5))
    leader = led(set_, (0.0, PlayerCommand(speed=1.0)), (1.5, PlayerCommand(speed=1.0, stop=True)))
    tally = set_.player.play(plan(0, 9), control=leader)
    assert tally.stopped
    assert (tally.publications, tally.clock) == (1, T0 + 1_500_000)
    assert set_.told()[-1] == (1.5, "clock 1.5")
    lingering = stage(Pace(tick=0.5))
    leader = led(
        lingering, (0.0, PlayerCommand(speed=1.0)), (1.5, PlayerCommand(speed=1.0, stop=True))
    )
    tally = lingering.player.play(plan(0), linger=60, control=leader)
    assert tally.stopped
    assert tally.publications == 1


def test_a_jump_lands_where_it_was_wished_and_goes_on_from_there(stage: Set) -> None:
    set_ = stage(Pace(tick=0.5))
    jump = PlayerCommand(speed=1.0, until=T0 + 50 * SECOND)
    leader = led(set_, (0.0, jump), (0.1, PlayerCommand(speed=1.0)))
    set_.player.play(plan(0, 20, 51), control=leader)
    told = set_.told()
    assert [(at, what) for at, what in told if what.startswith("m")] == [
        (0.0, "m0"),
        (0.0, "m1"),
        (1.0, "m2"),
    ]
    assert (0.0, "clock 50") in told
    assert (0.5, "clock 50.5") in told


def test_a_jump_ends_when_the_workers_have_stored_it(stage: Set) -> None:
    """They take 30 s for what it passes over, longer than the patience with one that stands."""
    heard = [T0 - SECOND, *(T0 + number * SECOND for number in range(1, 51))]
    set_ = stage(
        Pace(tick=3.0, patience=4.0), heard=lambda: heard.pop(0) if len(heard) > 1 else heard[0]
    )
    jump = PlayerCommand(speed=1.0, until=T0 + 50 * SECOND)
    leader = led(set_, (0.0, jump), (0.1, PlayerCommand(speed=1.0)))
    set_.player.play(plan(0, 20, 51), control=leader)
    (landed,) = [at for at, what in set_.told() if what == "m2"]
    assert 29 <= landed - 1.0 <= 31


def test_what_is_planned_and_fired_goes_out_in_between_and_what_is_lost_does_not(
    stage: Set,
) -> None:
    set_ = stage(Pace(tick=0.5))
    hand = Publication(arrival=T0 + SECOND, topic="devices/b/readings", payload=b"hand", readings=5)
    late = replace(hand, payload=b"late", arrival=T0 - 9 * SECOND)
    shot = replace(hand, payload=b"shot")
    leader = led(
        set_,
        (0.0, PlayerCommand(speed=1.0)),
        planned=[hand, late],
        fired=[(1.5, shot)],
        lost=frozenset({b"m1"}),
    )
    tally = set_.player.play(plan(0, 2, 3), control=leader)
    stamps = {
        said.partition("@")[0]: said.partition("@")[2]
        for _, topic, said in set_.line.sent
        if topic.startswith("devices")
    }
    assert list(stamps) == ["late", "m0", "hand", "shot", "m2"]
    assert stamps["late"] == "2024-10-29T17:59:59.000001Z", "right after the clock"
    assert stamps["hand"] == "2024-10-29T18:00:01Z"
    assert stamps["shot"] == "2024-10-29T18:00:01.500000Z"
    assert (tally.publications, tally.readings) == (5, 1 + 3 + 15)
    assert [what for _, what in set_.told() if "clock" in what][-1] == "clock 3"


# -- who hears ----------------------------------------------------------------------------------


def test_it_begins_when_the_workers_have_heard_the_first_clock(stage: Set) -> None:
    answers: list[int | None] = [None, T0 - 2 * SECOND, T0 - SECOND]
    set_ = stage(Pace(tick=0.25), heard=lambda: answers.pop(0) if answers else T0 * 2)
    set_.player.play(plan(0))
    assert set_.told() == [(0.0, "clock -1"), (0.1, "m0"), (0.1, "clock 0")]
    assert set_.line.pumped[:2] == [0.05, 0.05]


def test_a_clock_that_nobody_hears_is_told_again_and_given_up_at_last(stage: Set) -> None:
    set_ = stage(Pace(tick=0.5, patience=12.0, again=5.0), heard=lambda: None)
    with pytest.raises(PlayerError) as raised:
        set_.player.play(plan(0))
    assert str(raised.value) == (
        "the workers have not received the clock for 12 s; is every ingest worker running?"
    )
    assert set_.told() == [(0.0, "clock -1"), (5.0, "clock -1"), (10.0, "clock -1")]
    assert set_.time.now - 100 == pytest.approx(12.1)
    assert set_.line.calls[-1] == "close"


def test_it_waits_while_the_workers_are_too_far_behind(stage: Set) -> None:
    """Three ahead at most, of which so many as were told by the clock that is heard are stored."""
    times: list[float] = []

    def heard() -> int | None:
        times.append(set_.time.now)
        return T0 - SECOND if set_.time.now < 103 else T0 + 60 * SECOND

    set_ = stage(Pace(tick=0.5, clock_every=2, ahead=3), heard=heard)
    set_.player.play(plan(0, 1, 2, 3, 4, 5))
    at = {what: at for at, what in set_.told()}
    assert [at[f"m{n}"] for n in range(6)] == pytest.approx([0, 0, 0, 0, 3, 3])


def test_workers_that_store_nothing_are_given_up(stage: Set) -> None:
    set_ = stage(Pace(tick=0.5, clock_every=2, ahead=1, patience=4.0), heard=lambda: T0 - SECOND)
    with pytest.raises(PlayerError) as raised:
        set_.player.play(plan(0, 1, 2))
    assert str(raised.value) == (
        "the workers have stored nothing for 4 s and are 2 publications behind;"
        " is every ingest worker running?"
    )
    assert set_.time.now - 100 == pytest.approx(4.1)


def test_workers_that_get_on_slowly_are_waited_for(stage: Set) -> None:
    """Each gain begins the patience again."""

    def heard() -> int | None:
        passed = set_.time.now - 100
        seconds = -1 if passed < 6 else 0.5 if passed < 9 else 1.5 if passed < 12 else 2.5
        return T0 + round(seconds * SECOND)

    set_ = stage(Pace(speed=1.0, tick=0.5, clock_every=4, ahead=1, patience=4.0), heard=heard)
    set_.player.play(plan(0, 1, 2, 3))
    assert set_.told()[-1] == (12.0, "clock 3")


@dataclass
class Lamp:
    """Stands for actuators: a second after a command it answers, and its messages are others."""

    revisions: list[Revision] = field(default_factory=list)
    received: list[tuple[str, bytes, float]] = field(default_factory=list)

    def obey(
        self, received: Sequence[tuple[str, bytes]], at: int, seen: int
    ) -> tuple[list[Publication], Revision]:
        assert seen == at, "nobody says that workers are behind"
        self.received += [(device, payload, (at - T0) / SECOND) for device, payload in received]
        answer = Publication(
            arrival=at + SECOND, topic="devices/a/ack", payload=b"ack", readings=0, device="a"
        )
        later = [
            replace(each, payload=b"new" + each.payload, device="a")
            for each in plan(3.5, 9, 20)
            if each.arrival > at + SECOND
        ]
        messages = MessageSet(
            publications=later, rows=pd.DataFrame(), of=np.empty(0, dtype=np.int64)
        )
        revision = Revision(devices=frozenset("a"), since=at + SECOND, messages=messages)
        return [answer], revision


def test_a_command_is_answered_and_changes_what_follows(stage: Set) -> None:
    """Twice as fast; it comes after 1 s of the wall's, 2 s of the scenario's."""
    set_ = stage(Pace(speed=2.0, tick=0.5))
    set_.line.commands = [(0.9, "exercise/devices/a/commands", b"go")]
    lamp = Lamp()
    mine = [replace(each, device="a") for each in plan(0, 2.5, 4, 8)]
    other = replace(plan(6)[0], payload=b"other", device="b")
    set_.player.play([*mine[:3], other, mine[3]], linger=2, actuators=cast("Actuators", lamp))
    assert lamp.received == [("a", b"go", 2.0)]
    assert set_.line.calls[0] == "listen exercise/devices/+/commands"
    said = [(at, what) for at, what in set_.told() if not what.startswith("clock")]
    assert said == [
        *((0.0, "m0"), (1.25, "m1"), (1.5, "ack"), (1.75, "newm0")),
        *((3.0, "other"), (4.5, "newm1")),
    ]
    clocks = [0.0]
    for _, topic, payload in set_.line.sent:
        if topic == "exercise/clock":
            clocks.append((instant_of(datetime.fromisoformat(payload)) - T0) / SECOND)
        else:
            stamp = instant_of(datetime.fromisoformat(payload.partition("@")[2])) - T0
            assert payload.startswith("m0") or stamp / SECOND > clocks[-1], "the clock's promise"
    assert clocks[1:] == sorted(clocks[1:])


def test_without_actuators_nothing_is_listened_to(stage: Set) -> None:
    set_ = stage(Pace())
    set_.line.commands = [(0.0, "exercise/devices/a/commands", b"go")]
    set_.player.play(plan(0, 1))
    assert set_.line.calls == ["open", "settle", "settle", "close"]
    assert len(set_.line.commands) == 1
