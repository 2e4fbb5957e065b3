"""Exercises as the store keeps them: runs, commands, injects, checklists, skips, what is told."""

from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from hypervisor.backtest import queries_past_events
from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection
from hypervisor.exercises import queries as exercise_queries
from hypervisor.exercises import queries_injects, queries_runs
from hypervisor.exercises.model import ChangedError, NewRun, Run, RunError, RunState
from tests.integration.database.standing import (
    HOUR,
    NOW,
    TICK,
    add_device,
    raise_alarm,
    store,
)

pytestmark = pytest.mark.integration

FLOOD = NewRun(
    kind="story",
    source="flood",
    title="A flood",
    title_fr="Une crue",
    parameters={"seed": 4},
    speed=60,
    begins=NOW,
    ends=NOW + 9 * HOUR,
    author="lea",
)
# What a run that is being prepared has.
FRESH: dict[str, Any] = {
    **asdict(FLOOD),
    "state": RunState.PREPARING,
    "reason": "",
    "jump_to": None,
    "clock": None,
    "planned": 0,
    "readings": 0,
    "reached": None,
    "digest": None,
    "started_at": None,
    "ended_at": None,
    "version": 1,
}


def _run(connection: Connection, number: int) -> Run:
    run = queries_runs.get_run(connection, number)
    assert run is not None
    return run


def _over(connection: Connection, count: int = 1) -> list[int]:
    """So many runs that are over."""
    numbers = []
    for _ in range(count):
        numbers.append(queries_runs.add_run(connection, FLOOD))
        queries_runs.update_run(connection, numbers[-1], state="finished")
    return numbers


def test_a_run_as_it_is_added(connection: Connection) -> None:
    before = queries_runs.get_wall_clock(connection)
    assert queries_runs.get_latest_run(connection) is None
    number = queries_runs.add_run(connection, FLOOD)
    run = _run(connection, number)
    assert dict(run) == {**FRESH, "id": number, "requested_at": run.requested_at}
    assert before < run.requested_at < queries_runs.get_wall_clock(connection)
    assert run.active
    with pytest.raises(RunError) as refusal:
        queries_runs.add_run(connection, FLOOD)
    assert str(refusal.value) == ("another run is active in this exercise: stop it first")
    assert queries_runs.get_latest_run(connection) == run, "what was refused left no trace"
    assert queries_runs.get_run(connection, number + 1) is None


@pytest.mark.parametrize("state", RunState)
def test_a_run_is_active_until_it_is_over(connection: Connection, state: RunState) -> None:
    number = queries_runs.add_run(connection, FLOOD)
    queries_runs.update_run(connection, number, state=state.value, reason="because")
    run = _run(connection, number)
    assert (run.state, run.reason, run.version) == (state, "because", 2)
    active = {RunState.PREPARING, RunState.RUNNING, RunState.PAUSED, RunState.INTERRUPTED}
    assert run.active == (state in active)
    assert (queries_runs.get_latest_run(connection) is None) == (state is RunState.RESET)


def test_a_run_that_the_command_line_played_is_over(connection: Connection) -> None:
    new = replace(FLOOD, speed=None)
    queries_runs.add_played(connection, new, readings=7, started_at=NOW - HOUR)
    run = queries_runs.get_latest_run(connection)
    assert run is not None
    assert dict(run) == {
        **FRESH,
        "id": run.id,
        "state": RunState.FINISHED,
        "speed": None,
        "clock": NOW + 9 * HOUR,
        "planned": 7,
        "readings": 7,
        "requested_at": NOW - HOUR,
        "started_at": NOW - HOUR,
        "ended_at": run.ended_at,
    }
    assert run.ended_at is not None


def test_runs_the_latest_first(connection: Connection) -> None:
    first, second, third = _over(connection, 3)
    assert [run.id for run in queries_runs.list_runs(connection)] == [third, second, first]
    assert [run.id for run in queries_runs.list_runs(connection, limit=2)] == [third, second]
    assert [run.id for run in queries_runs.list_runs(connection, before=third)] == [second, first]
    queries_runs.update_run(connection, third, state="reset")
    latest = queries_runs.get_latest_run(connection)
    assert latest is not None
    assert latest.id == second
    _over(connection, 98)
    assert len(queries_runs.list_runs(connection)) == 100


