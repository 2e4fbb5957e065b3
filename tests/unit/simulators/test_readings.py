"""What instruments make of the truth: their noise, their intervals, and chance itself."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from sensors._plan import LightingPlan
from simulators import flood, mobility, weather
from simulators._actuators import ACTUATORS
from simulators._calendar import local_times
from simulators._field import Field, Place
from simulators._publications import Disturbance, Publication, disturb
from simulators._random import Smooth, chance_of, smooth_noise
from simulators._readings import charge
from simulators._rivers import Course
from simulators._simulator import Observation
from simulators._steps import EVER, constant
from simulators._story import HOUR, SECOND, Storm, Story, Weather
from simulators._traffic_sections import list_sections
from simulators._world import World
from simulators.lighting import LightingModel, PlanCache
from tests.unit.simulators.roads import FIELD, NORTHWARD

BEGINS = datetime(2024, 10, 8, tzinfo=UTC)
START = int(BEGINS.timestamp()) * SECOND
MANY = START + np.arange(4_000, dtype=np.int64) * 360 * SECOND


class Air:
    """The same everywhere, always; each value another."""

    def __init__(self, **other: float) -> None:
        self.known = {
            "temperature": 11.0,
            "dew_point": 7.0,
            "humidity": 60.0,
            "pressure": 1010.0,
            "wind": 5.0,
            "gust": 9.0,
            "wind_direction": 350.0,
            "irradiance": 120.0,
            "cloud": 0.5,
            "snow": 0.3,
            "visibility": 20_000.0,
            "soil": 8.0,
        } | other

    def __getattr__(self, name: str) -> Any:
        return lambda _lon, _lat, times: np.full(len(times), self.known[name])

    def fallen(self, _lon: object, _lat: object, times: Any) -> Any:
        return (times - START) / HOUR * 6.0  # mm/h


def look(air: Any = None, *, times: Any = MANY, interval: float = 360.0) -> Observation:
    world = SimpleNamespace(air=air or Air(), seed=1)
    return Observation(
        place=Place(device="d", site="s", quantities={}, lon=2.0, lat=48.0),
        world=cast("World", world),
        times=times,
        interval=interval,
        chance=chance_of(1, "d", "x"),
    )


def river_told(name: str, seen: Observation) -> Any:
    """The same of a river's quantity."""
    return flood.READINGS[name](seen)


def weather_told(name: str, seen: Observation) -> Any:
    """The values of a quantity at the times of the observation."""
    return weather.READINGS[name](seen)


@pytest.mark.parametrize(
    ("name", "mean", "deviation"),
    [
        ("air_temperature", 11.0, 0.06),
        ("dew_point", 7.0, 0.08),
        ("humidity", 60.0, 0.7),
        ("pressure", 1010.0, 0.05),
        ("wind_speed", 5.0 * np.exp(0.12**2 / 2), 5 * 0.1209),
        ("visibility", 20_000 * np.exp(0.05**2 / 2), 1_001),
        ("soil_temperature", 8.0, 0.02),
        ("snow_depth", 0.3, 0.0),
        ("solar_radiation", 120.0 * 360, 0.0),
        ("sunshine", 0.5 * 0.65 * 6, 0.0),  # half way to a sun that casts shadows
    ],
)
def test_each_instrument_has_its_own_noise(name: str, mean: float, deviation: float) -> None:
    told = weather_told(name, look())
    assert told.mean() == pytest.approx(mean, abs=4 * deviation / np.sqrt(4_000) + 1e-6)
    assert told.std() == pytest.approx(deviation, rel=0.06, abs=1e-9)


def test_wind_turns_about_its_direction_and_gusts_go_beyond_it() -> None:
    turned = (weather_told("wind_direction", look()) + 180) % 360 - 170
    assert (turned.mean(), turned.std()) == (pytest.approx(0, abs=0.6), pytest.approx(9, abs=0.5))
    gusts, wind = (weather_told(name, look()) for name in ("gust", "wind_speed"))
    assert (gusts >= 1.15 * wind - 1e-9).all()
    assert np.median(gusts) == pytest.approx(9, abs=0.1)
    assert weather_told("gust", look(Air(gust=0.0))) == pytest.approx(1.15 * wind)
    assert weather_told("wind_speed", look(Air(wind=60.0))).max() == 49


