"""A lighting cabinet: what its plan says beside what it does, and its lamps, a thin row each."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import numpy as np

from hypervisor.base.reader import current
from hypervisor.base.translation import translate as _
from hypervisor.charts.model import LaneRow, Trace
from hypervisor.database.connect import Connection
from hypervisor.overview.views_site_spans import Shown
from hypervisor.readings.queries_charts import Bin
from hypervisor.registry import queries_site
from hypervisor.web.filters import value as said
from sensors._plan import Levels, levels, plan_from_json
from sensors._quantity import Kind

_POWER, _LEVEL = "cabinet_power", "light_level"


def planned(connection: Connection, site: str, shown: Shown, now: datetime) -> Levels | None:
    """The planned level (%) over a span; None: no plan stands for this site."""
    found = queries_site.plan(connection, site, now)
    if found is None:
        return None
    _title, plan, lon, lat = found
    if lon is None or lat is None:
        return None
    span = (int(shown.first * 1e6), int(shown.last * 1e6))
    return levels(plan_from_json(plan), lon, lat, span, str(current().zone))


def plan_trace(plan: Levels, shown: Shown, trace: Trace, full: float) -> Trace:
    """The plan as a dashed line on the scale of a measured one; `full`: what 100 % means there."""
    first = float(plan.of(np.array([int(shown.first * 1e6)], dtype=np.int64))[0])
    points = [(shown.first, first)]
    points += [
        (at / 1e6, float(level))
        for at, level in zip(plan.at.tolist(), plan.level.tolist(), strict=True)
        if shown.first < at / 1e6 < shown.last
    ]
    return Trace(
        name=f"{trace.name}/plan",
        label=_("planned"),
        unit=trace.unit,
        kind=Kind.STATE,
        digits=trace.digits,
        bins=[_bin(at, level / 100 * full) for at, level in points],
        interval_s=trace.interval_s,
        css="plan",
        soft=True,
        floor=trace.floor,
        least=trace.least,
    )


def lit(plan: Levels | None, shown: Shown) -> list[tuple[float, float]] | None:
    """When lamps burn by the plan: then they have supply and speak."""
    if plan is None:
        return None
    edges = [shown.first, *(at / 1e6 for at in plan.at.tolist()), shown.last]
    inside = sorted({min(max(at, shown.first), shown.last) for at in edges})
    return [
        (first, last)
        for first, last in pairwise(inside)
        if plan.of(np.array([int((first + 1) * 1e6)], dtype=np.int64))[0] > 0
    ]


def rows(
    traces: Sequence[Trace],
    troubled: frozenset[str],
    speaks: Sequence[tuple[float, float]] | None,
) -> list[LaneRow]:
    """A row for each lamp's level."""
    return [
        LaneRow(name=name, trace=trace, troubled=name in troubled, speaks=speaks)
        for trace in traces
        for name in [trace.name.partition("/")[0]]
    ]


def mean_level(found: Sequence[LaneRow], piece: float) -> Trace | None:
    """The mean level of all lamps that spoke, piece by piece."""
    if not found:
        return None
    gathered: dict[float, list[float]] = {}
    for row in found:
        for one in row.trace.bins:
            gathered.setdefault(one.at // piece * piece, []).append(one.mean)
    bins = [_bin(at, sum(values) / len(values)) for at, values in sorted(gathered.items())]
    model = found[0].trace
    return Trace(
        name=f"lamps/{_LEVEL}",
        label=_("Mean level of the lamps"),
        unit=model.unit,
        kind=Kind.GAUGE,
        digits=0,
        bins=bins,
        piece=None,
        interval_s=piece,
        stale_s=2.5 * piece,
        hatched=False,
        floor=0.0,
        least=100.0,
    )


def notes(found: Sequence[LaneRow], shown: Shown, now: float) -> list[str]:
    """How many spoke in the last hours of the span, and how many ever did."""
    end = min(shown.last, now)
    lately = sum(1 for row in found if row.trace.bins and row.trace.bins[-1].at > end - 10_800)
    return [
        _("%(count)s of %(all)s heard") % {"count": lately, "all": len(found)},
        _("in the last 3 h"),
    ]


def energy(trace: Trace, plan: Levels | None, rated: float | None) -> list[str]:
    """What was used over what is shown, beside what plan and rated power make; in kWh."""
    hours = (trace.piece or trace.interval_s) / 3_600
    used = sum(one.mean for one in trace.bins) * hours
    told = [_("%(energy)s measured") % {"energy": said(used, "kWh", 0 if used >= 10 else 1)}]
    if plan is not None and rated and trace.bins:
        at = np.array([int(one.at * 1e6) for one in trace.bins], dtype=np.int64)
        wanted = float(plan.of(at).sum()) / 100 * rated * hours
        told.append(
            _("%(energy)s planned") % {"energy": said(wanted, "kWh", 0 if wanted >= 10 else 1)}
        )
    return told


def _bin(at: float, value: float) -> Bin:
    return Bin(at=at, low=value, mean=value, high=value, total=value, last=value, count=1)
