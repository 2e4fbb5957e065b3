"""What is asked of members and of sites upstream changes by time alone too, to the microsecond."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rules import _block
from rules._axis import Axis
from rules._block import Block, Members
from rules._clocks import ClockFactory
from rules._engine import evaluate, evaluate_parts
from rules._inputs import Calendar, Device, Horizon, SeriesColumns, Steps, Subject, Upstream
from rules._read import read_rule
from rules._readings import Reported, Sent, columns
from rules._rule import Rule
from rules._rule_state import Phase, Truth
from rules._vocabulary import Vocabulary
from rules._yaml import Source, as_yaml
from sensors._quantity import Kind, Reporting

MINUTE = 60_000_000
ZERO = 1_704_067_200_000_000
TICK = 1 / MINUTE  # a microsecond, in minutes
OPEN = Vocabulary(series={}, thresholds={}, closed=False)
F, U, T = Truth.FALSE, Truth.UNKNOWN, Truth.TRUE
ALWAYS = Steps.of([(0, 1.0)])

GAUGE = Reported(
    device="one",
    kind=Kind.GAUGE,
    reporting=Reporting.PERIODIC,
    nonnegative=False,
    interval=10 * MINUTE,
)


def rule(when: str, **more: Any) -> Rule:
    source = Source("x")
    written = as_yaml({"id": "x", "when": when, "severity": "minor", **more})
    return read_rule(source.compose(written), source, OPEN, domain="")


def at(minutes: float) -> int:
    return ZERO + round(minutes * MINUTE)


def series(
    device: str,
    *readings: tuple[float, float],
    interval: float = 10,
    kind: Kind = Kind.GAUGE,
    reporting: Reporting = Reporting.PERIODIC,
) -> SeriesColumns:
    rows = [
        Sent(series="x", time=at(m), value=v, quality=0, received_at=at(m)) for m, v in readings
    ]
    reported = Reported(
        device=device,
        kind=kind,
        reporting=reporting,
        nonnegative=False,
        interval=round(interval * MINUTE),
    )
    return columns(rows, reported)


def steady(device: str, value: float, *times: float) -> SeriesColumns:
    return series(device, *[(time, value) for time in times])


def device(**more: Any) -> Device:
    return replace(Device(commissioned=ZERO, in_service=ALWAYS), **more)


def group(a: SeriesColumns, b: SeriesColumns, **more: Any) -> Subject:
    whole = Subject(
        key="g",
        series={"x@a": a, "x@b": b},
        devices={"a": device(), "b": device()},
        group={"x": ("x@a", "x@b")},
    )
    return replace(whole, **more)


def truths(
    when: str, subject: Subject, minutes: float = 600, **more: Any
) -> list[tuple[float, Truth]]:
    """From when on a condition is what, in minutes."""
    until = Horizon(values=at(minutes), silence=at(minutes))
    (verdict,) = evaluate([(0, rule(when, **more))], [subject], until)
    found: list[tuple[float, Truth]] = []
    for moment in verdict.moments:
        if not found or found[-1][1] is not moment.when:
            found.append(((moment.time - ZERO) / MINUTE, moment.when))
    return found


def test_a_reading_leaves_an_open_window_when_its_time_is_over() -> None:
    a = series("a", (0, 0), (10, 9), (20, 0), (35, 0), (45, 0))
    b = steady("b", 0, 0, 10, 20, 30 - TICK, 30, 40)
    assert truths("share(sum(x, 20 min) > 5) > 0.4", group(a, b), 45) == [(20, T), (30, F)]


def test_a_reading_leaves_a_closed_window_just_after() -> None:
    a = series("a", (0, 0), (5, 1), (10, 2), (16, 2), (22, 2), interval=10)
    b = steady("b", 0, 0, 5, 10, 10 + TICK, 16)
    found = truths("share(rate(x, 10 min) > 5) > 0.4", group(a, b), 16)
    assert found == [(10, T), (10 + TICK, U)]


def test_a_window_is_known_once_it_began_after_the_first_reading() -> None:
    a = steady("a", 2, 3, 12, 21, 30)
    b = steady("b", 0, -20, -10, 0, 10, 20, 23 - TICK, 23, 33)
    found = truths("share(mean(x, 20 min) > 1) > 0.4", group(a, b), 33)
    assert found == [(23, T)]


def test_the_base_of_a_change_is_too_old_an_interval_after_its_span() -> None:
    a = series("a", (0, 0), (15, 2), (40, 2))
    b = steady("b", 0, 0, 10, 20, 20 + TICK, 25, 35)
    found = truths("share(change(x, 10 min) > 1) > 0.4", group(a, b), 35)
    assert found == [(10, F), (15, T), (20 + TICK, U), (25, F)]


def test_the_interval_by_which_a_base_is_near_may_be_revised_for_a_member() -> None:
    a = series("a", (0, 0), (15, 2), (40, 2))
    a = replace(a, interval=Steps.of([(0, 10.0 * MINUTE), (at(22), 15.0 * MINUTE)]))
    b = steady("b", 0, 0, 10, 20, 20 + TICK, 22, 24.5, 25, 35)
    found = truths("share(change(x, 10 min) > 1) > 0.4", group(a, b), 35)
    assert found == [(10, F), (15, T), (20 + TICK, U), (22, T), (25, F)]


def test_a_state_is_held_where_a_window_opens_to_its_stale_limit() -> None:
    a = series("a", (0, 1), kind=Kind.STATE, reporting=Reporting.ON_CHANGE)
    b = steady("b", 0, 0, 10, 20, 30, 40, 50, 50 + TICK, 60)
    assert truths("share(max(x, 20 min) > 0.5) > 0.4", group(a, b), 60) == [
        (0, T),
        (50 + TICK, U),
    ]


def test_a_share_of_what_stands_still_counts_readings_and_time() -> None:
    a = series("a", (0, 1), (10, 1), (20, 1), (31, 1), (41, 2))
    b = series("b", (0, 1), (10, 2), (20, 3), (25, 4), (25 + TICK, 5), (35, 6), (45, 7))
    found = truths("share(stuck(x, 25 min)) > 0.4", group(a, b), 45)
    assert found == [(25, T), (41, F)]


def test_members_out_of_service_or_withdrawn_have_no_say() -> None:
    a, b = steady("a", 1, *range(0, 61, 10)), steady("b", 0, *range(0, 61, 10))
    plain = group(a, b)
    condition = "share(x > 0.5) > 0.6"
    assert truths(condition, plain, 60) == [(0, F)]
    off = {
        "a": device(),
        "b": device(in_service=Steps.of([(0, 1.0), (at(14), 0.0), (at(33), 1.0)])),
    }
    assert truths(condition, replace(plain, devices=off), 60) == [(0, F), (14, T), (33, F)]
    gone = group(a, replace(b, withdrawn=Steps.of([(at(14), 1.0), (at(33), 0.0)])))
    assert truths(condition, gone, 60) == [(0, F), (14, T), (33, F)]
    nobody = {key: device(in_service=Steps.of([(0, 1.0), (at(14), 0.0)])) for key in ("a", "b")}
    assert truths("share(x > 0.5) > 0.4", replace(plain, devices=nobody), 60) == [(0, T), (14, U)]
    assert truths("total(x) > 0.5", replace(plain, devices=nobody), 60) == [(0, T), (14, U)]
    assert truths("share(x > 0.5) * 2 > 0.4", replace(plain, devices=nobody), 60) == [
        *((0, T), (14, U)),
    ]


def test_the_base_of_a_change_is_there_again_a_span_after_its_device_was_heard_again() -> None:
    """A state whose device was silent for longer than its limit; the other's arrivals look.

    That the device was there at 195 is not heard before 260, so that it counts from 200 on.
    """
    signs = [(195, 260), (200, 200), (215, 215)]
    rows = [
        Sent(series="battery", time=at(sent), value=80, quality=0, received_at=at(received))
        for sent, received in signs
    ]
    subject = group(
        series("a", (0, 5), kind=Kind.STATE, reporting=Reporting.ON_CHANGE),
        steady("b", 5, *range(0, 300, 10)),
    )
    battery = columns(rows, replace(GAUGE, device="a"))
    heard = replace(subject, series={**subject.series, "battery@a": battery})
    found = truths("share(change(x, 7 min) == 0 and not silent(x, 1 d)) > 0.6", heard, 220)
    assert found == [(10, T), (40, U), (210, T)]


def test_members_are_judged_by_thresholds_that_change() -> None:
    a, b = steady("a", 3, *range(0, 61, 10)), steady("b", 1, *range(0, 61, 10))
    limits = {"limit": Steps.of([(0, 2.0), (at(14), 4.0), (at(33), 0.5)])}
    found = truths("share(x > threshold.limit) > 0.4", group(a, b, thresholds=limits), 60)
    assert found == [(0, T), (14, F), (33, T)]


def test_a_total_is_bounded_by_what_is_never_negative() -> None:
    a = replace(steady("a", 3, 0, 10, 20), nonnegative=True)
    b = replace(steady("b", 5, 0, 50), nonnegative=True)
    plain = group(a, b)
    assert truths("total(x) > 7", plain, 49) == [(0, T), (30 + TICK, U)]
    assert truths("total(x) > 3", plain, 49) == [(0, T), (30 + TICK, U)]
    assert truths("total(x) > 2", plain, 49) == [(0, T)]
    assert truths("total(x * 1) > 2", plain, 49) == [(0, T), (30 + TICK, U)]


def test_the_silence_of_members_is_told_when_it_completes() -> None:
    a, b = steady("a", 1, 0, 10, 20), steady("b", 1, *range(0, 61, 5))
    plain = group(a, b)
    assert truths("share(silent(x, 15 min)) > 0.4", plain, 60) == [(0, F), (35, T)]
    assert truths("share(silent(x, 15 min) and last(x) > 0.5) > 0.4", plain, 60) == [
        (0, F),
        (35, T),
    ]
    fed = {"a": device(fed=Steps.of([(0, 1.0), (at(25), 0.0), (at(40), 1.0)])), "b": device()}
    assert truths("share(silent(x, 15 min)) > 0.4", replace(plain, devices=fed), 60) == [
        (0, F),
        (50, T),
    ]


def below(mill: SeriesColumns, ford: SeriesColumns | None = None, **more: Any) -> Subject:
    """A site with one or two others above it, half an hour and a quarter away."""
    sites = [Upstream(site="mill", lag=30 * MINUTE, series={"x": mill}, devices={"m": device()})]
    if ford is not None:
        devices = {"f": device()}
        sites.append(Upstream(site="ford", lag=15 * MINUTE, series={"x": ford}, devices=devices))
    return replace(Subject(key="s", series={}, devices={}, upstream=tuple(sites)), **more)


def test_the_greatest_of_what_arrives_counts() -> None:
    mill = series("m", (0, 1), (10, 5), (20, 1), (30, 1), (40, 1))
    ford = series("f", (15, 1), (25, 2), (35, 1), (45, 4))
    both = below(mill, ford)
    assert truths("upstream(x) > 3", both, 65) == [(30, F), (40, T), (50, F), (60, T)]
    assert truths("upstream(x > 3)", both, 65) == [(30, F), (40, T), (50, F), (60, T)]
    assert truths("upstream(x, 20 min) > 3", both, 47) == [(15, F), (20, T), (30, F), (45, T)]


def test_a_silent_branch_neither_hides_nor_frees() -> None:
    mill = series("m", (0, 1))
    ford = series("f", (15, 1), (25, 4), (35, 1), (45, 1))
    both = below(mill, ford)
    expected = [(30, F), (40, T), (50, F), (60 + TICK, U)]
    assert truths("upstream(x) > 3", both, 65) == expected
    assert truths("upstream(x > 3)", both, 65) == expected


def test_sites_upstream_out_of_service_have_no_say() -> None:
    mill, ford = steady("m", 5, *range(0, 60, 10)), steady("f", 1, *range(15, 75, 10))
    both = below(mill, ford)
    off = device(in_service=Steps.of([(0, 1.0), (at(12), 0.0)]))
    without = replace(
        both, upstream=(replace(both.upstream[0], devices={"m": off}), both.upstream[1])
    )
    for condition in ("upstream(x) > 3", "upstream(x > 3)"):
        assert truths(condition, without, 65) == [(30, T), (42, F)]
    neither = replace(
        both,
        upstream=(
            replace(both.upstream[0], devices={"m": off}),
            replace(both.upstream[1], devices={"f": off}),
        ),
    )
    for condition in ("upstream(x) > 3", "upstream(x > 3)", "not upstream(x > 3)"):
        assert truths(condition, neither, 65)[-1][1] is U


def test_a_site_upstream_is_compared_with_its_own_threshold() -> None:
    mill = steady("m", 3, *range(0, 60, 10))
    site = below(mill, thresholds={"limit": Steps.of([(0, 99.0)])})
    limits = {"limit": Steps.of([(0, 2.0), (at(12), 4.0)])}
    site = replace(site, upstream=(replace(site.upstream[0], thresholds=limits),))
    assert truths("upstream(x > threshold.limit)", site, 65) == [(30, T), (42, F)]
    assert truths("upstream(x > threshold.limit, 20 min)", site, 35) == [(10, T), (22, F)]


def test_an_alarm_is_stale_while_a_site_upstream_is_silent() -> None:
    mill = series("m", (0, 5), (10, 5), (50, 5), (60, 1))
    until = Horizon(values=at(95), silence=at(95))
    (verdict,) = evaluate([(0, rule("upstream(x) > 3"))], [below(mill)], until)
    found = [
        ((m.time - ZERO) / MINUTE, m.phase, m.stale_since and (m.stale_since - ZERO) / MINUTE)
        for m in verdict.moments
    ]
    assert found == [
        (30, Phase.ACTIVE, None),
        (70 + TICK, Phase.ACTIVE, 70),
        (80, Phase.ACTIVE, None),
        (90, Phase.INACTIVE, None),
    ]


def test_an_alarm_is_stale_while_a_member_is_silent() -> None:
    a, b = steady("a", 5, 0, 10, 60), steady("b", 5, *range(0, 71, 10))
    until = Horizon(values=at(70), silence=at(70))
    (verdict,) = evaluate([(0, rule("share(x > 3) > 0.4"))], [group(a, b)], until)
    found = [
        ((m.time - ZERO) / MINUTE, m.stale_since and (m.stale_since - ZERO) / MINUTE)
        for m in verdict.moments
    ]
    assert found == [(0, None), (40 + TICK, 40), (60, None)]


def test_an_alarm_of_a_silent_device_is_stale_until_it_is_out_of_service() -> None:
    served = device(in_service=Steps.of([(0, 1.0), (at(80), 0.0)]))
    site = Subject(key="s", series={"x": steady("a", 5, 0, 10)}, devices={"a": served})
    until = Horizon(values=at(90), silence=at(90))
    (verdict,) = evaluate([(0, rule("x > 3"))], [site], until)
    found = [((m.time - ZERO) / MINUTE, m.phase, m.stale) for m in verdict.moments]
    assert found == [
        (0, Phase.ACTIVE, False),
        (40 + TICK, Phase.ACTIVE, True),
        (80, Phase.INACTIVE, False),
    ]
    assert verdict.moments[-1].reason == "out of service"


def test_a_run_of_a_share_is_observed_by_two_readings_of_its_members() -> None:
    a, b = steady("a", 5, 0, 10, 20), steady("b", 5, 0, 20)

    def began(when: str, span: str) -> list[float]:
        until = Horizon(values=at(20), silence=at(20))
        (verdict,) = evaluate([(0, rule(when, **{"for": span}))], [group(a, b)], until)
        return [(m.time - ZERO) / MINUTE for m in verdict.moments if m.phase is Phase.ACTIVE][:1]

    assert began("share(x > 3) > 0.4", "10 min") == [10]  # seen of one of them, which is enough
    assert began("share(x > 3) > 0.6", "10 min") == [20]
    assert began("total(x) > 6", "10 min") == [20]


@pytest.mark.parametrize("most", [1, 3, 4, 100])
def test_members_are_asked_some_at_a_time_each_at_its_key(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(_block, "_AT_ONCE", most)
    outer = Axis(base=0, stride=100, count=3)
    inner = Block(Axis(base=0, stride=100, count=5), [], ClockFactory(()))
    members = Members(outer, [2, 0, 3], inner)
    keys = np.array([5, 7, 150, 210, 299], dtype=np.int64)
    owners = np.array([0, 0, 1, 2, 2], dtype=np.intp)
    found: list[tuple[int, int]] = []
    for part, rows, own in members.spread(keys, owners):
        assert part.stop - part.start >= 1
        found += zip((rows + part.start).tolist(), own.tolist(), strict=True)
    assert found == [
        *((0, 5), (0, 105), (1, 7), (1, 107)),
        *((3, 210), (3, 310), (3, 410), (4, 299), (4, 399), (4, 499)),
    ]
    assert members.outward(np.array([5, 105, 210, 310, 410])).tolist() == [5, 5, 210, 210, 210]
    assert members.any(np.array([False, True, False, False, False])).tolist() == [
        *(True, False, False),
    ]
    assert members.of.tolist() == [0, 0, 2, 2, 2]


PARIS = Calendar(zone="Europe/Paris", lon=2.44, lat=48.63)


def test_the_clock_of_a_group_is_its_members_and_that_of_a_site_its_upstreams() -> None:
    a, b = steady("a", 5, *range(0, 181, 10)), steady("b", 1, *range(0, 181, 10))
    here = group(a, b, calendar=PARIS)  # an hour ahead of UTC
    assert truths("share(x > 3 and hour >= 3) > 0.4", here, 180) == [(0, F), (120, T)]
    above = below(steady("m", 5, *range(0, 181, 10)), calendar=PARIS)
    assert truths("upstream(x > 3 and hour >= 3)", above, 180) == [(30, F), (120, T)]


def test_a_value_is_told_at_times_in_any_order_with_the_clock_of_then() -> None:
    site = Subject(
        key="s",
        series={"x": steady("a", 5, 0, 10)},
        devices={"a": device()},
        calendar=PARIS,
    )
    when = rule("last(x) + hour > 3")
    times = np.array([at(600), at(5), at(300)])
    (found,) = evaluate_parts(when, [when.when.parts[0]], [(site, times)])
    assert found.lo.tolist() == [16, 6, 11]


def test_equal_times_of_members_are_one_moment() -> None:
    times: Sequence[float] = (0, 10, 20)
    found = truths("share(x > 3) > 0.4", group(steady("a", 5, *times), steady("b", 5, *times)), 20)
    assert found == [(0, T)]