@pytest.mark.parametrize(
    ("light", "cloud", "minutes"),
    [
        (60.0, 0.0, 0.0),
        (90.0, 0.0, 1.5),
        (180.0, 0.0, 6.0),
        (900.0, 0.2, 6.0),
        (900.0, 0.5, 3.9),
        (900.0, 1.0, 0.0),
        (0.0, 0.0, 0.0),
    ],
)
def test_the_sun_shines_as_far_as_it_casts_shadows(
    light: float, cloud: float, minutes: float
) -> None:
    told = weather_told("sunshine", look(Air(irradiance=light, cloud=cloud)))
    assert told[:2] == pytest.approx([minutes] * 2)


def test_sums_are_of_the_interval_that_ends() -> None:
    """Five looks, a tenth, three, five, seven and nine of it ago."""
    air: Any = Air()
    air.irradiance = lambda _lon, _lat, times: (times - START) / SECOND
    told = weather_told("solar_radiation", look(air, times=START + np.array([3600 * SECOND])))
    assert told.tolist() == [pytest.approx((3600 - 180) * 360)]
    rain = weather_told("rain", look())
    assert rain.mean() == pytest.approx(0.6 * 0.98, abs=0.03)
    first = weather_told("rain", look(times=MANY[:1]))
    assert first[0] == pytest.approx(0.6, abs=0.11)


def test_a_battery_sinks_by_the_day_and_breathes_with_it() -> None:
    days = np.array([0.0, 0.65, 0.9, 1.65, 10.65]) * 86_400 * SECOND
    told = charge(START + days.astype(np.int64), np.random.default_rng(1))
    start = told[2] + 0.27  # at 21:36 it neither rises nor falls
    assert told - start == pytest.approx(
        [1.2 * np.sin(-0.8 * np.pi), 1.2 - 0.195, -0.27, 1.2 - 0.495, 1.2 - 3.195], abs=1e-6
    )
    starts = [charge(MANY[:1] * 0, np.random.default_rng(n))[0] for n in range(300)]
    low = 1.2 * np.sin(-0.8 * np.pi)
    assert (min(starts), max(starts)) == (
        pytest.approx(72 + low, abs=0.5),
        pytest.approx(98 + low, abs=0.5),
    )


# -- chance -------------------------------------------------------------------------------------


def test_what_wanders_forgets_itself() -> None:
    """By a kernel of two thirds of its memory: after it 0.57 of it is left, after two 0.105."""
    told = smooth_noise(np.random.default_rng(1), 400_000, memory=20)
    assert len(told) == 400_000
    assert (told.mean(), told.std()) == (pytest.approx(0, abs=0.05), pytest.approx(1, abs=0.02))
    for lag, left in ((20, 0.5698), (40, 0.1054)):
        assert (told[lag:] * told[:-lag]).mean() == pytest.approx(left, abs=0.03)
    hasty = smooth_noise(np.random.default_rng(1), 50_000, memory=0.1)
    assert (hasty[1:] * hasty[:-1]).mean() == pytest.approx(0.5422, abs=0.03), "one at least"


def test_a_smooth_field_is_of_one_size_and_scale() -> None:
    """After one scale exp(-1/2) is left of it."""
    fields = [Smooth(chance_of(number, "f"), 0.2) for number in range(3_000)]
    here, there, north = (
        np.array([field.at(lon, lat) for field in fields])
        for lon, lat in ((2.0, 48.0), (2.2, 48.0), (2.0, 48.2))
    )
    assert (here.mean(), here.std()) == (pytest.approx(0, abs=0.05), pytest.approx(1, abs=0.05))
    for other in (there, north):
        assert (here * other).mean() == pytest.approx(np.exp(-0.5), abs=0.05)


