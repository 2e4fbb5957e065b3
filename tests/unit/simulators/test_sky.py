"""The weather's formulas without its chance, against values worked out by hand."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from simulators._cells import Cells
from simulators._rain import Rain, _band, _shower, _strengths, share
from simulators._random import Smooth
from simulators._story import HOUR, SECOND, Front, Storm, Weather
from simulators._sun import elevation, irradiance, solar_hour
from simulators._weather import Atmosphere

# On 15 April the sun's clock is right, and at Greenwich it is UTC's.
BEGINS = datetime(2024, 4, 15, tzinfo=UTC)
HERE = (0.0, 48.6)
KM_NORTH = 1 / 111.2
STILL = Weather(temperature=10.0, amplitude=10.0, cloud=0.2, wind=0.0, pressure=1000.0)
FRONT = Front(at=60, heading=90, speed=40, rain=10, hours=4, drop=10, fall=8, wind=5)


@pytest.fixture(autouse=True)
def _no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "simulators._weather.smooth_noise",
        lambda _c, steps, memory: np.zeros(steps),  # noqa: ARG005
    )
    monkeypatch.setattr(
        "simulators._rain.smooth_noise",
        lambda _c, steps, memory: np.zeros(steps),  # noqa: ARG005
    )
    monkeypatch.setattr(Smooth, "at", lambda *_: 0.0)
    monkeypatch.setattr(Cells, "strengths", lambda *_: 1.0)
    monkeypatch.setattr("simulators._rain._strengths", lambda _c, steps, _s: np.ones(steps))


class Even(np.random.Generator):
    """Draws the middle of everything."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def lognormal(self, *_: object, **_more: object) -> float:  # type: ignore[override]
        return 1.0


def at(*hours: float) -> "np.typing.NDArray[np.int64]":
    """Hours since the beginning."""
    return int(BEGINS.timestamp()) * SECOND + (np.array(hours) * HOUR).astype(np.int64)


def sky(weather: Weather, begins: datetime = BEGINS) -> Atmosphere:
    made = Atmosphere(weather, int(begins.timestamp()) * SECOND, 120, 1, HERE)
    made.showers = Rain(weather, int(begins.timestamp()) * SECOND, HERE, Even())
    return made


# -- the sun ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "minutes"),  # the equation of time, as almanacs have it
    [("02-11", -14.2), ("04-15", 0.0), ("05-14", 3.7), ("07-26", -6.5), ("11-03", 16.4)],
)
def test_the_suns_clock_is_ahead_or_late_as_almanacs_say(day: str, minutes: float) -> None:
    noon = datetime.fromisoformat(f"2023-{day}T12:00:00+00:00")
    times = np.array([int(noon.timestamp()) * SECOND])
    assert (solar_hour(0.0, times)[0] - 12) * 60 == pytest.approx(minutes, abs=0.4)
    assert solar_hour(15.0, times)[0] - solar_hour(0.0, times)[0] == pytest.approx(1)
    assert solar_hour(-150.0, times)[0] == pytest.approx(2 + minutes / 60, abs=0.01)
    assert solar_hour(-195.0, times)[0] == pytest.approx(23 + minutes / 60, abs=0.01)


@pytest.mark.parametrize(
    ("day", "declination"),
    [
        ("01-20", -20.2),
        ("03-20", -0.1),
        ("05-21", 20.2),
        ("06-21", 23.44),
        ("08-23", 11.5),
        ("10-20", -10.4),
        ("12-21", -23.44),
    ],
)
def test_the_sun_stands_as_high_as_almanacs_say(day: str, declination: float) -> None:
    noon = datetime.fromisoformat(f"2023-{day}T12:00:00+00:00")
    times = np.array([int(noon.timestamp()) * SECOND])
    height = elevation(90.0, 90.0, times)[0]  # at the pole it is the declination at any hour
    assert np.degrees(np.arcsin(height)) == pytest.approx(declination, abs=0.25)


def test_what_comes_of_the_light_through_air_and_clouds() -> None:
    """1098 exp(-0.057) = 1037.2; 549 exp(-0.114) = 489.8; a cloud of half takes 7.1 %."""
    clear = irradiance(np.array([1.0, 0.5, 0.0, -1.0]), np.zeros(4))
    assert clear == pytest.approx([1037.2, 489.8, 0.0, 0.0], abs=0.1)
    clouded = irradiance(np.ones(4), np.array([0.5, 1.0, 3.0, -1.0]))
    assert clouded == pytest.approx([963.5, 259.3, 259.3, 1037.2], abs=0.1)


