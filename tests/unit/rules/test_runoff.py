"""GR4H against its equations step by step, and that a forecast by it is pure."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from rules._forecast import ForecastModel, Step, Tier, Trend, Use, model_from_json, model_to_json
from rules._forecast_parts import Track
from rules._inputs import InputSeries, Values
from rules._runoff import WINDOW, Catchment, Runoff, evapotranspiration
from tests.unit.rules.forecasting import HOUR, spread

OWN = InputSeries(site="mill", quantity="discharge")
RAIN = InputSeries(site="mill", quantity="catchment_rain")
CATCHMENT = Catchment(rain=(1,), area=72.0, latitude=45.2)
RUNOFF = Runoff(
    catchment=CATCHMENT,
    capacity=180.0,
    exchange=-0.1,
    routing=60.0,
    base=4.6,
    fading=0.0,
    carry=0.5,
)
HORIZONS = (HOUR // 2, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR)
USES = (Use(hold=3 * HOUR), Use(hold=3 * HOUR))


def simulate(rain: Values, evaporation: float) -> Values:
    """GR4H (mm/h) as it is published, hour by hour from the first rain to the last."""
    x1, x2, x3, x4 = RUNOFF.capacity, RUNOFF.exchange, RUNOFF.routing, RUNOFF.base
    first = [min(hour / x4, 1) ** 1.25 for hour in range(40)]
    second = [
        0.5 * (hour / x4) ** 1.25 if hour <= x4 else 1 - 0.5 * max(2 - hour / x4, 0) ** 1.25
        for hour in range(40)
    ]
    store, routed, flows = 0.6 * x1, 0.3 * x3, []
    waiting_9, waiting_1 = np.zeros(40), np.zeros(40)
    for fallen in rain.tolist():
        wet, dry = max(fallen - evaporation, 0.0), max(evaporation - fallen, 0.0)
        share, pull = store / x1, math.tanh(wet / x1)
        gain = x1 * (1 - share**2) * pull / (1 + share * pull)
        pull = math.tanh(dry / x1)
        store += gain - store * (2 - share) * pull / (1 + (1 - share) * pull)
        percolation = store * (1 - (1 + (4 / 21 * store / x1) ** 4) ** -0.25)
        store -= percolation
        effective = percolation + wet - gain
        waiting_9[:-1] += 0.9 * effective * np.diff(first)
        waiting_1[:-1] += 0.1 * effective * np.diff(second)
        leak = x2 * (routed / x3) ** 3.5
        routed = max(routed + waiting_9[0] + leak, 0.0)
        outflow = routed * (1 - (1 + (routed / x3) ** 4) ** -0.25)
        routed -= outflow
        flows.append(outflow + max(waiting_1[0] + leak, 0.0))
        waiting_9, waiting_1 = np.append(waiting_9[1:], 0), np.append(waiting_1[1:], 0)
    return np.array(flows)


def storms(number: int = 60 * 24) -> Values:
    rng = np.random.default_rng(2)
    rain = np.zeros(number)
    for start in rng.integers(0, number, 22).tolist():
        rain[start : start + int(rng.integers(2, 9))] += rng.gamma(1.5, 2.0)
    rain[1200:] = 0.0
    rain[1190:1200] = 9.0  # at last a flood, after which nothing falls
    return rain


def track(values: Values) -> Track:
    return Track(
        time=np.arange(1, len(values) + 1, dtype=np.int64) * HOUR,
        value=values,
        breaks=np.empty(0, dtype=np.int64),
    )


RAINS = storms()
EVAPORATION = evapotranspiration(CATCHMENT.latitude)
FLOWS = simulate(RAINS, float(np.mean(EVAPORATION[10:60]) / 24))
TRACKS = [track(FLOWS / CATCHMENT.depth), track(RAINS)]


def model(*, weight: float = 1.0) -> ForecastModel:
    step = Step(method="GR4H", runoff_weight=weight, spread=spread())
    still = Step(method="persistence", spread=spread())
    return ForecastModel(
        site="mill",
        quantity="discharge",
        unit="m3/s",
        horizons=HORIZONS,
        inputs=(OWN, RAIN),
        uses=USES,
        memory=WINDOW + 3 * HOUR,
        trend=Trend(span=3 * HOUR, samples=4),
        span=HOUR,
        tiers=(
            Tier(name="GR4H, own", inputs=(0, 1), features=(), steps=(step,) * len(HORIZONS)),
            Tier(name="own", inputs=(0,), features=(), steps=(still,) * len(HORIZONS)),
        ),
        runoff=RUNOFF,
    )


def test_it_follows_the_equations_from_the_discharge_that_was_measured() -> None:
    """The last flood: nothing falls after it, so what came is what must be said."""
    times = TRACKS[0].time[1199:1260]
    given = CATCHMENT.antecedents(TRACKS, USES, times)
    increments = RUNOFF.increments(given, HORIZONS)
    for place, horizon in enumerate(HORIZONS[1:], start=1):
        came = TRACKS[0].at(times + horizon, (0,), HORIZONS[-1])[:, 0]
        rise = came - TRACKS[0].value[1199:1260]
        assert increments[:, place] == pytest.approx(rise, abs=0.02 * FLOWS.max() / 0.05)
        error = np.sqrt(((increments[:, place] - rise) ** 2).mean())
        assert error < 0.05 * np.sqrt((rise**2).mean())


def test_rain_that_goes_on_lets_the_river_rise_more() -> None:
    times = TRACKS[0].time[1195:1196]
    given = CATCHMENT.antecedents(TRACKS, USES, times)
    rises = [
        replace(RUNOFF, fading=fading).increments(given, (6 * HOUR,))[0, 0]
        for fading in (0.0, 0.5, 0.9)
    ]
    assert rises[0] < rises[1] < rises[2]


def test_what_the_last_hour_rose_more_than_expected_is_carried_on() -> None:
    own = TRACKS[0]
    lifted = own.value.copy()
    lifted[900:] += 5.0  # from then on, without rain
    given = CATCHMENT.antecedents([replace(own, value=lifted), TRACKS[1]], USES, own.time[900:901])
    still, carried = (
        replace(RUNOFF, carry=carry).increments(given, (HOUR, 2 * HOUR))[0] for carry in (0.0, 0.5)
    )
    assert carried - still == pytest.approx([2.5, 3.75], rel=0.1)


def test_a_forecast_has_the_same_bits_alone_without_the_future_and_beyond_its_memory() -> None:
    forecasting = model()
    times = TRACKS[0].time[300:1300]
    together = forecasting.issue_tracks(TRACKS, times)
    assert (together.tier == 0).all()
    for number in range(0, len(times), 49):
        now = times[number]
        cut = []
        for complete in TRACKS:
            held = (complete.time <= now) & (complete.time >= now - forecasting.memory)
            cut.append(replace(complete, time=complete.time[held], value=complete.value[held]))
        for rows in (1, 12):
            alone = forecasting.issue_tracks(cut, np.repeat(now, rows))
            assert alone.values[-1:].tobytes() == together.values[number : number + 1].tobytes()


def test_without_rain_or_ten_days_of_discharge_the_next_tier_is_used() -> None:
    own, rain = TRACKS
    late = own.time[500:510]
    silent = replace(rain, time=rain.time[:400], value=rain.value[:400])
    assert (model().issue_tracks([own, silent], late).tier == 1).all()
    early = own.time[100:110]
    assert (model().issue_tracks(TRACKS, early).tier == 1).all()
    young = replace(own, breaks=own.time[400:401])
    assert (model().issue_tracks([young, rain], late).tier == 1).all()


def test_a_model_with_it_is_written_and_read_without_loss_and_one_from_before_it_too() -> None:
    written = json.loads(json.dumps(model_to_json(model())))
    assert model_from_json(written) == model()
    before = {name: value for name, value in written.items() if name != "runoff"}
    for tier in before["tiers"]:
        for step in tier["steps"]:
            del step["runoff_weight"]
    old = model_from_json({**before, "version": 1})
    assert old.runoff is None
    assert not any(tier.runs_off for tier in old.tiers)
    assert (old.issue_tracks(TRACKS, TRACKS[0].time[500:510]).tier == 0).all()


def test_evapotranspiration_follows_the_season_and_the_latitude() -> None:
    """Oudin's formula: in mid-July at 46° N the sun gives 40.4 MJ/m²/d (FAO 56, table 2.6)."""
    july = evapotranspiration(46.0)[195]
    temperature = 11.5 + 0.3 + 8.0
    assert july == pytest.approx(40.4 / 2.45 * (temperature + 5) / 100, rel=0.03)
    year = np.array([sum(evapotranspiration(latitude)) for latitude in (43.0, 46.0, 50.0)])
    assert (np.diff(year) < 0).all()
    assert (year > 550).all()
    assert (year < 850).all()