def test_a_subject_s_chance_is_its_own() -> None:
    subjects = (("a",), ("b",), ("a", "b"))
    draws = {chance_of(seed, *names).random() for seed in (1, 2) for names in subjects}
    assert len(draws) == 6
    assert chance_of(1, "a").random() == chance_of(1, "a").random()


def test_copies_come_within_ten_minutes_and_what_is_held_at_its_end() -> None:
    plan = [
        Publication(arrival=n * SECOND, topic="t", payload=b"%d" % n, readings=1)
        for n in range(2_000)
    ]
    both = disturb(plan, Disturbance(double=True, seed=3))
    seen: dict[bytes, list[int]] = {}
    for each in both:
        seen.setdefault(each.payload, []).append(each.arrival)
    waits = np.array([late - first for first, late in seen.values()]) / SECOND
    assert 0 <= waits.min() < 2
    assert 598 < waits.max() < 600
    late = disturb(plan, Disturbance(shuffle=30.0, seed=3))
    delays = np.array([each.arrival - int(each.payload) * SECOND for each in late]) / SECOND
    assert (delays.min() < 0.1, 29.9 < delays.max() < 30) == (True, True)
    held = disturb(plan[:6], Disturbance(outages=((SECOND, 3 * SECOND),)))
    assert [(each.payload, each.arrival // SECOND) for each in held] == [
        *((b"0", 0), (b"3", 3), (b"2", 3), (b"1", 3), (b"4", 4), (b"5", 5))
    ]


# -- rivers -------------------------------------------------------------------------------------


def river_look(level: Any, *, interval: float = 900.0, hours: Any = None) -> Observation:
    grid = START + np.arange(0, 2 * 86_400, 300, dtype=np.int64) * SECOND
    wave = np.array([level((at - START) / HOUR) for at in grid], dtype=np.float64)
    course = Course(
        rain=np.ones(len(grid)), discharge=10 * wave, level=wave, bed=0.0, brim=1.0, brimful=20.0
    )
    times = START + (np.asarray(hours) * HOUR).astype(np.int64) if hours is not None else MANY[:400]
    world = SimpleNamespace(
        air=SimpleNamespace(grid=grid),
        course=lambda _place: course,
        field=Field(places=()),
        orders_of=lambda _device: (),
    )
    return Observation(
        times=times,
        interval=interval,
        place=Place(device="d", site="s", quantities={}, properties={"zero_ngf_m": 48.0}),
        world=cast("World", world),
        chance=np.random.default_rng(1),
    )


def test_gauges_have_their_noise() -> None:
    """Half full, waves of 2.5 mm: one reading in 22 is a centimetre off, as it is rounded."""
    centimetres = 0.01 * 0.0455**0.5
    told = {
        name: river_told(name, river_look(lambda _hour: 0.5))
        for name in flood.READINGS.keys() - ACTUATORS.keys() - {"vigilance"}
    }
    for name, mean, deviation in (
        ("level", 0.5, centimetres),
        ("surface_elevation", 48.5, centimetres),
        ("basin_fill", 3.0, 0.4),
        ("discharge", 20 * 0.5 ** (5 / 3), 20 * 5 / 3 * 0.5 ** (2 / 3) * centimetres),
    ):
        each = told[name]
        assert each is not None
        assert each.mean() == pytest.approx(mean, abs=4 * deviation / 20 + 1e-6), name
        assert each.std() == pytest.approx(deviation, rel=0.12), name
    nowhere = replace(
        river_look(lambda _hour: 0.5), place=Place(device="d", site="s", quantities={})
    )
    assert river_told("surface_elevation", nowhere) is None


def test_a_day_s_figures_are_of_the_day_that_ends() -> None:
    day = river_look(lambda hour: hour / 10, interval=86_400.0, hours=[30.0])
    most, mean = (river_told(n, day) for n in ("daily_max_level", "daily_mean_discharge"))
    assert most is not None
    assert mean is not None
    assert most.tolist() == [pytest.approx(3.0)]
    assert mean.tolist() == [pytest.approx(10 * (30 - 11.875) / 10, abs=0.01)]
    rain = river_told("catchment_rain", river_look(lambda _h: 1.0, interval=3600.0, hours=[5.0]))
    assert rain is not None
    assert rain.tolist() == [pytest.approx(12)]


# -- traffic and light --------------------------------------------------------------------------


def test_who_wants_to_enter_is_a_share_of_the_capacity(monkeypatch: pytest.MonkeyPatch) -> None:
    """0.78 of 4000 at a peak of 1, and 3 % less of it in heavy rain."""
    monkeypatch.setattr(mobility, "demand_share", lambda when, _kind, _way: np.ones(len(when.hour)))
    monkeypatch.setattr(mobility, "random_factor", lambda when, *_: np.full(len(when.hour), 1.1))
    times = START + np.array([12 * HOUR], dtype=np.int64)
    (section,) = list_sections(Field(places=NORTHWARD[:1]))
    storm = Storm(at=8, hours=8, total=900, lon=2.2, lat=48.6, spread=99)
    for story_weather, flow in ((Weather(), 3432.0), (Weather(storms=(storm,)), 3329.0)):
        story = Story(name="s", title="", begins=BEGINS, hours=24, weather=story_weather)
        world = World(story, FIELD, 1)
        making = mobility.TrafficModel(
            world=world, times=times, when=local_times(times, "Europe/Paris"), seed=1
        )
        assert making.demand(section) == pytest.approx([flow], abs=0.1)
        properties = {**section.places[0].properties, "peak_share": 0.5}
        busy = replace(section, places=(replace(section.places[0], properties=properties),))
        assert making.demand(busy) == pytest.approx([flow / 0.78 * 0.5], abs=0.1)


def test_roads_fill_for_an_hour_before_the_story() -> None:
    world = World(Story(name="s", title="", begins=BEGINS, hours=2), FIELD, 1)
    for state in mobility.truth(FIELD, world, 1).values():
        assert state.times[0] == START - HOUR
        assert state.times[-1] == START + 2 * HOUR
        assert np.diff(state.times).tolist() == [60 * SECOND] * 180
        assert np.diff(state.count).min() >= 0


def test_lamps_that_do_not_speak_burn_as_planned() -> None:
    """0.95 of what is installed; without a plan nothing is known of them."""
    keeper = Place(
        device="k",
        site="k",
        domain="lighting",
        quantities={"cabinet_power": 900.0},
        thresholds={"cabinet_rated_power": 2.0},
    )
    world = World(Story(name="s", title="", begins=BEGINS, hours=24), Field(places=()), 1)
    plans = PlanCache(world, "Europe/Paris")
    making = LightingModel(plans=plans, network=cast("Any", None), world=world, seed=1)
    fed = cast("Any", SimpleNamespace(fed=constant(1.0)))
    looks = START + np.array([3 * HOUR, 12 * HOUR])
    for plan, watts in ((None, 0), (LightingPlan(), 1900)):
        estimate = making._estimate(replace(keeper, plan=plan), fed, 0)  # noqa: SLF001
        assert estimate.of(looks).tolist() == [watts, 0]
    # without a plan lamps burn from sunset to sunrise; a late clock is late with both
    for lon, lat in ((2.25, 48.6), (None, None)):
        place = replace(keeper, lon=lon, lat=lat)
        told, late = (plans.of(None, place, wait) for wait in (0, 90 * SECOND))
        assert (late.at[1:] - told.at[1:]).tolist() == [90 * SECOND] * (len(told.at) - 1)
        assert late.at[0] == told.at[0] == EVER
        assert told.of(looks).tolist() == [100, 0]
        dawn = next(int(at) for at in told.at if at > looks[0])
        assert (dawn - START) / HOUR == pytest.approx(5.93, abs=0.1)  # 7:56 in Paris
