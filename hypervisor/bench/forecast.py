"""Forecasts: the time to issue those of a thousand gauges, and to fit one on seven years."""

import resource
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hypervisor.bench import territory
from hypervisor.database.connect import Connection
from hypervisor.forecast.models import Study, model_of, study_record
from hypervisor.forecast.record import Gauge, Record
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from rules._forecast import ForecastModel, model_to_json
from rules._forecast_parts import Track
from rules._inputs import InputSeries, Values

HOUR = 3_600_000_000
GAUGES = 1_000
YEARS = 7
_STORMS = 25  # a year
MILL = InputSeries(site="mill", quantity="discharge")
BRIDGE = InputSeries(site="bridge", quantity="discharge")
RAIN = InputSeries(site="mill", quantity="catchment_rain")


@dataclass(frozen=True, kw_only=True)
class ForecastFigures:
    """Seconds of processor time on one core."""

    gauges: int
    issued: int
    issue_seconds: float
    years: float
    readings: int
    horizons: int
    fit_seconds: float

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return dict(vars(self))


def make_river(years: float, *, step: int = HOUR, seed: int = 1, with_rain: bool = False) -> Record:
    """A gauge with one three hours upstream: storms swell in an hour or two and ebb in a day."""
    rng = np.random.default_rng(seed)
    number = round(years * 365.25 * 24 * HOUR / step)
    an_hour = HOUR / step
    rain = np.zeros(number)
    for start in rng.integers(0, number, round(_STORMS * years)).tolist():
        length = max(round(rng.uniform(2, 8) * an_hour), 1)
        rain[start : start + length] += rng.gamma(1.2, 4.0) / an_hour
    above = _respond(rain, rise=1.5 * an_hour, ebb=12 * an_hour)
    below = _respond(np.roll(above, round(3 * an_hour)), rise=2 * an_hour, ebb=4 * an_hour)
    below += 0.3 * _respond(rain, rise=2 * an_hour, ebb=14 * an_hour)
    time = np.arange(number, dtype=np.int64) * step
    none = np.empty(0, dtype=np.int64)

    def track(flow: Values, base: float) -> Track:
        noisy = (base + flow) * (1 + 0.005 * rng.normal(size=number))
        return Track(time=time, value=np.round(noisy, 3), breaks=none)

    gauge = Gauge(
        key=MILL,
        title="Mill",
        unit="m3/s",
        nonnegative=True,
        upstream=((BRIDGE, 3 * HOUR),),
        rain=(RAIN,) if with_rain else (),
        area=100.0,
        latitude=48.5,
    )
    tracks = {MILL: track(below, 2.0), BRIDGE: track(above, 1.0)}
    if with_rain:
        tracks[RAIN] = Track(time=time, value=rain, breaks=none)
    return Record(gauges=(gauge,), tracks=tracks)


def _respond(signal: Values, *, rise: float, ebb: float) -> Values:
    """The signal through two reservoirs, one after the other."""
    lags = np.arange(round(8 * ebb))
    kernel = np.exp(-lags / ebb) - np.exp(-lags / max(rise, 1e-6))
    kernel /= kernel.sum()
    size = len(signal) + len(kernel)
    spectrum = np.fft.rfft(signal, size) * np.fft.rfft(kernel, size)
    return np.asarray(np.maximum(np.fft.irfft(spectrum, size)[: len(signal)], 0.0))


def measure_forecasts() -> ForecastFigures:
    """Fit one gauge with all inputs, then issue the last forecast of a thousand by GR4H too."""
    record = make_river(YEARS, with_rain=True)
    began = _processor_time()
    (study,) = study_record(record)
    model = model_of(study)
    fitted = _processor_time() - began
    if model is None:
        raise RuntimeError("the river's forecast may not be shown")
    model = _with_runoff(model, study)
    recent = _last_weeks(record, model)
    began = _processor_time()
    issued = sum(_issue(model, recent, number) for number in range(GAUGES))
    spent = _processor_time() - began
    return ForecastFigures(
        gauges=GAUGES,
        issued=issued,
        issue_seconds=spent,
        years=YEARS,
        readings=sum(len(track.time) for track in record.tracks.values()),
        horizons=len(model.horizons),
        fit_seconds=fitted,
    )


def write_models(connection: Connection, sites: Sequence[str]) -> None:
    """A model of each site's level, in force from the beginning: of its own and the next one's."""
    (study,) = study_record(make_river(1))
    model = model_of(study)
    if model is None:
        raise RuntimeError("the river's forecast may not be shown")
    revisions = []
    for place, site in enumerate(sites):
        inputs = tuple(
            InputSeries(site=sites[(place + ahead) % len(sites)], quantity="level")
            for ahead in range(len(model.inputs))
        )
        value = model_to_json(replace(model, inputs=inputs))
        revisions.append(territory.make_fact("forecast", f"{site}/level", value))
    registry_queries.write(connection, Changes(revisions=tuple(revisions)))


def _with_runoff(model: ForecastModel, study: Study) -> ForecastModel:
    """The model with GR4H at each horizon, whatever was chosen: what costs the most."""
    first = model.tiers[0]
    steps = [step and replace(step, runoff_weight=0.5) for step in first.steps]
    tiers = (replace(first, steps=tuple(steps)), *model.tiers[1:])
    return replace(model, runoff=study.runoff, tiers=tiers)


def _last_weeks(record: Record, model: ForecastModel) -> list[Track]:
    tracks = []
    for key in model.inputs:
        track = record.tracks[key]
        tracks.append(replace(track, time=track.time[-1_000:], value=track.value[-1_000:]))
    return tracks


def _issue(model: ForecastModel, tracks: list[Track], number: int) -> int:
    """One gauge's newest forecast; each at another time, so that nothing can be kept."""
    own = tracks[0].time
    last = own[len(own) - 1 - number % 700]
    issued = model.issue_tracks(tracks, np.array([last]))
    return int(issued.tier[0] >= 0)


def _processor_time() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
