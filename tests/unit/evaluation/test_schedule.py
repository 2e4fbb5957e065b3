"""When a rule must be judged again at its subjects: by what is new, and by time alone."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hypervisor.base.instants import BEGINNING
from hypervisor.evaluation import arrivals as news
from hypervisor.evaluation.agenda import Agenda
from hypervisor.evaluation.arrivals import Arrived
from hypervisor.evaluation.facts import SubjectFacts
from hypervisor.evaluation.prefilter import Prefilter
from hypervisor.evaluation.recent_values import LATER
from hypervisor.evaluation.schedule import EvaluationPlan, explain, is_calm
from hypervisor.evaluation.series_stats import SeriesStats
from hypervisor.evaluation.series_tail import Fresh, SeriesTail
from rules._inputs import Device, Steps
from rules._rule import Rule
from rules._rule_state import Phase, StateChange, Truth
from sensors._row import NEVER, ROW, Rows
from tests.unit.evaluation import test_rule_histories as book

MINUTE = 60_000_000
DAY = book.at(0)
HIGH = book.rule("level > threshold.attention")
SILENT = book.rule("silent(level, 30 min)")


def at(minutes: float) -> int:
    return DAY + round(minutes * MINUTE)


def rows(*given: tuple[int, float, float]) -> Rows:
    """Of series, minute and level."""
    return np.array([(s, at(m), at(m), value, 0) for s, m, value in given], dtype=ROW)


def subject(key: str, number: int, *, limit: float = 3.0) -> SubjectFacts:
    always = Steps.of([(BEGINNING, 1.0)])
    return replace(
        book.subject(),
        key=key,
        series={"level": book.measured(number, "level", key)},
        devices={key: Device(commissioned=BEGINNING, in_service=always)},
        thresholds={"attention": Steps.of([(BEGINNING, limit)])},
    )


class Desk:
    """A rule at two gauges, each with a level of 1 m at minute 0."""

    def __init__(self, rule: Rule = HIGH) -> None:
        self.tails = {number: SeriesTail(keep=10**15) for number in (4, 7)}
        for number, tail in self.tails.items():
            tail.append(rows((number, 0, 1.0)))
        self.stats = SeriesStats.of(self.tails)
        self.plan = EvaluationPlan.of(
            book.history(rule),
            [subject("ford", 4), subject("mill", 7)],
            [[4], [7]],
            self.stats,
        )
        self.agenda = Agenda.of({"flood-x": self.plan}, self.stats)
        self.plan.calm[:] = True

    def news(self, *given: tuple[int, float, float], judged: float = 0) -> Arrived:
        result = news.take_rows(rows(*given), self.tails, self.stats, cursor=0)
        news.record_pauses(result, self.stats, watermark=at(judged))
        return result

    def mark(
        self, *given: tuple[int, float, float], floor: float = 0, watermark: float = 0
    ) -> list[float | None]:
        """From which minute on each is due after this batch."""
        result = self.news(*given, judged=watermark)
        list(self.agenda.mark(result, self.stats, floor=at(floor), watermark=at(watermark)))
        return self.due()

    def due(self) -> list[float | None]:
        return [None if when == LATER else (when - DAY) / MINUTE for when in self.plan.due.tolist()]


def test_a_row_makes_its_rule_due_at_its_time_where_it_may_become_true() -> None:
    desk = Desk()
    assert desk.mark((4, 5, 2.9), (7, 5, 3.1), (7, 10, 1.0)) == [None, 5]
    assert desk.plan.must.tolist() == [False, True]
    assert desk.mark((7, 15, 1.0)) == [None, 5]


def test_a_rule_that_is_not_calm_or_must_be_judged_is_due_whatever_came() -> None:
    desk = Desk()
    desk.plan.calm[0] = False
    desk.plan.must[1] = True
    assert desk.mark((4, 5, 1.0), (7, 6, 1.0)) == [5, 6]


def test_what_comes_late_is_judged_whatever_it_says() -> None:
    desk = Desk()
    desk.mark((4, 10, 1.0))
    assert desk.mark((4, 5, 1.0)) == [5, None]


def test_where_no_row_came_nothing_is_due() -> None:
    assert Desk().mark() == [None, None]


def test_what_holds_from_a_later_time_is_not_guessed_about() -> None:
    desk = Desk()
    later = replace(
        subject("ford", 4),
        thresholds={"attention": Steps.of([(BEGINNING, 3.0), (at(7), 2.9)])},
    )
    desk.plan.prefilter = Prefilter.of(desk.plan.rule, [later, subject("mill", 7)], desk.stats)
    desk.agenda = Agenda.of({"flood-x": desk.plan}, desk.stats)
    assert desk.mark((4, 5, 1.0), (7, 5, 1.0)) == [5, None]
    desk.plan.due[:], desk.plan.must[:] = LATER, False
    assert desk.mark((4, 6, 1.0)) == [6, None]
    desk.plan.due[:], desk.plan.must[:] = LATER, False
    assert desk.mark((4, 7, 1.0)) == [None, None]


def test_a_look_that_fails_leaves_all_to_be_judged(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    desk.plan.prefilter.limits = {"attention": np.array([1.0, 2.0, 3.0])}
    assert desk.mark((4, 5, 1.0), (7, 6, 1.0)) == [5, 6]
    assert "rule flood-x is evaluated without its prefilter" in caplog.text
    desk.plan.rest(np.array([0, 1]), desk.stats, at(99))
    assert desk.due() == [5, 6]
    assert desk.plan.must.tolist() == [False, False]


def test_what_was_judged_and_cannot_become_true_rests() -> None:
    desk = Desk()
    desk.plan.due[:] = at(30), at(30)
    desk.plan.must[:] = True
    desk.mark((7, 5, 3.5))
    desk.plan.rest(np.array([0, 1]), desk.stats, at(9))
    assert desk.due() == [None, 5]
    assert desk.plan.must.tolist() == [False, False]
    restless = Desk()
    restless.plan.due[:] = at(30)
    restless.plan.calm[0] = False
    restless.plan.rest(np.array([0]), restless.stats, at(9))
    assert restless.due() == [30, 30]
    restless.plan.rest(np.array([1]), restless.stats, BEGINNING - 1)
    assert restless.due() == [30, 30]  # a fact holds from a later time on
    silent = Desk(SILENT)
    silent.plan.due[:] = at(30)
    silent.plan.rest(np.array([0, 1]), silent.stats, at(9))
    assert silent.due() == [30, 30]


def test_the_horizon_of_values_is_what_was_heard_or_their_newest_row() -> None:
    desk = Desk()
    desk.mark((4, 50, 1.0))
    assert desk.plan.horizons(desk.stats, at(20)).tolist() == [at(50), at(20)]
    silent = Desk(SILENT)
    silent.news((4, 50, 1.0))
    assert silent.plan.horizons(silent.stats, at(20)).tolist() == [at(20), at(20)]


def test_silence_is_due_when_it_may_be_complete_and_no_sooner() -> None:
    desk = Desk(SILENT)
    desk.stats.paused[:] = 0
    desk.plan.due[:] = at(30)
    assert desk.mark((4, 10, 1.0), floor=10) == [40, 30]
    assert desk.plan.must.tolist() == [False, False]
    assert desk.mark(floor=29.9, watermark=10) == [40, 30]
    assert desk.mark(floor=30, watermark=29.9)[0] == 40
    assert desk.due()[1] == pytest.approx(29.9, abs=0.001)  # just after what was judged
    assert desk.plan.must.tolist() == [False, True]


def test_a_pause_of_the_length_of_a_silence_is_judged() -> None:
    desk = Desk(SILENT)
    desk.stats.paused[:] = 0
    assert desk.mark((4, 29, 1.0), (7, 30, 1.0), floor=40) == [59, pytest.approx(0, abs=0.001)]


def test_before_anything_was_heard_nobody_is_known_to_speak() -> None:
    desk = Desk(SILENT)
    desk.stats.paused[:] = 0
    result = desk.news((4, 10, 1.0))
    list(desk.agenda.mark(result, desk.stats, floor=NEVER, watermark=NEVER))
    assert desk.plan.due[0] == BEGINNING
    assert desk.plan.must[0]


def test_what_is_due_is_brought_forward_with_the_reason_of_the_earliest() -> None:
    plan = Desk().plan
    plan.bring_forward(0, at(20), "threshold revised")
    plan.bring_forward(0, at(30), "too late")
    assert (plan.due.tolist(), plan.causes) == ([at(20), LATER], {0: "threshold revised"})
    plan.bring_forward(0, at(20), "as early")
    plan.bring_forward(0, at(10))
    assert (plan.due.tolist(), plan.causes) == ([at(10), LATER], {0: "threshold revised"})
    assert plan.must.tolist() == [True, False]


def test_a_plan_made_anew_takes_over_what_was_due_of_those_still_there() -> None:
    desk = Desk()
    old = desk.plan
    old.bring_forward(0, at(20), "threshold revised")
    old.calm[:] = True, False
    new = EvaluationPlan.of(
        old.rule, [subject("new", 4), subject("mill", 7), subject("ford", 4)], [[4], [7], [4, 7]],
        desk.stats,
    )  # fmt: skip
    assert new.listens.tolist() == [[1, 0], [2, 0], [1, 2]]
    assert new.calm.tolist() == [False, False, False]
    new.take_over(old)
    assert new.due.tolist() == [LATER, LATER, at(20)]
    assert new.must.tolist() == [False, False, True]
    assert new.calm.tolist() == [False, False, True]
    assert new.causes == {2: "threshold revised"}
    assert [new.pair(number) for number in range(3)] == [
        *(("flood-x", "new"), ("flood-x", "mill"), ("flood-x", "ford")),
    ]


def test_a_rule_is_calm_while_it_is_inactive_and_not_about_to_be_anything_else() -> None:
    def moment(phase: Phase, when: Truth) -> StateChange:
        return StateChange(time=0, phase=phase, when=when, clear=Truth.UNKNOWN)

    assert is_calm([])
    assert is_calm([moment(Phase.ACTIVE, Truth.TRUE), moment(Phase.INACTIVE, Truth.FALSE)])
    assert is_calm([moment(Phase.INACTIVE, Truth.UNKNOWN)])
    assert not is_calm([moment(Phase.INACTIVE, Truth.TRUE)])
    assert not is_calm([moment(Phase.PENDING, Truth.FALSE)])
    assert not is_calm([moment(Phase.INACTIVE, Truth.FALSE), moment(Phase.ACTIVE, Truth.TRUE)])


def cause(fresh: dict[int, Fresh], *, rule: Rule = HIGH, **acts: tuple[str, str]) -> str:
    """Of the first gauge, whose series is at place 1."""
    desk = Desk(rule)
    result = Arrived.nothing(desk.stats)
    result.fresh = fresh
    result.acts = {int(place.removeprefix("at_")): act for place, act in acts.items()}
    return explain(desk.plan, 0, result, {1: "level"})


def fresh(**more: Any) -> Fresh:
    return Fresh(**{"first": at(5), "arrived": at(6), "newest_before": at(9), **more})


def test_why_the_past_is_judged_again_is_told_in_words() -> None:
    assert cause({}) == ""
    assert cause({2: fresh()}) == ""
    assert cause({1: fresh()}) == "late reading of level at 2024-01-01T00:05:00Z"
    assert cause({1: fresh(newest_before=at(5))}) == "late reading of level at 2024-01-01T00:05:00Z"
    assert cause({1: fresh(newest_before=at(4))}) == ""
    assert cause({1: fresh(first=None)}) == ""
    overwritten = fresh(overwritten=(at(7), at(8)))
    assert cause({1: overwritten}) == "correction of level at 2024-01-01T00:07:00Z"
    assert cause({1: overwritten}, at_1=("invalidate", "ice")) == (
        "readings of level from 2024-01-01T00:07:00Z invalidated: ice"
    )
    assert cause({1: overwritten}, at_1=("observe", "I saw it")) == (
        "level at 2024-01-01T00:07:00Z observed by a person: I saw it"
    )
    assert cause({1: overwritten}, at_1=("restore", "no ice")) == (
        "level from 2024-01-01T00:07:00Z on restored: no ice"
    )


def test_of_silence_an_arrival_that_was_committed_later_is_the_reason() -> None:
    assert cause({1: fresh()}, rule=SILENT) == (
        "reading of level that had arrived at 2024-01-01T00:06:00Z was committed later"
    )
    assert cause({1: fresh(arrived=None)}, rule=SILENT) == (
        "late reading of level at 2024-01-01T00:05:00Z"
    )


def test_of_several_reasons_the_earliest_is_told() -> None:
    desk = Desk()
    desk.plan.listens = np.array([[2, 1], [0, 0]])
    result = Arrived.nothing(desk.stats)
    result.fresh = {1: fresh(first=at(3)), 2: fresh(first=at(4))}
    names = {1: "level", 2: "discharge"}
    assert explain(desk.plan, 0, result, names) == "late reading of level at 2024-01-01T00:03:00Z"
    result.fresh[1] = fresh(first=at(5))
    assert explain(desk.plan, 0, result, {}) == "late reading of ? at 2024-01-01T00:04:00Z"


def test_a_rule_of_which_no_look_can_be_had_is_always_judged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Prefilter:
        raise ValueError("no look")

    monkeypatch.setattr(Prefilter, "of", fail)
    desk = Desk()
    assert desk.plan.prefilter.settled.tolist() == [LATER, LATER]
    assert desk.mark((4, 5, 1.0)) == [5, None]
    assert "rule flood-x is evaluated without its prefilter" in caplog.text
    silent = Desk(SILENT)
    silent.stats.paused[:] = 0
    assert silent.mark((4, 5, 1.0), floor=5)[0] == pytest.approx(0, abs=0.001)
