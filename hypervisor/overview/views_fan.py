"""A forecast as a fan, and the small chart of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from hypervisor.access.context import RequestContext
from hypervisor.base.translation import translate as _
from hypervisor.charts.draw import Drawing, draw_chart
from hypervisor.charts.model import Chart, Fan, Limit, LinePane
from hypervisor.charts.words import quantity_label, short_limit_label
from hypervisor.forecast.queries_current import CurrentForecast, Quantiles
from hypervisor.overview.views_site_facts import Facts
from hypervisor.overview.views_site_traces import ChartSpan, TraceQuery, load_traces
from hypervisor.readings.queries_charts import Channel
from hypervisor.web import filters

_WIDTH, _HEIGHT = 350.0, 190


def make_fan(issued: datetime, value: float, by_horizon: Quantiles) -> Fan:
    """The median and the ranges between opposite quantiles, from the value at the issue time."""
    start = issued.timestamp()
    rows = [
        (start + horizon, [row[level] for level in sorted(row)])
        for horizon, row in by_horizon.items()
        if None not in row.values()
    ]
    columns = list(zip(*(row for _at, row in rows), strict=True))
    middle = len(columns) // 2

    def line(place: int) -> list[float]:
        return [value, *(each for each in columns[place] if each is not None)]

    return Fan(
        times=[start, *(at for at, _row in rows)],
        median=line(middle) if columns else [value],
        bands=[(line(place), line(-1 - place)) for place in range(middle)],
    )


def make_current_fan(forecast: CurrentForecast | None, last: float) -> Fan | None:
    """Up to `last` (s since the epoch); None: no forecast is current, or none ends before it."""
    if forecast is None or forecast.issued is None or forecast.value is None:
        return None
    start = forecast.issued.timestamp()
    within = {
        horizon: row for horizon, row in forecast.by_horizon.items() if start + horizon <= last
    }
    fan = make_fan(forecast.issued, forecast.value, within)
    return replace(fan, note=_("experimental forecast")) if len(fan.times) > 1 else None


def draw_forecast(  # noqa: PLR0913  what the chart shows
    context: RequestContext,
    facts: Facts,
    channels: Sequence[Channel],
    fan: Fan | None,
    span: ChartSpan,
    *,
    quantity: str,
    unit: str,
    summary: str,
) -> Drawing:
    """What was measured in the span, the thresholds of the quantity, and the fan."""
    catalogue = context.catalogue
    query = TraceQuery(span=span, pixels=_WIDTH)
    label = quantity_label(catalogue.quantities[quantity], quantity)
    pane = LinePane(
        title=f"{label}, {filters.unit(unit)}",
        traces=load_traces(context.connection, channels, catalogue, query, marks=False),
        limits=[
            Limit(
                label=short_limit_label(catalogue.thresholds.get(limit.name), limit.name),
                value=limit.value,
                priority=limit.priority,
            )
            for limit in facts.limits
            if limit.plain and limit.quantity == quantity
        ],
        fan=fan,
        height=_HEIGHT,
    )
    return draw_chart(
        Chart(
            first=span.first,
            last=span.last,
            now=facts.now.timestamp(),
            panes=[pane],
            width=_WIDTH,
            summary=summary,
        )
    )