# -- rain ---------------------------------------------------------------------------------------

STORM = Storm(at=10, hours=10, total=10, lon=0.0, lat=48.6, spread=10, gust=20)


def test_a_storm_falls_as_a_bell_in_its_hours() -> None:
    """Of sin² a quarter of the time gives 0.0908 of it all, half of it a half."""
    air = sky(replace(STILL, storms=(STORM,)))
    fallen = air.fallen(*HERE, at(0, 10, 12.5, 15, 17.5, 20, 90))
    assert fallen == pytest.approx([0, 0, 0.908, 5, 9.092, 10, 10], abs=0.15)
    assert air.rain(*HERE, at(9, 15, 21)) == pytest.approx([0, 2, 0], abs=0.02)
    assert air.rain(None, None, at(15)) == pytest.approx([2], abs=0.02)


def test_rain_and_weather_are_made_in_steps_of_five_minutes() -> None:
    for hours, total in (_shower(STORM, Even()), _band(FRONT, Even())):
        assert np.diff(hours) == pytest.approx(np.full(len(hours) - 1, 1 / 12))
        assert (total[0], total[-1]) == (0, 1)
    assert (_shower(STORM, Even())[0][0], _band(FRONT, Even())[0][0]) == (0, -8)
    assert _shower(STORM, Even())[0][-1] == pytest.approx(10, abs=0.09)
    assert _band(FRONT, Even())[0][-1] == pytest.approx(8, abs=0.09)
    grid = sky(STILL).grid
    assert set(np.diff(grid).tolist()) == {300 * SECOND}
    assert (grid[0], grid[-1]) == (at(-48)[0], at(121)[0])


def test_three_fifths_of_a_storm_fall_at_its_spread() -> None:
    assert share(0.0, 48.6, STORM) == 1
    assert share(0.0, 48.6 + 10 * KM_NORTH, STORM) == pytest.approx(0.6065, abs=1e-4)
    east = 10 * KM_NORTH / 0.66131  # cos 48.6°
    assert share(east, 48.6, STORM) == pytest.approx(0.6065, abs=1e-3)
    assert share(0.0, 48.6 - 20 * KM_NORTH, STORM) == pytest.approx(0.1353, abs=1e-4)


def test_a_storm_blows_most_at_its_height() -> None:
    air = sky(replace(STILL, storms=(STORM,)))
    assert air.showers.gust(*HERE, at(9, 12.5, 15, 21)) == pytest.approx([0, 10, 20, 0])
    there = (0.0, 48.6 + 10 * KM_NORTH)
    assert air.showers.gust(*there, at(15)) == pytest.approx([12.13], abs=0.01)
    assert air.wind(*HERE, at(15)) == pytest.approx([7.0])  # 0.35 of it lasts
    assert air.gust(*HERE, at(15)) == pytest.approx([20.2])  # 1.6 * 7 + 0.45 * 20


@pytest.mark.parametrize(
    ("heading", "east", "north", "hours"),
    [(90, 40, 0, 61), (90, 0, 40, 60), (0, 0, 40, 61), (180, 0, 40, 59), (270, 40, 0, 59)],
)
def test_a_front_passes_where_it_goes(
    heading: float, east: float, north: float, hours: int
) -> None:
    lat = 48.6 + north * KM_NORTH
    lon = east * KM_NORTH / 0.66131
    rain = sky(replace(STILL, fronts=(replace(FRONT, heading=heading),))).showers
    passed = rain.passes(rain._weather.fronts[0], lon, lat)  # noqa: SLF001
    assert passed == pytest.approx(int(at(hours)[0]), abs=HOUR / 50)


def test_half_of_a_fronts_rain_falls_before_it_passes() -> None:
    """A bell whose middle is 0.3 of its hours ahead of it, and whose deviation 0.4 of them."""
    fallen = sky(replace(STILL, fronts=(FRONT,))).fallen(*HERE, at(51, 58.8, 60.4, 57.2, 69))
    assert fallen == pytest.approx([0, 5, 8.41, 1.59, 10], abs=0.15)


# -- the sky ------------------------------------------------------------------------------------


