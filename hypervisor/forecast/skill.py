"""What was measured of a gauge's forecasts: kept with its model, read by people, and as JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from hypervisor.forecast.events import Outcomes, Tally
from hypervisor.forecast.fit import PERSISTENCE, TREND
from hypervisor.forecast.gate import caution
from hypervisor.forecast.thresholds import Level
from sensors._errors import Message

CHOSEN = "chosen"
KEPT = (CHOSEN, TREND, PERSISTENCE)


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Forecasts whose chance was about the same: their mean chance, and how often it came."""

    chance: float
    came: float
    forecasts: int


@dataclass(frozen=True, kw_only=True)
class FloodCover:
    """A flood: how many of its forecasts had what came inside their 80 % range. Times in µs."""

    begins: int
    ends: int
    forecasts: int
    inside: int

    @property
    def held(self) -> bool:
        """Whether its range held what it promises."""
        return self.inside >= 0.8 * self.forecasts


@dataclass(frozen=True, kw_only=True)
class FloodEvent:
    """A threshold was crossed. `threshold`: its place in the list; `peak_at` in µs."""

    threshold: int
    time: int
    peak: float
    peak_at: int


@dataclass(frozen=True, kw_only=True)
class MethodResult:
    """A method at a horizon: its warnings, errors and ranges in floods, all out of sample.

    `covered`: the share of what came that lay in the range of a nominal probability. `outcomes`:
    of each threshold, what `tally` counts. `floods` and `reliability`: of what is issued only.
    """

    method: str
    tally: Tally
    rows: int
    rmse: float | None
    crps: float | None
    covered: Mapping[str, float | None]
    outcomes: tuple[Outcomes, ...] = ()
    floods: tuple[FloodCover, ...] = ()
    reliability: tuple[Reliability, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HorizonResult:
    """A horizon of a gauge. `closed`: why it is not shown; None: it is."""

    horizon: int
    choice: str
    closed: Message | None
    warn: float
    methods: tuple[MethodResult, ...]

    @property
    def caution(self) -> Message | None:
        """What has to be said beside warnings that are shown."""
        chosen = self.of(CHOSEN)
        return None if self.closed or chosen is None else caution(chosen.tally)

    def of(self, method: str) -> MethodResult | None:
        """The result of a method, if it was tried."""
        return next((result for result in self.methods if result.method == method), None)


@dataclass(frozen=True, kw_only=True)
class GaugeResult:
    """A gauge with its thresholds; `horizons` is empty where nothing could be tried (`refused`).

    `untried`: why GR4H was not.
    """

    site: str
    quantity: str
    unit: str
    title: str
    floods: int
    learned_from: int
    tiers: tuple[str, ...]
    thresholds: tuple[Level, ...]
    horizons: tuple[HorizonResult, ...] = ()
    refused: Message | None = None
    untried: Message | None = None
    events: tuple[FloodEvent, ...] = ()

    @property
    def closed(self) -> frozenset[int]:
        """The horizons (µs) that may not be shown."""
        return frozenset(result.horizon for result in self.horizons if result.closed is not None)


def format_result(result: GaugeResult) -> dict[str, Any]:
    """As JSON; times in seconds."""
    return {
        "site": result.site,
        "quantity": result.quantity,
        "unit": result.unit,
        "floods": result.floods,
        "learned_from_gauges": result.learned_from,
        "inputs": list(result.tiers),
        "thresholds": [
            {"name": level.name, "value": level.value, "estimated": level.estimated}
            for level in result.thresholds
        ],
        "refused": _plain(result.refused),
        "gr4h_not_tried": _plain(result.untried),
        "horizons": [_format_horizon(horizon) for horizon in result.horizons],
    }


def _plain(message: Message | None) -> str | None:
    """Without its template, as a model's JSON takes it."""
    return None if message is None else "".join(message)


def _format_horizon(result: HorizonResult) -> dict[str, Any]:
    base, line = result.of(PERSISTENCE), result.of(TREND)
    return {
        "horizon_s": result.horizon // 1_000_000,
        "shown": result.closed is None,
        "why": _plain(result.closed),
        "caution": _plain(result.caution),
        "method": result.choice,
        "warns_from": result.warn,
        "methods": [
            {
                "method": method.method,
                "events": method.tally.events,
                "warnings": method.tally.warnings,
                "false_alarms": method.tally.false_alarms,
                "median_lead_s": _seconds(method.tally.lead),
                "pod": method.tally.detected,
                "far": method.tally.false_share,
                "csi": method.tally.success,
                "flood_rows": method.rows,
                "rmse": method.rmse,
                "crps": method.crps,
                "rmse_skill_over_persistence": skill(method, base, _rmse),
                "rmse_skill_over_trend": skill(method, line, _rmse),
                "crps_skill_over_persistence": skill(method, base, _crps),
                "crps_skill_over_trend": skill(method, line, _crps),
                "coverage_80": method.covered["80"],
                "coverage_90": method.covered["90"],
            }
            for method in result.methods
        ],
    }


def _rmse(result: MethodResult) -> float | None:
    return result.rmse


def _crps(result: MethodResult) -> float | None:
    return result.crps


def skill(
    method: MethodResult,
    other: MethodResult | None,
    measure: Callable[[MethodResult], float | None],
) -> float | None:
    """1 - its error over the other's: above 0 it is better."""
    own = measure(method)
    theirs = None if other is None else measure(other)
    if own is None or not theirs:
        return None
    return 1 - own / theirs


def _seconds(span: float | None) -> float | None:
    return None if span is None else span / 1e6


def skill_table(result: GaugeResult) -> dict[str, Any]:
    """What a model keeps of its verification, for people."""
    table = format_result(result)
    for horizon in table["horizons"]:
        horizon["methods"] = [
            method
            for method in horizon["methods"]
            if method["method"] in {PERSISTENCE, TREND, CHOSEN}
        ]
    return table


def result_to_json(result: GaugeResult) -> Any:
    """A result as JSON, with what is issued and both baselines; µs as numbers."""
    kept = replace(
        result,
        horizons=tuple(
            replace(
                horizon,
                methods=tuple(each for each in horizon.methods if each.method in KEPT),
            )
            for horizon in result.horizons
        ),
    )
    return msgspec.to_builtins(kept, enc_hook="".join)


def result_from_json(value: Any) -> GaugeResult | None:
    """The result; None: another version wrote it, in a form that is not read any more."""
    try:
        return msgspec.convert(value, GaugeResult, dec_hook=_read_message)
    except msgspec.ValidationError:
        return None


def _read_message(kind: type, value: Any) -> Any:
    if kind is Message and isinstance(value, str):
        return Message(value)
    raise NotImplementedError
