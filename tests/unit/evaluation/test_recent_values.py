"""What the latest readings rule out is never true, whatever rows come in whatever batches."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from hypervisor.base.instants import BEGINNING
from hypervisor.evaluation import arrivals, columns
from hypervisor.evaluation.agenda import Agenda
from hypervisor.evaluation.columns import ColumnQuery
from hypervisor.evaluation.facts import SubjectFacts, Supply
from hypervisor.evaluation.recent_values import KEPT, LATER
from hypervisor.evaluation.schedule import EvaluationPlan, is_calm
from hypervisor.evaluation.series_stats import SeriesStats
from hypervisor.evaluation.series_tail import SeriesTail
from rules._engine import evaluate
from rules._inputs import Calendar, Device, Horizon, Steps
from rules._rule import Rule
from rules._rule_state import StateChange, Truth, Verdict
from sensors._quality import Quality
from sensors._row import ROW, Rows
from tests.unit.evaluation import test_rule_histories as book

MINUTE = 60_000_000
DAY = book.at(0)
NOBODY: Any = None
LEVEL, BATTERY = 4, 7
SATURATED, FAULT = int(Quality.SATURATED), int(Quality.SENSOR_FAULT)

CONDITIONS = (
    "level > threshold.attention",
    "level > 2 m and battery < 2 %",
    "change(level, 12 min) > 1.5 m",
    "level > 0.5 m and change(level, 6 min) == 0 m",
    "change(level, 10 min) < -1 m or level == 3 m",
    "stuck(level, 20 min)",
    "stuck(level, 15 min) or stuck(battery, 25 min) and battery < 2 %",
    "change(level, 6 min) == 0 m and battery == 1 %",
    "stuck(level, 20 min) and not (level < 1 m)",
    "hour >= 1 and change(level, 12 min) == 0 m",
    "hour >= 1 and stuck(level, 20 min)",
    "hour == 3 and level > 0.5 m",
    "not (hour in (1, 2)) and (level == 3 m or stuck(battery, 15 min))",
    "level > 2 m * (hour - 1)",
    "planned_on and level > 0.5 m",
    "sum(level, 10 min) > 5 m",
    "sum(level, 12 min) < 0.5 m",
    "max(level, 8 min) > 2.5 m and battery == 1 %",
    "mean(level, 12 min) < 0.5 m or mean(battery, 5 min) > 2 %",
    "min(level, 9 min) >= 2 m",
    "quantile(level, 0.5, 10 min) > 2 m",
    "change(level, 40 min) > 1 m",
    "planned_on and change(level, 6 min) == 0 m",
)
Batch = list[tuple[int, int, float, int]]  # series, minutes after the row before, value, quality


def site() -> SubjectFacts:
    always = Steps.of([(BEGINNING, 1.0)])
    return replace(
        book.subject(),
        series={
            "level": book.measured(LEVEL, "level", interval_s=300),
            "battery": book.measured(BATTERY, "battery", interval_s=400),
        },
        devices={"gauge": Device(commissioned=BEGINNING, in_service=always)},
        thresholds={"attention": Steps.of([(BEGINNING, 2.5)])},
        lighting=Supply(plans=(), place=(2.3, 48.6)),
        calendar=Calendar(zone="Europe/Paris", lon=2.3, lat=48.6),
        plan=Steps.of([(DAY + at * MINUTE, 50.0 * (at % 2)) for at in (0, 7, 10, 21, 24, 45, 48)]),
    )


class Watch:
    """One rule at one site."""

    def __init__(self, rule: Rule) -> None:
        self.facts, self.history = site(), book.history(rule)
        self.tails = {number: SeriesTail(keep=10**15) for number in (LEVEL, BATTERY)}
        self.stats = SeriesStats.of(self.tails)
        self.plan = EvaluationPlan.of(self.history, [self.facts], [[LEVEL, BATTERY]], self.stats)
        if "battery" not in rule.names:
            self.plan.listens = self.plan.listens[:, :1]
        self.agenda = Agenda.of({"flood-x": self.plan}, self.stats)
        self.floor = self.judged = DAY
        self.evaluated = False
        self.moments: Sequence[StateChange] = ()

    def take(self, rows: Rows, floor: int) -> None:
        """Take a batch; where the rule is found quiet, it is true nowhere since the last one."""
        self.floor = max(self.floor, floor)
        self.plan.must[:] = False
        self.plan.calm[:] = is_calm(self.moments)
        news = arrivals.take_rows(rows, self.tails, self.stats, cursor=0)
        list(self.agenda.mark(news, self.stats, floor=self.floor, watermark=self.judged))
        horizon = int(self.plan.horizons(self.stats, self.floor)[0])
        verdict = self.evaluate(horizon)
        self.moments = verdict.moments
        self.evaluated = bool(self.plan.due[0] <= horizon)
        if not self.evaluated:
            true = [at.time for at in verdict.moments if at.when is Truth.TRUE]
            assert not [(at - DAY) / MINUTE for at in true if at > self.judged]
        else:
            self.plan.due[0] = LATER if verdict.due is None else verdict.due
        self.judged = max(self.judged, horizon)

    def evaluate(self, horizon: int) -> Verdict:
        query = ColumnQuery(subject=self.facts, since=dict.fromkeys(self.tails, BEGINNING))
        subject = columns.load_subjects(NOBODY, self.tails, [query])[self.facts.key]
        (verdict,) = evaluate(
            self.history.for_subject(self.facts),
            [subject],
            Horizon(values=horizon, silence=horizon),
        )
        return verdict


def packed(batch: Batch, last: dict[int, int]) -> Rows:
    """Rows of a batch, by series and time; each later than the series' last."""
    rows = []
    for series, after, value, quality in batch:
        last[series] += after * MINUTE
        rows.append((series, last[series], last[series], value, quality))
    return np.array(sorted(rows), dtype=ROW)


