"""What may forecast a gauge: its features from itself, from upstream and from rain, and members.

Members are fitted on rows of the past and give increments; `rules._forecast_parts` evaluates them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hypervisor.forecast.record import Gauge, Record
from rules._forecast_parts import Feature, Linear, Trees, Use
from rules._inputs import InputSeries, Instants, Values
from rules._runoff import Catchment
from sensors._errors import Message

MINUTE = 60_000_000
HOUR = 60 * MINUTE
_OWN = (15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR)
_RAIN = (0, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 72 * HOUR, 240 * HOUR)
_PENALTIES = (1.0, 10.0, 100.0, 1000.0)
DEPTH = 4
_TREES = 60
_BINS = 128
_RATE = 0.08


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Inputs of a gauge and how they are read; tiers by name with their inputs and features."""

    inputs: tuple[InputSeries, ...]
    uses: tuple[Use, ...]
    tiers: tuple[tuple[str, tuple[int, ...], tuple[Feature, ...]], ...]
    step: int  # µs between readings
    trend: tuple[int, int]  # span and samples of the straight line
    memory: int
    catchment: Catchment | Message  # for GR4H; or why it is not tried

    def with_runoff(self, tier: str) -> "Plan":
        """The same, with a tier before all others that adds GR4H to what a tier has."""
        rain = self.catchment.rain if isinstance(self.catchment, Catchment) else ()
        more = [
            (name_runoff(name), tuple(sorted({*inputs, *rain})), features)
            for name, inputs, features in self.tiers
            if name == tier
        ]
        return replace(self, tiers=(*more, *self.tiers))


def name_runoff(tier: str) -> str:
    """The tier that has GR4H besides what another has."""
    return f"GR4H, {tier}"


def plan_inputs(gauge: Gauge, record: Record) -> Plan:
    """The features that a gauge may have, from long spans to short ones."""
    own = record.tracks[gauge.key]
    step = usual_step(own.time)
    upstream = [
        (key, lag) for key, lag in gauge.upstream if _covers(record.tracks[key].time, own.time)
    ]
    rain = [key for key in gauge.rain if _covers(record.tracks[key].time, own.time)]
    inputs = (gauge.key, *(key for key, _ in upstream), *rain)
    uses = tuple(
        Use(hold=max(3 * usual_step(record.tracks[key].time), 90 * MINUTE)) for key in inputs
    )
    spans = [span for span in _OWN if span >= step]
    spans = spans if spans and spans[0] <= step else [step, *spans]
    tiers: list[tuple[str, tuple[int, ...], tuple[Feature, ...]]] = []
    own_features = _own_features(spans)
    above = [
        _upstream_features(number, lag, max(step, usual_step(record.tracks[key].time)))
        for number, (key, lag) in enumerate(upstream, start=1)
    ]
    wet = [_rain_features(number) for number in range(1 + len(upstream), len(inputs))]
    river = tuple(range(1 + len(upstream)))
    if rain:
        everything = (*own_features, *_flat(above), *_flat(wet))
        name = "upstream and rain" if upstream else "rain"
        tiers.append((name, tuple(range(len(inputs))), everything))
    if upstream:
        tiers.append(("upstream", river, (*own_features, *_flat(above))))
    if len(upstream) > 1:
        tiers.append(("nearest upstream", (0, 1), (*own_features, *above[0])))
    tiers.append(("own", (0,), own_features))
    longest = max(
        (max(feature.since, feature.until) for _, _, features in tiers for feature in features),
        default=0,
    )
    line = max(3 * HOUR, 3 * step)
    return Plan(
        inputs=inputs,
        uses=uses,
        tiers=tuple(tiers),
        step=step,
        trend=(line, round(line / max(step, 15 * MINUTE)) + 1),
        memory=max(longest, line) + max(use.hold for use in uses),
        catchment=plan_catchment(gauge, record, inputs),
    )


