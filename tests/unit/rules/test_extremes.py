"""No rule that is accepted can stop the others: whatever it says, it is evaluated."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypervisor.evaluation.value_ranges import Spans, can_be
from rules._engine import evaluate, lookback
from rules._errors import RuleError
from rules._inputs import Calendar, Device, Horizon, SeriesColumns, Steps, Subject, Upstream
from rules._pack import load_pack
from rules._rule import Rule
from sensors._domain import catalogue
from sensors._quality import Quality
from tests.unit.rules.extremes import THRESHOLDS, UNITS, rules

MINUTE = 60_000_000
START = 1_704_067_200_000_000
UNTIL = START + 3 * 1440 * MINUTE
EDGES = (0.0, -0.0, 1.0, 3.0, 1e-12, 9.1e9, -9.1e9, 1e15, -1e15, 1e300, -1e300, float("nan"))


def accepted(text: str) -> Rule | None:
    try:
        return load_pack(text, file="f", domain="flood").rules[0]
    except RuleError:
        return None


@st.composite
def subjects(draw: st.DrawFn) -> Subject:
    """A site whose readings, limits and service lie at edges too."""
    known = catalogue()
    series: dict[str, SeriesColumns] = {}
    for name in UNITS:
        quantity = known.quantities[name]
        gaps = draw(st.lists(st.sampled_from((1, 5, 5, 5, 60, 1440)), min_size=1, max_size=12))
        time = START + np.cumsum(np.array(gaps, dtype=np.int64)) * MINUTE
        values = draw(st.lists(st.sampled_from(EDGES), min_size=len(gaps), max_size=len(gaps)))
        marks = draw(
            st.lists(
                st.sampled_from((0, 0, 0, int(Quality.SATURATED), int(Quality.OUT_OF_RANGE))),
                min_size=len(gaps),
                max_size=len(gaps),
            )
        )
        interval = draw(st.sampled_from((0.001, 300.0, 366 * 86_400.0))) * 1e6
        series[name] = SeriesColumns(
            time=time,
            value=np.array(values, dtype=np.float64),
            quality=np.array(marks, dtype=np.int16),
            received_at=time,
            device="one",
            kind=quantity.kind,
            reporting=quantity.reporting,
            nonnegative=quantity.nonnegative,
            interval=Steps.of([(0, interval)]),
            stale_after=Steps.of([(0, 3 * interval)]),
        )
    devices = {"one": Device(commissioned=START, in_service=Steps.of([(0, 1.0)]))}
    limits = {name: draw(st.sampled_from(EDGES)) for name in THRESHOLDS}
    return Subject(
        key="site",
        series=series,
        devices=devices,
        thresholds={name: Steps.of([(0, value)]) for name, value in limits.items()},
        calendar=Calendar(zone="Europe/Paris", lon=2.4, lat=48.6),
        upstream=(
            Upstream(
                site="above",
                lag=draw(st.sampled_from((0, 3_600_000_000, 366 * 86_400_000_000))),
                series=series,
                devices=devices,
            ),
        ),
    )


def evaluated(text: str, subject: Subject) -> bool:
    """Evaluates a rule, if it is accepted, as the engine and the watch's cheap look do."""
    rule = accepted(text)
    if rule is None:
        return False
    horizon = Horizon(values=UNTIL, silence=UNTIL)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (verdict,) = evaluate([(START, rule)], [subject], horizon)
        assert 0 < lookback([rule], subject) < 10 * 366 * 86_400 * 10**6
        times = [moment.time for moment in verdict.moments]
        assert times == sorted(times)
        cut = START + 1440 * MINUTE
        evaluate([(START, rule)], [subject], horizon, starts={"site": cut}, untils={"site": cut})
        nothing = dict.fromkeys(UNITS, (np.zeros(1), np.zeros(1)))
        limits = {name: steps.value[-1:] for name, steps in subject.thresholds.items()}
        can_be(rule.when, Spans(shape=(1,), series=nothing, sums=nothing, thresholds=limits))
    return True


@settings(max_examples=60)
@given(text=rules(), subject=subjects())
def test_whatever_is_accepted_is_evaluated(text: str, subject: Subject) -> None:
    evaluated(text, subject)


@pytest.mark.long
@pytest.mark.timeout(900)  # half a minute of processor time; a timeout reads as a flaky strategy
@settings(max_examples=2_000)
@given(text=rules(), subject=subjects())
def test_whatever_is_accepted_is_evaluated_at_length(text: str, subject: Subject) -> None:
    evaluated(text, subject)


@given(st.lists(rules(), min_size=40, max_size=40))
@settings(max_examples=1)
def test_a_fair_part_of_them_is_accepted(texts: list[str]) -> None:
    assert any(accepted(text) for text in texts)