def test_its_clock_never_stands_before_its_beginning(connection: Connection) -> None:
    number = queries_runs.add_run(connection, FLOOD)
    queries_runs.save_progress(connection, number, clock=NOW - TICK, readings=3, reached=1.5)
    run = _run(connection, number)
    assert (run.clock, run.readings, run.reached, run.version) == (NOW, 3, 1.5, 1)
    queries_runs.save_progress(connection, number, clock=NOW + TICK, readings=4, reached=2)
    assert _run(connection, number).clock == NOW + TICK


def test_whoever_played_is_gone(connection: Connection) -> None:
    assert queries_runs.interrupt_run(connection, "gone") is None
    number = queries_runs.add_run(connection, FLOOD)
    start = queries_runs.add_command(connection, "start", author="lea", run=number)
    assert queries_runs.interrupt_run(connection, "gone") is None, "nobody has begun with it yet"
    queries_runs.finish_command(connection, start)
    queries_runs.add_command(connection, "pause", author="lea", run=number)
    queries_runs.update_run(connection, number, jump_to=NOW + HOUR, clock=NOW)
    connection.execute(
        "INSERT INTO worker (name, heartbeat_at, joined_at) VALUES ('a', %s, %s), ('b', %s, %s)",
        [NOW + TICK, NOW, NOW - HOUR, NOW],
    )
    run = queries_runs.interrupt_run(connection, "gone")
    assert run == _run(connection, number)
    assert run is not None
    assert (run.state, run.reason, run.jump_to, run.clock, run.version) == (
        RunState.INTERRUPTED,
        "gone",
        None,
        NOW + TICK,
        3,
    )
    assert queries_runs.interrupt_run(connection, "gone") is None
    for state in ("running", "paused"):
        queries_runs.update_run(connection, number, state=state, clock=NOW + HOUR)
        run = queries_runs.interrupt_run(connection, state)
        assert run is not None
        assert (run.reason, run.clock) == (state, NOW + HOUR)


def test_commands_wait_until_they_are_done_or_refused(connection: Connection) -> None:
    (number,) = _over(connection)
    pause = queries_runs.add_command(connection, "pause", author="lea", run=number)
    jump = queries_runs.add_command(connection, "jump", author="ben", run=number, details={"to": 3})
    restart = queries_runs.add_command(connection, "reset", author="lea")
    asked = queries_runs.get_command(connection, jump)
    assert asked is not None
    assert asked.model_dump() == {
        "id": jump,
        "run": number,
        "kind": "jump",
        "details": {"to": 3},
        "author": "ben",
        "requested_at": asked.requested_at,
        "done_at": None,
        "refused": None,
    }
    assert [
        (each.id, each.run, each.details) for each in queries_runs.list_pending_commands(connection)
    ] == [
        (pause, number, {}),
        (jump, number, {"to": 3}),
        (restart, None, {}),
    ]
    queries_runs.finish_command(connection, pause)
    queries_runs.finish_command(connection, jump, "too far")
    assert [each.id for each in queries_runs.list_pending_commands(connection)] == [restart]
    all_of_it = queries_runs.list_commands(connection, number)
    assert [(each.id, each.refused) for each in all_of_it] == [(pause, None), (jump, "too far")]
    assert all(each.done_at for each in all_of_it)
    assert queries_runs.get_command(connection, restart + 1) is None


def test_runs_of_an_exercise_that_is_begun_anew_are_forgotten(connection: Connection) -> None:
    assert queries_runs.get_first_run_time(connection) is None
    assert queries_runs.mark_runs_reset(connection) == []
    first, second, third = _over(connection, 3)
    for number, hours in ((first, 3), (second, 1), (third, 2)):
        queries_runs.update_run(connection, number, requested_at=NOW + hours * HOUR)
    assert queries_runs.get_first_run_time(connection) == NOW + HOUR
    queries_runs.update_run(connection, second, state="reset")
    assert queries_runs.get_first_run_time(connection) == NOW + 2 * HOUR
    assert queries_runs.mark_runs_reset(connection) == [first, third]
    assert [run.version for run in queries_runs.list_runs(connection)] == [4, 4, 4]
    assert {run.state for run in queries_runs.list_runs(connection)} == {RunState.RESET}
    assert queries_runs.get_first_run_time(connection) is None


