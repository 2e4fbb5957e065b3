"""What the engine says moment by moment, how far it must see for it, and when it is due again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from rules._axis import Axis
from rules._block import Block
from rules._calendar import between, calendar_input, turns_within, word_steps
from rules._engine import evaluate, evaluate_parts, extent_of, lookback, run_start
from rules._inputs import (
    Calendar,
    Closing,
    Device,
    Horizon,
    SeriesColumns,
    Steps,
    Subject,
    Upstream,
)
from rules._layout import EvaluationRequest, Extent, blocks
from rules._read import read_rule
from rules._readings import Reported, Sent, columns, standing
from rules._reconcile import Change, ChangeKind, Recorded, reconcile
from rules._replay import each_going_on, evaluate_at_once, reached, replay
from rules._rule import Rule
from rules._rule_state import Episode, Phase, StateChange, Truth
from rules._vocabulary import Vocabulary
from rules._yaml import Source, as_yaml
from sensors._calendar import school_holidays_end
from sensors._quality import Quality
from sensors._quantity import Kind, Reporting
from sensors._row import NEVER

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
ZERO = 1_704_067_200_000_000  # 2024-01-01
OPEN = Vocabulary(series={}, thresholds={}, closed=False)
OFF, WAIT, ON = Phase.INACTIVE, Phase.PENDING, Phase.ACTIVE
F, U, T = Truth.FALSE, Truth.UNKNOWN, Truth.TRUE


def rule(when: str, **more: Any) -> Rule:
    written = {"id": "x", "when": when, "severity": "minor"}
    written |= {key.replace("_", " "): value for key, value in more.items()}
    source = Source("x")
    return read_rule(source.compose(as_yaml(written)), source, OPEN, domain="")


def at(minutes: float) -> int:
    return ZERO + round(minutes * MINUTE)


def sent(series: str, *readings: tuple[float, float], late: float = 0) -> list[Sent]:
    return [
        Sent(series=series, time=at(m), value=v, quality=0, received_at=at(m + late))
        for m, v in readings
    ]


def column(
    *readings: tuple[float, float],
    late: float = 0,
    interval: float = 5,
    kind: Kind = Kind.GAUGE,
    reporting: Reporting = Reporting.PERIODIC,
) -> SeriesColumns:
    reported = Reported(
        device="one",
        kind=kind,
        reporting=reporting,
        nonnegative=False,
        interval=round(interval * MINUTE),
    )
    return columns(standing(sent("x", *readings, late=late)), reported)


ALWAYS = Steps.of([(0, 1.0)])
ONE = Device(commissioned=ZERO, in_service=ALWAYS)


def subject(key: str = "s", **series: SeriesColumns) -> Subject:
    return Subject(key=key, series=series, devices={"one": ONE})


def until(minutes: float) -> Horizon:
    return Horizon(values=at(minutes), silence=at(minutes))


Told = tuple[float, Phase, Truth, Truth]


def told(moments: Sequence[StateChange]) -> list[Told]:
    return [((m.time - ZERO) / MINUTE, m.phase, m.when, m.clear) for m in moments]


def minutes(*times: int | None) -> tuple[float | None, ...]:
    return tuple(None if time is None else (time - ZERO) / MINUTE for time in times)


LEVEL = column(*[(5 * i, v) for i, v in enumerate([1, 4, 4, 6, 4, 2.5, 1, 1, 4])])
FLOOD = rule(
    "level > 3",
    clear="level < 2",
    **{"for": "5 min"},
    keep_for="5 min",
    steps=[{"severity": "major", "when": "level > 5", "clear": "level < 3"}],
)


def test_an_alarm_moment_by_moment() -> None:
    (verdict,) = evaluate([(0, FLOOD)], [subject(level=LEVEL)], until(70))
    moments = verdict.moments
    assert told(moments) == [
        (0, OFF, F, T),
        (5, WAIT, T, F),
        (10, ON, T, F),
        (15, ON, T, F),
        (20, ON, T, F),
        (25, ON, F, F),
        (30, ON, F, T),
        (35, OFF, F, T),
        (40, WAIT, T, F),
        (55 + 1 / MINUTE, OFF, U, U),
    ]
    assert [minutes(m.when_since, m.clear_since, m.since, m.began) for m in moments] == [
        (None, 0, None, None),
        (5, None, 5, None),
        (5, None, 5, 10),
        (5, None, 5, 10),
        (5, None, 5, 10),
        (None, None, 5, 10),
        (None, 30, 5, 10),
        (None, 30, None, None),
        (40, None, 40, None),
        (None, None, None, None),
    ]
    assert [m.severity for m in moments] == [
        *(None, None, "minor", "major", "major", "minor", "minor", None, None, None),
    ]
    assert [[(on, *minutes(start)) for on, start, _ in m.steps] for m in moments] == [
        [],
        [(False, None)],
        [(False, None)],
        [(True, 15)],
        [(True, None)],
        [(False, None)],
        [(False, None)],
        [],
        [(False, None)],
        [],
    ]
    assert {m.stale for m in moments} == {False}
    assert {m.reason for m in moments} == {None}
    assert verdict.due is None


def test_an_alarm_is_stale_from_its_stale_limit_until_it_is_known_again() -> None:
    level = column((0, 4), (5, 4), (30, 4), (35, 1))
    (verdict,) = evaluate([(0, rule("level > 3"))], [subject(level=level)], until(40))
    assert [
        (*minutes(m.time), m.phase, m.stale, *minutes(m.stale_since)) for m in verdict.moments
    ] == [
        (0, ON, False, None),
        (20 + 1 / MINUTE, ON, True, 20),
        (30, ON, False, None),
        (35, OFF, False, None),
    ]


def test_a_judgement_is_due_when_time_alone_may_change_it() -> None:
    level = column((0, 4), (5, 4))

    def due(when: str, minute: float, **more: Any) -> float | None:
        (verdict,) = evaluate([(0, rule(when, **more))], [subject(level=level)], until(minute))
        (found,) = minutes(verdict.due)
        return found

    assert due("level > 3", 10) == 20 + 1 / MINUTE
    assert due("level > 3", 20) == 20 + 1 / MINUTE
    assert due("level > 3", 21) is None
    assert due("silent(level, 10 min)", 10) == 15
    assert due("silent(level, 10 min)", 15, **{"for": "7 min"}) == 22
    assert due("silent(level, 10 min)", 16, **{"for": "7 min"}) == 22
    assert due("silent(level, 10 min)", 22, **{"for": "7 min"}) is None


def test_a_run_under_way_is_due_though_nothing_comes() -> None:
    quiet = rule(
        "silent(level, 10 min)",
        **{"for": "7 min"},
        keep_for="9 min",
        steps=[{"severity": "major", "when": "silent(level, 12 min)", "for": "8 min"}],
    )
    site = subject(level=column((0, 4), (5, 4), (40, 4), (41, 4), (60, 4)))

    def judged(start: float, minute: float, moment: StateChange) -> tuple[list[Told], Any]:
        (verdict,) = evaluate(
            [(0, quiet)], [site], until(minute), starts={"s": at(start)}, seeds={"s": moment}
        )
        return told(verdict.moments), minutes(verdict.due)

    (verdict,) = evaluate([(0, quiet)], [site], until(39))
    moments = verdict.moments
    assert [(*minutes(m.time), m.phase, m.severity) for m in moments] == [
        (0, OFF, None),
        (15, WAIT, None),
        (17, WAIT, None),
        (22, ON, "minor"),
        (25, ON, "major"),
    ]
    assert judged(18, 19, moments[2]) == ([], (22,))
    assert judged(18, 22, moments[2])[0] == [(22, ON, T, F)]
    assert judged(23, 24, moments[3]) == ([], (25,))
    assert judged(23, 25, moments[3]) == ([(25, ON, T, F)], (40,))
    (verdict,) = evaluate([(0, quiet)], [site], until(45))
    assert told(verdict.moments)[-1] == (40, ON, F, T)
    assert judged(44, 46, verdict.moments[-1]) == ([], (49,))
    assert judged(44, 49, verdict.moments[-1]) == ([(49, OFF, F, T)], (51,))


@pytest.mark.parametrize("place", ["own", "member", "upstream"])
def test_a_state_that_lasts_fulfils_a_for_by_itself(place: str) -> None:
    door = column((0, 0), (10, 1), kind=Kind.STATE, reporting=Reporting.ON_CHANGE, interval=60)
    site, when = subject(door=door), "door == 1"
    if place == "member":
        site = replace(subject(d1=door), group={"door": ("d1",)})
        when = "share(door == 1) > 0.5"
    elif place == "upstream":
        mill = Upstream(site="mill", lag=5 * MINUTE, series={"door": door}, devices={"one": ONE})
        site, when = replace(subject(), upstream=(mill,)), "upstream(door == 1)"
    way = 5 if place == "upstream" else 0
    for end in (12, 16):
        (verdict,) = evaluate([(0, rule(when, **{"for": "7 min"}))], [site], until(end + way))
        assert minutes(verdict.due) == (17 + way,)
    (verdict,) = evaluate([(0, rule(when, **{"for": "7 min"}))], [site], until(18 + way))
    assert told(verdict.moments)[-1] == (17 + way, ON, T, F)
    gauge = replace(door, reporting=Reporting.PERIODIC, kind=Kind.GAUGE)
    (verdict,) = evaluate(
        [(0, rule("door == 1", **{"for": "7 min"}))], [subject(door=gauge)], until(18)
    )
    assert told(verdict.moments)[-1] == (10, WAIT, T, F)


def test_a_judgement_that_goes_on_unchanged_says_nothing() -> None:
    lasting = rule(
        "level > 3 and rain < 100",
        **{"for": "5 min"},
        keep_for="60 min",
        steps=[{"severity": "major", "when": "level > 5", "for": "60 min"}],
    )
    rain = column(*[(5.0 * i, 1.0) for i in range(20)])

    def again(level: SeriesColumns, minute: float) -> list[Told]:
        """What is said of the readings after the last moment by then."""
        site = subject(level=level, rain=rain)
        (verdict,) = evaluate([(0, lasting)], [site], until(minute))
        seed = verdict.moments[-1]
        (verdict,) = evaluate(
            [(0, lasting)],
            [site],
            until(minute + 5),
            starts={"s": seed.time + 1},
            seeds={"s": seed},
        )
        return told(verdict.moments)

    six = column(*[(5.0 * i, 6.0) for i in range(10)])
    assert again(six, 2) == [(5, ON, T, F)]
    assert again(six, 12) == []  # since, began, when, and a step under way
    falling = column((0, 4), (5, 4), (10, 1), (15, 1), (20, 1), (25, 1))
    assert again(falling, 12) == []  # the end under way
    assert again(column((0, 4), (5, 4)), 22) == []  # stale
    assert again(column((0, 1), (5, 1), (10, 1)), 6) == []


def test_an_end_is_seen_by_two_readings_of_what_it_depends_on() -> None:
    rain = column(*[(10.0 * i, 1.0) for i in range(8)], interval=10)
    level = column((0, 6), (30, 2), (60, 2), interval=30)
    keeping = rule("level > 3 and rain >= 0", keep_for="10 min")
    (verdict,) = evaluate([(0, keeping)], [subject(level=level, rain=rain)], until(70))
    assert [(*minutes(m.time), m.phase) for m in verdict.moments] == [
        *((0, ON), (30, ON), (60, OFF)),
    ]
    level = column((0, 2), (30, 6), (60, 6), interval=30)
    waiting = rule("level > 3 and rain >= 0", **{"for": "10 min"})
    (verdict,) = evaluate([(0, waiting)], [subject(level=level, rain=rain)], until(70))
    assert [(*minutes(m.time), m.phase) for m in verdict.moments] == [
        *((0, OFF), (30, WAIT), (60, ON)),
    ]
    steps = [{"severity": "major", "when": "level > 3 and rain >= 0", "for": "10 min"}]
    stepped = rule("rain >= 0", steps=steps)
    (verdict,) = evaluate([(0, stepped)], [subject(level=level, rain=rain)], until(70))
    assert [(*minutes(m.time), m.severity) for m in verdict.moments] == [
        *((0, "minor"), (30, "minor"), (60, "major")),
    ]


def test_a_series_that_may_have_moved_before_is_not_known_to_stand_still() -> None:
    level = column((0, 9), (60, 2), (65, 2), (70, 2))
    rain = column((0, 9), *[(1.0 * i, 1.0) for i in range(60, 75)])

    def truth(when: str, minute: float) -> Truth:
        (verdict,) = evaluate([(0, rule(when))], [subject(level=level, rain=rain)], until(minute))
        return verdict.moments[-1].when if verdict.moments else U

    assert truth("stuck(level, 20 min)", 70) is U
    assert truth("stuck(level, 10 min)", 70) is T
    assert truth("stuck(level, 1 min) and rain > 0", 62) is U
    assert truth("max(level, 1 min) > 0 and rain > 0", 62) is U


def test_a_device_that_has_no_series_is_silent_too() -> None:
    quiet = rule("silent(device, 1 h)")
    (verdict,) = evaluate([(0, quiet)], [subject()], until(90))
    assert told(verdict.moments) == [(60, ON, T, F)]


def test_a_silent_device_that_goes_out_of_service_has_no_say() -> None:
    off = replace(ONE, in_service=Steps.of([(at(0), 1.0), (at(80), 0.0)]))
    site = replace(subject(level=column((0, 4))), devices={"one": off})
    (verdict,) = evaluate([(0, rule("silent(device, 1 h)"))], [site], until(95))
    assert [(*minutes(m.time), m.phase, m.reason) for m in verdict.moments] == [
        *((0, OFF, None), (60, ON, None), (80, OFF, "out of service")),
    ]


def test_the_base_of_a_change_of_a_state_is_what_it_held() -> None:
    door = column(*((0, 2), (100, 5)), kind=Kind.STATE, reporting=Reporting.ON_CHANGE, interval=10)
    heard = column(*[(10.0 * i, 1.0) for i in range(13)], interval=10)
    site = subject(door=door, heard=heard)
    (verdict,) = evaluate([(0, rule("change(door, 20 min) == 3"))], [site], until(125))
    assert told(verdict.moments) == [
        (20, OFF, F, T),
        (100, ON, T, F),
        (120, OFF, F, T),
    ]


def test_a_first_arrival_is_expected_of_the_first_of_all_devices() -> None:
    empty = replace(
        column(), earlier=(("old", at(100)), ("mid", at(200))), breaks=np.array([at(100), at(200)])
    )
    devices = {
        "old": replace(ONE, commissioned=at(10)),
        "mid": replace(ONE, commissioned=at(120)),
        "one": replace(ONE, commissioned=at(190)),
    }
    site = replace(subject(level=empty), devices=devices)
    (verdict,) = evaluate([(0, rule("silent(level, 40 min)"))], [site], until(300))
    assert [(*minutes(m.time), m.phase) for m in verdict.moments] == [
        *((50, ON), (120, OFF), (160, ON), (200, OFF), (240, ON)),
    ]


def test_a_run_under_way_that_is_broken_is_due_no_more() -> None:
    quiet = rule("silent(level, 10 min)", **{"for": "7 min"})
    (verdict,) = evaluate([(0, quiet)], [subject(level=column((0, 4), (5, 4)))], until(16))
    seed = verdict.moments[-1]
    assert minutes(seed.when_since) == (15,)
    broken = subject(level=column((0, 4), (5, 4), (18, 4)))
    (verdict,) = evaluate(
        [(0, quiet)], [broken], until(19), starts={"s": at(17)}, seeds={"s": seed}
    )
    assert told(verdict.moments) == [(18, OFF, F, T)]
    assert minutes(verdict.due) == (28,)


@pytest.mark.parametrize(
    ("when", "minute", "due"),
    [
        ("level > 0 and hour >= 3", 10, 60),
        ("level > 0 and hour >= 3", 60, 120),
        ("level > 0 and weekday == tue", 10, 1380),
        ("level > 0 and month == jan", 10, 31 * 1440 - 60),
        ("level > 0 and planned_on", 10, 77),
    ],
)
def test_a_judgement_is_due_when_the_calendar_or_the_plan_turns(
    when: str, minute: float, due: float
) -> None:
    level = column((0, 4), interval=100_000)
    plan = Steps.of([(at(0), 0.0), (at(77), 50.0)])
    site = replace(subject(level=level), calendar=PARIS, plan=plan)
    (verdict,) = evaluate([(0, rule(when))], [site], until(minute))
    assert minutes(verdict.due) == (due,)


def test_sites_with_more_and_fewer_devices_are_judged_together() -> None:
    quiet = rule("silent(device, 1 h)")
    other = replace(ONE, commissioned=at(30))
    few, more = subject("few"), replace(subject("more"), devices={"a": other, "b": ONE})
    none = replace(subject("none"), devices={})
    found = evaluate([(0, quiet)], [few, more, none], until(95))
    assert [told(one.moments) for one in found] == [
        [(60, ON, T, F)],
        [(60, ON, T, F)],
        [],
    ]


def test_a_rule_that_will_be_revised_is_due_then() -> None:
    revisions = [(0, rule("level > 3")), (at(15), None), (at(50), rule("level > 1"))]
    level = column((0, 4), (5, 4))
    (verdict,) = evaluate(revisions, [subject(level=level)], until(10))
    assert minutes(verdict.due) == (15,)
    (verdict,) = evaluate(revisions, [subject(level=level)], until(15))
    assert minutes(verdict.due) == (50,)
    assert [(m.phase, m.reason) for m in verdict.moments] == [(ON, None), (OFF, "rule withdrawn")]
    assert evaluate([(0, None)], [subject(level=level)], until(9))[0].moments == ()
    assert evaluate([(0, None)], [subject(level=level)], until(9))[0].due is None
    assert evaluate([(0, FLOOD)], [], until(9)) == []


def test_each_subject_has_its_own_start_seed_and_horizon() -> None:
    subjects = [subject(key, level=LEVEL) for key in ("a", "b", "c")]
    (first, *_) = evaluate([(0, FLOOD)], subjects, until(70))
    seed = first.moments[2]
    assert minutes(seed.time) == (10,)
    found = evaluate(
        [(0, FLOOD)],
        subjects,
        until(70),
        starts={"b": at(15), "c": at(35)},
        seeds={"b": seed, "c": first.moments[6]},
        untils={"a": at(12), "c": at(36)},
    )
    assert found[0].moments == first.moments[:3]
    assert found[1].moments == first.moments[3:]
    assert found[2].moments == first.moments[7:8]
    assert [one.subject for one in found] == ["a", "b", "c"]
    assert minutes(found[0].due) == (15,)
    assert minutes(found[2].due) == (40,)


def test_an_alarm_is_closed_where_its_operator_closed_it() -> None:
    closings = {"s": [Closing(at=at(12), reason="closed by Ada: seen")]}
    (verdict,) = evaluate([(0, FLOOD)], [subject(level=LEVEL)], until(45), closings=closings)
    assert [(*minutes(m.time), m.phase, m.reason, m.closed) for m in verdict.moments] == [
        (0, OFF, None, False),
        (5, WAIT, None, False),
        (10, ON, None, False),
        (12, OFF, "closed by Ada: seen", True),
        (25, OFF, None, False),
        (30, OFF, None, False),
        (40, WAIT, None, False),
    ]


@pytest.mark.parametrize(
    ("revisions", "facts", "reason"),
    [
        ([(0, rule("level > 3")), (at(12), None)], {}, "rule withdrawn"),
        ([(0, rule("level > 3")), (at(12), rule("level > 5"))], {}, "rule revised"),
        ([(0, rule("level > 3")), (at(15), rule("level > 5"))], {}, None),
        (
            [(0, rule("level > threshold.a"))],
            {"thresholds": {"a": Steps.of([(0, 3.0), (at(12), np.nan)])}},
            "threshold withdrawn",
        ),
        (
            [(0, rule("level > threshold.a"))],
            {"thresholds": {"a": Steps.of([(0, 3.0), (at(12), 9.0)])}},
            "rule revised",
        ),
        (
            [(0, rule("level > 3"))],
            {"devices": {"one": replace(ONE, in_service=Steps.of([(0, 1.0), (at(12), 0.0)]))}},
            "out of service",
        ),
    ],
)
def test_why_an_alarm_ended_otherwise_than_by_a_reading(
    revisions: list[tuple[int, Rule | None]], facts: Mapping[str, Any], reason: str | None
) -> None:
    level = column((0, 1), (5, 4), (10, 4), (15, 4))
    site = replace(subject(level=level), **facts)
    (verdict,) = evaluate(revisions, [site], until(16))
    ended = [m for m in verdict.moments if m.phase is OFF and m.time > at(5)]
    assert minutes(ended[0].time) == ((15,) if reason is None else (12,))
    assert ended[0].reason == reason
    assert all(m.reason is None for m in verdict.moments if m is not ended[0])


def test_a_revision_that_renames_a_severity_changes_the_alarm() -> None:
    revisions = [(0, rule("level > 3")), (at(12), rule("level > 3", severity="critical"))]
    level = column((5, 4), (10, 4), (15, 4))
    (verdict,) = evaluate(revisions, [subject(level=level)], until(16))
    assert [(*minutes(m.time), m.severity) for m in verdict.moments] == [
        (5, "minor"),
        (12, "critical"),
    ]


def test_how_far_back_a_judgement_must_see() -> None:
    second = 1_000_000
    site = subject(level=LEVEL, rain=column((0, 1), interval=60))
    assert lookback([rule("level > 3")], site) == 2 * 3 * HOUR + second
    assert lookback([rule("mean(level, 7 h) > 3")], site) == 13 * HOUR + second
    some = [rule("mean(level, 7 h) > 3"), rule("mean(level, 8 h) > 3 or max(level, 2 h) > 1")]
    assert lookback(some, site) == 14 * HOUR + second
    steps = [{"severity": "major", "when": "max(level, 9 h) > 3"}]
    assert lookback([rule("level > 3", steps=steps)], site) == 15 * HOUR + second
    assert lookback([], replace(site, series={})) == second
    mill = Upstream(
        site="mill",
        lag=4 * HOUR,
        series={"level": column((0, 1), interval=120)},
        devices={"one": ONE},
    )
    below = replace(site, upstream=(mill,))
    assert lookback([rule("level > 3")], below) == 6 * HOUR + second
    assert lookback([rule("upstream(level) > 3")], below) == (4 + 12) * HOUR + second
    assert lookback([rule("upstream(level, 1 h) > 3")], below) == (1 + 4 + 12) * HOUR + second
    unknown = replace(LEVEL, stale_after=Steps.of([(0, np.nan)]), interval=Steps.of([]))
    assert lookback([rule("level > 3")], subject(level=unknown)) == second


def seed(phase: Phase, **more: Any) -> StateChange:
    return StateChange(time=9, phase=phase, when=U, clear=U, **more)


def test_which_run_is_under_way() -> None:
    steps = ((True, 3, None), (False, 7, None), (False, None, None))
    every = {"when_since": 5, "clear_since": 6, "steps": steps}
    assert run_start(seed(WAIT, **every)) == 5
    assert run_start(seed(ON, **every)) == 6
    assert run_start(seed(OFF, **every)) == 7
    assert run_start(seed(OFF, when_since=5, clear_since=6)) is None
    assert run_start(seed(ON, steps=((True, 3, None),))) is None


def test_what_the_axis_of_a_rule_must_hold() -> None:
    steps = [{"severity": "major", "when": "level > threshold.b", "for": "3 h"}]
    one = rule("mean(level, 2 h) > threshold.a", steps=steps, keep_for="1 h")
    two = rule("upstream(rain > threshold.c, 5 h) and night", **{"for": "30 min"})
    found = extent_of([(3, one), (5, None), (7, two)])
    assert replace(found, thresholds=tuple(sorted(found.thresholds))) == Extent(
        names=("level",),
        thresholds=("a", "b", "c"),
        reach=8 * HOUR,
        silence=False,
        revisions=(3, 5, 7),
        afar=("rain",),
        aheads=(5 * HOUR,),
        words=("night",),
    )
    assert extent_of([(0, rule("silent(level, 1 h)"))]).silence


def laid(asked: EvaluationRequest, some: Rule, *subjects: Subject) -> list[Block]:
    return list(blocks(subjects, asked, extent_of([(0, some)])))


def asked(minute: float, **more: Any) -> EvaluationRequest:
    nothing: Mapping[str, Any] = {"starts": {}, "untils": {}, "seeds": {}, "closings": {}}
    return EvaluationRequest(horizon=until(minute), **{**nothing, **more})


SECOND = 1_000_000
ROOM = 2 * 15 * MINUTE + SECOND  # twice the stale limit


def zone(asked: EvaluationRequest, some: Rule, *subjects: Subject) -> tuple[int, int]:
    """From and to, less the room that a rule without windows has."""
    (block,) = laid(asked, some, *subjects)
    axis = block.axis
    assert axis.count == len(subjects)
    return axis.base + ROOM, axis.base + axis.stride - ROOM


def test_a_zone_has_room_for_all_that_is_judged_and_seen() -> None:
    plain, site = rule("level > 3"), subject(level=column((10, 1), (20, 1)))
    assert zone(asked(15), plain, site) == (at(10), at(20))
    (block,) = blocks([site], asked(15), replace(extent_of([(0, plain)]), revisions=()))
    assert (block.axis.base, block.axis.stride) == (at(10) - ROOM, 10 * MINUTE + 2 * ROOM)
    extent = replace(extent_of([(0, plain)]), revisions=(at(40),))

    def found(
        given: EvaluationRequest, *subjects: Subject, **more: Any
    ) -> tuple[float | None, ...]:
        (block,) = blocks(subjects, given, replace(extent, **more))
        return minutes(block.axis.base + ROOM, block.axis.base + block.axis.stride - ROOM)

    assert found(asked(15), site) == (10, 40)
    assert found(asked(55), site) == (10, 55)
    assert found(asked(5), site) == (5, 40)
    assert found(asked(15, starts={"s": at(3)}), site) == (3, 40)
    assert found(asked(15, untils={"s": at(63)}), site) == (10, 63)
    closings = {"s": [Closing(at=at(2), reason="x"), Closing(at=at(72), reason="x")]}
    assert found(asked(15, closings=closings), site) == (2, 72)
    moment = replace(seed(ON), time=at(8), since=at(4), began=at(6), steps=((False, at(1), None),))
    assert found(asked(15, seeds={"s": moment}), site) == (1, 40)
    assert found(asked(15), subject("a", level=column((70, 1))), site) == (10, 70)
    limits = replace(site, thresholds={"a": Steps.of([(at(1), 2.0), (at(77), 3.0)])})
    assert found(asked(15), limits) == (10, 40)
    assert found(asked(15), limits, thresholds=("a", "b")) == (1, 77)
    assert found(asked(15, starts={"s": at(12)}), limits, thresholds=("a",)) == (10, 77)
    off = replace(ONE, in_service=Steps.of([(at(2), 1.0), (at(3), 0.0)]))
    assert found(asked(15), replace(site, devices={"one": off})) == (2, 40)
    assert found(asked(15), replace(site, devices={"one": ONE})) == (10, 40)
    broken = subject(level=replace(site.series["level"], breaks=np.array([at(4), at(88)])))
    assert found(asked(15), broken) == (4, 88)
    assert found(asked(15, starts={"s": at(12)}), broken) == (10, 88)
    empty = subject(level=column())
    assert found(asked(15), empty) == (15, 40)
    (block,) = blocks([site], asked(15), replace(extent, reach=HOUR))
    assert minutes(block.axis.base + ROOM) == (-50,)
    assert minutes(block.axis.base + block.axis.stride - ROOM) == (100,)


def test_a_zone_of_silence_has_room_for_arrivals_and_for_the_time_we_were_deaf() -> None:
    extent = replace(extent_of([(0, rule("silent(level, 1 h)"))]), revisions=(), reach=0)
    site = subject(level=column((10, 1), late=25))

    def found(gaps: tuple[tuple[int, int], ...] = (), fed: Steps | None = None) -> Any:
        given = replace(asked(15), horizon=replace(until(15), gaps=gaps))
        (block,) = blocks([replace(site, devices={"one": replace(ONE, fed=fed)})], given, extent)
        return minutes(block.axis.base + ROOM, block.axis.base + block.axis.stride - ROOM)

    assert found() == (0, 35)
    assert found(((at(3), at(7)),)) == (-4, 39)
    assert found(((at(-9), at(-5)),)) == (0, 35)
    assert found(((at(-9), at(2)), (at(5), at(6)))) == (-3, 38)
    assert found(fed=Steps.of([(at(1), 0.0), (at(50), 1.0)])) == (0, 50)
    assert found(fed=Steps.of([(at(50), 0.0)])) == (0, 50)
    given = EvaluationRequest(horizon=until(99), starts={}, untils={}, seeds={}, closings={})
    assert zone(given, rule("silent(level, 1 min)"), site)[1] == at(99) + MINUTE


def test_subjects_are_judged_in_blocks_of_some_readings() -> None:
    level = column(*[(i, 1) for i in range(1000)])
    extent = replace(extent_of([(0, rule("level > 3"))]), revisions=())
    subjects = [subject(f"s{i}", level=level, rain=level) for i in range(264)]
    sizes = [block.axis.count for block in blocks(subjects, asked(15), extent)]
    assert sizes == [131, 131, 2]
    assert [b.subjects[0].key for b in blocks(subjects, asked(15), extent)] == [
        "s0",
        "s131",
        "s262",
    ]
    big = subject("big", level=column(*[(i / 60, 1) for i in range(140_000)]))
    few = [big, subjects[0], big, big]
    assert [b.axis.count for b in blocks(few, asked(15), extent)] == [1, 1, 1, 1]


PARIS = Calendar(zone="Europe/Paris", lon=2.44, lat=48.63)


def turns(word: str, first: str, last: str, zone: Calendar = PARIS) -> list[tuple[str, float]]:
    """What a word says between two times of UTC: when, and what from then on."""
    edges = [int(np.datetime64(one, "us").astype(np.int64)) for one in (first, last)]
    steps = word_steps(word, zone, *edges)
    times = [str(np.datetime64(at, "us"))[:19] for at in steps.at.tolist()]
    return list(zip(times, steps.value.tolist(), strict=True))


@pytest.mark.parametrize(
    ("word", "first", "last", "expected"),
    [
        (
            "hour",
            "2024-03-31T00:10:00",
            "2024-03-31T02:00:00",
            [("00:10:00", 1), ("01:00:00", 3), ("02:00:00", 4)],
        ),
        (
            "hour",
            "2024-10-26T23:59:59",
            "2024-10-27T02:30:00",
            [("23:59:59", 1), ("00:00:00", 2), ("02:00:00", 3)],
        ),
        (
            "hour",
            "2023-12-31T21:30:00",
            "2024-01-01T00:59:59",
            [("21:30:00", 22), ("22:00:00", 23), ("23:00:00", 0), ("00:00:00", 1)],
        ),
        (
            "weekday",
            "2024-12-30T00:00:00",
            "2025-01-01T23:00:00",
            [("00:00:00", 1), ("23:00:00", 2), ("23:00:00", 3), ("23:00:00", 4)],
        ),
        (
            "month",
            "2023-11-30T22:59:59",
            "2024-02-29T22:59:59",
            [("22:59:59", 11), ("23:00:00", 12), ("23:00:00", 1), ("23:00:00", 2)],
        ),
        (
            "holiday",
            "2024-05-07T12:00:00",
            "2024-05-10T12:00:00",
            [("12:00:00", 0), ("22:00:00", 1), ("22:00:00", 0)],
        ),
        (
            "school_holiday",
            "2024-02-09T12:00:00",
            "2024-02-26T12:00:00",
            [("12:00:00", 0), ("23:00:00", 1), ("23:00:00", 0)],
        ),
    ],
)
def test_the_calendar_turns_by_the_local_clock(
    word: str, first: str, last: str, expected: list[tuple[str, float]]
) -> None:
    assert [(when[11:], value) for when, value in turns(word, first, last)] == expected


def test_school_holidays_are_unknown_where_no_calendar_is_published() -> None:
    end = school_holidays_end()
    last_day = f"{end - timedelta(days=1)}T12:00:00"
    found = turns("school_holiday", last_day, f"{end + timedelta(days=700)}T12:00:00")
    assert [when for when, _ in found] == [last_day, f"{end - timedelta(days=1)}T22:00:00"]
    assert [np.isnan(value) for _, value in found] == [False, True]


def test_an_hour_of_a_clock_that_is_half_an_hour_off() -> None:
    kolkata = Calendar(zone="Asia/Kolkata", lon=88.36, lat=22.57)
    found = turns("hour", "2024-01-01T00:00:00", "2024-01-01T02:00:00", kolkata)
    assert found == [
        ("2024-01-01T00:00:00", 5),
        ("2024-01-01T00:30:00", 6),
        ("2024-01-01T01:30:00", 7),
    ]
    howe = Calendar(zone="Australia/Lord_Howe", lon=159.08, lat=-31.55)  # turns by half an hour
    found = turns("hour", "2024-04-06T14:00:00", "2024-04-06T16:30:00", howe)
    assert found == [
        ("2024-04-06T14:00:00", 1),
        ("2024-04-06T15:30:00", 2),
        ("2024-04-06T16:30:00", 3),
    ]


def test_a_night_lasts_from_sunset_to_sunrise() -> None:
    found = turns("night", "2024-06-20T12:00:00", "2024-06-22T12:00:00")
    assert [value for _, value in found] == [0, 1, 0, 1, 0]
    assert [when[:13] for when, _ in found] == [
        *("2024-06-20T12", "2024-06-20T19", "2024-06-21T03", "2024-06-21T19", "2024-06-22T03"),
    ]
    dark = turns("night", "2024-12-21T00:00:00", "2024-12-21T06:00:00")
    assert dark == [("2024-12-21T00:00:00", 1)]
    (elsewhere,) = turns("night", "2024-06-20T20:05:00", "2024-06-20T20:10:00")
    west = turns("night", "2024-06-20T20:05:00", "2024-06-20T20:10:00", replace(PARIS, lon=-4.0))
    assert (elsewhere[1], west[0][1]) == (1, 0)
    one = ("night", "2024-06-20T12:00:00", "2024-06-21T12:00:00")
    assert turns(*one, replace(PARIS, lon=2.441)) == turns(*one, replace(PARIS, lon=2.444))
    assert turns(*one, replace(PARIS, lon=2.44)) != turns(*one, replace(PARIS, lon=2.42))
    assert turns(*one, replace(PARIS, lat=48.631)) == turns(*one, replace(PARIS, lat=48.634))
    assert turns(*one, replace(PARIS, lat=48.63)) != turns(*one, replace(PARIS, lat=48.59))


def test_what_holds_between_two_times() -> None:
    steps = Steps.of([(10, 1.0), (20, 1.0), (30, 2.0)])

    def found(first: int, last: int) -> list[tuple[int, float]]:
        part = between(steps, first, last)
        return list(zip(part.at.tolist(), np.nan_to_num(part.value, nan=-1).tolist(), strict=True))

    assert found(0, 40) == [(0, -1), (10, 1), (30, 2)]
    assert found(10, 30) == [(10, 1), (30, 2)]
    assert found(15, 29) == [(15, 1)]
    assert found(30, 30) == [(30, 2)]
    assert found(0, 9) == [(0, -1)]


def test_how_far_the_next_turn_of_a_word_may_be() -> None:
    assert {word: turns_within(word) / DAY for word in ("hour", "night", "weekday", "month")} == {
        "hour": 2,
        "night": 3,
        "weekday": 3,
        "month": 400,
    }


def test_what_is_planned_is_a_level_and_whether_there_is_one() -> None:
    plan = Steps.of([(at(0), 0.0), (at(10), 50.0), (at(20), 100.0), (at(30), np.nan)])
    planned = replace(subject(), plan=plan)
    axis = Axis(base=ZERO, stride=HOUR, count=3)
    spans = [(at(5), at(40)), (at(5), at(40)), (at(40), at(5))]
    subjects = [planned, replace(planned, plan=None), planned]

    def found(word: str, minute: float, owner: int) -> float | None:
        fact = calendar_input(word, axis, subjects, spans).fact
        value = float(fact.at(np.array([axis.key(owner, at(minute))]))[0])
        return None if np.isnan(value) else value

    assert [found("planned_on", minute, 0) for minute in (4, 5, 10, 20, 30)] == [
        None,
        0,
        1,
        1,
        None,
    ]
    assert [found("planned_level", minute, 0) for minute in (5, 10, 20, 30)] == [0, 50, 100, None]
    assert [found("planned_on", 10, owner) for owner in (1, 2)] == [None, None]
    assert minutes(
        *(calendar_input("planned_on", axis, subjects, spans).turns + ZERO).tolist()
    ) == (
        10,
        30,
    )
    level = calendar_input("planned_level", axis, subjects[::-1], spans[::-1])
    assert ((level.turns - 2 * HOUR) / MINUTE).tolist() == [10, 20, 30]


def test_what_a_rule_compares_is_told_in_numbers() -> None:
    when = rule("mean(level, 10 min) * 2 > 3").when
    node = when.parts[0]
    site = subject(level=column(*[(5 * i, float(i)) for i in range(5)]))
    times = np.array([at(15), at(20), at(60)])
    (found,) = evaluate_parts(rule("mean(level, 10 min) * 2 > 3"), [node], [(site, times)])
    assert found.lo.tolist() == [5, 7, -np.inf]
    assert found.hi.tolist() == [5, 7, np.inf]
    other = replace(site, key="mill")
    looks = [(site, times[1:2]), (other, times[:0]), (other, times)]
    (both,) = evaluate_parts(rule("mean(level, 10 min) * 2 > 3"), [node], looks)
    assert both.lo.tolist() == [7, 5, 7, -np.inf]
    (nothing,) = evaluate_parts(rule("level > 3"), [node], [(site, times[:0])])
    assert (len(nothing.lo), len(nothing.hi)) == (0, 0)


def rows_kept(column: SeriesColumns) -> list[float]:
    return [(time - ZERO) / MINUTE for time in column.time.tolist()]


def test_as_much_of_the_past_is_given_as_is_asked_for() -> None:
    level = column(*[(5.0 * i, 1.0) for i in range(20)])
    site = subject(level=level)
    plain = rule("level > 3")  # 30 min and a second

    def kept(start: float, moment: StateChange | None = None, of: Subject = site) -> list[float]:
        cut = reached([plain], of, at(start), moment, silence=False)
        return rows_kept(cut.series["level"])

    assert kept(60) == [5.0 * i for i in range(5, 20)]  # the last before 29:59 too
    assert kept(60.5) == [5.0 * i for i in range(6, 20)]
    assert kept(400) == [95]
    pending = StateChange(time=at(50), phase=WAIT, when=T, clear=F, when_since=at(45))
    assert kept(60, pending) == [5.0 * i for i in range(2, 20)]
    quiet = StateChange(time=at(50), phase=OFF, when=T, clear=F, when_since=at(45))
    assert kept(60, quiet) == kept(60)
    suspect = replace(level, quality=np.array([0] * 3 + [int(Quality.OUT_OF_RANGE)] * 17, np.int16))
    assert kept(60, None, subject(level=suspect)) == [10, *[5.0 * i for i in range(6, 20)]]
    mill = Upstream(site="m", lag=0, series={"level": level}, devices={"one": ONE})
    cut = reached([plain], replace(site, upstream=(mill,)), at(60), None, silence=False)
    assert rows_kept(cut.upstream[0].series["level"]) == kept(60)


def test_of_silence_what_had_arrived_last_is_given_too() -> None:
    received = [490, 495, 20, 30, 40, NEVER, 60, 80, 85, 600]
    level = replace(
        column(*[(10.0 * i, 1.0) for i in range(10)]),
        received_at=np.array([NEVER if r == NEVER else at(r) for r in received], dtype=np.int64),
        quality=np.array([0, int(Quality.OUT_OF_RANGE), *[0] * 8], dtype=np.int16),
    )
    quiet = rule("silent(level, 1 min)")  # a minute, 30 min and a second

    def kept(start: float) -> list[float]:
        cut = reached([quiet], subject(level=level), at(start), None, silence=True)
        return rows_kept(cut.series["level"])

    assert kept(500) == [0, 10, 50, 60, 70, 80, 90]
    assert kept(82) == [0, 10, *[10.0 * i for i in range(4, 10)]]


def test_cuts_of_any_size_give_the_whole_log() -> None:
    readings = [(0, 4), (5, 4), (10, 1), (15, 4), (20, 4), (25, 1)]
    arrivals = sent("level", *readings)

    def of(some: Sequence[Sent]) -> Subject:
        return subject(level=column(*[((s.time - ZERO) / MINUTE, s.value) for s in some]))

    revisions = [(0, rule("level > 3", **{"for": "5 min"}))]
    every = evaluate_at_once(revisions, of(arrivals), until(60))
    assert [m.phase for m in every] == [WAIT, ON, OFF, WAIT, ON, OFF, OFF]
    for size in (1, 2, 4, 6, 9):
        assert replay(revisions, of, arrivals, until(60), size=size) == every
    assert each_going_on(revisions, of, arrivals, until(60), every) == every
    assert each_going_on(revisions, of, arrivals, until(60), every[:1]) != every


def episode(began: int, ended: int | None = None, **more: Any) -> Episode:
    usual: dict[str, Any] = {"severity": ((began, "minor"),), "stale": (), "reason": None}
    return Episode(
        rule="r", subject="s", since=began, began=began, ended=ended, **{**usual, **more}
    )


def recorded(identity: int, alarm: Episode, *, ack: bool = False) -> Recorded:
    return Recorded(identity=identity, episode=alarm, acknowledged=ack)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (episode(0), episode(0, 6), "progressed"),
        (episode(0), episode(0, 5), "revised"),
        (episode(0, 4), episode(0, 6), "revised"),
        (episode(0, 4, reason="a"), episode(0, 4, reason="b"), "revised"),
        (episode(0), episode(0, 6, reason="b"), "progressed"),
        (episode(0), episode(0, severity=((0, "minor"), (6, "major"))), "progressed"),
        (episode(0), episode(0, severity=((0, "minor"), (5, "major"))), "revised"),
        (episode(0), episode(0, stale=((5, None),)), "progressed"),
        (episode(0), episode(0, stale=((4, None),)), "revised"),
        (episode(0, stale=((2, None),)), episode(0, stale=((2, 6),)), "progressed"),
        (episode(0, stale=((2, None),)), episode(0, stale=((2, 5),)), "revised"),
    ],
)
def test_an_alarm_progressed_if_its_past_as_judged_is_the_same(
    before: Episode, after: Episode, kind: str
) -> None:
    (change,) = reconcile([recorded(1, before, ack=True)], [after], judged=5)
    assert change == Change(
        kind=ChangeKind(kind), identity=1, episode=after, before=before, acknowledged=True
    )
    (unjudged,) = reconcile([recorded(1, before)], [after])
    assert unjudged.kind is ChangeKind.REVISED
    assert unjudged.acknowledged is False


def test_alarms_that_went_into_one_are_acknowledged_if_all_were() -> None:
    one, two, three = episode(0, 2), episode(3, 4), episode(6)
    whole_alarm = episode(0)
    acknowledged = [recorded(1, one, ack=True), recorded(2, two, ack=True)]
    assert reconcile([recorded(3, three, ack=True), *acknowledged], [whole_alarm], judged=9) == [
        Change(
            kind=ChangeKind.REVISED,
            identity=1,
            episode=whole_alarm,
            before=one,
            acknowledged=True,
        ),
        Change(
            kind=ChangeKind.MERGED,
            identity=2,
            episode=None,
            before=two,
            into=1,
            acknowledged=True,
        ),
        Change(
            kind=ChangeKind.MERGED,
            identity=3,
            episode=None,
            before=three,
            into=1,
            acknowledged=True,
        ),
    ]


def test_a_piece_of_an_alarm_that_went_into_another_is_a_piece_of_that() -> None:
    found = reconcile(
        [recorded(1, episode(0, 4)), recorded(2, episode(5, 20))],
        [episode(15, 20), episode(0, 7), episode(10, 12)],
        judged=9,
    )
    assert [(c.kind.value, c.identity, c.into) for c in found] == [
        ("revised", 1, None),
        ("revised", 2, None),
        ("split", None, 2),
    ]
    merged = reconcile(
        [recorded(1, episode(0, 4)), recorded(2, episode(5, 8))],
        [episode(0, 6), episode(7, 9)],
    )
    assert [(c.kind.value, c.identity, c.into) for c in merged] == [
        ("revised", 1, None),
        ("revised", 2, None),
    ]