def plan_catchment(
    gauge: Gauge, record: Record, inputs: Sequence[InputSeries]
) -> Catchment | Message:
    """What GR4H needs at a gauge; or what is missing. Rain over the catchment counts alone."""
    rain = [
        number
        for number, key in enumerate(inputs)
        if key in gauge.rain and usual_step(record.tracks[key].time) <= HOUR
    ]
    here = InputSeries(site=gauge.key.site, quantity="catchment_rain")
    if gauge.key.quantity != "discharge":
        return Message("it gives discharges, and this is a level")
    if not rain:
        return Message("there is no rain of each hour")
    if gauge.area is None:
        return Message("the site has no catchment area (catchment_km2)")
    if gauge.latitude is None:
        return Message("the site has no coordinates")
    areal = tuple(number for number in rain if inputs[number] == here)
    return Catchment(rain=areal or tuple(rain), area=gauge.area, latitude=gauge.latitude)


def plan_pooled(gauge: Gauge, record: Record) -> Plan:
    """Features that mean the same at every gauge of a river, for records too short for their own.

    No values: changes of the gauge, and those upstream by the part of the travel time.
    """
    own = record.tracks[gauge.key]
    step = usual_step(own.time)
    upstream = [
        (key, lag)
        for key, lag in gauge.upstream
        if key.quantity == gauge.key.quantity
        and lag >= HOUR // 2
        and _covers(record.tracks[key].time, own.time)
    ][:1]
    inputs = (gauge.key, *(key for key, _ in upstream))
    holds = [max(3 * usual_step(record.tracks[key].time), 90 * MINUTE) for key in inputs]
    spans = [span for span in _OWN if HOUR // 2 <= span <= 6 * HOUR]
    own_features = _own_features(spans)[1:]
    tiers: list[tuple[str, tuple[int, ...], tuple[Feature, ...]]] = []
    for number, (_, lag) in enumerate(upstream, start=1):
        ends = [round(part * lag) for part in (0, 0.5, 1, 1.5, 2.5)]
        changes = tuple(
            Feature(input=number, kind="change", until=until, since=since)
            for until, since in pairwise(ends)
        )
        tiers.append(("upstream", (0, number), (*own_features, *changes)))
    tiers.append(("own", (0,), own_features))
    longest = max(feature.since for _, _, features in tiers for feature in features)
    line = max(3 * HOUR, 3 * step)
    return Plan(
        inputs=inputs,
        uses=tuple(Use(hold=hold) for hold in holds),
        tiers=tuple(tiers),
        step=step,
        trend=(line, round(line / max(step, 15 * MINUTE)) + 1),
        memory=max(longest, line) + max(holds),
        catchment=Message("the record is too short to calibrate it"),
    )


def usual_step(time: Instants) -> int:
    """The median interval (µs) of readings."""
    return int(np.median(np.diff(time))) if len(time) > 1 else HOUR


def _covers(time: Instants, own: Instants) -> bool:
    """An input is worth having where it has readings in half of the gauge's time."""
    if not len(time):
        return False
    hours = np.unique(time // HOUR)
    own_hours = np.unique(own // HOUR)
    return bool(np.isin(own_hours, hours).mean() > 0.5)


def _own_features(spans: Sequence[int]) -> tuple[Feature, ...]:
    """The level, and changes over spans that follow one another back."""
    ends = (0, *spans)
    changes = [
        Feature(input=0, kind="change", until=until, since=since) for until, since in pairwise(ends)
    ]
    return (Feature(input=0, kind="value"), *changes)


def _upstream_features(number: int, lag: int, step: int) -> tuple[Feature, ...]:
    """What is on its way: changes upstream, piece by piece back to the travel time and beyond."""
    piece = max(step, HOUR if lag <= 4 * HOUR else 2 * HOUR if lag <= 8 * HOUR else 3 * HOUR)
    reach = lag + 2 * piece
    ends = [min(part * piece, reach) for part in range(1 + -(-reach // piece))]
    if step < piece:
        ends.insert(1, max(step, piece // 2))
    ends += [reach + 3 * piece]
    changes = [
        Feature(input=number, kind="change", until=until, since=since)
        for until, since in pairwise(ends)
    ]
    return (Feature(input=number, kind="value"), *changes)


def _rain_features(number: int) -> tuple[Feature, ...]:
    return tuple(
        Feature(input=number, kind="sum", until=until, since=since)
        for until, since in pairwise(_RAIN)
    )


def _flat(parts: Sequence[Sequence[Feature]]) -> tuple[Feature, ...]:
    return tuple(feature for part in parts for feature in part)


def fit_ridge(
    features: Values,
    target: Values,
    weight: Values,
    groups: NDArray[np.intp],
) -> Linear:
    """A ridge on standardised features; its penalty is chosen between groups of rows."""
    centre = np.average(features, axis=0, weights=weight)
    width = np.sqrt(np.average((features - centre) ** 2, axis=0, weights=weight))
    width[width == 0] = 1.0
    rows = (features - centre) / width
    mean = float(np.average(target, weights=weight))
    root = np.sqrt(weight)[:, np.newaxis]
    weighted, aim = rows * root, (target - mean) * root[:, 0]
    square, product = weighted.T @ weighted, weighted.T @ aim
    penalty = _choose_penalty(weighted, aim, groups, square, product)
    beta = np.linalg.solve(square + penalty * np.eye(len(square)), product)
    coefficients = beta / width
    reach = 1.25
    return Linear(
        intercept=float(mean - coefficients @ centre),
        coefficients=tuple(coefficients.tolist()),
        low=float(reach * min(target.min(), 0.0)),
        high=float(reach * max(target.max(), 0.0)),
    )


def _choose_penalty(
    rows: Values, aim: Values, groups: NDArray[np.intp], square: Values, product: Values
) -> float:
    unit = len(rows) / 1000.0
    names = np.unique(groups)
    if len(names) < 2:
        return 10.0 * unit
    errors = np.zeros(len(_PENALTIES))
    for name in names:
        held = groups == name
        part, part_aim = rows[held], aim[held]
        rest_square = square - part.T @ part
        rest_product = product - part.T @ part_aim
        for index, penalty in enumerate(_PENALTIES):
            beta = np.linalg.solve(rest_square + penalty * unit * np.eye(len(square)), rest_product)
            errors[index] += float(((part_aim - part @ beta) ** 2).sum())
    return _PENALTIES[int(errors.argmin())] * unit


def fit_trees(
    features: Values, now: Values, target: Values, weight: Values, *, offset: float
) -> Trees:
    """Gradient boosting with shallow trees, exported as flat arrays. `offset`: `Trees.offset`."""
    from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415  slow to import
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  with it

    model = HistGradientBoostingRegressor(
        max_iter=_TREES,
        max_depth=DEPTH,
        max_leaf_nodes=2**DEPTH,
        learning_rate=_RATE,
        min_samples_leaf=20,
        l2_regularization=1.0,
        max_bins=_BINS,
        early_stopping=False,
        random_state=0,
    )
    if offset:
        present = np.maximum(now, 0.0) + offset
        target = np.log(np.maximum(np.maximum(now + target, 0.0) + offset, 1e-9) / present)
    with threadpool_limits(limits=1, user_api="openmp"):  # beside what ingests and evaluates
        model.fit(features, target, sample_weight=weight)
    return _export(model, offset)


def _export(model: object, offset: float) -> Trees:
    """Each tree filled up to `DEPTH`: below a leaf all rows go left to leaves of its value."""
    inner, leaves = 2**DEPTH - 1, 2**DEPTH
    predictors = [stage[0].nodes for stage in model._predictors]  # type: ignore[attr-defined]  # noqa: SLF001
    feature = np.zeros((len(predictors), inner), dtype="<i2")
    threshold = np.full((len(predictors), inner), np.inf, dtype="<f8")
    leaf = np.zeros((len(predictors), leaves), dtype="<f4")
    for number, nodes in enumerate(predictors):
        stack = [(0, 0)]
        while stack:
            source, place = stack.pop()
            node = nodes[source]
            if place >= inner:
                leaf[number, place - inner] = node["value"]
            elif node["is_leaf"]:
                stack += [(source, 2 * place + 1), (source, 2 * place + 2)]
            else:
                feature[number, place] = node["feature_idx"]
                threshold[number, place] = node["num_threshold"]
                stack += [(int(node["left"]), 2 * place + 1), (int(node["right"]), 2 * place + 2)]
    return Trees(
        depth=DEPTH,
        offset=offset,
        base=float(np.ravel(model._baseline_prediction)[0]),  # type: ignore[attr-defined]  # noqa: SLF001
        feature=feature.tobytes(),
        threshold=threshold.tobytes(),
        leaf=leaf.tobytes(),
    )