def test_the_conductor_says_that_it_lives(connection: Connection) -> None:
    assert queries_runs.seconds_since_heartbeat(connection) is None
    queries_runs.save_heartbeat(connection, 7)
    assert 0 <= (queries_runs.seconds_since_heartbeat(connection) or 0) < 3600
    connection.execute("UPDATE conductor SET seen_at = seen_at - INTERVAL '2 hours'")
    assert (queries_runs.seconds_since_heartbeat(connection) or 0) >= 7200
    queries_runs.save_heartbeat(connection, 8)
    assert (queries_runs.seconds_since_heartbeat(connection) or 0) < 3600
    assert connection.execute("SELECT pid FROM conductor").fetchall() == [(8,)]


def test_what_was_told_of_a_run_is_kept(connection: Connection) -> None:
    first, second = _over(connection, 2)
    queries_runs.save_debrief(connection, first, {"alarms": 3})
    queries_runs.save_debrief(connection, second, {"alarms": 4})
    queries_runs.save_debrief(connection, first, {"alarms": 5})
    assert queries_runs.load_debrief(connection, first) == {"alarms": 5}
    assert queries_runs.load_debrief(connection, second + 1) is None


# -- injects ------------------------------------------------------------------------------------


def test_an_inject_as_it_is_added_with_the_line_of_who_observes(connection: Connection) -> None:
    (run,) = _over(connection)
    number = queries_injects.add_inject(
        connection,
        run,
        author="lea",
        kind="call",
        title="A call",
        text="Water!",
        sender="a neighbour",
        expected="Call back",
        planned=NOW,
        details={"n": 1},
    )
    inject = queries_injects.get_inject(connection, number)
    assert inject is not None
    assert inject.model_dump() == {
        "id": number,
        "run": run,
        "kind": "call",
        "title": "A call",
        "text": "Water!",
        "sender": "a neighbour",
        "expected": "Call back",
        "details": {"n": 1},
        "planned": NOW,
        "state": "planned",
        "fired_scenario": None,
        "fired_at": None,
        "note": "",
        "author": "lea",
        "fired_by": None,
        "version": 1,
    }
    (line,) = queries_injects.list_checklist(connection, run)
    assert line.model_dump() == {
        "id": line.id,
        "run": run,
        "inject": number,
        "expected": "Call back",
        "due": NOW,
        "outcome": "open",
        "seen": None,
        "note": "",
        "author": "lea",
        "noted_by": None,
        "version": 1,
    }
    assert queries_injects.get_checklist_item(connection, line.id) == line
    assert queries_injects.get_checklist_item(connection, line.id + 1) is None
    quiet = queries_injects.add_inject(
        connection, run, author="lea", kind="reading", title="A leap"
    )
    assert len(queries_injects.list_checklist(connection, run)) == 1, (
        "nothing is expected, nothing observed"
    )
    leap = queries_injects.get_inject(connection, quiet)
    assert leap is not None
    assert leap.details == {}
    assert queries_injects.get_inject(connection, quiet + 1) is None


def test_injects_in_the_order_in_which_they_go_out(connection: Connection) -> None:
    run, other = _over(connection, 2)

    def add(title: str, **columns: Any) -> int:
        return queries_injects.add_inject(
            connection, run, author="lea", kind="call", title=title, **columns
        )

    by_hand, late = add("manual"), add("late", planned=NOW + HOUR)
    early, same = add("early", planned=NOW), add("same", planned=NOW)
    queries_injects.add_inject(connection, other, author="lea", kind="call", title="of another run")
    assert [one.id for one in queries_injects.list_injects(connection, run)] == [
        early,
        same,
        late,
        by_hand,
    ]
    assert queries_injects.fire_inject(connection, late, at=NOW - HOUR, by="ben") is not None
    assert [one.id for one in queries_injects.list_injects(connection, run)] == [
        late,
        early,
        same,
        by_hand,
    ]


