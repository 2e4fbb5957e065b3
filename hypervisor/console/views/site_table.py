"""The readings of a chart as a table: for who reads numbers, or listens to them."""

from dataclasses import dataclass
from datetime import datetime

from hypervisor.console import formats
from hypervisor.console.views.chart_model import Trace
from hypervisor.console.views.chart_words import moment
from hypervisor.console.views.site_chart import SiteChart
from hypervisor.console.words import translate as _
from hypervisor.store.pages.charting import Bin
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
            label=one.label,
            unit=one.unit if one.unit not in {"1", "bool", "code"} else "",
            trace=one,
        )
        for one in chart.traces
        if not one.soft
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
        return formats.number(one.total, trace.digits)
    said = formats.number(one.mean, trace.digits)
    if one.count > 1 and one.high > one.low:
        low, high = (formats.number(value, trace.digits) for value in (one.low, one.high))
        said = f"{said} ({low} {formats.NOTHING} {high})"
    return f"{said} {_('manual')}" if odd and odd & Quality.MANUAL else said
