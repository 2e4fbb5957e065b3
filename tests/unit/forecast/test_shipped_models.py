"""The models shipped with the Essonne: what made them, and what they say of another flood."""

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pytest

from hypervisor.backtest.sources import RecordedSource
from hypervisor.base.instants import micros
from hypervisor.exercises.territory import describe_field
from hypervisor.forecast.candidates import HOUR
from hypervisor.forecast.files import ModelFile, read_models
from hypervisor.forecast.record import Record, make_record
from hypervisor.forecast.service import Fitted
from rules._forecast import chance_above
from rules._forecast_parts import slope
from sensors._domain import catalogue
from simulators._field import Field
from simulators._past import past_rows
from simulators._scenarios import load_scenario
from simulators._simulation import simulate_rows
from tests.unit.packs.judging import registry_of

FLOOD = load_scenario("october-flood")
AHEAD = 2 * HOUR


@pytest.fixture(scope="module")
def shipped() -> ModelFile:
    return read_models("essonne")


@pytest.fixture(scope="module")
def rivers() -> Field:
    whole = describe_field(registry_of("essonne"), catalogue(), FLOOD.begins)
    return Field(places=whole.of("flood"), zone=whole.zone)


@pytest.fixture(scope="module")
def past(rivers: Field) -> Record:
    """What `hypervisor simulate-past --inventory essonne` writes."""
    rows = past_rows(rivers, 7, datetime(2024, 10, 7, tzinfo=UTC))
    source = RecordedSource.of(rows, registry_of("essonne"), catalogue())
    return make_record(registry_of("essonne"), source.by_series, catalogue())


@pytest.fixture(scope="module")
def flood(rivers: Field) -> Record:
    rows = simulate_rows(FLOOD, rivers, 1)
    source = RecordedSource.of(rows, registry_of("essonne"), catalogue())
    return make_record(registry_of("essonne"), source.by_series, catalogue())


def test_they_were_fitted_on_the_simulated_year(shipped: ModelFile, past: Record) -> None:
    """On all of it and nothing later; the flood of the demonstration comes after."""
    tracks = {
        gauge.key.site: past.tracks[gauge.key]
        for gauge in past.gauges
        if gauge.key.quantity == "level"
    }
    assert len(shipped.fitted) > 0
    for fitted in shipped.fitted:
        track = tracks[fitted.site]
        assert (*(fitted.span or ()), fitted.readings) == (*track.time[[0, -1]], len(track.time))
        for flood in fitted.result.events:
            crest = float(track.value[track.time == flood.peak_at][0])
            assert crest == pytest.approx(flood.peak, abs=0.02), fitted.site
    assert any(fitted.result.events for fitted in shipped.fitted)
    assert shipped.effective < FLOOD.begins
    assert all(track.time[-1] <= micros(shipped.effective) for track in tracks.values())


@pytest.fixture(scope="module")
def issued(shipped: ModelFile, flood: Record) -> Mapping[str, "Verdict"]:
    return {
        fitted.site: Verdict(fitted, flood)
        for fitted in shipped.fitted
        if fitted.model is not None and AHEAD in fitted.model.horizons
    }


class Verdict:
    """A gauge in the flood: when it was warned and crossed (h), and errors two hours ahead."""

    def __init__(self, fitted: Fitted, flood: Record) -> None:
        model = fitted.model
        assert model is not None
        gauge = next(each for each in flood.gauges if each.key == model.inputs[0])
        own = flood.tracks[gauge.key]
        forecasts = model.issue_tracks([flood.tracks[key] for key in model.inputs], own.time)
        hours = (own.time - micros(FLOOD.begins)) / HOUR
        limit = gauge.thresholds["attention"]
        likely = np.nan_to_num(chance_above(forecasts, limit, AHEAD)) >= 0.5
        self.warned = float(hours[likely][0]) if likely.any() else None
        above = own.value > limit
        self.crossed = float(hours[above][0]) if above.any() else None
        came = own.at(own.time + AHEAD, (0,), HOUR)[:, 0]
        line = own.value + slope(own, own.time, 3 * HOUR, 13, 2 * HOUR) * AHEAD
        median = forecasts.values[:, model.horizons.index(AHEAD), model.levels.index(0.5)]
        judged = (hours > 45) & (hours < 75) & np.isfinite(came + line + median)
        range_80 = [
            forecasts.values[:, model.horizons.index(AHEAD), model.levels.index(level)]
            for level in (0.1, 0.9)
        ]
        self.held = float(((range_80[0] <= came) & (came <= range_80[1]))[judged].mean())
        self.error = float(np.sqrt(((median - came)[judged] ** 2).mean()))
        self.line_error = float(np.sqrt(((line - came)[judged] ** 2).mean()))


def test_the_first_warning_comes_before_the_first_threshold(
    issued: Mapping[str, Verdict],
) -> None:
    crossed = [each.crossed for each in issued.values() if each.crossed is not None]
    warned = [each.warned for each in issued.values() if each.warned is not None]
    assert min(warned) <= min(crossed) - 0.5
    in_time = [
        each.warned is not None and each.warned < each.crossed
        for each in issued.values()
        if each.crossed is not None
    ]
    assert sum(in_time) >= 0.7 * len(in_time)


# What docs/forecast.md says of that flood.
QUICK = ("bievre-igny", "orge-arpajon", "orge-savigny", "yvette-gif", "yvette-villebon")
CHALK = ("ecole-soisy", "essonne-la-ferte-alais", "juine-etampes")


def test_quick_rivers_err_less_than_the_straight_line(issued: Mapping[str, Verdict]) -> None:
    """Chalk rivers do not: they answer quicker than in any flood of the past year."""
    errors = [issued[site].error / issued[site].line_error for site in QUICK]
    assert (min(errors), max(errors)) == pytest.approx((0.28, 0.85), abs=0.02)
    chalk = [issued[site].error / issued[site].line_error for site in CHALK]
    assert min(chalk) > 1


def test_the_range_held_on_quick_rivers(issued: Mapping[str, Verdict]) -> None:
    held = [issued[site].held for site in QUICK]
    assert (min(held), max(held)) == pytest.approx((0.66, 0.85), abs=0.02)
    chalk = [issued[site].held for site in CHALK]
    assert (min(chalk), max(chalk)) == pytest.approx((0.29, 0.76), abs=0.02)
