"""The past of gauges as the fit reads it: tracks, who lies upstream, where it rains."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from hypervisor.backtest.model import BacktestError
from hypervisor.backtest.registries import of_inventory
from hypervisor.backtest.sources import FOREVER, RecordedSource, Source
from hypervisor.base.instants import BEGINNING, micros
from hypervisor.registry.model import Registry, Site, facts_in_force
from rules._forecast_parts import Track
from rules._inputs import InputSeries, Instants
from sensors._domain import Catalogue
from sensors._nearest import did_you_mean
from sensors._row import Rows
from simulators import _recordings

FORECAST = ("level", "discharge")  # quantities of a river that are forecast
RAIN = ("catchment_rain", "rain")
_MOST_UPSTREAM = 5
_MOST_NOTES = 5  # in an error
_NO_BREAKS: Instants = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """A series to be forecast. `upstream`: series with their travel times (µs), nearest first.

    `rain`: series of rain at it or above it. `thresholds` by name, in `unit`. `area`: of its
    catchment, km².
    """

    key: InputSeries
    title: str
    unit: str
    nonnegative: bool
    upstream: tuple[tuple[InputSeries, int], ...] = ()
    rain: tuple[InputSeries, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    area: float | None = None
    latitude: float | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """The gauges and the good readings of every series that they use."""

    gauges: tuple[Gauge, ...]
    tracks: Mapping[InputSeries, Track]
    notes: tuple[str, ...] = ()


def read_record(
    files: Sequence[Path],
    inventory: Sequence[str],
    catalogue: Catalogue,
    *,
    columns: Sequence[str] | None = None,
    sites: Sequence[str] = (),
) -> Record:
    """Recordings as one record, at the sites of an inventory.

    Raises:
        BacktestError: no reading belongs to a gauge of the inventory.
    """
    registry = of_inventory(inventory, catalogue, ())
    return read_files(files, registry, catalogue, columns=columns, sites=sites)


def read_files(
    files: Sequence[Path],
    registry: Registry,
    catalogue: Catalogue,
    *,
    columns: Sequence[str] | None = None,
    sites: Sequence[str] = (),
) -> Record:
    """The same, at the sites of a registry.

    Raises:
        BacktestError: no reading belongs to a gauge of it, or it has no such site.
    """
    for name in sites:
        if name not in registry.sites:
            raise BacktestError(
                "there is no site {name!r}{hint}", name, did_you_mean(name, registry.sites)
            )
    by_series: dict[int, list[Rows]] = {}
    notes: list[str] = []
    for file in files:
        recording = _recordings.read(file, columns=columns)
        source = RecordedSource.of(recording.rows, registry, catalogue)
        notes += [f"{file.name}: {note}" for note in (*recording.notes, *source.notes)]
        for series, rows in source.by_series.items():
            by_series.setdefault(series, []).append(rows)
    joined = {series: _join(parts) for series, parts in by_series.items()}
    record = make_record(registry, joined, catalogue, sites=sites, notes=notes)
    if not record.gauges:
        raise BacktestError(
            "no gauge of the inventory has readings of a level or a discharge in {files}",
            "; ".join([", ".join(str(file) for file in files), *record.notes[:_MOST_NOTES]]),
        )
    return record


def stored_record(
    source: Source,
    registry: Registry,
    catalogue: Catalogue,
    *,
    sites: Sequence[str] = (),
    since: int = BEGINNING,
) -> Record:
    """What is stored from `since` (µs) on, of all gauges or of those at `sites`."""
    numbers = [
        series.id
        for series in registry.series.values()
        if series.id is not None and series.quantity in (*FORECAST, *RAIN)
    ]
    rows = source.rows(numbers, since, FOREVER)
    return make_record(registry, rows, catalogue, sites=sites)


def make_record(
    registry: Registry,
    rows: Mapping[int, Rows],
    catalogue: Catalogue,
    *,
    sites: Sequence[str] = (),
    notes: Iterable[str] = (),
) -> Record:
    """From rows by the number of their series. Of two devices at a site their rows are joined."""
    parts: dict[InputSeries, list[Rows]] = {}
    for series in registry.series.values():
        part = rows.get(series.id or 0)
        if part is not None and len(part) and series.quantity in (*FORECAST, *RAIN):
            key = InputSeries(site=registry.devices[series.device].site, quantity=series.quantity)
            parts.setdefault(key, []).append(part)
    breaks = _breaks(registry)
    tracks = {
        key: _track(_join(some), breaks.get((key.site, key.quantity), _NO_BREAKS))
        for key, some in parts.items()
    }
    left_out = [
        f"{key.site} {key.quantity}: left out, none of its readings is good"
        for key, track in tracks.items()
        if not len(track.time)
    ]
    tracks = {key: track for key, track in tracks.items() if len(track.time)}
    links = _links(registry)
    gauges = [
        _gauge(key, registry, catalogue, tracks, links)
        for key in sorted(tracks, key=lambda key: (key.site, key.quantity))
        if key.quantity in FORECAST and (not sites or key.site in sites)
    ]
    return Record(gauges=tuple(gauges), tracks=tracks, notes=(*notes, *left_out))


def until(record: Record, end: int) -> Record:
    """The record with readings up to a time (µs) only."""
    tracks = {
        key: Track(
            time=track.time[: (stop := int(np.searchsorted(track.time, end, side="right")))],
            value=track.value[:stop],
            breaks=track.breaks[track.breaks <= end],
        )
        for key, track in record.tracks.items()
    }
    there = {key: track for key, track in tracks.items() if len(track.time)}
    gauges = [
        replace(
            gauge,
            upstream=tuple(pair for pair in gauge.upstream if pair[0] in there),
            rain=tuple(key for key in gauge.rain if key in there),
        )
        for gauge in record.gauges
        if gauge.key in there
    ]
    return Record(gauges=tuple(gauges), tracks=there, notes=record.notes)


def _track(rows: Rows, breaks: Instants) -> Track:
    return Track.good(rows["time"], rows["value"], rows["quality"], breaks)


def _join(parts: Sequence[Rows]) -> Rows:
    """Ascending by time; of two rows of one time the later file's."""
    if len(parts) == 1:
        return parts[0]
    rows = np.concatenate(parts)
    rows = rows[np.argsort(rows["time"], kind="stable")]
    last = np.append(rows["time"][1:] != rows["time"][:-1], True)
    return np.asarray(rows[last])