def test_clouds_come_with_a_front_and_clear_behind_it() -> None:
    """Ahead 0.9, less 0.35 * 0.249; nine hours behind 0.9 * 0.249, less 0.35."""
    dry = replace(FRONT, rain=0)
    cover = sky(replace(STILL, cloud=0.0, fronts=(dry,))).cloud(*HERE, at(10, 59, 51))
    assert cover == pytest.approx([0, 0.813, 0.368], abs=0.003)
    cover = sky(replace(STILL, cloud=0.3, fronts=(dry,))).cloud(*HERE, at(69, 75))
    assert cover == pytest.approx([0.174, 0.3 + 0.9 * 0.0286 - 0.35 * 0.6065], abs=0.003)


def test_clouds_go_with_rain() -> None:
    """In the hour around its height 0.198 of the storm falls, in mm/h twice that is covered."""
    covers = [
        sky(replace(STILL, cloud=0.1, storms=(replace(STORM, total=total),))).cloud(*HERE, at(15))
        for total in (0.001, 1.0, 10.0)
    ]
    assert np.concatenate(covers) == pytest.approx([0.1, 0.497, 0.9], abs=0.005)
    full = sky(replace(STILL, cloud=0.9, storms=(STORM,)))
    assert full.cloud(*HERE, at(15)) == [1.0]


def test_days_swing_as_far_as_clouds_let_them() -> None:
    """8.7 = 10 * (1 - 0.65 * 0.2) times 1.178 at its height; by night 1.024 from the clear sky."""
    air = sky(STILL)
    assert air.temperature(*HERE, at(14.7, 2.7)) == pytest.approx([20.25, 1.82], abs=0.03)
    clouded = sky(replace(STILL, cloud=1.0)).temperature(*HERE, at(14.7, 2.7))
    assert clouded == pytest.approx([14.12, 7.12], abs=0.03)
    windy = sky(replace(STILL, wind=10.0)).temperature(*HERE, at(2.7))  # 4.56 m/s by night
    assert windy == pytest.approx([2.43], abs=0.03)
    wet = sky(replace(STILL, amplitude=0.0, storms=(STORM,)))
    assert wet.temperature(*HERE, at(15)) == pytest.approx([9.76], abs=0.01)  # 0.12 a mm/h
    pours = sky(replace(STILL, amplitude=0.0, storms=(replace(STORM, total=100),)))
    assert pours.temperature(*HERE, at(15)) == pytest.approx([8.8], abs=0.01)  # of ten at most


