"""A fit on a small river: it beats both baselines, never looks ahead, and is closed on noise."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hypervisor.bench.forecast import BRIDGE, HOUR, MILL, RAIN, make_river
from hypervisor.forecast.candidates import fit_trees, plan_catchment, plan_inputs
from hypervisor.forecast.fit import columns_of
from hypervisor.forecast.models import Study, model_of, study_record
from hypervisor.forecast.record import Gauge, Record, until
from hypervisor.forecast.runoff import calibrate
from hypervisor.forecast.service import last_reading
from hypervisor.forecast.skill import (
    CHOSEN,
    format_result,
    result_from_json,
    result_to_json,
    skill_table,
)
from hypervisor.forecast.tables import tables
from hypervisor.forecast.thresholds import Level
from hypervisor.forecast.verification import verify_files, verify_model, verify_study
from rules._forecast import ForecastModel, model_from_json, model_to_json
from rules._forecast_parts import Track
from rules._inputs import InputSeries
from rules._runoff import Catchment
from sensors._errors import Message, TerritoryError

HORIZONS = (3 * HOUR,)
RIVER = make_river(0.6)
LEVELS = [Level(name="high", value=float(np.quantile(RIVER.tracks[MILL].value, 0.98)))]
HIGH = [f"{LEVELS[0].value} m3/s"]


@pytest.fixture(scope="module")
def study() -> Study:
    (study,) = study_record(RIVER, horizons=HORIZONS)
    return study


@pytest.fixture(scope="module")
def model(study: Study) -> ForecastModel:
    model = model_of(study)
    assert model is not None
    return model


def test_what_comes_from_upstream_is_seen(study: Study, model: ForecastModel) -> None:
    assert model.horizons == HORIZONS
    assert model.tiers[0].name == "upstream"
    assert model.tiers[-1].inputs == (0,)
    result = verify_study(study, LEVELS)
    chosen = result.horizons[0].of(CHOSEN)
    assert chosen is not None
    assert chosen.tally.events >= 4
    assert chosen.tally.detected is not None
    assert chosen.tally.detected >= 0.75
    (horizon,) = format_result(result)["horizons"]
    assert horizon["shown"]
    json.dumps(format_result(result))


def test_what_a_fit_measured_is_kept_event_by_event(study: Study) -> None:
    result = verify_study(study, LEVELS)
    kept = result_from_json(json.loads(json.dumps(result_to_json(result))))
    assert kept is not None
    assert kept.thresholds == result.thresholds
    assert [event.threshold for event in kept.events] == [0] * len(kept.events)
    for horizon in kept.horizons:
        assert {each.method for each in horizon.methods} == {CHOSEN, "persistence", "trend"}
        chosen = horizon.of(CHOSEN)
        assert chosen is not None
        (outcome,) = chosen.outcomes
        assert outcome.count(horizon.horizon) == chosen.tally
        assert set(outcome.events) <= {event.time for event in kept.events}
        assert sum(flood.forecasts for flood in chosen.floods) == chosen.rows
        inside = sum(flood.inside for flood in chosen.floods)
        assert inside / chosen.rows == pytest.approx(chosen.covered["80"])
        assert len(chosen.reliability) > 2
        assert all(0 <= each.came <= 1 and each.forecasts for each in chosen.reliability)
    assert result_from_json({"site": "mill", "of": "another version"}) is None


def test_a_model_whose_longer_horizons_are_closed_is_stored_with_the_reason(
    study: Study, model: ForecastModel
) -> None:
    result = verify_study(study, LEVELS)
    why = Message("nothing forecasts floods here better than {method}", "trend")
    closed = replace(result, horizons=(replace(result.horizons[0], closed=why),))
    stored = model_to_json(replace(model, skill=skill_table(closed)))
    (horizon,) = json.loads(json.dumps(stored))["skill"]["horizons"]
    assert horizon["why"] == "nothing forecasts floods here better than trend"


def test_without_the_gauge_upstream_the_next_tier_is_used(model: ForecastModel) -> None:
    own = RIVER.tracks[MILL]
    nothing = Track(time=own.time[:0], value=own.value[:0], breaks=own.breaks)
    times = own.time[3000:3010]
    assert (model.issue_tracks([own, RIVER.tracks[BRIDGE]], times).tier == 0).all()
    assert (model.issue_tracks([own, nothing], times).tier == len(model.tiers) - 1).all()


def test_a_forecast_is_the_same_without_the_future_and_without_what_memory_does_not_reach(
    model: ForecastModel,
) -> None:
    tracks = [RIVER.tracks[key] for key in model.inputs]
    times = tracks[0].time[2000:2200]
    together = model.issue_tracks(tracks, times)
    for number in range(0, len(times), 20):
        now = times[number]
        cut = []
        for track in tracks:
            held = (track.time <= now) & (track.time >= now - model.memory)
            cut.append(replace(track, time=track.time[held], value=track.value[held]))
        alone = model.issue_tracks(cut, times[number : number + 1])
        assert alone.values.tobytes() == together.values[number : number + 1].tobytes()


def test_a_fit_knows_nothing_of_what_came_later() -> None:
    end = int(RIVER.tracks[MILL].time[5000])
    later = {
        key: replace(track, value=np.where(track.time > end, 99.0, track.value))
        for key, track in RIVER.tracks.items()
    }
    changed = Record(gauges=RIVER.gauges, tracks=later)
    models = [
        model_of(study_record(until(record, end), horizons=HORIZONS)[0])
        for record in (RIVER, changed)
    ]
    assert models[0] is not None
    assert models[0] == models[1]


def test_a_fitted_model_is_written_and_read_without_loss(model: ForecastModel) -> None:
    again = model_from_json(json.loads(json.dumps(model_to_json(model))))
    assert again == model
    tracks = [RIVER.tracks[key] for key in model.inputs]
    times = tracks[0].time[500:600]
    assert (
        again.issue_tracks(tracks, times).values.tobytes()
        == model.issue_tracks(tracks, times).values.tobytes()
    )


def test_the_gate_is_closed_on_noise() -> None:
    walk = np.cumsum(np.random.default_rng(4).normal(size=3000)) * 0.01
    own = RIVER.tracks[MILL]
    tracks = {MILL: Track(time=own.time[:3000], value=walk, breaks=own.breaks)}
    gauge = replace(RIVER.gauges[0], upstream=(), nonnegative=False)
    (noise,) = study_record(Record(gauges=(gauge,), tracks=tracks), horizons=HORIZONS)
    assert model_of(noise) is None
    assert all(choice.closed is not None for choice in noise.choices())


def test_a_record_with_a_single_flood_is_refused_in_words() -> None:
    one_flood = np.concatenate([np.ones(300), np.linspace(1, 50, 20), np.full(71, 50.0)])
    own = RIVER.tracks[MILL]
    record = Record(
        gauges=(replace(RIVER.gauges[0], upstream=()),),
        tracks={MILL: Track(time=own.time[: len(one_flood)], value=one_flood, breaks=own.breaks)},
    )
    (study,) = study_record(record)
    assert model_of(study) is None
    result = verify_study(study, LEVELS)
    assert result.floods == 1
    assert str(result.refused).startswith("there are fewer than 3 floods")
    assert str(result.refused).endswith("every 20 min or more often, here it is every 60 min")


def test_rain_is_an_input_of_the_best_tier_until_it_is_missing() -> None:
    rain = InputSeries(site="mill", quantity="catchment_rain")
    own = RIVER.tracks[MILL]
    record = Record(
        gauges=(replace(RIVER.gauges[0], rain=(rain,)),),
        tracks={
            **RIVER.tracks,
            rain: Track(time=own.time.copy(), value=np.zeros(len(own.time)), breaks=own.breaks),
        },
    )
    plan = plan_inputs(record.gauges[0], record)
    assert plan.inputs == (MILL, BRIDGE, rain)
    assert [name for name, _, _ in plan.tiers] == ["upstream and rain", "upstream", "own"]
    assert max(feature.since for _, _, features in plan.tiers for feature in features) < plan.memory
    record.tracks[rain].time[:] -= 2 * own.time[-1]  # all of it is from long before
    assert plan_inputs(record.gauges[0], record).inputs == (MILL, BRIDGE)


@pytest.fixture(scope="module")
def rained() -> Study:
    """The same river with its rain, and nothing upstream."""
    river = make_river(0.4, with_rain=True)
    river = replace(river, gauges=(replace(river.gauges[0], upstream=()),))
    (study,) = study_record(river, horizons=HORIZONS)
    return study


def test_gr4h_is_tried_where_rain_and_area_are_known(rained: Study) -> None:
    assert rained.untried is None
    (_, first), (_, second), *_ = rained.trials
    assert rained.trials[0][0] == f"GR4H, {rained.trials[1][0]}"
    assert first.values.keys() - second.values.keys() == {
        "GR4H",
        "GR4H and ridge",
        "GR4H and trees",
    }
    measured = first.measure(0, sorted({group for _, _, group in first.scores}))
    assert measured["GR4H"].rmse < 0.9 * measured["persistence"].rmse
    model = model_of(rained)
    assert model is not None
    uses = any(step is not None and step.runoff_weight for step in model.tiers[0].steps)
    assert (model.runoff is not None) == uses == model.tiers[0].name.startswith("GR4H")


def test_floods_are_forecast_by_parameters_that_never_saw_them(rained: Study) -> None:
    sample = rained.trials[0][1].sample
    fold = int(sample.fold[sample.event >= 0][0])
    own = sample.fold == fold
    future = np.where(own, sample.now, sample.future.T).T  # a flood in which nothing moves
    changed = calibrate(replace(sample, future=future))
    before = rained.trials[0][1].members.runoff
    assert changed is not None
    assert before is not None
    assert changed.increments[own].tobytes() == before[own].tobytes()
    assert changed.increments[~own].tobytes() != before[~own].tobytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"key": replace(MILL, quantity="level")}, "it gives discharges, and this is a level"),
        ({"rain": ()}, "there is no rain of each hour"),
        ({"area": None}, "the site has no catchment area (catchment_km2)"),
        ({"latitude": None}, "the site has no coordinates"),
    ],
)
def test_why_gr4h_is_not_tried(change: Mapping[str, Any], reason: str) -> None:
    river = make_river(0.05, with_rain=True)
    gauge = replace(river.gauges[0], **change)
    assert plan_catchment(gauge, river, (gauge.key, *gauge.rain)) == reason


def test_rain_over_the_catchment_counts_alone() -> None:
    river = make_river(0.05, with_rain=True)
    point = replace(RAIN, quantity="rain")
    record = replace(river, tracks={**river.tracks, point: river.tracks[RAIN]})
    gauge = replace(river.gauges[0], rain=(RAIN, point))
    catchments = [
        plan_catchment(replace(gauge, rain=rain), record, (MILL, *rain))
        for rain in ((RAIN, point), (point,))
    ]
    assert [each.rain for each in catchments if isinstance(each, Catchment)] == [(1,), (1,)]


def test_gauges_with_a_month_learn_from_each_other() -> None:
    gauges: list[Gauge] = []
    tracks: dict[InputSeries, Track] = {}
    for number in range(4):
        river = make_river(0.06, step=HOUR // 4, seed=20 + number)
        keys = {
            old: replace(old, site=f"{old.site}-{number}", quantity="level")
            for old in (MILL, BRIDGE)
        }
        tracks |= {keys[old]: track for old, track in river.tracks.items()}
        gauges.append(
            replace(river.gauges[0], key=keys[MILL], upstream=((keys[BRIDGE], 3 * HOUR),))
        )
    studies = study_record(Record(gauges=tuple(gauges), tracks=tracks), horizons=(3 * HOUR,))
    assert {study.learned_from for study in studies} == {4}
    trial = studies[0].trials[0][1]
    for part in trial.sample.parts:
        assert len(np.unique(trial.sample.fold[part.rows])) == 1
    results = [verify_study(study, LEVELS) for study in studies]
    chosen = [result.horizons[0].of(CHOSEN) for result in results]
    assert all(method is not None and method.rows for method in chosen)
    assert any(model_of(study) is not None for study in studies)


def test_another_record_is_verified_with_the_model_of_the_first(study: Study) -> None:
    other = make_river(0.3, seed=7)
    result = verify_model(study, other, LEVELS)
    chosen = result.horizons[0].of(CHOSEN)
    line = result.horizons[0].of("trend")
    assert chosen is not None
    assert line is not None
    assert chosen.crps is not None
    assert line.crps is not None
    assert chosen.crps < line.crps


def test_a_horizon_that_the_first_record_closes_is_named_on_another() -> None:
    """It is measured by both baselines; nothing that is asked for is left out."""
    noise = np.random.default_rng(3).normal(10, 3, len(RIVER.tracks[MILL].time))
    tracks = {MILL: replace(RIVER.tracks[MILL], value=noise)}
    gauge = replace(RIVER.gauges[0], upstream=())
    past = Record(gauges=(gauge,), tracks=tracks)
    (result,) = verify_files(make_river(0.3, seed=7), HIGH, train=past, horizons=HORIZONS)
    (horizon,) = result.horizons
    assert horizon.closed is not None
    assert [method.method for method in horizon.methods] == ["persistence", "trend"]
    assert horizon.methods[0].rows
    list(tables([result]))


def test_a_gauge_of_one_record_only_is_refused_in_words(study: Study) -> None:
    river = make_river(0.3, seed=7)
    other = replace(river.gauges[0], key=replace(MILL, site="weir"), upstream=())
    tracks = {other.key: river.tracks[MILL]}
    record = Record(gauges=(other,), tracks=tracks)
    past = replace(RIVER, gauges=(study.gauge,))
    missing, unlearned = verify_files(record, HIGH, train=past, horizons=HORIZONS)
    assert (missing.site, str(missing.refused)) == ("mill", "the record has no reading of it")
    assert unlearned.site == "weir"
    assert unlearned.floods > 1
    assert "that models learn from has no reading of it" in str(unlearned.refused)


def test_what_is_shown_does_not_depend_on_the_thresholds_measured(study: Study) -> None:
    top = float(RIVER.tracks[MILL].value.max())
    closed = {
        verify_study(study, [Level(name="x", value=share * top)]).closed
        for share in (0.02, 0.2, 0.5, 0.9, 2.0)
    }
    assert len(closed) == 1
    assert verify_study(study, []).closed in closed


def test_a_lower_tier_is_verified_where_inputs_of_the_best_are_missing() -> None:
    """As it is issued: an hour without the gauge upstream has a forecast all the same."""
    bridge = RIVER.tracks[BRIDGE]
    lost = (bridge.time // (240 * HOUR)) % 4 == 1
    record = replace(
        RIVER,
        tracks={
            **RIVER.tracks,
            BRIDGE: replace(bridge, time=bridge.time[~lost], value=bridge.value[~lost]),
        },
    )
    (study,) = study_record(record, horizons=HORIZONS)
    assert [name for name, _ in study.trials] == ["upstream", "own"]
    (horizon,) = verify_study(study, LEVELS).horizons
    rows = {method.method: method.rows for method in horizon.methods}
    assert rows[CHOSEN] > 1.1 * rows["ridge"]


def test_trees_are_those_of_scikit_learn() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415  slow to import

    rng = np.random.default_rng(5)
    features = rng.normal(size=(800, 5))
    target = features[:, 0] * (features[:, 1] > 0) + 0.1 * rng.normal(size=800)
    ours = fit_trees(features, np.zeros(800), target, np.ones(800), offset=0.0)
    theirs = HistGradientBoostingRegressor(
        max_iter=8,
        max_depth=4,
        max_leaf_nodes=16,
        learning_rate=0.08,
        min_samples_leaf=20,
        l2_regularization=1.0,
        max_bins=16,
        early_stopping=False,
        random_state=0,
    ).fit(features, target, sample_weight=np.ones(800))
    assert ours.raw(columns_of(features)) == pytest.approx(theirs.predict(features), abs=1e-6)


def test_without_any_reading_nothing_is_fitted_and_a_sentence_says_so() -> None:
    """`forecast fit` of a new instance ended in a traceback."""
    with pytest.raises(TerritoryError, match="import some years"):
        last_reading(Record(gauges=(), tracks={}))
