"""Which gauge speaks for a site, and which asset the water reaches first, on the real database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.database.connect import connect
from hypervisor.forecast.arrival import Reach, list_courses, list_reaches
from hypervisor.forecast.queries import list_assets_beyond
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Asset, Device, Series, Site
from sensors._quality import Quality
from tests.integration.evaluation.world import CATALOGUE, DAY, Sent, World, make_world

pytestmark = pytest.mark.integration

NOW = DAY + timedelta(hours=4)
SITES = ("ford", "mill", "weir", "pond", "rest", "calm")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = make_world(database_url, connect(database_url))
    registry_queries.write(
        made.connection,
        Changes(
            sites=tuple(Site(name=s, title=s.title(), domain="flood") for s in SITES),
            devices=tuple(Device(name=s, site=s, commissioned=DAY) for s in SITES),
            series=tuple(Series(device=s, quantity="level") for s in SITES),
        ),
    )
    number(made)
    yield made
    made.close()


def number(world: World) -> None:
    registry = registry_queries.load(world.connection)
    world.numbers = {key: one.id or 0 for key, one in registry.series.items()}
    world.connection.commit()


def rises(
    world: World, device: str, *, until: float = 240, value: float = 1, by: float = 0
) -> None:
    """Readings every 15 min for three hours, `by` metres an hour, the last one of `value`."""
    times = [until - 15 * n for n in range(13)]
    world.store([Sent(site=device, at=at, value=value + by * (at - until) / 60) for at in times])


def second(world: World, name: str, *, retired: datetime | None = None) -> None:
    device = Device(name=name, site="ford", commissioned=DAY, retired=retired)
    registry_queries.write(
        world.connection,
        Changes(devices=(device,), series=(Series(device=name, quantity="level"),)),
    )
    number(world)


def asset(world: World, name: str, gauge: str, level: float, *, kind: str = "road") -> None:
    registry_queries.write(
        world.connection, Changes(assets=(Asset(name=name, title=name, kind=kind),))
    )
    world.revise(world.fact("reach", name, {"gauge": gauge, "level": level, "unit": "m"}))


def order(world: World) -> list[tuple[str, str]]:
    return [(reach.asset, reach.state) for reach in every(world)]


def every(world: World) -> list[Reach]:
    found = list_reaches(world.connection, CATALOGUE, now=NOW)
    world.connection.commit()
    return found


@pytest.mark.parametrize("names", [("ford", "later"), ("ford", "a-later")])
def test_of_two_gauges_at_a_site_the_one_that_spoke_last_speaks_for_it(
    world: World, names: tuple[str, str]
) -> None:
    second(world, names[1])
    rises(world, "ford", until=225, value=9)
    rises(world, names[1], until=240, value=1)
    rises(world, "mill")
    every_course = list_courses(world.connection, CATALOGUE, now=NOW)
    assert every_course.keys() == {"ford", "mill"}
    course = every_course["ford"]
    assert (course.device, course.value) == (names[1], 1)
    assert (course.site, course.quantity, course.unit) == ("ford", "level", "m")
    assert course.time == NOW
    assert course.rate is not None
    steps = 0.001 / 12**0.5  # a flat line is no surer than the millimetres of which it is made
    assert course.rate.error == pytest.approx(steps / 11.375**0.5)


def test_an_hourly_gauge_some_seconds_early_has_a_rate(world: World) -> None:
    times = [240 - 60 * n - (0.2 if n == 3 else 0) for n in range(4)]
    world.store([Sent(site="ford", at=at, value=1 + at / 600) for at in times])
    rate = list_courses(world.connection, CATALOGUE, now=NOW)["ford"].rate
    assert rate is not None
    assert rate.per_hour == pytest.approx(0.1)


def test_a_gauge_that_was_retired_says_nothing_any_more(world: World) -> None:
    second(world, "old", retired=NOW - timedelta(minutes=1))
    rises(world, "ford", until=200, value=1)
    rises(world, "old", until=239, value=9)
    assert list_courses(world.connection, CATALOGUE, now=NOW)["ford"].device == "ford"


def test_one_that_will_be_retired_still_speaks(world: World) -> None:
    second(world, "old", retired=NOW + timedelta(minutes=1))
    rises(world, "ford", until=200, value=1)
    rises(world, "old", until=239, value=9)
    assert list_courses(world.connection, CATALOGUE, now=NOW)["ford"].device == "old"


def test_suspect_readings_those_to_come_and_those_without_value_are_passed_over(
    world: World,
) -> None:
    rises(world, "ford", until=225, value=2)
    world.store(
        [
            Sent(site="ford", at=230, value=99, quality=int(Quality.OUT_OF_RANGE)),
            Sent(site="ford", at=235, value=None, quality=int(Quality.SENSOR_FAULT)),
            Sent(site="ford", at=241, value=8),
        ]
    )
    assert list_courses(world.connection, CATALOGUE, now=NOW)["ford"].value == 2
    assert list_courses(world.connection, CATALOGUE, now=NOW, sites=["mill"]) == {}


def test_assets_come_in_the_order_in_which_the_water_reaches_them(world: World) -> None:
    """In the water first (the deepest first), then by time left, then by what is missing."""
    rises(world, "ford", value=3, by=0.5)
    rises(world, "mill", value=2, by=0.5)
    rises(world, "weir", value=1, by=0)
    rises(world, "pond", value=1, by=-0.5)
    world.store([Sent(site="rest", at=240, value=1.0)])
    for name, gauge, level in (
        ("z-deep", "ford", 2.0),
        ("a-wet", "ford", 3.0),
        ("z-soon", "mill", 2.5),
        ("a-later", "mill", 4.0),
        ("a-far", "ford", 30.0),
        ("z-near", "weir", 1.1),
        ("a-falling", "pond", 1.5),
        ("b-no-rate", "rest", 1.7),
        ("a-silent", "calm", 1.0),
    ):
        asset(world, name, gauge, level)
    assert order(world) == [
        ("z-deep", "reached"),
        ("a-wet", "reached"),
        ("z-soon", "rising"),
        ("a-later", "rising"),
        ("z-near", "steady"),
        ("a-falling", "falling"),
        ("b-no-rate", "unknown"),
        ("a-far", "rising"),
        ("a-silent", "unknown"),
    ]
    soon = every(world)[2]
    assert soon.arrival is not None
    assert soon.arrival.at == NOW + timedelta(hours=1)
    assert (soon.margin, soon.gauge, soon.level, soon.unit) == (-0.5, "mill", 2.5, "m")
    silent = every(world)[-1]
    assert (silent.course, silent.margin, silent.arrival) == (None, None, None)


def test_as_many_metres_and_minutes_go_by_name(world: World) -> None:
    rises(world, "ford", value=3, by=0.5)
    for name in ("b", "a", "c"):
        asset(world, name, "ford", 3.5)
    assert [name for name, _ in order(world)] == ["a", "b", "c"]


def test_what_an_asset_is_tied_to_is_as_it_was_at_the_time(world: World) -> None:
    rises(world, "ford", value=3, by=0.5)
    asset(world, "bridge", "ford", 3.5)
    after = datetime(2025, 1, 1, tzinfo=UTC)
    micros = round(after.timestamp() * 1_000_000)
    later = {"gauge": "ford", "level": 1.0, "unit": "m"}
    world.revise(world.fact("reach", "bridge", later, since=micros))
    assert order(world) == [("bridge", "rising")]
    world.revise(world.fact("reach", "bridge", None))
    assert order(world) == []


def test_of_two_gauges_that_spoke_at_one_time_the_first_by_name_speaks(world: World) -> None:
    second(world, "a-other")
    rises(world, "ford", value=9)
    rises(world, "a-other", value=1)
    assert list_courses(world.connection, CATALOGUE, now=NOW)["ford"].device == "a-other"


def test_a_course_may_be_of_another_quantity_even_one_of_no_catalogue(world: World) -> None:
    registry_queries.write(
        world.connection,
        Changes(
            series=(
                Series(device="ford", quantity="discharge"),
                Series(device="mill", quantity="magic"),
            )
        ),
    )
    number(world)
    at = [240 - 15.0 * n for n in range(13)]
    world.store([Sent(site="ford", at=each, value=7.0, quantity="discharge") for each in at])
    world.store([Sent(site="mill", at=each, value=8.0, quantity="magic") for each in at])
    rises(world, "weir")
    ((site, flow),) = list_courses(
        world.connection, CATALOGUE, now=NOW, quantity="discharge"
    ).items()
    assert (site, flow.quantity, flow.unit, flow.value) == ("ford", "discharge", "m3/s", 7.0)
    ((site, magic),) = list_courses(world.connection, CATALOGUE, now=NOW, quantity="magic").items()
    assert (site, magic.quantity, magic.unit, magic.value) == ("mill", "magic", "", 8.0)
    assert magic.rate is not None
    assert (magic.rate.per_hour, magic.rate.error) == (0.0, 0.0)  # of no step that is known


def test_beyond_a_day_nobody_tells_when(world: World) -> None:
    rises(world, "ford", value=3, by=0.5)
    asset(world, "a-day", "ford", 14.95)
    asset(world, "longer", "ford", 15.05)
    by_name = {each.asset: each for each in every(world)}
    assert by_name["a-day"].arrival is not None
    assert by_name["longer"].arrival is None
    assert {each.state for each in by_name.values()} == {"rising"}


def test_an_asset_is_told_with_all_that_is_registered_of_it(world: World) -> None:
    asset(world, "bridge", "ford", 2.0, kind="school")
    rises(world, "mill", value=5)
    (silent,) = every(world)
    assert (silent.asset, silent.title, silent.kind) == ("bridge", "bridge", "school")
    assert (silent.gauge, silent.gauge_title) == ("ford", "Ford")
    assert (silent.level, silent.unit, silent.illustrative) == (2.0, "m", False)
    mill = list_courses(world.connection, CATALOGUE, now=NOW)["mill"]
    lent = list_reaches(world.connection, CATALOGUE, now=NOW, courses_by_gauge={"ford": mill})
    world.connection.commit()
    assert [(each.asset, each.state, each.margin) for each in lent] == [("bridge", "reached", 3.0)]


def test_an_asset_whose_gauge_is_out_of_sight_is_named(world: World) -> None:
    asset(world, "bridge", "ford", 3.0)
    asset(world, "road", "beyond the border", 1.25)
    assert list_assets_beyond(world.connection, NOW) == ["road"]
    assert [name for name, _state in order(world)] == ["bridge"]