def test_hollows_and_slopes_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hollow of 1 pools 1.5 times as much cold as flat ground does 0.8; a slope is warmer."""
    plain = sky(STILL).temperature(*HERE, at(14.7, 2.7))
    monkeypatch.setattr(Smooth, "at", lambda *_: 1.0)
    assert sky(STILL).temperature(*HERE, at(14.7, 2.7)) - plain == pytest.approx(
        [0.35, 0.35 - 1.6 * 0.7 * 0.8], abs=0.001
    )
    assert sky(replace(STILL, wind=10.0)).wind(*HERE, at(14)) == pytest.approx(
        [11.5 * 1.08], abs=0.01
    )
    assert sky(replace(STILL, storms=(STORM,))).fallen(*HERE, at(90)) == pytest.approx(
        [10.833], abs=0.001
    )
    monkeypatch.setattr(Smooth, "at", lambda *_: -1.0)  # what is no hollow pools as flat ground
    assert sky(STILL).temperature(*HERE, at(14.7, 2.7)) - plain == pytest.approx([-0.35] * 2)
    monkeypatch.setattr(Smooth, "at", lambda *_: 9.0)  # and the deepest as one of 2
    assert sky(STILL).temperature(*HERE, at(2.7)) - plain[1:] == pytest.approx(
        [9 * 0.35 - 1.6 * 1.4 * 0.8], abs=0.001
    )


@pytest.mark.parametrize(
    ("month", "day", "mean", "amplitude"),
    [(1, 17, 4, 3.3), (4, 17, 12, 5.5), (7, 18, 20, 6.7), (10, 17, 12, 4.5)],
)
def test_without_a_word_the_weather_is_the_seasons(
    month: int, day: int, mean: float, amplitude: float
) -> None:
    begins = datetime(2023, month, day, tzinfo=UTC)
    air = sky(Weather(cloud=1.0, wind=50.0), begins)
    hours = int(begins.timestamp()) * SECOND + (np.arange(0, 24, 0.1) * HOUR).astype(np.int64)
    told = air.temperature(*HERE, hours)
    assert told.mean() == pytest.approx(mean, abs=0.25)
    # under a whole cover 0.35 of the amplitude, times what two waves make of a day
    assert told.max() - told.min() == pytest.approx(0.35 * amplitude * 2.08, abs=0.3)


def test_a_front_cools() -> None:
    cold = sky(
        replace(STILL, amplitude=0.0, cloud=1.0, wind=99.0, fronts=(replace(FRONT, rain=0),))
    )
    told = cold.temperature(*HERE, at(50, 60, 60.6, 70))
    assert told == pytest.approx([10, 5, 10 - 7.311, 0], abs=0.01)


def test_dew_and_humidity() -> None:
    """By Magnus 52.5 % of 10 Cel at 20, and 88.3 % of 18."""
    warm = replace(STILL, temperature=20.0, amplitude=0.0)
    for dryness, dew, humidity in ((10, 10, 52.56), (2, 18, 88.28), (0, 19.9, 99.38)):
        air = sky(replace(warm, dryness=dryness))
        assert air.dew_point(*HERE, at(12)) == pytest.approx([dew])
        assert air.humidity(*HERE, at(12)) == pytest.approx([humidity], abs=0.02)
    wet = sky(replace(warm, dryness=10, storms=(STORM,)))  # 2 mm/h at its height: saturated
    assert wet.dew_point(*HERE, at(15)) == pytest.approx(wet.temperature(*HERE, at(15)) - 0.6)
    light = sky(replace(warm, dryness=10, storms=(replace(STORM, total=3.75),)))  # half of 1.5 mm/h
    assert light.dew_point(*HERE, at(15)) == pytest.approx([(10 + 19.31) / 2], abs=0.06)


def test_pressure_falls_ahead_of_a_front_and_has_its_tides() -> None:
    air = sky(replace(STILL, fronts=(replace(FRONT, at=58),)))
    told = air.pressure(*HERE, at(58, 48, 63, 10, 4))
    # 10, 0, 15, 10 and 4 h by the sun: tides of 0.6 hPa at 10 and 22 h
    assert told == pytest.approx(
        [992.6, 1000 - 8 * 0.3679 + 0.3, 1000 - 8 * 0.3679 - 0.52, 1000.53, 999.36], abs=0.02
    )


def test_wind_by_day_and_with_a_front() -> None:
    air = sky(replace(STILL, wind=10.0, fronts=(replace(FRONT, at=62),)))
    told = air.wind(*HERE, at(14, 2, 62, 65))  # 62 is 14 h, 65 is 17 h
    assert told == pytest.approx([11.5, 4.5, 16.5, 10.475 + 5 * 0.6065], abs=0.01)
    assert air.gust(*HERE, at(14)) == pytest.approx([18.4], abs=0.02)


def test_wind_veers_behind_a_front() -> None:
    told = sky(replace(STILL, fronts=(FRONT,))).wind_direction(*HERE, at(10, 60, 60.5, 84))
    assert told == pytest.approx([205, 240, 205 + 70 * 0.7311 * 0.979, 230.75], abs=0.1)


def test_how_far_one_sees() -> None:
    warm = replace(STILL, temperature=20.0, amplitude=0.0)
    for dryness, seen in ((10, 45_000), (2, 12_446), (0, 784)):
        told = sky(replace(warm, dryness=dryness)).visibility(*HERE, at(12))
        assert told == pytest.approx([seen], rel=0.03)
    rain = sky(replace(warm, storms=(STORM,)))
    moist = rain.humidity(*HERE, at(15))[0]
    assert 95 < moist < 97.5
    assert rain.visibility(*HERE, at(15)) == pytest.approx(
        [45_000 * np.exp(-(moist - 60) / 22) / 2.2], rel=0.01
    )
    fog = sky(replace(warm, dryness=0, storms=(replace(STORM, total=999),)))
    assert fog.visibility(*HERE, at(15)).min() >= 80


def test_snow_lies_and_melts() -> None:
    """A centimetre a millimetre; what melts in an hour at 1 Cel is 1.2 mm."""
    storm = replace(STORM, total=20)
    cold = replace(STILL, temperature=0.6, amplitude=0.0, cloud=1.0, storms=(storm,))
    air = sky(cold)
    assert air.snow(*HERE, at(9)) == [0]
    assert air.snow(*HERE, at(21))[0] == pytest.approx(0.2 - 0.5 * 11 * 0.0012, abs=0.004)
    later = air.snow(*HERE, at(30, 40))
    assert later[0] - later[1] == pytest.approx(10 * 0.6 * 0.0012, rel=0.02)
    assert sky(replace(cold, temperature=3.0)).snow(*HERE, at(21)) == [0]
    assert sky(replace(cold, temperature=0.8)).snow(*HERE, at(9)) == [0]


def test_soil_follows_the_air_in_seven_hours_and_an_hour_late() -> None:
    """Where the sun never rises; a front makes it colder by ten."""
    front = replace(FRONT, at=24, rain=0, speed=1e9)
    winter = datetime(2023, 12, 15, tzinfo=UTC)
    air = sky(replace(STILL, amplitude=0.0, cloud=1.0, fronts=(front,)), winter)
    hours = int(winter.timestamp()) * SECOND + (np.array([-40, 20, 32, 110]) * HOUR).astype(
        np.int64
    )
    assert air.soil(0.0, 88.0, hours) == pytest.approx([10, 10, 10 - 6.32, 0], abs=0.15)


def test_the_sun_warms_the_soil() -> None:
    air = sky(replace(STILL, amplitude=0.0, wind=99.0, cloud=0.0))
    hours = at(*np.arange(24, 48, 0.5))
    sun = air.irradiance(*HERE, hours).mean()
    assert air.soil(*HERE, hours).mean() == pytest.approx(10 + sun / 180, abs=0.15)


def test_what_wanders_moves_each_value_as_far_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything one deviation up; each forgets itself over hours of its own."""
    memories: list[float] = []

    def up(_chance: object, steps: int, *, memory: float) -> "np.typing.NDArray[np.float64]":
        memories.append(memory)
        return np.ones(steps)

    monkeypatch.setattr("simulators._weather.smooth_noise", up)
    air = sky(replace(STILL, wind=10.0, amplitude=0.0, dryness=5.0))
    assert memories == [10 * 12, 4 * 12, 2 * 12, 6 * 12, 30 * 12]
    noon = at(14)
    assert air.cloud(*HERE, noon) == pytest.approx([0.48])
    assert air.temperature(*HERE, noon) == pytest.approx([10.7])
    assert air.dew_point(*HERE, noon) == pytest.approx([10.7 - 5 + 0.8])
    assert air.pressure(*HERE, at(10)) == pytest.approx([1000 + 2.5 + 0.6], abs=0.01)
    assert air.wind(*HERE, noon) == pytest.approx([11.5 * 1.34986], abs=0.01)
    assert air.wind_direction(*HERE, noon) == pytest.approx([240])