def test_an_inject_goes_out_once_and_who_trains_is_told(connection: Connection) -> None:
    (run,) = _over(connection)
    numbers = {
        kind: queries_injects.add_inject(
            connection, run, author="lea", kind=kind, title=f"A {kind}", text="Water!", sender="s"
        )
        for kind in ("call", "rumour", "message", "reading", "lost-sensor")
    }
    queries_injects.change_inject(connection, numbers["rumour"], version=1, state="held")
    fired = {
        kind: queries_injects.fire_inject(connection, number, at=NOW, by="ben")
        for kind, number in numbers.items()
    }
    call = fired["call"]
    assert call is not None
    assert (
        call.state,
        call.fired_scenario,
        call.fired_by,
        call.version,
        call.is_message,
        call.waits,
    ) == (
        "fired",
        NOW,
        "ben",
        2,
        True,
        False,
    )
    assert call.fired_at is not None
    assert queries_injects.fire_inject(connection, numbers["call"], at=NOW, by="ben") is None
    later = queries_injects.add_inject(connection, run, author="lea", kind="call", title="Later")
    assert queries_injects.fire_inject(connection, later, at=NOW + TICK, by="ben") is not None
    told = queries_injects.list_messages(connection, run)
    assert [one.inject for one in told] == [
        later,
        *(numbers[kind] for kind in ("message", "rumour", "call")),
    ]
    assert told[-1].model_dump() == {
        "inject": numbers["call"],
        "kind": "call",
        "sender": "s",
        "title": "A call",
        "text": "Water!",
        "scenario_at": NOW,
        "at": told[-1].at,
    }
    assert queries_injects.list_messages(connection, run + 1) == []


@pytest.mark.parametrize("state", ["planned", "held", "fired", "done", "cancelled"])
def test_an_inject_waits_while_it_is_planned_or_held(connection: Connection, state: str) -> None:
    (run,) = _over(connection)
    number = queries_injects.add_inject(
        connection, run, author="lea", kind="reading", title="A leap"
    )
    queries_injects.change_inject(connection, number, version=None, state=state)
    inject = queries_injects.get_inject(connection, number)
    assert inject is not None
    assert (inject.waits, inject.is_message) == (state in {"planned", "held"}, False)
    fired = queries_injects.fire_inject(connection, number, at=NOW, by="ben")
    assert (fired is not None) == inject.waits


def test_what_somebody_else_changed_meanwhile_is_looked_at_again(connection: Connection) -> None:
    (run,) = _over(connection)
    number = queries_injects.add_inject(
        connection, run, author="lea", kind="call", title="A call", expected="x", planned=NOW
    )
    queries_injects.change_inject(connection, number, version=1, note="a")
    queries_injects.change_inject(connection, number, version=None, note="b", title="B")
    with pytest.raises(ChangedError) as refusal:
        queries_injects.change_inject(connection, number, version=2, note="c")
    assert str(refusal.value) == (f"number {number} was changed by someone else: reload it first")
    inject = queries_injects.get_inject(connection, number)
    assert inject is not None
    assert (inject.note, inject.title, inject.version) == ("b", "B", 3)
    (line,) = queries_injects.list_checklist(connection, run)
    queries_injects.change_checklist_item(connection, line.id, version=1, outcome="done", seen=NOW)
    with pytest.raises(ChangedError):
        queries_injects.change_checklist_item(connection, line.id, version=1, outcome="not")
    queries_injects.change_checklist_item(connection, line.id, version=None, note="n")
    (line,) = queries_injects.list_checklist(connection, run)
    assert (line.outcome, line.seen, line.note, line.version) == ("done", NOW, "n", 3)


def test_a_line_that_is_open_is_due_when_its_inject_is(connection: Connection) -> None:
    (run,) = _over(connection)
    number = queries_injects.add_inject(
        connection, run, author="lea", kind="call", title="A call", expected="x", planned=NOW
    )
    queries_injects.add_inject(
        connection, run, author="lea", kind="call", title="Another", expected="y", planned=NOW
    )
    queries_injects.change_inject(connection, number, version=1, planned=NOW + HOUR)
    queries_injects.change_inject(connection, number, version=2, note="n")
    assert [
        (line.expected, line.due) for line in queries_injects.list_checklist(connection, run)
    ] == [
        ("y", NOW),
        ("x", NOW + HOUR),
    ]
    (_, line) = queries_injects.list_checklist(connection, run)
    queries_injects.change_checklist_item(connection, line.id, version=1, outcome="done")
    queries_injects.change_inject(connection, number, version=3, planned=None)
    (_, line) = queries_injects.list_checklist(connection, run)
    assert line.due == NOW + HOUR, "what was seen stays as it was seen"


