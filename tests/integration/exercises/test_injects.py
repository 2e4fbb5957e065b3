"""What a leader puts in: when it goes out, what it does, and who is told."""

from datetime import timedelta
from typing import Any

import pytest

from hypervisor.database.connect import Connection, connect
from hypervisor.exercises import queries_injects
from hypervisor.exercises import service as exercise_service
from hypervisor.exercises.model import ChangedError, Inject, RunError, RunState
from tests.integration.exercises.conftest import BEGINS, GAUGE, HOURS, Led

pytestmark = pytest.mark.integration


def add(led: Led, run: int, **columns: Any) -> int:
    return led.ask(lambda c: queries_injects.add_inject(c, run, author="leader", **columns))


def found(led: Led, number: int) -> Inject:
    inject = led.ask(lambda c: queries_injects.get_inject(c, number))
    assert inject is not None
    return inject


def at(hours: float) -> Any:
    return BEGINS + timedelta(hours=hours)


def test_they_go_out_at_their_time_unless_held_and_only_then_is_anybody_told(led: Led) -> None:
    with led.conductor():
        run = led.start(held=True)
        led.comes_to(run, RunState.PAUSED)
        call = add(led, run, kind="call", title="A call", planned=at(5), expected="Call back")
        held = add(led, run, kind="rumour", title="A rumour", planned=at(6), state="held")
        by_hand = add(led, run, kind="message", title="By hand")
        value = {"devices": [GAUGE], "quantity": "level", "value": 7.5}
        reading = add(led, run, kind="reading", title="A leap", planned=at(31), details=value)
        assert led.ask(lambda c: queries_injects.list_messages(c, run)) == []
        led.done(led.ask(lambda c: exercise_service.fire_inject(c, by_hand, "leader")))
        led.until(lambda: found(led, by_hand).state == "fired")
        assert [one.title for one in led.ask(lambda c: queries_injects.list_messages(c, run))] == [
            "By hand"
        ]
        led.order(run, "resume")
        led.comes_to(run, RunState.FINISHED)
        assert found(led, call).fired_scenario == at(5)
        assert found(led, reading).fired_scenario == at(31)
        assert found(led, held).state == "held"
        titles = [one.title for one in led.ask(lambda c: queries_injects.list_messages(c, run))]
        assert titles == ["A call", "By hand"]
        (line,) = led.ask(lambda c: queries_injects.list_checklist(c, run))
        assert (line.expected, line.due, line.outcome) == ("Call back", at(5), "open")
        with pytest.raises(RunError, match="no pending inject"):
            led.ask(lambda c: exercise_service.fire_inject(c, call, "leader"))
        with pytest.raises(ChangedError):
            led.ask(lambda c: queries_injects.change_inject(c, call, version=1, note="seen"))
    with connect(led.settings.database_url) as connection:
        stored = connection.execute(
            "SELECT time, received_at FROM reading WHERE value = 7.5"
        ).fetchall()
    assert stored == [(at(31), at(31))]


def test_a_lost_sensor_says_nothing_until_it_is_back(led: Led) -> None:
    with led.conductor():
        run = led.start(held=True)
        led.comes_to(run, RunState.PAUSED)
        lost = {"devices": [GAUGE], "hours": 5}
        add(led, run, kind="lost-sensor", title="Lost", planned=at(3), details=lost)
        led.order(run, "resume")
        led.comes_to(run, RunState.FINISHED)

    def missing(connection: Connection) -> int:
        (count,) = connection.execute(
            "SELECT count(*) FROM reading WHERE time >= %s AND time < %s", [at(3), at(8)]
        ).fetchone()  # type: ignore[misc]
        return int(count)

    assert led.ask(missing) == 0
    with connect(led.settings.database_url) as connection:
        (stored,) = connection.execute("SELECT count(*) FROM reading").fetchone()  # type: ignore[misc]
    assert stored == (HOURS - 6 - 5) * 4
