"""A lighting cabinet: plan, mean level, energy, and a row for each lamp."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import numpy as np

from hypervisor.base.reader import current
from hypervisor.base.translation import translate as _
from hypervisor.charts.model import LaneRow, Trace
from hypervisor.database.connect import Connection
from hypervisor.overview.views_site_traces import ChartSpan
from hypervisor.readings.queries_charts import Bin
from hypervisor.registry import queries_site
from hypervisor.web import filters
from sensors._plan import Levels, levels, plan_from_json
from sensors._quantity import Kind


def load_plan(connection: Connection, site: str, span: ChartSpan, now: datetime) -> Levels | None:
    """The planned level (%) over a span; None: the site has no plan."""
    row = queries_site.load_lighting_plan(connection, site, now)
    if row is None:
        return None
    _title, plan, lon, lat = row
    if lon is None or lat is None:
        return None
    micros = (int(span.first * 1e6), int(span.last * 1e6))
    return levels(plan_from_json(plan), lon, lat, micros, str(current().zone))


def plan_trace(plan: Levels, span: ChartSpan, trace: Trace, full: float) -> Trace:
    """The plan as a dashed line on the scale of a measured one; `full`: the value of 100 %."""
    first = float(plan.of(np.array([int(span.first * 1e6)], dtype=np.int64))[0])
    points = [(span.first, first)]
    points += [
        (at / 1e6, float(level))
        for at, level in zip(plan.at.tolist(), plan.level.tolist(), strict=True)
        if span.first < at / 1e6 < span.last
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


def list_lit_spans(plan: Levels | None, span: ChartSpan) -> list[tuple[float, float]] | None:
    """When the plan has the lamps on: then they have power and report."""
    if plan is None:
        return None
    edges = [span.first, *(at / 1e6 for at in plan.at.tolist()), span.last]
    inside = sorted({min(max(at, span.first), span.last) for at in edges})
    return [
        (first, last)
        for first, last in pairwise(inside)
        if plan.of(np.array([int((first + 1) * 1e6)], dtype=np.int64))[0] > 0
    ]


def mean_level(lamps: Sequence[LaneRow], piece: float) -> Trace | None:
    """The mean level of all lamps by intervals of `piece` s."""
    if not lamps:
        return None
    gathered: dict[float, list[float]] = {}
    for row in lamps:
        for bucket in row.trace.bins:
            gathered.setdefault(bucket.at // piece * piece, []).append(bucket.mean)
    bins = [_bin(at, sum(values) / len(values)) for at, values in sorted(gathered.items())]
    model = lamps[0].trace
    return Trace(
        name="lamps/light_level",
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


def write_notes(lamps: Sequence[LaneRow], span: ChartSpan, now: float) -> list[str]:
    """How many lamps reported in the last 3 h of the span."""
    end = min(span.last, now)
    lately = sum(1 for row in lamps if row.trace.bins and row.trace.bins[-1].at > end - 10_800)
    return [
        _("%(count)s of %(all)s heard") % {"count": lately, "all": len(lamps)},
        _("in the last 3 h"),
    ]


def write_energy(trace: Trace, plan: Levels | None, rated: float | None) -> list[str]:
    """Energy over the span, measured and planned, in kWh."""
    hours = (trace.piece or trace.interval_s) / 3_600
    used = sum(bucket.mean for bucket in trace.bins) * hours
    energies = [_("%(energy)s measured") % {"energy": _kwh(used)}]
    if plan is not None and rated and trace.bins:
        at = np.array([int(bucket.at * 1e6) for bucket in trace.bins], dtype=np.int64)
        planned = float(plan.of(at).sum()) / 100 * rated * hours
        energies.append(_("%(energy)s planned") % {"energy": _kwh(planned)})
    return energies


def _kwh(energy: float) -> str:
    return filters.value(energy, "kWh", 0 if energy >= 10 else 1)


def _bin(at: float, value: float) -> Bin:
    return Bin(at=at, low=value, mean=value, high=value, total=value, last=value, count=1)
