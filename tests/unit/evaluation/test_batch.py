"""A batch of the feed: its rows in order, its heartbeats, the clock, and what is due by now."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hypervisor.base.instance import Mode
from hypervisor.base.instants import BEGINNING, micros, moment
from hypervisor.database.feed import Entry
from hypervisor.evaluation import batch, evaluate
from hypervisor.evaluation import memory as memories
from hypervisor.evaluation.batch import Report
from hypervisor.evaluation.evaluate import Task
from hypervisor.evaluation.memory import FORGOTTEN, Standing, Watermark
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.queries import EvaluationState
from hypervisor.evaluation.setbacks import Setbacks
from rules._rule import Rule
from rules._rule_state import Phase, StateChange, Truth
from sensors._row import NEVER, ROW, Rows
from tests.unit.evaluation import test_rule_histories as book
from tests.unit.evaluation.test_schedule import HIGH, Desk, at

NOW = datetime(2024, 1, 2, tzinfo=UTC)
PAIR = ("flood-x", "ford")


def rows(*given: tuple[int, int, int, float]) -> Rows:
    """Of series, time, arrival and value."""
    return np.array([(*each, 0) for each in given], dtype=ROW)


def entry(kind: str, **more: Any) -> Entry:
    usual = {"kind": kind, "rows": rows(), "worker": "", "at": None}
    return Entry(**{**usual, **more})


def test_rows_come_by_series_and_time_and_of_one_time_as_they_were_committed() -> None:
    first, second = rows((2, 5, 5, 1.0), (1, 9, 9, 2.0)), rows((1, 9, 10, 3.0), (1, 4, 4, 4.0))
    entries = [
        entry("readings", rows=first),
        entry("registry"),
        entry("readings", rows=second),
    ]
    assert batch.sort_rows(entries, oldest=NEVER)["value"].tolist() == [4.0, 2.0, 3.0, 1.0]
    assert len(batch.sort_rows([entry("registry")], oldest=NEVER)) == 0


def test_what_is_older_than_the_horizon_is_not_judged_but_imported_history_is() -> None:
    every = rows((1, 4, 4, 1.0), (1, 5, 5, 2.0), (1, 3, NEVER, 3.0), (1, 6, 6, 4.0))
    entries = [entry("readings", rows=every)]
    assert batch.sort_rows(entries, oldest=5)["value"].tolist() == [3.0, 2.0, 4.0]
    assert batch.sort_rows(entries, oldest=6)["value"].tolist() == [3.0, 4.0]


def test_heartbeats_are_heard_of_those_that_say_when() -> None:
    memory: Any = SimpleNamespace(watermark=Watermark())
    beats = [
        entry("heartbeat", worker="one", at=moment(50)),
        entry("heartbeat", worker="two", at=moment(40)),
        entry("heartbeat", worker="three"),
        entry("registry", worker="four", at=moment(70)),
    ]
    assert batch.take_heartbeats(memory, beats)
    assert memory.watermark.beats == {"one": 50, "two": 40}
    assert not batch.take_heartbeats(memory, beats[2:])
    assert not batch.take_heartbeats(memory, [])


@pytest.mark.parametrize("waiting", [True, False])
def test_there_is_more_to_do_while_the_feed_holds_more_or_a_batch_is_unfinished(
    *, waiting: bool
) -> None:
    report = Report(entries=3, rows=0, evaluated=0, waiting=waiting)
    assert report.more is waiting
    assert replace(report, finished=False).more


def test_we_notice_by_the_wall_or_as_far_as_the_scenario_has_come() -> None:
    state = EvaluationState(cursor="0", engine="", watermark=30, newest=50)
    live: Any = SimpleNamespace(mode=Mode.LIVE, clock=lambda: NOW)
    exercise: Any = SimpleNamespace(mode=Mode.EXERCISE, clock=lambda: NOW)
    assert batch._now(state, live) == micros(NOW)  # noqa: SLF001  the clock of a step
    assert batch._now(state, exercise) == 50  # noqa: SLF001
    assert batch._now(replace(state, watermark=60), exercise) == 60  # noqa: SLF001
    assert batch._now(EvaluationState(cursor="0", engine=""), exercise) == 0  # noqa: SLF001


@pytest.mark.parametrize("lit", [True, False])
def test_plans_are_worked_out_as_far_as_anything_is_judged(*, lit: bool) -> None:
    day = 86_400_000_000
    memory: Any = SimpleNamespace(
        watermark=SimpleNamespace(floor=0),
        gaps=(),
        power_schedule=PowerSchedule(retention=day),
        territory=SimpleNamespace(lit=lit),
    )
    supplied = batch._extend_schedule  # noqa: SLF001  the first thing that a step sees to
    assert supplied(memory, NEVER) == lit
    assert not supplied(memory, NEVER)
    assert supplied(memory, 70 * day) == lit
    assert memory.power_schedule.until == 160 * day


def watching(rule: Rule = HIGH) -> Any:
    desk = Desk(rule)
    return SimpleNamespace(
        plans={"flood-x": desk.plan},
        agenda=desk.agenda,
        stats=desk.stats,
        setbacks=Setbacks(),
        standings={PAIR: Standing(), ("flood-x", "mill"): Standing()},
        watermark=SimpleNamespace(floor=at(50)),
        power_schedule=SimpleNamespace(retention=at(0)),
        territory=SimpleNamespace(longest={}),
        state=SimpleNamespace(watermark=at(40)),
    )


def inactive(minute: float, reason: str | None = None) -> StateChange:
    return StateChange(
        time=at(minute),
        phase=Phase.INACTIVE,
        when=Truth.FALSE,
        clear=Truth.TRUE,
        reason=reason,
    )


NOBODY: Any = None


def due(memory: Any) -> list[Task]:
    news = SimpleNamespace(before=memory.stats.newest)
    due = evaluate.list_due(memory).values()
    return evaluate.make_tasks(NOBODY, memory, news, due)  # type: ignore[arg-type]


def test_what_is_due_by_the_horizon_is_judged_from_then_on() -> None:
    memory = watching()
    plan = memory.plans["flood-x"]
    plan.due[:] = at(50), at(50) + 1
    memory.standings[PAIR].open = [inactive(10), inactive(50), inactive(55)]
    (task,) = due(memory)
    assert (task.pair, task.number) == (PAIR, 0)
    assert (task.start, task.horizon, task.seen) == (at(50), at(50), at(0))
    assert task.kept == (inactive(10),)
    assert task.replaced == (inactive(50), inactive(55))
    plan.due[:] = BEGINNING - 5, at(60)
    memory.standings[PAIR].open = []
    (task,) = due(memory)
    assert (task.start, task.kept, task.replaced) == (BEGINNING, (), ())


def test_of_silence_what_was_heard_before_is_what_was_seen() -> None:
    memory = watching(book.rule("silent(level, 30 min)"))
    memory.plans["flood-x"].due[:] = at(45), at(60)
    (task,) = due(memory)
    assert (task.seen, task.horizon) == (at(40), at(50))


def test_what_is_set_aside_is_not_judged() -> None:
    memory = watching()
    memory.plans["flood-x"].due[:] = at(5)
    memory.setbacks.put(PAIR, at(1), ValueError("x"))
    assert [task.pair for task in due(memory)] == [("flood-x", "mill")]
    memory.setbacks.again[PAIR] = at(50)
    assert len(due(memory)) == 2


def test_behind_what_was_forgotten_nothing_is_judged() -> None:
    memory = watching()
    memory.plans["flood-x"].due[:] = at(20), at(60)
    memory.watermark.floor, memory.power_schedule.retention = at(50), at(50) - at(30)
    memory.standings[PAIR].open = [inactive(10, FORGOTTEN)]
    assert [task.start for task in due(memory)] == [at(30)]
    memory.standings[PAIR].open = [inactive(10, "closed")]
    assert [task.start for task in due(memory)] == [at(20)]
    assert memories.earliest(memory, PAIR) == NEVER


def test_what_failed_is_judged_from_the_latest_revision_on_if_that_is_later() -> None:
    memory: Any = SimpleNamespace(
        territory=SimpleNamespace(revisions={PAIR: ((at(0), None), (at(30), None))})
    )
    task = Task(
        pair=PAIR,
        number=0,
        start=at(20),
        horizon=at(30),
        seen=0,
        kept=(inactive(10),),
        replaced=(inactive(25), inactive(30), inactive(40)),
    )
    under = evaluate._from_latest_revision  # noqa: SLF001  what is tried once more
    later = under(memory, task)
    assert later is not None
    assert (later.start, later.horizon) == (at(30), at(30))
    assert later.kept == (inactive(10), inactive(25))
    assert later.replaced == (inactive(30), inactive(40))
    assert under(memory, replace(task, horizon=at(30) - 1)) is None
    assert under(memory, replace(task, start=at(30))) is None
    assert under(memory, replace(task, start=at(30) - 1)) is not None


def test_columns_reach_back_as_far_as_judging_looks() -> None:
    facts: Any = SimpleNamespace(key="ford")
    memory: Any = SimpleNamespace(
        territory=SimpleNamespace(
            listens={PAIR: {1: at(10) - at(0), 2: at(20) - at(0)}}, subjects={"ford": facts}
        ),
        plans={"flood-x": SimpleNamespace(silence=False)},
        tails={
            1: SimpleNamespace(arrivals_from=lambda: NEVER),
            2: SimpleNamespace(arrivals_from=lambda: at(21)),
        },
    )
    task = Task(pair=PAIR, number=0, start=at(40), horizon=at(50), seen=0, kept=(), replaced=())
    columns_for = evaluate._column_query  # noqa: SLF001  of one task
    plain = columns_for(memory, task)
    assert (plain.subject, plain.since, plain.all_rows) == (facts, {1: at(30), 2: at(20)}, False)
    pending = replace(inactive(35), phase=Phase.PENDING, when=Truth.TRUE, when_since=at(33))
    running = columns_for(memory, replace(task, kept=(pending,)))
    assert running.since == {1: at(23), 2: at(13)}
    ended = columns_for(memory, replace(task, kept=(inactive(35),)))
    assert ended.since == plain.since
    memory.plans["flood-x"].silence = True
    silent = columns_for(memory, task)
    assert (silent.since, silent.all_rows) == ({1: at(30), 2: BEGINNING}, True)
    early = columns_for(memory, replace(task, start=BEGINNING + 1))
    assert early.since[1] == BEGINNING
