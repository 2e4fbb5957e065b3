"""Facts with the times they hold from: what revisions say, withdraw, and cannot say."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from hypervisor.base.instants import BEGINNING, micros
from hypervisor.evaluation import facts
from hypervisor.evaluation.facts import FactError, SeriesFacts, Source, UpstreamFacts
from hypervisor.registry.model import Device as RegisteredDevice
from hypervisor.registry.model import Revision
from rules._inputs import Steps
from sensors._domain import catalogue
from sensors._quantity import Reporting

DAY = datetime(2024, 1, 1, tzinfo=UTC)
CATALOGUE = catalogue()
LEVEL = CATALOGUE.quantities["level"]
MINUTE, HOUR = 60_000_000, 3_600_000_000
NAN = math.nan


def at(hours: float) -> int:
    return micros(DAY + timedelta(hours=hours))


def says(value: dict[str, Any] | None, hours: float = 0, *, kind: str = "series") -> Revision:
    return Revision(
        kind=kind,
        key="a/level",
        value=value,
        effective=DAY + timedelta(hours=hours),
        author="test",
        reason="test",
    )


def pairs(steps: Steps | None) -> list[tuple[int, float]] | None:
    if steps is None:
        return None
    return list(zip(steps.at.tolist(), steps.value.tolist(), strict=True))


def series(*revisions: Revision) -> SeriesFacts:
    return facts.series(3, "gauge", LEVEL, revisions)


def test_a_series_of_which_nothing_is_said_is_as_its_quantity() -> None:
    plain = series()
    usual = LEVEL.interval.total_seconds() * 1_000_000
    assert plain.sources == (Source(id=3, device="gauge", since=BEGINNING),)
    assert (plain.quantity, plain.reporting) == (LEVEL, Reporting.PERIODIC)
    assert pairs(plain.interval) == [(BEGINNING, usual)]
    assert pairs(plain.stale_after) == [(BEGINNING, 3 * usual)]
    assert plain.longest == 3 * usual
    assert plain.withdrawn is None
    assert (plain.device, plain.ids, plain.devices, plain.earlier) == (
        *("gauge", (3,), frozenset({"gauge"})),
        (),
    )


def test_an_interval_and_a_stale_limit_hold_from_their_revision_on() -> None:
    usual = LEVEL.interval.total_seconds() * 1_000_000
    spoken = series(
        says({"interval_s": 60}, 1),
        says({"interval_s": 120, "stale_s": 7200, "reporting": "on_change"}, 2),
        says({"stale_s": 90}, 3),
    )
    assert pairs(spoken.interval) == [
        *((BEGINNING, usual), (at(1), MINUTE), (at(2), 2 * MINUTE), (at(3), usual)),
    ]
    assert pairs(spoken.stale_after) == [
        *((BEGINNING, 3 * usual), (at(1), 3 * MINUTE), (at(2), 2 * HOUR), (at(3), 1.5 * MINUTE)),
    ]
    assert spoken.longest == max(3 * usual, 2 * HOUR)
    assert spoken.reporting is Reporting.PERIODIC  # the last one says nothing of it
    assert series(says({"reporting": "on_change"})).reporting is Reporting.ON_CHANGE


def test_a_series_is_withdrawn_until_it_is_said_again() -> None:
    gone = series(says(None, 1), says({"interval_s": 60}, 2))
    assert pairs(gone.withdrawn) == [(at(1), 1.0), (at(2), 0.0)]
    assert series(says({}, 1)).withdrawn is None


def test_a_revision_that_cannot_be_read_counts_as_none_unless_it_is_the_latest() -> None:
    usual = LEVEL.interval.total_seconds() * 1_000_000
    bad = says({"interval_s": -1}, 1)
    mended = series(bad, says({"interval_s": 60}, 2))
    assert pairs(mended.interval) == [(BEGINNING, usual), (at(2), MINUTE)]
    with pytest.raises(FactError) as caught:
        series(says({"interval_s": 60}, 0), bad)
    assert str(caught.value) == "a span of -1 s; expected at most 9.48672e+07 s"


def test_a_span_may_be_nothing_or_three_years_and_no_more() -> None:
    years = 3 * 366 * 86_400
    assert [facts.check_span(0), facts.check_span(years)] == [0.0, years]
    for seconds in (-0.1, years + 1, NAN):
        with pytest.raises(FactError):
            facts.check_span(seconds)


def device(*revisions: Revision, retired: float | None = None) -> Any:
    return facts.device(
        RegisteredDevice(
            name="gauge",
            site="orge",
            commissioned=DAY,
            retired=None if retired is None else DAY + timedelta(hours=retired),
        ),
        revisions,
    )


def test_a_device_serves_until_it_is_said_not_to_or_is_retired() -> None:
    out, again, silent = ({"in_service": False}, {"in_service": True}, dict[str, Any]())
    assert device().commissioned == at(0)
    assert pairs(device().in_service) == [(BEGINNING, 1.0)]
    changing = device(says(out, 1), says(again, 2), says(out, 3), says(silent, 4), says(None, 5))
    assert pairs(changing.in_service) == [
        *((BEGINNING, 1.0), (at(1), 0.0), (at(2), 1.0), (at(3), 0.0)),
        *((at(4), 1.0), (at(5), 1.0)),
    ]
    assert facts.is_in_service(changing)
    retired = device(says(out, 1), says(again, 2), says(again, 4), retired=3)
    assert pairs(retired.in_service) == [
        *((BEGINNING, 1.0), (at(1), 0.0), (at(2), 1.0), (at(3), 0.0)),
    ]
    assert not facts.is_in_service(retired)
    assert pairs(device(says(again, 3), retired=3).in_service) == [(BEGINNING, 1.0), (at(3), 0.0)]


def threshold(*revisions: Revision, name: str = "attention") -> list[tuple[int, float]] | None:
    return pairs(facts.threshold(name, revisions, CATALOGUE))


def test_a_threshold_is_in_the_unit_of_the_vocabulary() -> None:
    revisions = (says({"value": 250, "unit": "cm"}), says(None, 1), says({"value": "3"}, 2))
    converted = threshold(*revisions)
    assert converted is not None
    assert converted[0][0] == at(0)
    assert converted[0][1] == pytest.approx(2.5)
    assert math.isnan(converted[1][1])
    assert converted[2] == (at(2), 3.0)
    assert threshold(says({"value": 7, "unit": "cm"}), name="of-our-own") == [(at(0), 7.0)]
    with pytest.raises(FactError) as caught:
        threshold(says({"value": "inf", "unit": "m"}))
    assert str(caught.value) == ("threshold attention: inf is not a finite number")


def steps(*values: tuple[float, float]) -> Steps:
    return facts.steps({at(hour): value for hour, value in values})


def test_steps_are_in_order_of_time_and_equal_ones_one_object() -> None:
    assert pairs(steps((2, 1.0), (1, 0.0))) == [(at(1), 0.0), (at(2), 1.0)]
    assert steps((1, 5.0)) is steps((1, 5.0))
    assert steps((1, 5.0)).at.dtype == np.int64


def test_what_holds_holds_from_its_time_on() -> None:
    result = steps((1, 4.0), (2, 5.0))
    assert math.isnan(facts.in_force(result, at(1) - 1))
    assert [facts.in_force(result, at(hour)) for hour in (1, 1.5, 2, 9)] == [4, 4, 5, 5]


def test_either_is_where_one_of_them_is() -> None:
    each, other = steps((1, 1.0), (3, 0.0)), steps((2, 1.0), (4, 0.0))
    never = steps((0, 0.0))
    assert pairs(facts.any_of(each, None, other)) == [
        *((at(1), 1.0), (at(2), 1.0), (at(3), 1.0), (at(4), 0.0)),
    ]
    assert facts.any_of(each, never, None) is each
    assert facts.any_of(never, None) is None
    assert facts.any_of() is None


def test_one_after_another_each_speaks_from_its_time_on() -> None:
    first, second = steps((0, 1.0), (2, 2.0), (5, 3.0)), steps((1, 7.0), (4, 8.0), (6, 9.0))
    assert pairs(facts.concatenate_steps([(at(0), first), (at(4), second)])) == [
        *((at(0), 1.0), (at(2), 2.0), (at(4), 8.0), (at(6), 9.0)),
    ]
    late = facts.concatenate_steps([(at(0), first), (at(5), second)])
    assert pairs(late) == [(at(0), 1.0), (at(2), 2.0), (at(5), 8.0), (at(6), 9.0)]


def test_a_sum_is_nothing_before_all_are_there() -> None:
    total = pairs(facts.sum_steps([steps((1, 1.0), (4, NAN)), steps((2, 5.0), (3, 6.0))]))
    assert total is not None
    assert [when for when, _ in total] == [BEGINNING, at(1), at(2), at(3), at(4)]
    assert [value for _, value in total[2:4]] == [6, 7]
    assert all(math.isnan(total[place][1]) for place in (0, 1, 4))


def test_of_devices_that_followed_one_another_the_last_speaks_now() -> None:
    spliced = SeriesFacts(
        sources=(
            Source(id=1, device="old", since=BEGINNING),
            Source(id=2, device="middle", since=at(1)),
            Source(id=3, device="new", since=at(2)),
        ),
        quantity=LEVEL,
        reporting=Reporting.PERIODIC,
        interval=steps((0, 1.0)),
        stale_after=steps((0, 1.0)),
        longest=1.0,
        breaks=(at(1), at(2)),
    )
    assert (spliced.device, spliced.ids) == ("new", (1, 2, 3))
    assert spliced.earlier == (("old", at(1)), ("middle", at(2)))
    assert spliced.devices == {"old", "middle", "new"}
    assert spliced.breaks_at.tolist() == [at(1), at(2)]
    assert spliced.breaks_at.dtype == np.int64


def test_of_a_site_upstream_what_its_devices_say_on_change_shows_that_they_are_heard() -> None:
    def measured(number: int, device: str, how: str) -> SeriesFacts:
        return facts.series(number, device, LEVEL, [says({"reporting": how})])

    every = {
        "level": measured(1, "a", "periodic"),
        "discharge": measured(2, "b", "on_change"),
        "rain@b": measured(3, "b", "periodic"),
        "rain@a": measured(4, "a", "periodic"),
    }
    above = UpstreamFacts(
        site="up",
        lag=steps((0, HOUR), (1, 3 * HOUR), (2, 2 * HOUR)),
        series=every,
        devices={},
        thresholds={},
    )
    assert above.farthest == 3 * HOUR
    assert [each.ids[0] for each in above.affecting({"level"})] == [1]
    assert [each.ids[0] for each in above.affecting({"level", "discharge"})] == [2, 1, 4, 3]
    assert [each.ids[0] for each in above.affecting({"discharge"})] == [2, 3]
    assert above.affecting({"battery"}) == []


def test_names_of_a_subject_stand_in_a_rules_text() -> None:
    subject = facts.SubjectFacts(
        key="device/lamp",
        per="device",
        domain="lighting",
        site=1,
        place="cab",
        titles={"site": "The cabinet", "device": "lamp", "group": "Street"},
        series={},
        devices={},
        thresholds={},
    )
    assert subject.named("{device} of {group} at {site}: {value}") == (
        "lamp of Street at The cabinet: {value}"
    )
