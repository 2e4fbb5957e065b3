"""Facts as plain values, and from when on two sets of them differ: where judging starts again."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypervisor.instants import BEGINNING
from hypervisor.watch.facts import Facts, SeriesFacts, SiteFacts
from rules._inputs import Steps


@dataclass(frozen=True, kw_only=True)
class Difference:
    """From `since` (µs) on; `what` names the fact, for the reason of a revision."""

    since: int
    what: str


def of_site(site: SiteFacts) -> Facts:
    """What is remembered of a site's facts: all that may change a judgement."""
    return {
        "series": {name: _series(series) for name, series in site.series.items()},
        "devices": {
            name: {"commissioned": device.commissioned, "in service": _steps(device.in_service)}
            for name, device in site.devices.items()
        },
        "thresholds": {name: _steps(steps) for name, steps in site.thresholds.items()},
        "doubled": sorted(site.doubled),
    }


def between_sites(before: Facts, now: Facts) -> Difference | None:
    """The earliest difference of two sites' facts; None when they say the same."""
    found = [
        *_between(before["thresholds"], now["thresholds"], "threshold", _earliest),
        *_between(before["series"], now["series"], "series", _between_series),
        *_between(before["devices"], now["devices"], "device", _between_devices),
    ]
    if before["doubled"] != now["doubled"]:
        found.append(Difference(since=BEGINNING, what="two devices measure the same"))
    return min(found, key=lambda difference: difference.since, default=None)


def between_steps(before: Sequence[Sequence[Any]], now: Sequence[Sequence[Any]]) -> int | None:
    """From when on two lists of [time, value…], each ascending, say something else."""
    for one, other in zip(before, now, strict=False):
        if list(one) != list(other):
            return min(int(one[0]), int(other[0]))
    longer = before if len(before) > len(now) else now
    shorter = min(len(before), len(now))
    return int(longer[shorter][0]) if len(longer) > shorter else None


def between_spans(before: Sequence[Sequence[int]], now: Sequence[Sequence[int]]) -> int | None:
    """From when on two lists of disjoint spans [from, to], ascending, cover something else."""
    edges = [_edges(spans) for spans in (before, now)]
    return between_steps(*edges)


def _edges(spans: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    return [edge for since, until in spans for edge in ((since, 1), (until, 0))]


def _series(series: SeriesFacts) -> dict[str, Any]:
    return {
        "id": series.id,
        "device": series.device,
        "kind": [
            series.quantity.kind.value,
            series.reporting.value,
            series.quantity.nonnegative,
        ],
        "interval": _steps(series.interval),
        "stale after": _steps(series.stale_after),
    }


def _steps(steps: Steps) -> list[list[float | int | None]]:
    return [
        [int(at), None if math.isnan(value) else float(value)]
        for at, value in zip(steps.at.tolist(), steps.value.tolist(), strict=True)
    ]


def _between(
    before: Mapping[str, Any], now: Mapping[str, Any], what: str, compare: Any
) -> list[Difference]:
    found = []
    for name in sorted(before.keys() | now.keys()):
        if name not in before or name not in now:
            since = compare([], now[name]) if what == "threshold" and name in now else BEGINNING
        else:
            since = compare(before[name], now[name])
        if since is not None:
            found.append(Difference(since=since, what=f"{what} {name}"))
    return found


def _earliest(before: Any, now: Any) -> int | None:
    return between_steps(before, now)


def _between_series(before: Any, now: Any) -> int | None:
    if any(before[key] != now[key] for key in ("id", "device", "kind")):
        return BEGINNING
    found = [between_steps(before[key], now[key]) for key in ("interval", "stale after")]
    return min((since for since in found if since is not None), default=None)


def _between_devices(before: Any, now: Any) -> int | None:
    if before["commissioned"] != now["commissioned"]:
        return BEGINNING
    return between_steps(before["in service"], now["in service"])
