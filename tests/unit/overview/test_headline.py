"""What Now says of the water: nothing threatens, or nothing can be known of it here."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hypervisor.base.freshness import UNKNOWN, Assessment, Gap, Lack
from hypervisor.base.reader import Reader, reading
from hypervisor.feeds.views_official import Vigilance
from hypervisor.forecast.arrival import Reach
from hypervisor.forecast.expected import Arrival
from hypervisor.forecast.trend import Course
from hypervisor.forecast.views_arrival import write_basis, write_eta, write_range
from hypervisor.notifications.on_call import OnCallNow
from hypervisor.overview.queries import Glance
from hypervisor.overview.views_bar import measure_delay
from hypervisor.overview.views_calm import Calm, explain_nothing_worse
from hypervisor.overview.views_now import Now
from hypervisor.overview.views_now_words import explain_no_rivers, write_headline
from hypervisor.overview.views_rivers import Worsening
from hypervisor.overview.views_roads import Roads

FRESH = Assessment(state="calm")
QUIET = Now(
    standing=(),
    worsening=(),
    reached=(),
    beyond=(),
    gauged=True,
    rivers=(),
    blind=(),
    sensors=0,
    resting=0,
    calm=Calm(evaluation=FRESH, alarms=FRESH, water=FRESH),
    vigilance=Vigilance(),
    bulletins=(),
    roads=Roads(),
    duty=OnCallNow(routed=False),
    worst={},
    readings={},
)
FLOODED = Reach(
    asset="road",
    title="RD 188",
    kind="road",
    gauge="ford",
    gauge_title="Ford",
    level=1.25,
    unit="m",
    illustrative=False,
    course=None,
    margin=0.17,
    state="reached",
    arrival=None,
)


AT = datetime(2024, 10, 10, 15, 11, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with reading(Reader(language="en", zone=ZoneInfo("Europe/Paris"), now=AT)):
        yield


def _with(**values: Any) -> Now:
    return dataclasses.replace(QUIET, **values)


def test_a_quiet_territory_with_gauges_has_nothing_to_fear() -> None:
    assert write_headline(QUIET) == "Nothing to acknowledge, no asset reached within a day"
    assert (
        explain_nothing_worse(QUIET.calm, gauged=True)[0] == "No asset or threshold is threatened."
    )
    assert explain_no_rivers(QUIET)[0] == "No river gauge has reported yet."


def test_what_is_missing_is_named_instead_of_calm() -> None:
    gap = Gap(name="Ford", lack=Lack.TREND, since=AT)
    late = Gap(name="Evaluation of alarms", lack=Lack.LATE, since=AT)
    unknown = Assessment(state="unknown", gaps=(gap,))
    calm = Calm(
        evaluation=dataclasses.replace(unknown, gaps=(late,)), alarms=unknown, water=unknown
    )
    assert write_headline(_with(calm=calm)) == "Alarms not assessable, water not assessable"
    assert explain_nothing_worse(calm, gauged=True) == ("Not assessable:", "Ford: no trend yet")
    flooded = Assessment(state="worsening", worse=("Ford",), gaps=(gap,))
    what, why = explain_nothing_worse(dataclasses.replace(calm, water=flooded), gauged=True)
    assert what == "Above a threshold or flooded: Ford."
    assert why == "Not assessable: Ford: no trend yet"


def test_what_stands_in_the_water_is_not_called_dry() -> None:
    assert write_headline(_with(reached=(FLOODED,))) == "Nothing to acknowledge, 1 asset flooded"


def test_an_asset_that_a_forecast_holds_possible_is_said_to_be() -> None:
    course = Course(
        site="ford", device="ford", quantity="level", unit="m", time=AT, value=1.0, rate=None
    )
    possible = Worsening(
        title="RD 188",
        threshold=None,
        gauge="ford",
        gauge_title="Ford",
        place="Ford",
        level=1.25,
        unit="m",
        course=course,
        margin=-0.25,
        arrival=Arrival(
            at=None,
            earliest=AT + timedelta(hours=2),
            latest=None,
            until=AT + timedelta(hours=6),
            issued=AT,
            inside=0.71,
        ),
        forecast=None,
        now=AT,
    )
    look = _with(worsening=(possible,))
    assert write_headline(look) == "Nothing to acknowledge, next asset possible in 2\xa0h"
    assert write_eta(possible.arrival) == ">\xa06\xa0h"
    assert write_range(possible.arrival) == "possible from 2\xa0h on"
    assert write_basis(possible.arrival) == "forecast, held 7 in 10"
    theirs = dataclasses.replace(possible.arrival, at=AT + timedelta(hours=3), issuer="SPC")
    look = _with(worsening=(dataclasses.replace(possible, arrival=theirs),))
    assert write_headline(look) == "Nothing to acknowledge, next asset in 3\xa0h (SPC)"
    assert write_basis(theirs) == "forecast of SPC"
    line = dataclasses.replace(possible.arrival, at=AT, issued=None, why="closed")
    assert write_eta(line) == "now?"
    assert write_basis(line) == "straight line: forecast not shown"


def test_an_asset_whose_gauge_lies_elsewhere_is_not_called_safe() -> None:
    look = _with(beyond=("RD 188",), gauged=False)
    assert write_headline(look) == "Nothing to acknowledge, some assets not assessed here"


def test_without_a_gauge_nothing_is_said_of_the_water() -> None:
    look = _with(gauged=False, calm=dataclasses.replace(QUIET.calm, water=UNKNOWN))
    assert write_headline(look) == "Nothing to acknowledge"
    assert explain_nothing_worse(look.calm, gauged=False)[0] == "No river gauge in your territory."
    assert explain_no_rivers(look) == ("No river gauge in your territory.", "")


def test_an_evaluation_that_is_behind_its_player_is_delayed() -> None:
    seen = Glance(
        tally={},
        evaluated_to=AT,
        heard_to=AT + timedelta(hours=57),
        workers=1,
        workers_heard=True,
        readings_per_minute=0,
        raised_lately=0,
    )
    assert measure_delay(seen, now=AT) == timedelta(hours=57)
    assert measure_delay(dataclasses.replace(seen, heard_to=None), now=AT) == timedelta(0)
    assert measure_delay(dataclasses.replace(seen, evaluated_to=None), now=AT) is None
