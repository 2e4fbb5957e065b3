"""What a leader puts in: when it goes out, what it does, and who is told."""

from datetime import timedelta
from typing import Any

import pytest

from hypervisor.exercise import leading
from hypervisor.store.connect import Connection, connect
from hypervisor.store.exercise import injecting
from hypervisor.store.exercise.conducting import RunError, State
from hypervisor.store.exercise.injecting import ChangedError, Inject
from tests.integration.exercise.conftest import BEGINS, GAUGE, HOURS, Led

pytestmark = pytest.mark.integration


def add(led: Led, run: int, **columns: Any) -> int:
    return led.ask(lambda c: injecting.add(c, run, author="leader", **columns))


def found(led: Led, number: int) -> Inject:
    one = led.ask(lambda c: injecting.inject(c, number))
    assert one is not None
    return one


def at(hours: float) -> Any:
    return BEGINS + timedelta(hours=hours)


def test_they_go_out_at_their_time_unless_held_and_only_then_is_anybody_told(led: Led) -> None:
    with led.conductor():
        run = led.start(held=True)
        led.comes_to(run, State.PAUSED)
        call = add(led, run, kind="call", title="A call", planned=at(5), expected="Call back")
        held = add(led, run, kind="rumour", title="A rumour", planned=at(6), state="held")
        by_hand = add(led, run, kind="message", title="By hand")
        value = {"devices": [GAUGE], "quantity": "level", "value": 7.5}
        reading = add(led, run, kind="reading", title="A leap", planned=at(31), details=value)
        assert led.ask(lambda c: injecting.told(c, run)) == []
        led.done(led.ask(lambda c: leading.fire(c, by_hand, "leader")))
        led.until(lambda: found(led, by_hand).state == "fired")
        assert [one.title for one in led.ask(lambda c: injecting.told(c, run))] == ["By hand"]
        led.order(run, "resume")
        led.comes_to(run, State.FINISHED)
        assert found(led, call).fired_scenario == at(5)
        assert found(led, reading).fired_scenario == at(31)
        assert found(led, held).state == "held"
        titles = [one.title for one in led.ask(lambda c: injecting.told(c, run))]
        assert titles == ["A call", "By hand"]
        (line,) = led.ask(lambda c: injecting.sheets(c, run))
        assert (line.expected, line.due, line.outcome) == ("Call back", at(5), "open")
        with pytest.raises(RunError, match="waits to be put in"):
            led.ask(lambda c: leading.fire(c, call, "leader"))
        with pytest.raises(ChangedError):
            led.ask(lambda c: injecting.change(c, call, version=1, note="seen"))
    with connect(led.settings.database_url) as connection:
        stored = connection.execute(
            "SELECT time, received_at FROM reading WHERE value = 7.5"
        ).fetchall()
    assert stored == [(at(31), at(31))]


def test_a_lost_sensor_says_nothing_until_it_is_back(led: Led) -> None:
    with led.conductor():
        run = led.start(held=True)
        led.comes_to(run, State.PAUSED)
        lost = {"devices": [GAUGE], "hours": 5}
        add(led, run, kind="lost-sensor", title="Lost", planned=at(3), details=lost)
        led.order(run, "resume")
        led.comes_to(run, State.FINISHED)

    def missing(connection: Connection) -> int:
        (count,) = connection.execute(
            "SELECT count(*) FROM reading WHERE time >= %s AND time < %s", [at(3), at(8)]
        ).fetchone()  # type: ignore[misc]
        return int(count)

    assert led.ask(missing) == 0
    with connect(led.settings.database_url) as connection:
        (stored,) = connection.execute("SELECT count(*) FROM reading").fetchone()  # type: ignore[misc]
    assert stored == (HOURS - 6 - 5) * 4
