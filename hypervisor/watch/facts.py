"""What rules use of a site: series, devices and thresholds, with the times they hold from."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hypervisor.instants import BEGINNING, micros
from hypervisor.registry.model import Device as RegisteredDevice
from hypervisor.registry.model import Registry, Revision
from rules._inputs import Device, Steps
from sensors._domain import Catalogue
from sensors._quantity import Quantity, Reporting
from sensors._units import converter

_SECOND = 1_000_000
_STALE_INTERVALS = 3  # a reading holds so many expected intervals unless the registry says else

Facts = Mapping[str, Any]  # plain values, as they are remembered between two runs


@dataclass(frozen=True, kw_only=True)
class SeriesFacts:
    """One series as rules see it; `id` is its number in the store."""

    id: int
    device: str
    quantity: Quantity
    reporting: Reporting
    interval: Steps  # µs
    stale_after: Steps  # µs
    longest: float  # µs, of both


@dataclass(frozen=True, kw_only=True)
class SiteFacts:
    """One site. `series` by quantity; `doubled`: quantities that two devices in service measure."""

    key: str
    id: int
    title: str
    series: Mapping[str, SeriesFacts]
    devices: Mapping[str, Device]
    thresholds: Mapping[str, Steps]
    doubled: frozenset[str]


def sites(registry: Registry, catalogue: Catalogue) -> dict[str, SiteFacts]:
    """The facts of every site that has been stored."""
    revisions: dict[tuple[str, str], list[Revision]] = {}
    for revision in registry.revisions:
        revisions.setdefault((revision.kind, revision.key), []).append(revision)
    devices: dict[str, list[RegisteredDevice]] = {}
    for device in registry.devices.values():
        devices.setdefault(device.site, []).append(device)
    measured: dict[str, list[SeriesFacts]] = {}
    for (device_name, name), series in registry.series.items():
        if series.id is not None and name in catalogue.quantities:
            facts = _series(
                series.id,
                device_name,
                catalogue.quantities[name],
                revisions.get(("series", f"{device_name}/{name}"), []),
            )
            measured.setdefault(device_name, []).append(facts)
    thresholds: dict[str, dict[str, Steps]] = {}
    for (kind, key), found in revisions.items():
        if kind == "threshold":
            site, _, name = key.partition("/")
            thresholds.setdefault(site, {})[name] = _threshold(name, found, catalogue)
    return {
        name: _site(
            name=name,
            number=site.id,
            title=site.title,
            devices={
                device.name: _device(device, revisions.get(("device", device.name), []))
                for device in devices.get(name, [])
            },
            measured=[s for d in devices.get(name, []) for s in measured.get(d.name, [])],
            thresholds=thresholds.get(name, {}),
        )
        for name, site in registry.sites.items()
        if site.id is not None
    }


def _site(  # noqa: PLR0913  one argument a field
    *,
    name: str,
    number: int,
    title: str,
    devices: Mapping[str, Device],
    measured: Iterable[SeriesFacts],
    thresholds: Mapping[str, Steps],
) -> SiteFacts:
    chosen: dict[str, SeriesFacts] = {}
    doubled: set[str] = set()
    for series in measured:
        other = chosen.get(series.quantity.name)
        if other is None or not _serves(devices[other.device]):
            chosen[series.quantity.name] = series
        elif _serves(devices[series.device]):
            doubled.add(series.quantity.name)
    return SiteFacts(
        key=name,
        id=number,
        title=title,
        series=chosen,
        devices=devices,
        thresholds=thresholds,
        doubled=frozenset(doubled),
    )


def _serves(device: Device) -> bool:
    return bool(device.in_service.value[-1] == 1.0)


def _series(
    number: int, device: str, quantity: Quantity, revisions: Iterable[Revision]
) -> SeriesFacts:
    usual = quantity.interval.total_seconds()
    intervals, limits = {BEGINNING: usual}, {BEGINNING: usual * _STALE_INTERVALS}
    reporting = quantity.reporting
    for revision in revisions:
        value = revision.value or {}
        at = micros(revision.effective)
        interval = value.get("interval_s") or usual
        intervals[at] = interval
        limits[at] = value.get("stale_s") or interval * _STALE_INTERVALS
        reporting = Reporting(value.get("reporting") or quantity.reporting)
    return SeriesFacts(
        id=number,
        device=device,
        quantity=quantity,
        reporting=reporting,
        interval=_steps({at: seconds * _SECOND for at, seconds in intervals.items()}),
        stale_after=_steps({at: seconds * _SECOND for at, seconds in limits.items()}),
        longest=max(*intervals.values(), *limits.values()) * _SECOND,
    )


def _device(device: RegisteredDevice, revisions: Iterable[Revision]) -> Device:
    in_service = {BEGINNING: 1.0}
    for revision in revisions:
        serves = (revision.value or {}).get("in_service", True)
        in_service[micros(revision.effective)] = 1.0 if serves else 0.0
    if device.retired is not None:
        in_service = {at: v for at, v in in_service.items() if at < micros(device.retired)}
        in_service[micros(device.retired)] = 0.0
    return Device(commissioned=micros(device.commissioned), in_service=_steps(in_service))


def _threshold(name: str, revisions: Iterable[Revision], catalogue: Catalogue) -> Steps:
    vocabulary = catalogue.thresholds.get(name)
    values: dict[int, float] = {}
    for revision in revisions:
        if revision.value is None:
            values[micros(revision.effective)] = math.nan
            continue
        value, unit = float(revision.value["value"]), revision.value.get("unit")
        if vocabulary and unit and unit != vocabulary.unit:
            value = float(converter(unit, vocabulary.unit)(value))
        values[micros(revision.effective)] = value
    return _steps(values)


def _steps(values: Mapping[int, float]) -> Steps:
    """Of two revisions with one effective time the later recorded stands: it came last."""
    at = sorted(values)
    return Steps(
        at=np.array(at, dtype=np.int64), value=np.array([values[a] for a in at], dtype=np.float64)
    )
