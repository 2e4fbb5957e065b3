"""The readings of a chart as a table: for who reads numbers, or listens to them."""

from dataclasses import dataclass
from datetime import datetime

from hypervisor.base.translation import translate as _
from hypervisor.charts.model import Trace
from hypervisor.charts.words import moment
from hypervisor.overview.views_site_chart import SiteChart
from hypervisor.readings.queries_charts import Bin
from hypervisor.web import filters
from sensors._quality import Quality
from sensors._quantity import Kind

_ROWS = 400


@dataclass(frozen=True, kw_only=True)
class Column:
    """One series; rolled up, its mean and range, or its sum."""

    label: str
    unit: str
    trace: Trace


def table(chart: SiteChart) -> tuple[list[Column], list[tuple[datetime, list[str]]]]:
    """The newest rows first, at most 400."""
    columns = [
        Column(
            label=trace.label,
            unit=trace.unit if trace.unit not in {"1", "bool", "code"} else "",
            trace=trace,
        )
        for trace in chart.traces
        if not trace.soft
    ]
    times = sorted({one.at for column in columns for one in column.trace.bins}, reverse=True)
    found = [{one.at: one for one in column.trace.bins} for column in columns]
    marked = [{one.at: one.quality for one in column.trace.marked} for column in columns]
    rows = []
    for at in times[:_ROWS]:
        cells = [
            _cell(column.trace, said.get(at), odd.get(at))
            for column, said, odd in zip(columns, found, marked, strict=True)
        ]
        rows.append((moment(at), cells))
    return columns, rows


def _cell(trace: Trace, one: Bin | None, odd: Quality | None) -> str:
    if one is None:
        return ""
    if trace.codes:
        return _(trace.codes.get(round(one.last), ""))
    if trace.kind is Kind.STATE:
        return _("yes") if one.last else _("no")
    if trace.kind is Kind.INCREMENT:
        return filters.number(one.total, trace.digits)
    said = filters.number(one.mean, trace.digits)
    if one.count > 1 and one.high > one.low:
        low, high = (filters.number(value, trace.digits) for value in (one.low, one.high))
        said = f"{said} ({low} {filters.NOTHING} {high})"
    return f"{said} {_('manual')}" if odd and odd & Quality.MANUAL else said