def test_rain_is_of_one_strength_for_half_an_hour() -> None:
    strengths = _strengths(np.random.default_rng(1), 24_000, 0.5)
    each = strengths.reshape(-1, 6)
    assert (each == each[:, :1]).all()
    assert np.log(each[:, 0]).mean() == pytest.approx(0, abs=0.03)
    assert np.log(each[:, 0]).std() == pytest.approx(0.5, abs=0.02)
    assert [len(_strengths(np.random.default_rng(1), steps, 0.5)) for steps in (1, 6, 7)] == [
        1,
        6,
        7,
    ]


def test_storms_are_somewhat_larger_or_smaller_than_told() -> None:
    storms = tuple(replace(STORM, at=0, hours=1, total=1) for _ in range(2_000))
    begins = int(BEGINS.timestamp()) * SECOND
    sizes = Rain(Weather(storms=storms), begins, HERE, np.random.default_rng(1))._sizes  # noqa: SLF001
    assert np.log(sizes).mean() == pytest.approx(0, abs=0.005)
    assert np.log(sizes).std() == pytest.approx(0.06, abs=0.004)


def test_a_storm_brings_its_least_whatever_the_seed() -> None:
    begins = int(BEGINS.timestamp()) * SECOND

    def falls(least: float, seed: int) -> float:
        storm = replace(STORM, at=0, hours=6, total=60, least=least)
        rain = Rain(Weather(storms=(storm,)), begins, HERE, np.random.default_rng(seed))
        return float(rain.fallen(storm.lon, storm.lat, at(12))[0])

    drawn = [falls(0, seed) for seed in range(20)]
    assert min(drawn) < 58
    assert max(drawn) > 62
    assert [falls(60, seed) for seed in range(20)] == pytest.approx([max(60, mm) for mm in drawn])
