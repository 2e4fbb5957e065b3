"""What heartbeats tell: how far was heard, and when nothing could be. Seconds, for reading."""

import pytest

from ingest.batch import Beat
from ingest.heartbeat import HeartbeatState

SECOND = 1_000_000


def heard(
    *beats: tuple[float, float], before: float | None = None, live: bool = True
) -> tuple[float | None, list[tuple[float, float]]]:
    """Beats as (clock, received), two seconds apart when all is well."""
    start = HeartbeatState(
        interval=2 * SECOND if live else None,
        clock=None if before is None else round(before * SECOND),
    )
    found = start.after(
        [Beat(clock=round(c * SECOND), received_at=round(r * SECOND)) for c, r in beats]
    )
    clock = None if found.clock is None else found.clock / SECOND
    return clock, [(a / SECOND, b / SECOND) for a, b in found.gaps]


def test_all_well() -> None:
    assert heard((0, 0.1), (2, 2.1), (4, 4.1)) == (4, [])
    assert heard((6, 6.1), before=0) == (6, [])


def test_not_there() -> None:
    assert heard((60, 60.1), (62, 62.1), before=0) == (62, [(0, 60)])


def test_behind_with_a_backlog() -> None:
    late = [(2, 20.0), (4, 20.2), (6, 20.4), (18, 20.6), (20, 21.0)]
    clock, deaf = heard(*late, before=0)
    assert clock == 20
    assert deaf == [(2, 20.4), (6, 18)]


def test_gone_and_then_behind() -> None:
    assert heard((60, 90), before=0) == (60, [(0, 90)])


def test_sent_again_it_does_not_go_back() -> None:
    assert heard((2, 2.1), before=4) == (None, [])


def test_in_an_exercise_nobody_is_deaf() -> None:
    assert heard((0, 0), (3600, 3600), live=False) == (3600, [])


def made(at: float) -> Beat:
    """The broker made our session at that second, and had queued nothing before."""
    return Beat(clock=round(at * SECOND), received_at=round(at * SECOND), session_made=True)


def test_a_session_made_after_the_last_heartbeat_lost_what_came_in_between() -> None:
    beat = Beat(clock=13 * SECOND, received_at=13 * SECOND)
    heard = HeartbeatState(interval=2 * SECOND, clock=10 * SECOND).after([made(12), beat])
    assert heard.lost == heard.gaps == ((10 * SECOND, 12 * SECOND),)
    assert heard.clock == 13 * SECOND


@pytest.mark.parametrize(
    "listening",
    [
        HeartbeatState(interval=2 * SECOND),  # never heard: nobody listened before
        HeartbeatState(
            interval=2 * SECOND, clock=30 * SECOND
        ),  # heard since: the broker says it again
        HeartbeatState(interval=None, clock=10 * SECOND),  # an exercise: only a scenario says so
    ],
)
def test_a_session_that_lost_nothing(listening: HeartbeatState) -> None:
    heard = listening.after([made(12)])
    assert (heard.lost, heard.gaps, heard.clock) == ((), (), None)
