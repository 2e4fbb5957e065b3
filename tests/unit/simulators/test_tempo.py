"""How fast a scenario passes by the wall, whatever its leader wishes meanwhile."""

import math
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from simulators._run_control import SECOND, FixedSpeed, PlayerCommand, ScenarioClock


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def begun(wish: PlayerCommand) -> tuple[Clock, ScenarioClock]:
    clock = Clock()
    tempo = ScenarioClock(now=clock, at=0)
    tempo.start(0, wish)
    return clock, tempo


def test_it_passes_at_its_speed_and_bends_where_it_is() -> None:
    clock, tempo = begun(PlayerCommand(speed=60))
    clock.now += 10
    assert tempo.reached() == 600 * SECOND
    assert tempo.left(660 * SECOND) == 1.0
    tempo.change(PlayerCommand(speed=600), least=0, most=10**12)
    assert tempo.left(1200 * SECOND) == 1.0
    clock.now += 1
    assert tempo.reached() == 1200 * SECOND


def test_held_it_stands_for_ever_and_goes_on_from_there() -> None:
    clock, tempo = begun(PlayerCommand(speed=60))
    clock.now += 10
    tempo.change(PlayerCommand(speed=60, held=True), least=0, most=10**12)
    clock.now += 10_000
    assert tempo.reached() == 600 * SECOND
    assert math.isinf(tempo.left(601 * SECOND))
    tempo.change(PlayerCommand(speed=60), least=0, most=10**12)
    assert tempo.left(660 * SECOND) == 1.0


def test_a_jump_hurries_to_its_end_and_then_goes_as_before() -> None:
    clock, tempo = begun(PlayerCommand(speed=60, held=True))
    tempo.change(PlayerCommand(speed=60, held=True, until=3600 * SECOND), least=0, most=10**12)
    assert tempo.left(3600 * SECOND) == 0.0
    assert tempo.lands_before(3600 * SECOND) is None
    assert tempo.lands_before(3601 * SECOND) == 3600 * SECOND
    tempo.land()
    assert tempo.reached() == 3600 * SECOND
    assert math.isinf(tempo.left(3601 * SECOND))
    clock.now += 5
    tempo.change(PlayerCommand(speed=60), least=0, most=10**12)
    assert tempo.left(3660 * SECOND) == 1.0


def test_as_fast_as_it_is_stored_nothing_is_waited_for() -> None:
    _, tempo = begun(PlayerCommand())
    assert tempo.left(10**15) == 0.0
    tempo.change(PlayerCommand(speed=1), least=50 * SECOND, most=80 * SECOND)
    assert tempo.reached() == 50 * SECOND, "from what went out last"


WISHES = st.builds(
    PlayerCommand,
    speed=st.one_of(st.none(), st.floats(0.5, 10_000)),
    held=st.booleans(),
    until=st.one_of(st.none(), st.integers(0, 10**10)),
)


@given(st.lists(st.tuples(WISHES, st.floats(0, 50)), max_size=20))
def test_it_never_goes_back_nor_beyond_what_comes_next(
    steps: list[tuple[PlayerCommand, float]],
) -> None:
    clock, tempo = begun(PlayerCommand(speed=60))
    last, arrival = 0, 10**10
    for wish, seconds in steps:
        clock.now += seconds
        tempo.change(wish, least=last, most=arrival - 1)
        reached = min(max(tempo.reached(), last), arrival - 1)
        assert last <= reached < arrival
        last = reached


def test_nobody_leading_is_one_wish_from_beginning_to_end() -> None:
    steady = FixedSpeed(command=PlayerCommand(speed=5))
    assert steady.look(7) == PlayerCommand(speed=5)
    assert steady.due(10**18) is None
    assert steady.take_injects(7, planned=False) == ()
