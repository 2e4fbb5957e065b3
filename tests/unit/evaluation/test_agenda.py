"""All plans at once: only what left its guards needs a look at the rules."""

from collections.abc import Sequence
from unittest.mock import patch

import numpy as np

from hypervisor.evaluation import arrivals
from hypervisor.evaluation.agenda import Agenda
from hypervisor.evaluation.prefilter import Prefilter
from hypervisor.evaluation.recent_values import LATER
from hypervisor.evaluation.schedule import OPEN, PROVEN, UNTRIED, EvaluationPlan
from hypervisor.evaluation.series_stats import SeriesStats
from hypervisor.evaluation.series_tail import SeriesTail
from tests.unit.evaluation import test_rule_histories as book
from tests.unit.evaluation.test_schedule import DAY, HIGH, MINUTE, SILENT, at, rows, subject

LOW = book.rule("level < 0.2 m")


class Office:
    """Rules at two gauges, each with levels of 1 m and 1.4 m."""

    def __init__(self) -> None:
        self.tails = {number: SeriesTail(keep=10**15) for number in (4, 7)}
        for number, tail in self.tails.items():
            tail.append(rows((number, 0, 1.0), (number, 1, 1.4)))
        self.stats = SeriesStats.of(self.tails)
        facts = [subject("ford", 4), subject("mill", 7)]
        self.plans = {
            name: EvaluationPlan.of(book.history(rule), facts, [[4], [7]], self.stats)
            for name, rule in (("high", HIGH), ("silent", SILENT), ("low", LOW))
        }
        self.agenda = Agenda.of(self.plans, self.stats)
        self.agenda.calm[:] = True
        self.stats.paused[:] = 0

    def take(self, *given: tuple[int, float, float]) -> tuple[list[str], list[tuple[str, int]]]:
        """The rules whose plan is asked, and the subjects with late readings."""
        news = arrivals.take_rows(rows(*given), self.tails, self.stats, cursor=0)
        arrivals.record_pauses(news, self.stats, watermark=at(0))
        asked: list[EvaluationPlan] = []
        mark = EvaluationPlan.mark

        def spy(plan: EvaluationPlan, *args: object, **named: object) -> None:
            asked.append(plan)
            mark(plan, *args, **named)  # type: ignore[arg-type]

        with patch.object(EvaluationPlan, "mark", spy):
            late = [*self.agenda.mark(news, self.stats, floor=at(1), watermark=at(0))]
        return [self.name(plan) for plan in asked], [(self.name(plan), n) for plan, n in late]

    def name(self, plan: EvaluationPlan) -> str:
        return next(name for name, each in self.plans.items() if each is plan)

    def due(self) -> dict[str, list[int | None]]:
        return {
            name: [None if d == LATER else (d - DAY) // MINUTE for d in plan.due.tolist()]
            for name, plan in self.plans.items()
        }


def test_a_reading_within_the_guards_needs_no_look_at_the_rules_that_are_proven() -> None:
    office = Office()
    assert office.take((4, 2, 1.2))[0] == ["high", "silent", "low"]
    assert office.plans["high"].proof.tolist() == [PROVEN, UNTRIED]
    assert office.plans["silent"].proof.tolist() == [UNTRIED, UNTRIED]
    assert office.take((4, 3, 1.75))[0] == ["silent"]  # above all so far, below the guard of 1.8 m
    assert office.take((4, 4, 1.85))[0] == ["high", "silent", "low"]
    assert office.plans["high"].proof.tolist() == [PROVEN, UNTRIED]
    assert office.plans["low"].proof.tolist() == [OPEN, UNTRIED]
    assert office.take((4, 5, 1.3))[0] == ["silent", "low"]
    assert office.due() == {"high": [None, None], "silent": [35, None], "low": [None, None]}


def test_what_is_proven_is_not_due_by_time_alone() -> None:
    office = Office()
    office.plans["high"].due[0] = at(30)
    office.take((4, 2, 1.2))
    office.plans["high"].due[0] = at(30)
    office.take((4, 3, 1.2))
    assert office.due()["high"] == [None, None]


def test_what_is_not_calm_or_must_be_evaluated_is_due_though_proven() -> None:
    office = Office()
    office.take((4, 2, 1.2), (7, 2, 1.2))
    office.plans["high"].calm[0] = False
    office.plans["low"].must[1] = True
    office.take((4, 3, 1.2), (7, 3, 1.2))
    assert (office.due()["high"], office.due()["low"]) == ([3, None], [None, 3])


def test_late_readings_are_told_by_plan_and_subject() -> None:
    office = Office()
    office.take((7, 5, 1.2))
    asked, late = office.take((7, 4, 1.2))
    assert (asked, late) == (["high", "silent", "low"], [("high", 1), ("silent", 1), ("low", 1)])
    assert office.due()["high"] == [None, 4]


def test_statistics_read_again_are_proven_again() -> None:
    office = Office()
    office.take((4, 2, 3.5), (7, 2, 1.2))
    office.plans["high"].due[:] = LATER
    office.plans["high"].must[:] = False
    assert office.plans["high"].proof.tolist() == [OPEN, PROVEN]
    office.tails[4].fill(rows((4, 3, 1.0)), complete_from=at(3))
    office.stats.read(office.tails, [4])
    office.take((4, 4, 1.05))
    assert office.plans["high"].proof.tolist() == [PROVEN, PROVEN]


def test_what_no_comparison_bounds_leaves_its_guard() -> None:
    office = Office()
    office.take((4, 2, 1.2))
    office.stats.guard_high[1] = np.nan
    office.take((4, 3, 1.2))
    assert office.plans["high"].proof.tolist() == [PROVEN, UNTRIED]
    assert office.stats.guard_high[1] > 1.2


def test_due_are_those_within_their_horizons() -> None:
    office = Office()
    office.plans["high"].due[:] = at(1), at(2)
    office.plans["silent"].due[:] = at(3), at(4)
    office.plans["low"].due[1] = at(5)
    assert list_due(office, floor=3) == [("high", 0, 3), ("high", 1, 3), ("silent", 0, 3)]
    office.take((7, 9, 1.2))
    office.plans["low"].due[1] = at(5)
    assert ("low", 1, 9) in list_due(office, floor=3)


def list_due(office: Office, *, floor: float) -> Sequence[tuple[str, int, float]]:
    due = office.agenda.list_due(office.stats, at(floor))
    return [(office.name(plan), number, (upto - DAY) / MINUTE) for plan, number, upto in due]


def test_without_rules_nothing_is_due() -> None:
    stats = SeriesStats.of({})
    agenda = Agenda.of({}, stats)
    news = arrivals.Arrived.nothing(stats)
    assert [*agenda.mark(news, stats, floor=at(5), watermark=at(0))] == []
    assert [*agenda.list_due(stats, at(5))] == []


def test_a_plan_without_a_prefilter_is_asked_each_time() -> None:
    office = Office()
    blind = EvaluationPlan.of(
        book.history(HIGH), [subject("ford", 4), subject("mill", 7)], [[4], [7]], office.stats
    )
    blind.prefilter = Prefilter.blind(2)
    office.plans = {"blind": blind}
    office.agenda = Agenda.of(office.plans, office.stats)
    office.agenda.calm[:] = True
    for minute in (2, 3):
        assert office.take((4, minute, 1.2))[0] == ["blind"]
    assert office.due() == {"blind": [2, None]}
