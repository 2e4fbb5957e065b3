"""The data of a chart as a table."""

from dataclasses import dataclass
from datetime import datetime

from hypervisor.base.translation import translate as _
from hypervisor.charts.model import Trace
from hypervisor.charts.words import to_datetime
from hypervisor.overview.views_site_chart import SiteChart
from hypervisor.readings.queries_charts import Bin
from hypervisor.web import filters
from sensors._quality import Quality
from sensors._quantity import Kind

_ROWS = 400


@dataclass(frozen=True, kw_only=True)
class Column:
    """A series; rolled up, as mean and range, or as sum."""

    label: str
    unit: str
    trace: Trace


def build_table(chart: SiteChart) -> tuple[list[Column], list[tuple[datetime, list[str]]]]:
    """Columns and rows, newest first, at most 400."""
    columns = [
        Column(
            label=trace.label,
            unit=trace.unit if trace.unit not in {"1", "bool", "code"} else "",
            trace=trace,
        )
        for trace in chart.traces
        if not trace.soft
    ]
    times = sorted({bucket.at for column in columns for bucket in column.trace.bins}, reverse=True)
    bins = [{bucket.at: bucket for bucket in column.trace.bins} for column in columns]
    marked = [{bucket.at: bucket.quality for bucket in column.trace.marked} for column in columns]
    rows = []
    for at in times[:_ROWS]:
        cells = [
            _cell(column.trace, by_time.get(at), odd.get(at))
            for column, by_time, odd in zip(columns, bins, marked, strict=True)
        ]
        rows.append((to_datetime(at), cells))
    return columns, rows


def _cell(trace: Trace, bucket: Bin | None, odd: Quality | None) -> str:
    if bucket is None:
        return ""
    if trace.codes:
        return _(trace.codes.get(round(bucket.last), ""))
    if trace.kind is Kind.STATE:
        return _("yes") if bucket.last else _("no")
    if trace.kind is Kind.INCREMENT:
        return filters.number(bucket.total, trace.digits)
    text = filters.number(bucket.mean, trace.digits)
    if bucket.count > 1 and bucket.high > bucket.low:
        low, high = (filters.number(value, trace.digits) for value in (bucket.low, bucket.high))
        text = f"{text} ({low} {filters.NOTHING} {high})"
    return f"{text} {_('manual')}" if odd and odd & Quality.MANUAL else text