batches = st.lists(
    st.tuples(
        st.sampled_from((LEVEL, BATTERY)),
        st.integers(1, 9),
        st.sampled_from((0.0, 1.0, 1.0, 2.0, 3.0, math.nan)),
        st.sampled_from((0, 0, 0, 0, SATURATED, FAULT)),
    ),
    max_size=6,
)


@given(
    when=st.sampled_from(CONDITIONS),
    sent=st.lists(batches, min_size=2, max_size=10),
    wait=st.integers(0, 20),
)
def test_where_the_latest_readings_rule_it_out_it_is_true_nowhere(
    when: str, sent: list[Batch], wait: int
) -> None:
    watch, last = Watch(book.rule(when)), dict.fromkeys((LEVEL, BATTERY), DAY)
    for batch in sent:
        rows = packed(batch, last)
        watch.take(rows, max(last.values()) + wait * MINUTE)


Sent = list[tuple[int, int, float]]  # series, minute, value


@pytest.mark.parametrize(
    ("when", "before", "batch", "floor"),
    [
        # The battery's row lies before the level's last: then the level was another.
        (
            "level > 2 m and battery < 2 %",
            [[(BATTERY, 1, 5.0), (LEVEL, 5, 3.0)], [(LEVEL, 20, 1.0)]],
            [(BATTERY, 10, 1.0)],
            20,
        ),
        # Of a series without new rows the last value is in force.
        ("level < 2 m and battery < 2 %", [[(LEVEL, 5, 1.0)]], [(BATTERY, 10, 1.0)], 10),
        ("level > 2 m and battery < 2 %", [[(LEVEL, 5, 3.0)]], [(BATTERY, 10, 1.0)], 10),
        # It stood still, and changed, in one batch.
        (
            "stuck(level, 20 min)",
            [[(LEVEL, 1, 1.0)]],
            [*((LEVEL, at, 1.0) for at in range(5, 36, 5)), (LEVEL, 40, 2.0)],
            40,
        ),
        # Time alone completes it: the battery is unknown from minute 26 on.
        (
            "stuck(level, 20 min) or battery == 9 %",
            [
                [(LEVEL, 2, 1.0), (LEVEL, 5, 2.0), (BATTERY, 6, 1.0)],
                *([(LEVEL, at, 2.0)] for at in (10, 15, 20, 24)),
            ],
            [],
            30,
        ),
        (
            "level > 0.5 m and change(level, 6 min) == 0 m",
            [[(LEVEL, 5, 1.0)]],
            [(LEVEL, 13, 1.0)],
            13,
        ),
    ],
    ids=["out of step", "below", "above", "within a batch", "by time", "change"],
)  # fmt: skip
def test_what_may_be_true_is_evaluated(
    when: str, before: list[Sent], batch: Sent, floor: int
) -> None:
    watch = Watch(book.rule(when))
    for sent in before:
        watch.take(at_minutes(sent), at_minute(max(minute for _, minute, _ in sent)))
        assert watch.plan.due[0] > watch.judged
    watch.take(at_minutes(batch), at_minute(floor))
    assert watch.evaluated
    assert any(moment.when is Truth.TRUE for moment in watch.moments)


def at_minutes(sent: Sent) -> Rows:
    rows = [(s, at_minute(minute), at_minute(minute), value, 0) for s, minute, value in sent]
    return np.array(sorted(rows), dtype=ROW)


def at_minute(minute: int) -> int:
    return DAY + minute * MINUTE


def quiet(when: str, *values: float, every: int = 5) -> list[bool]:
    """Whether each reading of a level makes nothing due."""
    watch, last = Watch(book.rule(when)), dict.fromkeys((LEVEL, BATTERY), DAY)
    said = []
    for value in values:
        watch.take(packed([(LEVEL, every, value, 0)], last), last[LEVEL])
        said.append(not watch.evaluated)
    return said


def test_a_value_of_an_hour_ago_makes_nothing_due_today() -> None:
    assert quiet("level > threshold.attention", 1.0, 3.0, 1.0, 1.0) == [True, False, False, True]


def test_a_value_that_changes_is_not_stuck() -> None:
    assert all(quiet("stuck(level, 20 min)", *([1.0, 1.1] * 20)))
    assert quiet("stuck(level, 20 min)", *([1.0] * 6)) == [True] * 4 + [False, False]


def test_what_left_the_window_makes_nothing_due() -> None:
    rains = (2.0, 2.0, 2.0, 0.5, 0.5, 0.5, 0.5, 2.0, 2.0)
    total = quiet("sum(level, 10 min) > 3.5 m", *rains)
    assert total == [True, False, False, False, True, True, True, True, False]
    greatest = quiet("max(level, 5 min) > 1.5 m", *rains)
    assert greatest[4:] == [False, True, True, False, False]
    moved = quiet("change(level, 45 min) > 1 m", *rains, *([2.0] * 12))
    assert not any(moved[7:17])
    assert all(moved[18:])


def test_a_change_over_a_few_readings_is_known() -> None:
    moving = quiet("level > 0.5 m and change(level, 6 min) == 0 m", 1.0, 1.2, 1.1, 1.3, 1.2, 1.2)
    assert moving == [False, False, True, True, True, True]
    still = quiet("level > 0.5 m and change(level, 6 min) == 0 m", 1.0, 1.2, 1.1, 1.1, 1.1)
    assert still[-1] is False
    long = quiet(f"change(level, {5 * KEPT} min) == 0 m", *(1.0 + n / 10 for n in range(12)))
    assert not any(long)  # farther back than what is kept of a series