def test_lines_by_when_they_are_due(connection: Connection) -> None:
    run, other = _over(connection, 2)

    def add(due: Any, number: int = run) -> int:
        return queries_injects.add_checklist_item(
            connection, number, expected="x", author="obs", due=due
        )

    never, late, early, same = add(None), add(NOW + TICK), add(NOW), add(NOW)
    add(NOW, other)
    assert [line.id for line in queries_injects.list_checklist(connection, run)] == [
        early,
        same,
        late,
        never,
    ]


def test_what_was_jumped_over_and_the_alarms_of_it(connection: Connection) -> None:
    run, other = _over(connection, 2)
    began = NOW - HOUR  # of every alarm
    first = raise_alarm(connection, "a", "mill")
    second = raise_alarm(connection, "b", "mill")
    raise_alarm(connection, "c", "mill", withdrawn=NOW)
    for span in ((began - TICK, began), (began, NOW), (began - HOUR, began - TICK)):
        queries_injects.add_skip(connection, run, from_at=span[0], to_at=span[1], author="lea")
    queries_injects.add_skip(connection, run, from_at=began - HOUR, to_at=NOW + TICK, author="lea")
    queries_injects.add_skip(connection, other, from_at=NOW, to_at=NOW, author="lea")
    (skip, *_) = queries_injects.list_skips(connection, run)
    assert asdict(skip) == {
        "id": skip.id,
        "run": run,
        "from_at": began - TICK,
        "to_at": began,
        "alarms": None,
        "author": "lea",
        "at": skip.at,
    }

    def alarms() -> list[Any]:
        return [one.alarms for one in queries_injects.list_skips(connection, run)]

    queries_injects.settle_skips(connection)
    assert alarms() == [None] * 4, "nothing is judged"
    connection.execute(
        "INSERT INTO evaluation_state (cursor, watermark, evaluated_to, engine)"
        " VALUES ('0', %s, %s, 'e')",
        [NOW, NOW + HOUR],
    )
    queries_injects.settle_skips(connection)
    assert alarms() == [[first, second], [], [], None], "the last is not heard to its end"
    connection.execute(
        "UPDATE evaluation_state SET watermark = evaluated_to, evaluated_to = %s", [NOW]
    )
    raise_alarm(connection, "d", "mill")
    queries_injects.settle_skips(connection)
    assert alarms() == [[first, second], [], [], None], "nor judged; what is settled stays"


# -- what a player asks -------------------------------------------------------------------------


def _standing(connection: Connection) -> dict[str, Any]:
    return asdict(exercise_queries.get_progress(connection))


def test_how_far_an_exercise_is(connection: Connection) -> None:
    nothing: dict[str, Any] = {
        "heard": None,
        "slowest": "",
        "latest": None,
        "evaluated": None,
        "unread": False,
    }
    assert _standing(connection) == nothing
    connection.execute("INSERT INTO feed (xid, kind) VALUES ('3', 'registry')")
    assert _standing(connection) == {**nothing, "unread": True}
    connection.execute("INSERT INTO evaluation_state (cursor, engine) VALUES ('3', 'e')")
    assert _standing(connection)["unread"]
    connection.execute("UPDATE evaluation_state SET cursor = '4'")
    assert not _standing(connection)["unread"]
    for name, heard, drained in (
        ("slow", NOW, None),
        ("quick", NOW + HOUR, None),
        ("gone", NOW - HOUR, NOW),
        ("ahead", NOW + 2 * HOUR, NOW),
    ):
        connection.execute(
            "INSERT INTO worker (name, heartbeat_at, joined_at, drained_at)"
            " VALUES (%s, %s, %s, %s)",
            [name, heard, NOW, drained],
        )
    clocks = {"heard": micros(NOW), "slowest": "slow", "latest": micros(NOW + 2 * HOUR)}
    assert _standing(connection) == {**nothing, **clocks}
    connection.execute("UPDATE worker SET heartbeat_at = NULL WHERE name = 'quick'")
    assert _standing(connection) == {**nothing, **clocks, "heard": None, "slowest": "quick"}
    for heard_to, judged_to, judged in (
        (NOW, None, None),
        (None, NOW, None),
        (NOW, NOW + TICK, micros(NOW)),
        (NOW + TICK, NOW, micros(NOW)),
    ):
        connection.execute(
            "UPDATE evaluation_state SET watermark = %s, evaluated_to = %s", [heard_to, judged_to]
        )
        assert _standing(connection)["evaluated"] == judged


