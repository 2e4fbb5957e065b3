"""A year of a gauge is judged while one waits; the bound is wide, the machine shared."""

import time

import numpy as np
import pytest

from rules._engine import judge
from rules._inputs import Device, Horizon, SeriesColumns, Steps, Subject
from rules._pack import packs
from sensors._quantity import Kind, Reporting

MINUTE = 60_000_000
ROWS = 35_040  # a year in quarters of an hour


def always(value: float) -> Steps:
    return Steps(at=np.array([0]), value=np.array([value]))


def gauge() -> Subject:
    times = np.arange(1, ROWS + 1, dtype=np.int64) * 15 * MINUTE
    column = SeriesColumns(
        time=times,
        value=np.round(2.0 + np.sin(np.arange(ROWS) / 500), 2),
        quality=np.zeros(ROWS, dtype=np.int16),
        received_at=times,
        device="one",
        kind=Kind.GAUGE,
        reporting=Reporting.PERIODIC,
        nonnegative=False,
        interval=always(15 * MINUTE),
        stale_after=always(45 * MINUTE),
    )
    limits = {"attention": 2.2, "alert": 2.5, "danger": 2.9, "rise": 0.05}
    return Subject(
        key="s",
        series={"level": column},
        devices={"one": Device(commissioned=0, in_service=always(1))},
        thresholds={name: always(value) for name, value in limits.items()},
    )


@pytest.mark.parametrize("rule_id", ["flood-level", "flood-level-rising", "flood-level-silent"])
def test_a_gauge_year_takes_less_than_a_second(rule_id: str) -> None:
    (rule,) = (rule for pack in packs() for rule in pack.rules if rule.id == rule_id)
    subject = gauge()
    end = int(subject.series["level"].time[-1])
    begun = time.process_time()
    (verdict,) = judge([(0, rule)], [subject], Horizon(values=end, silence=end))
    assert time.process_time() - begun < 1.0
    assert verdict.subject == "s"
