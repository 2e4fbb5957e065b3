"""What leaders do to a run changes when things happen on the wall, and nothing of what happens."""

import random
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from hypervisor.exercises import queries_injects, queries_runs
from hypervisor.exercises.model import RunError, RunState
from hypervisor.exercises.queries_runs import get_latest_run
from tests.integration.exercises.conftest import BEGINS, HOURS, Led

pytestmark = pytest.mark.integration


def test_paused_hurried_slowed_jumped_or_not_the_alarm_log_is_the_same(
    new_led: Callable[[], Led],
) -> None:
    straight = new_led()
    with straight.conductor():
        straight.comes_to(straight.start(linger=7200), RunState.FINISHED)
    expected = straight.exercise.log()
    assert len(expected) >= 2, "a flood, and a silence"

    chance = random.Random(5)
    led = new_led()
    with led.conductor():
        run = led.start(linger=7200, speed=36_000)
        led.comes_to(run, RunState.RUNNING, RunState.FINISHED)
        for _ in range(12):
            kind = chance.choice(["pause", "resume", "speed", "jump"])
            details = {"speed": chance.choice([3_600, 36_000, 360_000])}
            with suppress(RunError):  # a resumption of what runs, a jump beyond the end
                led.order(run, kind, **(details if kind == "speed" else {"by": 5_000}))
        hasten(led, run)
    assert led.exercise.log() == expected


def hasten(led: Led, run: int) -> None:
    """To its end, as fast as it is stored, whatever it does now."""
    for kind, details in (("speed", {"speed": None}), ("resume", {})):
        with suppress(RunError):
            led.order(run, kind, **details)
    led.comes_to(run, RunState.FINISHED)


def test_a_pause_holds_the_clock_and_a_jump_records_what_nobody_could_handle(led: Led) -> None:
    with led.conductor():
        run = led.start(held=True, speed=3600)
        paused = led.comes_to(run, RunState.PAUSED)
        assert paused.started_at is not None
        led.until(lambda: led.run(run).clock == BEGINS)
        led.order(run, "jump", to=BEGINS + timedelta(hours=26))
        led.until(lambda: len(led.ask(lambda c: queries_injects.list_skips(c, run))) == 1)
        led.until(
            lambda: led.ask(lambda c: queries_injects.list_skips(c, run))[0].alarms is not None
        )
        (skipped,) = led.ask(lambda c: queries_injects.list_skips(c, run))
        assert skipped.to_at == BEGINS + timedelta(hours=26)
        assert skipped.alarms, "the flood came in between"
        led.until(lambda: led.run(run).clock == skipped.to_at)
        assert led.run(run).state is RunState.PAUSED, "a jump out of a pause ends in it"
        with pytest.raises(RunError, match="must go forward"):
            led.order(run, "jump", to=BEGINS + timedelta(hours=2))
        led.order(run, "speed", speed=None)
        led.order(run, "resume")
        over = led.comes_to(run, RunState.FINISHED)
        assert over.clock == over.ends
        assert over.readings == over.planned == (HOURS - 6) * 4
        now = led.ask(get_latest_run)
        assert now is not None
        assert now.progress == 1.0
        with pytest.raises(RunError, match="reset the exercise"):
            led.start()


@pytest.mark.long
def test_killed_at_any_point_it_is_interrupted_and_goes_on_to_the_same_log(
    new_led: Callable[[], Led],
) -> None:
    whole = new_led()
    with whole.conductor():
        whole.comes_to(whole.start(), RunState.FINISHED)
    expected = whole.exercise.log()

    led = new_led()
    led.exercise.start("conduct")
    run = led.start(speed=20_000)
    led.comes_to(run, RunState.RUNNING)
    led.until(lambda: led.run(run).readings > 20)
    led.exercise.parts[-1].send_signal(signal.SIGKILL)
    led.exercise.parts[-1].wait()
    led.exercise.start("conduct")
    left = led.comes_to(run, RunState.INTERRUPTED)
    assert "stopped" in left.reason
    led.order(run, "resume")
    led.comes_to(run, RunState.RUNNING, RunState.FINISHED)
    hasten(led, run)
    assert led.exercise.log() == expected


def test_a_command_that_fails_is_refused_and_the_next_is_executed(led: Led) -> None:
    with led.conductor():
        run = led.start(speed=60)
        led.comes_to(run, RunState.RUNNING)
        for state in (RunState.RUNNING, RunState.STOPPED):
            bad = led.ask(lambda c: queries_runs.add_command(c, "fire", author="x", run=run))
            with pytest.raises(RunError, match="KeyError: 'inject'"):
                led.done(bad)
            if state is RunState.RUNNING:
                led.order(run, "stop")
            led.comes_to(run, RunState.STOPPED)


def test_one_plays_at_a_time_and_a_stopped_one_is_over(led: Led) -> None:
    with led.conductor():
        run = led.start(speed=60)
        led.comes_to(run, RunState.RUNNING)
        with pytest.raises(RunError, match="another run is active"):
            led.start()
        led.order(run, "stop")
        led.comes_to(run, RunState.STOPPED)
        with pytest.raises(RunError, match="stopped: start another one"):
            led.order(run, "resume")