def _breaks(registry: Registry) -> dict[tuple[str, str], Instants]:
    """Where a level's datum moved."""
    moved: dict[tuple[str, str], list[int]] = {}
    for revision in registry.revisions:
        if revision.kind == "datum":
            moved.setdefault((revision.key, "level"), []).append(micros(revision.effective))
    return {key: np.array(sorted(times)[1:], dtype=np.int64) for key, times in moved.items()}


def _links(registry: Registry) -> dict[str, dict[str, int]]:
    links: dict[str, dict[str, int]] = {}
    for (kind, key), value in facts_in_force(registry).items():
        if kind == "link":
            above, _, below = key.partition(">")
            links.setdefault(below, {})[above] = round(float(value["travel_s"]) * 1e6)
    return links


def _gauge(
    key: InputSeries,
    registry: Registry,
    catalogue: Catalogue,
    tracks: Mapping[InputSeries, Track],
    links: Mapping[str, Mapping[str, int]],
) -> Gauge:
    site, quantity = registry.sites[key.site], catalogue.quantities[key.quantity]
    above = _above(key.site, links)
    upstream = [
        (series, lag)
        for name, lag in sorted(above.items(), key=lambda entry: (entry[1], entry[0]))
        for series in _of_river(name, key.quantity, tracks)
    ]
    rain = [
        InputSeries(site=name, quantity=quantity)
        for name in (key.site, *sorted(above, key=lambda name: (above[name], name)))
        for quantity in RAIN
        if InputSeries(site=name, quantity=quantity) in tracks
    ]
    thresholds = {
        fact_key.rpartition("/")[2]: float(str(value["value"]))
        for (kind, fact_key), value in facts_in_force(registry).items()
        if kind == "threshold"
        and fact_key.rpartition("/")[0] == key.site
        and value.get("value") is not None
        and (definition := catalogue.thresholds.get(fact_key.rpartition("/")[2])) is not None
        and definition.quantity == key.quantity
        and definition.unit == quantity.unit
    }
    return Gauge(
        key=key,
        title=site.title,
        unit=quantity.unit,
        nonnegative=quantity.has_shares and float(tracks[key].value.min()) >= 0.0,
        upstream=tuple(upstream[:_MOST_UPSTREAM]),
        rain=tuple(rain[:3]),
        thresholds=thresholds,
        area=_area(site),
        latitude=site.lat,
    )


def _area(site: Site) -> float | None:
    """km²; what is no positive number counts as none."""
    area = site.properties.get("catchment_km2")
    return float(area) if isinstance(area, int | float) and area > 0 else None


def _of_river(site: str, quantity: str, tracks: Mapping[InputSeries, Track]) -> list[InputSeries]:
    """What a site upstream measures of the river: the same quantity, else the other."""
    names = (quantity, *(name for name in FORECAST if name != quantity))
    series = [InputSeries(site=site, quantity=name) for name in names]
    return [key for key in series if key in tracks][:1]


def _above(site: str, links: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """All sites upstream with the travel time (µs), by the shortest way."""
    lags: dict[str, int] = {}
    open_ends = [(site, 0)]
    while open_ends:
        name, lag = open_ends.pop()
        for above, part in links.get(name, {}).items():
            if above not in lags or lag + part < lags[above]:
                lags[above] = lag + part
                open_ends.append((above, lag + part))
    return lags
