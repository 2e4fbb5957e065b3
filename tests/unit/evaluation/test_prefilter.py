"""The cheap look at a rule: of which series, devices and facts it is made, and when not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hypervisor.base.instants import BEGINNING, moment
from hypervisor.evaluation.facts import SubjectFacts, forecast
from hypervisor.evaluation.prefilter import Prefilter
from hypervisor.evaluation.recent_values import LATER
from hypervisor.evaluation.series_stats import SeriesStats
from hypervisor.evaluation.series_tail import SeriesTail
from hypervisor.registry.model import Revision
from rules._forecast import model_to_json
from rules._inputs import Device, Steps
from rules._rule import Rule
from sensors._row import ROW
from tests.unit.evaluation import test_rule_histories as book
from tests.unit.rules.forecasting import small_model

MINUTE = 60_000_000
SILENT_SHARE = "share(silent(light_level, 30 min)) >= 0.5"


def serves(since: int = BEGINNING, *, value: float = 1.0) -> Device:
    return Device(commissioned=BEGINNING, in_service=Steps.of([(since, value)]))


def stats(**levels: tuple[float, ...]) -> SeriesStats:
    """Of series by number: values of one minute after another."""
    tails = {}
    for name, values in levels.items():
        number = int(name.removeprefix("s"))
        tails[number] = SeriesTail(keep=10**15)
        if values:
            tails[number].append(
                np.array(
                    [(number, n * MINUTE, n * MINUTE, v, 0) for n, v in enumerate(values)],
                    dtype=ROW,
                )
            )
    made = SeriesStats.of(tails)
    made.paused[:] = 0
    return made


def gauge(**more: Any) -> SubjectFacts:
    """A gauge with a level of number 1 and a battery of number 2, at attention 3."""
    series = {"level": book.measured(1, "level"), "battery": book.measured(2, "battery")}
    return replace(
        book.subject(),
        **{
            "series": series,
            "devices": {"gauge": serves()},
            "thresholds": {"attention": Steps.of([(BEGINNING, 3.0)])},
            **more,
        },
    )


def lamps(count: int, **more: Any) -> SubjectFacts:
    """A group of lamps, whose light levels are the series 1, 2, 3."""
    keys = tuple(f"light_level@{n}" for n in range(1, count + 1))
    return replace(
        book.subject(),
        **{
            "key": f"group/{count}",
            "per": "group",
            "domain": "lighting",
            "series": {
                key: book.measured(n, "light_level", str(n)) for n, key in enumerate(keys, 1)
            },
            "devices": {str(n): serves() for n in range(1, count + 1)},
            "group": {"light_level": keys},
            **more,
        },
    )


def of(rule: Rule, subjects: list[SubjectFacts], numbers: SeriesStats) -> Prefilter:
    return Prefilter.of(book.history(rule), subjects, numbers)


def test_a_look_is_at_the_series_that_a_condition_names_and_at_its_limits() -> None:
    numbers = stats(s1=(1.0, 2.0), s2=(50.0,))
    without = gauge(series={"battery": book.measured(2, "battery")}, thresholds={})
    prefilter = of(book.rule("level > threshold.attention"), [gauge(), without], numbers)
    assert {name: places.tolist() for name, places in prefilter.named.items()} == {"level": [1, 0]}
    assert prefilter.limits["attention"][0] == 3.0
    assert np.isnan(prefilter.limits["attention"][1])
    assert prefilter.possible(numbers).tolist() == [False, True]  # of no limit nothing is known
    numbers.high[1] = 3.1
    assert prefilter.possible(numbers).tolist() == [True, True]
    assert prefilter.silences == []


def test_the_latest_limit_counts() -> None:
    numbers = stats(s1=(1.0, 2.0), s2=())
    lower = gauge(thresholds={"attention": Steps.of([(BEGINNING, 3.0), (5, 1.5)])})
    prefilter = of(book.rule("level > threshold.attention"), [lower], numbers)
    assert prefilter.possible(numbers).tolist() == [True]
    assert prefilter.settled.tolist() == [max(book.at(0), 5)]


def test_a_sum_may_be_of_any_of_the_values() -> None:
    numbers = stats(s1=(5.0, 6.0), s2=())
    rain = gauge(series={"catchment_rain": book.measured(1, "catchment_rain")})
    for limit, possible in ((10.9, True), (11.1, False)):
        prefilter = of(book.rule(f"sum(catchment_rain, 2 h) > {limit} mm"), [rain], numbers)
        assert prefilter.possible(numbers).tolist() == [possible]


def test_a_look_at_a_group_is_at_its_members_that_count() -> None:
    numbers = stats(s1=(80.0,), s2=(80.0,), s3=(20.0,))
    rule = book.rule("share(light_level < 50 %) >= 0.5", domain="lighting", per="group")
    away = lamps(3, devices={"1": serves(), "2": serves(value=0.0), "3": serves()})
    prefilter = of(rule, [lamps(3), away, lamps(2)], numbers)
    assert prefilter.members["light_level"].tolist() == [[1, 2, 3], [1, 2, 3], [1, 2, 0]]
    assert prefilter.present["light_level"].tolist() == [
        *([True, True, True], [True, False, True], [True, True, False]),
    ]
    assert prefilter.possible(numbers).tolist() == [False, True, False]
    gone = lamps(3)
    keys = dict(gone.series)
    keys["light_level@1"] = replace(
        keys["light_level@1"], withdrawn=Steps.of([(BEGINNING, 0.0), (5, 1.0)])
    )
    keys["light_level@2"] = replace(
        keys["light_level@2"], withdrawn=Steps.of([(BEGINNING, 1.0), (5, 0.0)])
    )
    prefilter = of(rule, [replace(gone, series=keys)], numbers)
    assert prefilter.present["light_level"].tolist() == [[False, True, True]]
    assert of(rule, [], numbers).members["light_level"].shape == (0, 0)


def test_a_silence_is_due_when_the_first_may_be_complete() -> None:
    numbers = stats(s1=(1.0, 1.0, 1.0), s2=())
    rule = book.rule("silent(level, 30 min) or silent(level, 40 min)")
    prefilter = of(rule, [gauge()], numbers)
    lengths = [(name, length.value) for name, length in prefilter.silences]
    assert lengths == [("level", 30 * MINUTE), ("level", 40 * MINUTE)]
    calm, due = prefilter.quiet(numbers, 31 * MINUTE)
    assert (calm.tolist(), due.tolist()) == ([True], [32 * MINUTE])
    calm, due = prefilter.quiet(numbers, 32 * MINUTE)
    assert (calm.tolist(), due.tolist()) == ([False], [42 * MINUTE])
    numbers.paused[1] = 30 * MINUTE
    assert prefilter.quiet(numbers, 5 * MINUTE)[0].tolist() == [False]
    numbers.paused[1] = 30 * MINUTE - 1
    assert prefilter.quiet(numbers, 5 * MINUTE)[0].tolist() == [True]


def test_a_silence_in_intervals_is_that_of_the_shortest_there_was() -> None:
    numbers = stats(s1=(1.0, 1.0, 1.0), s2=())
    often = replace(
        book.measured(1, "level"),
        interval=Steps.of([(BEGINNING, 10.0 * MINUTE), (MINUTE, 60.0 * MINUTE)]),
    )
    rule = book.rule("silent(level, 3 intervals)")
    prefilter = of(rule, [gauge(series={"level": often})], numbers)
    calm, due = prefilter.quiet(numbers, 31 * MINUTE)
    assert (calm.tolist(), due.tolist()) == ([True], [32 * MINUTE])
    assert prefilter.quiet(numbers, 32 * MINUTE)[0].tolist() == [False]


def test_a_silence_of_a_group_is_due_with_its_first_member_that_counts() -> None:
    numbers = stats(s1=(1.0,), s2=(1.0, 1.0), s3=(1.0, 1.0, 1.0))
    rule = book.rule(SILENT_SHARE, domain="lighting", per="group")
    away = lamps(3, devices={"1": serves(value=0.0), "2": serves(), "3": serves()})
    prefilter = of(rule, [lamps(3), away], numbers)
    calm, due = prefilter.quiet(numbers, 10 * MINUTE)
    assert (calm.tolist(), due.tolist()) == ([True, True], [30 * MINUTE, 31 * MINUTE])


def test_a_device_is_heard_by_any_of_its_series() -> None:
    numbers = stats(s1=(1.0,), s2=(50.0, 50.0, 50.0))
    rule = book.rule("silent(device, 30 min)")
    other = {"other": serves(value=0.0), "gauge": serves()}
    two = gauge(
        series={**gauge().series, "x": book.measured(3, "level", "third")},
        devices={"gauge": serves(), "third": serves()},
    )
    numbers = stats(s1=(1.0,), s2=(50.0, 50.0, 50.0), s3=(1.0, 1.0))
    prefilter = of(rule, [gauge(), gauge(devices=other), two], numbers)
    assert prefilter.devices.tolist() == [
        *([[1, 2], [0, 0]], [[1, 2], [0, 0]], [[1, 2], [3, 0]]),
    ]
    assert prefilter.missing.tolist() == [[False, True], [False, True], [False, False]]
    calm, due = prefilter.quiet(numbers, 10 * MINUTE)
    assert calm.tolist() == [True, True, True]
    assert due.tolist() == [32 * MINUTE, 32 * MINUTE, 31 * MINUTE]
    numbers.paused[2] = 30 * MINUTE
    assert prefilter.quiet(numbers, 10 * MINUTE)[0].tolist() == [False, False, False]
    numbers.paused[2], numbers.paused[1] = 0, LATER
    assert prefilter.quiet(numbers, 10 * MINUTE)[0].tolist() == [True, True, True]


def settled(subject: SubjectFacts, *revisions: Any) -> int:
    history = book.history(*(revisions or (book.rule("level > threshold.attention"),)))
    numbers = stats(s1=(1.0,), s2=(50.0,))
    return int(Prefilter.of(history, [subject], numbers).settled[0])


RULED = book.at(0)  # when the rule of these tests began to hold


def test_facts_are_settled_from_the_last_time_at_which_one_of_them_changed() -> None:
    assert settled(gauge()) == RULED
    later = Steps.of([(BEGINNING, 1.0), (RULED + 7, 1.0)])
    level, battery = gauge().series["level"], gauge().series["battery"]
    for changed in (
        gauge(thresholds={"attention": later}),
        gauge(devices={"gauge": Device(commissioned=BEGINNING, in_service=later)}),
        gauge(series={"level": replace(level, interval=later), "battery": battery}),
        gauge(series={"level": level, "battery": replace(battery, stale_after=later)}),
        gauge(series={"level": replace(level, breaks=(3, RULED + 7)), "battery": battery}),
        gauge(
            series={
                "level": replace(level, withdrawn=Steps.of([(BEGINNING, 1.0), (RULED + 7, 0.0)])),
                "battery": battery,
            }
        ),
    ):
        assert settled(changed) == RULED + 7


def test_where_a_rule_is_not_plainly_in_force_nothing_is_guessed() -> None:
    rule = book.rule("level > threshold.attention")
    out = gauge(devices={"gauge": serves(value=0.0)})
    assert settled(out) == LATER
    withdrawn = replace(gauge().series["level"], withdrawn=Steps.of([(BEGINNING, 1.0)]))
    assert settled(gauge(series={"level": withdrawn})) == LATER
    assert settled(gauge(doubled={"level": 5})) == LATER
    assert settled(gauge(doubled={"battery": 5})) == RULED
    assert settled(gauge(thresholds={})) == LATER
    assert settled(gauge(), book.says(rule.to_json()), book.says(None, 1)) == LATER
    other = book.rule("level > 1 m and discharge > 1 m3/s")
    assert settled(gauge(), book.says(other.to_json()), book.says(rule.to_json(), 1)) == LATER
    again = book.says(rule.to_json()), book.says(rule.to_json(), 1)
    assert settled(gauge(), *again) == book.at(1)


def test_of_a_blind_look_nothing_is_known() -> None:
    blind = Prefilter.blind(2)
    assert blind.settled.tolist() == [LATER, LATER]
    assert (blind.named, blind.members, blind.present, blind.limits) == ({}, {}, {}, {})
    assert blind.silences == []
    calm, due = blind.quiet(stats(s1=()), 5)
    assert (bool(np.all(calm)), due.tolist()) == (False, [LATER, LATER])


@pytest.mark.parametrize(("arrived", "due"), [((1.0,), 30), ((1.0, 1.0), 31)])
def test_of_a_gauge_that_was_replaced_the_new_one_is_looked_at(
    arrived: tuple[float, ...], due: int
) -> None:
    numbers = stats(s1=(9.0, 9.0, 9.0, 9.0), s5=arrived)
    level = gauge().series["level"]
    both = (level.sources[0], replace(level.sources[0], id=5, device="gauge", since=7))
    prefilter = of(
        book.rule("silent(level, 30 min)"),
        [gauge(series={"level": replace(level, sources=both)})],
        numbers,
    )
    assert prefilter.quiet(numbers, 10 * MINUTE)[1].tolist() == [due * MINUTE]


def test_a_rule_that_forecasts_is_quiet_where_its_model_was_withdrawn() -> None:
    def site(*models: tuple[int, dict[str, Any] | None]) -> SubjectFacts:
        return gauge(forecasts={"level": forecast([modelled(value, at) for at, value in models])})

    numbers = stats(s1=(1.0, 2.0), s2=())
    rule = book.rule("chance(level > threshold.attention, 2 h) > 0.5")
    both = [site((5, small())), site((5, small()), (9, None))]
    prefilter = of(rule, both, numbers)
    assert prefilter.possible(numbers).tolist() == [True, False]
    later = [site((5, small()), (2 * book.at(0), None))]
    assert prefilter.settled.tolist() == [book.at(0)] * 2
    assert of(rule, later, numbers).settled.tolist() == [2 * book.at(0)]


def test_what_is_usual_may_be_anything_and_what_stands_beside_it_may_not() -> None:
    """Weeks of it lie outside of memory."""
    numbers = stats(s1=(1.0, 2.0), s2=())
    rules = ("level > usual(level, 4 weeks)", "level > usual(level, 4 weeks) and level > 2 m")
    possible = [of(book.rule(rule), [gauge()], numbers).possible(numbers) for rule in rules]
    assert [one.tolist() for one in possible] == [[True], [False]]


def small() -> dict[str, Any]:
    return model_to_json(small_model())


def modelled(value: dict[str, Any] | None, at: int) -> Revision:
    return Revision(
        kind="forecast",
        key="orge/level",
        value=value,
        effective=moment(at),
        author="test",
        reason="test",
    )