def test_which_readings_are_stored_in_the_order_given(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]
    rain = add_device(connection, "rain", "mill", "rain")["rain"]
    store(connection, level, [(NOW, 1, 0), (NOW + TICK, 2, 0)])
    store(connection, rain, [(NOW, 1, 0)])
    at = micros(NOW)
    stored = exercise_queries.find_stored(
        connection,
        np.array([rain, level, rain, level, level], dtype=np.int32),
        np.array([at + 1, at + 1, at, at + 2, at], dtype=np.int64),
    )
    assert stored.tolist() == [False, True, True, False, True]


def test_a_scenario_declares_that_nobody_listened(connection: Connection) -> None:
    exercise_queries.insert_gap(connection, micros(NOW), micros(NOW + HOUR))
    exercise_queries.insert_gap(connection, micros(NOW), micros(NOW + 2 * HOUR))
    assert connection.execute("SELECT * FROM ingest_gap").fetchall() == [
        ("scenario", NOW, NOW + HOUR)
    ]


def test_the_last_reading_up_to_a_time(connection: Connection) -> None:
    series = add_device(connection, "gauge", "mill", "level", "rain")
    other = add_device(connection, "other", "source", "level")["level"]
    store(
        connection,
        series["level"],
        [(NOW - HOUR, 1, 0), (NOW, 2, 0), (NOW + TICK, 3, 0), (NOW + HOUR, None, 0)],
    )
    store(connection, series["rain"], [(NOW, 8, 0)])
    store(connection, other, [(NOW, 9, 0)])

    def last(at: Any, site: str = "mill", quantity: str = "level") -> Any:
        return exercise_queries.get_last_reading(connection, site, quantity, micros(at))

    assert last(NOW - HOUR - TICK) is None
    assert last(NOW - TICK) == (micros(NOW - HOUR), 1)
    assert last(NOW) == (micros(NOW), 2)
    assert last(NOW + 2 * HOUR) == (micros(NOW + TICK), 3)
    assert last(NOW, quantity="rain") == (micros(NOW), 8)
    assert last(NOW, site="source") == (micros(NOW), 9)
    assert last(NOW, site="square") is None


def test_dead_letters_after_one(connection: Connection) -> None:
    assert exercise_queries.get_last_dead_letter_id(connection) == 0
    numbers = [
        (
            connection.execute(
                "INSERT INTO dead_letter (topic, payload, reason, detail, received_at, worker)"
                " VALUES (%s, %s, %s, 'd', %s, 'w') RETURNING id",
                [topic, topic.encode(), f"no {topic}", NOW],
            ).fetchone()
            or (0,)
        )[0]
        for topic in ("a", "b", "c")
    ]
    assert exercise_queries.get_last_dead_letter_id(connection) == numbers[-1]
    assert exercise_queries.list_dead_letters_after(connection, numbers[0]) == [
        exercise_queries.DeadLetter(topic="b", payload=b"b", reason="no b"),
        exercise_queries.DeadLetter(topic="c", payload=b"c", reason="no c"),
    ]


# -- events that people noted -------------------------------------------------------------------


def test_an_event_that_somebody_noted(connection: Connection) -> None:
    number = queries_past_events.add(
        connection,
        site="mill",
        river=None,
        kind="flood",
        begins=NOW,
        ends=NOW + timedelta(hours=1),
        peak=2.5,
        unit="m",
        note="over the quay",
        author="ann",
    )
    event = queries_past_events.get(connection, number)
    assert event is not None
    assert asdict(event) == {
        "id": number,
        "site": "mill",
        "river": None,
        "kind": "flood",
        "begins": NOW,
        "ends": NOW + HOUR,
        "peak": 2.5,
        "unit": "m",
        "note": "over the quay",
        "author": "ann",
        "recorded_at": event.recorded_at,
        "withdrawn_at": None,
        "withdrawn_by": None,
        "withdrawn_reason": None,
    }
    assert queries_past_events.list_events(connection) == [event]
