"""Where ISA-18.2 and Prometheus' alert generator say what an alarm does, and what ours does.

Each test states a point of theirs. Ours agrees, or the docstring and docs/rules.md say why not.
Prometheus judges at ticks of its own; to compare, a reading stands for a tick.
"""

import numpy as np

from rules._check import check_condition
from rules._expression import parse
from rules._inputs import Device, Horizon, Steps, Subject
from rules._log import episodes
from rules._readings import DAY_ZERO, Reported, columns, read_readings
from rules._replay import evaluate_at_once
from rules._rule import Rule
from rules._rule_state import Episode, Phase, StateChange
from rules._vocabulary import Vocabulary
from sensors._errors import Place
from sensors._quantity import Kind, Reporting

MINUTE = 60_000_000
HERE = Place(file="test", line=1, column=1)
OPEN = Vocabulary(series={}, thresholds={}, closed=False)


def moments(
    readings: str, *, when: str = "level > 3", clear: str = "", hold: int = 0, keep: int = 0
) -> tuple[StateChange, ...]:
    condition = check_condition(parse(when, HERE), OPEN)
    rule = Rule(
        id="r",
        title="r",
        domain="",
        when=condition,
        clear=check_condition(parse(clear, HERE), OPEN) if clear else None,
        hold=hold * MINUTE,
        keep=keep * MINUTE,
        written={},
    )
    sent = read_readings("level", readings, HERE)
    reported = Reported(
        device="gauge",
        kind=Kind.GAUGE,
        reporting=Reporting.PERIODIC,
        nonnegative=False,
        interval=5 * MINUTE,
    )
    always = Steps(at=np.array([DAY_ZERO], dtype=np.int64), value=np.ones(1))
    subject = Subject(
        key="site",
        series={"level": columns(sent, reported)},
        devices={"gauge": Device(commissioned=DAY_ZERO, in_service=always)},
    )
    last = max(one.time for one in sent)
    return evaluate_at_once([(0, rule)], subject, Horizon(values=last, silence=last))


def phases(found: tuple[StateChange, ...]) -> list[tuple[int, Phase]]:
    """Where the phase changed, in minutes."""
    told: list[tuple[int, Phase]] = []
    for moment in found:
        if not told or told[-1][1] is not moment.phase:
            told.append(((moment.time - DAY_ZERO) // MINUTE, moment.phase))
    return told


def alarms(found: tuple[StateChange, ...]) -> list[tuple[int, int | None]]:
    def minute(time: int) -> int:
        return (time - DAY_ZERO) // MINUTE

    told: list[Episode] = episodes("r", "site", found)
    return [(minute(a.began), None if a.ended is None else minute(a.ended)) for a in told]


INACTIVE, PENDING, ACTIVE = Phase.INACTIVE, Phase.PENDING, Phase.ACTIVE


def test_prometheus_without_for_a_true_condition_fires_at_once() -> None:
    assert phases(moments("00:00=1 00:05=4")) == [(0, INACTIVE), (5, ACTIVE)]


def test_prometheus_with_for_it_is_pending_until_it_has_held_so_long() -> None:
    found = moments("00:00=4 00:05=4 00:10=4", hold=10)
    assert phases(found) == [(0, PENDING), (10, ACTIVE)]


def test_prometheus_for_is_reached_when_exactly_so_long_has_passed() -> None:
    assert phases(moments("00:00=4 00:05=4", hold=5)) == [(0, PENDING), (5, ACTIVE)]


def test_prometheus_a_pending_alert_whose_condition_fails_is_inactive_and_nobody_hears() -> None:
    found = moments("00:00=4 00:05=1 00:10=4 00:15=4", hold=10)
    assert phases(found) == [(0, PENDING), (5, INACTIVE), (10, PENDING)]
    assert alarms(found) == []


def test_prometheus_a_run_that_was_broken_starts_from_nothing() -> None:
    assert alarms(moments("00:00=4 00:05=4 00:10=1 00:15=4 00:20=4 00:25=4", hold=10)) == [
        (25, None)
    ]


def test_prometheus_a_firing_alert_is_resolved_when_its_condition_fails_at_once() -> None:
    assert alarms(moments("00:00=4 00:05=1")) == [(0, 5)]
    assert alarms(moments("00:00=4 00:05=4 00:10=4 00:15=1", hold=10)) == [(10, 15)]


def test_prometheus_a_resolved_alert_that_comes_again_is_pending_again() -> None:
    found = moments("00:00=4 00:05=4 00:10=1 00:15=4 00:20=4", hold=5)
    assert phases(found)[2:] == [(10, INACTIVE), (15, PENDING), (20, ACTIVE)]


def test_prometheus_keep_firing_for_holds_it_after_the_condition_failed() -> None:
    assert alarms(moments("00:00=4 00:05=1 00:10=1 00:15=1", keep=10)) == [(0, 15)]
    assert alarms(moments("00:00=4 00:05=1 00:10=4 00:15=1", keep=10)) == [(0, None)]


def test_prometheus_active_since_is_where_the_condition_became_true_not_where_it_fired() -> None:
    (alarm,) = episodes("r", "site", moments("00:00=4 00:05=4 00:10=4", hold=10))
    assert (alarm.since, alarm.began) == (DAY_ZERO, DAY_ZERO + 10 * MINUTE)


def test_unlike_prometheus_a_series_that_vanishes_resolves_nothing() -> None:
    """There an alert whose series is gone is resolved; here it is stale, for it may be drowned."""
    found = moments("00:00=4 01:00=4")
    assert alarms(found) == [(0, None)]
    assert [(a - DAY_ZERO) // MINUTE for a, _ in episodes("r", "site", found)[0].stale] == [15]


def test_unlike_prometheus_one_sample_never_fulfils_a_for() -> None:
    """There a sample is looked back at for five minutes; here two readings must have shown it."""
    assert alarms(moments("00:00=4 00:14=1", hold=10)) == []


def test_isa_a_deadband_keeps_the_alarm_until_the_value_is_well_back() -> None:
    assert alarms(moments("00:00=3.1 00:05=2.95 00:10=2.8", clear="level < 2.9")) == [(0, 10)]


def test_isa_an_on_delay_and_an_off_delay_each_suppress_a_short_excursion() -> None:
    assert alarms(moments("00:00=4 00:05=1 00:10=1", hold=10)) == []
    assert alarms(moments("00:00=4 00:05=1 00:10=4 00:15=4", keep=10)) == [(0, None)]


def test_isa_an_alarm_is_one_until_it_returned_to_normal_however_often_it_is_true() -> None:
    assert alarms(moments("00:00=3.1 00:05=2.95 00:10=3.2 00:15=2.95", clear="level < 2.9")) == [
        (0, None)
    ]


def test_isa_a_value_that_cannot_be_trusted_neither_raises_nor_returns() -> None:
    """18.2 leaves a bad value to the plant; here it is unknown, and only a good one decides."""
    assert alarms(moments("00:00=1 00:05=9? 00:10=1")) == []
    assert alarms(moments("00:00=4 00:05=1? 00:10=4")) == [(0, None)]
