"""What if a recorded flood came to this gauge: levels scaled to its thresholds, times shifted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hypervisor.backtest import registries
from hypervisor.backtest.model import BacktestError
from hypervisor.backtest.sources import RecordedSource, Source, WrappedSource
from hypervisor.registry.model import Registry
from sensors._domain import catalogue
from sensors._row import Rows
from simulators import _recordings

INVENTORY = "garonne"
RECORDING = "garonne-2022-01.hubeau.csv.gz"
QUANTITY = "level"
_ORDER = ("attention", "alert", "danger")  # thresholds by which levels are scaled, ascending
_DAY = 86_400_000_000
BEFORE, AFTER = 5 * _DAY, 5 * _DAY  # µs around the peak
Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """A threshold of both gauges (m)."""

    threshold: str
    there: float
    here: float


@dataclass(frozen=True, kw_only=True)
class Laid:
    """What was laid over a gauge. `shift`: added to the times (µs); `peak`: the highest level here.

    `rows`: of the gauge where it was recorded, with the levels and times of this one.
    """

    station: str
    title: str
    anchors: tuple[Anchor, ...]
    shift: int
    peak_there: float
    peak: float
    rows: Rows


def scale_levels(levels: Values, anchors: Sequence[Anchor]) -> Values:
    """Levels on the straight line through the first and last anchor; with one, in proportion."""
    first, last = anchors[0], anchors[-1]
    if first is last or first.there == last.there:
        scaled: Values = levels * (first.here / first.there)
        return scaled
    slope = (last.here - first.here) / (last.there - first.there)
    line: Values = first.here + (levels - first.there) * slope
    return line


def find_anchors(there: Mapping[str, float], here: Mapping[str, float]) -> tuple[Anchor, ...]:
    """Thresholds that both gauges have."""
    return tuple(
        Anchor(threshold=name, there=there[name], here=here[name])
        for name in _ORDER
        if name in there and name in here
    )


def lay(rows: Rows, anchors: Sequence[Anchor], until: int) -> tuple[Rows, int]:
    """The days around the peak, scaled, and shifted by whole days to end by `until` (µs)."""
    peak = int(rows["time"][np.nanargmax(rows["value"])])
    part = rows[(rows["time"] >= peak - BEFORE) & (rows["time"] <= peak + AFTER)].copy()
    shift = (until - (peak + AFTER)) // _DAY * _DAY
    part["value"] = scale_levels(part["value"], anchors)
    part["time"] += shift
    part["received"] = part["time"]
    return part, shift


@dataclass(frozen=True, kw_only=True)
class LaidSource(WrappedSource):
    """A source in which some series have other rows."""

    source: Source
    laid: Mapping[int, Rows] = field(default_factory=dict)

    def rows(self, series: Sequence[int], since: int, until: int) -> Mapping[int, Rows]:
        rows = dict(
            self.source.rows([each for each in series if each not in self.laid], since, until)
        )
        for number in series:
            if number in self.laid:
                own = self.laid[number]
                rows[number] = own[(own["time"] >= since) & (own["time"] <= until)]
        return rows


@lru_cache(maxsize=1)
def _load_inventory() -> Registry:
    return registries.of_inventory([INVENTORY], catalogue(), ())


def list_floods() -> list[tuple[str, str]]:
    """Gauges of the recording that have thresholds, as (site, title), downstream."""
    registry = _load_inventory()
    return [
        (name, site.title) for name, site in registry.sites.items() if _thresholds(registry, name)
    ]


def lay_over(registry: Registry, site: str, flood: str, until: int) -> tuple[Laid, dict[int, Rows]]:
    """A recorded flood with the levels of a site, and by its series; BacktestError: it has none."""
    series = [
        series.id
        for series in registry.series.values()
        if series.quantity == QUANTITY and registry.devices[series.device].site == site
    ]
    recorded = _load_inventory()
    if flood not in recorded.sites:
        raise BacktestError("there is no recorded flood {name!r}", flood)
    anchors = find_anchors(_thresholds(recorded, flood), _thresholds(registry, site))
    if not series or not anchors:
        raise BacktestError(
            "a flood is scaled by the levels of attention, alert or danger: {site} has none", site
        )
    there = _load_rows(flood)
    rows, shift = lay(there, anchors, until)
    laid = Laid(
        station=flood,
        title=recorded.sites[flood].title,
        anchors=anchors,
        shift=shift,
        peak_there=float(np.nanmax(there["value"])),
        peak=float(np.nanmax(rows["value"])),
        rows=rows,
    )
    by_series: dict[int, Rows] = {}
    for number in series:
        own = rows.copy()
        own["series"] = number
        by_series[number or 0] = own
    return laid, by_series


@lru_cache(maxsize=32)
def _load_rows(flood: str) -> Rows:
    """The recorded levels (m) of one gauge."""
    registry = _load_inventory()
    devices = [name for name, device in registry.devices.items() if device.site == flood]
    read = _recordings.read(RECORDING, stations=devices)
    source = RecordedSource.of(read.rows, registry, catalogue())
    return next(iter(source.by_series.values()))


def _thresholds(registry: Registry, site: str) -> dict[str, float]:
    """The latest thresholds of a site by which levels are scaled (m)."""
    thresholds: dict[str, float] = {}
    for revision in registry.revisions:
        owner, _, name = revision.key.rpartition("/")
        if revision.kind == "threshold" and owner == site and name in _ORDER:
            thresholds.pop(name, None)
            if revision.value is not None and float(revision.value["value"]) > 0:
                thresholds[name] = float(revision.value["value"])
    return thresholds
