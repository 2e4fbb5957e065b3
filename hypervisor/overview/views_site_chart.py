"""The main chart of a site: reads the data and builds the panes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypervisor.access.context import RequestContext
from hypervisor.base.translation import translate as _
from hypervisor.charts.draw import Drawing, draw_chart
from hypervisor.charts.model import Chart, Crossing, Extrapolation, LaneRow, Trace
from hypervisor.charts.words import build_labels, quantity_label, short_limit_label
from hypervisor.overview import views_site_alarms, views_site_light, views_site_rain
from hypervisor.overview.views_site_facts import Facts
from hypervisor.overview.views_site_panes import ChartData, build_panes, choose_quantities, is_line
from hypervisor.overview.views_site_rain import RainGauge
from hypervisor.overview.views_site_spans import HOUR, ChartSpan
from hypervisor.overview.views_site_traces import TraceQuery, load_traces, sort_channels
from hypervisor.readings import queries_charts
from hypervisor.readings.queries_charts import Channel
from hypervisor.registry import queries_site
from hypervisor.web import filters
from sensors._quantity import Kind

_AHEAD = 6 * HOUR  # how far the present rate is extrapolated
_FRESH = 3 * HOUR  # older values are not extrapolated
_NARROW, _WIDE = 300.0, 2_400.0


@dataclass(frozen=True, kw_only=True)
class SiteChart:
    """A drawn chart, and what its page says beside it."""

    drawing: Drawing
    span: ChartSpan
    rain: RainGauge | None
    more: Sequence[tuple[str, str]]  # quantities that are not drawn: name, label
    traces: Sequence[Trace]
    rolled: float | None
    title: str


def build_chart(
    context: RequestContext,
    facts: Facts,
    span: ChartSpan,
    *,
    width: float,
    also: Sequence[str] = (),
) -> SiteChart:
    """Read the data and draw the chart."""
    wide = min(max(width, _NARROW), _WIDE)
    query = TraceQuery(span=span, pixels=wide - 170)
    rain = _rain_from(context, facts)
    channels = sort_channels(facts.channels, context.catalogue, facts.place.domain)
    shape, more, rain_drawn = _shape(context, facts, channels, query, also, rain)
    say = build_labels()
    alarms = views_site_alarms.build_pane(context.connection, facts.alarms, span, facts.place.title)
    chart_panes = build_panes(shape, alarms, say)
    title = " · ".join(
        dict.fromkeys(
            [*(line.label for line in shape.lines[:1]), *(bar.label for bar, _n in shape.bars[:1])]
        )
    )
    chart = Chart(
        first=span.first,
        last=span.last,
        now=facts.now.timestamp(),
        panes=chart_panes,
        width=wide,
        summary=_summary(facts, span, title),
    )
    return SiteChart(
        drawing=draw_chart(chart, say),
        span=span,
        rain=rain if rain_drawn else None,
        more=more,
        traces=[*(bar for bar, _n in shape.bars), *shape.lines, *shape.states],
        rolled=next((line.piece for line in shape.lines if line.piece), None),
        title=title or _("Alarms"),
    )


def _shape(  # noqa: PLR0913, PLR0917  what a chart is made of
    context: RequestContext,
    facts: Facts,
    channels: Sequence[Channel],
    query: TraceQuery,
    also: Sequence[str],
    rain: RainGauge | None,
) -> tuple[ChartData, list[tuple[str, str]], bool]:
    quantities = context.catalogue.quantities
    own = [
        channel
        for channel in channels
        if not channel.lamp
        and channel.quantity in quantities
        and (channel.retired is None or channel.retired > facts.now)
    ]
    spoken = [
        channel
        for channel in own
        if channel.quantity not in context.catalogue.common or channel.quantity in also
    ]
    lines = [channel for channel in spoken if is_line(quantities[channel.quantity].kind)]
    names = list(dict.fromkeys(line.quantity for line in lines))
    kept = choose_quantities(names, [quantities[name].unit for name in names], also)
    drawn = load_traces(
        context.connection,
        [line for line in lines if line.quantity in kept],
        context.catalogue,
        query,
    )
    states = [channel for channel in spoken if quantities[channel.quantity].kind is Kind.STATE]
    amounts = [channel for channel in spoken if quantities[channel.quantity].kind is Kind.INCREMENT]
    bars, rain_drawn = _bars(context, facts, amounts, query, rain, also)
    shape = ChartData(
        lines=drawn,
        bars=bars,
        states=load_traces(context.connection, states, context.catalogue, query, marks=False),
        limits=[
            (limit, short_limit_label(context.catalogue.thresholds.get(limit.name), limit.name))
            for limit in facts.limits
        ],
        highest_kept=_highest_kept(context, facts, query.span),
        ahead=_project_rate(context, facts, query.span),
    )
    more = [(name, quantity_label(quantities[name], name)) for name in names if name not in kept]
    more += [
        (channel.quantity, quantity_label(quantities[channel.quantity], channel.quantity))
        for channel in own
        if channel.quantity in context.catalogue.common
        and channel.quantity not in also
        and quantities[channel.quantity].kind is Kind.GAUGE
    ]
    return _add_lighting(context, facts, channels, query, shape), more, rain_drawn


def _bars(  # noqa: PLR0913, PLR0917  what bars are made of
    context: RequestContext,
    facts: Facts,
    amounts: Sequence[Channel],
    query: TraceQuery,
    rain: RainGauge | None,
    also: Sequence[str],
) -> tuple[list[tuple[Trace, list[str]]], bool]:
    quantities = context.catalogue.quantities
    own = [
        channel
        for channel in amounts
        if quantities[channel.quantity].unit == "mm" or channel.quantity in also
    ]
    own = own or list(amounts[:2])
    bars = load_traces(context.connection, own, context.catalogue, query, bars=True)
    if rain is not None and not rain.own:
        other = queries_charts.list_channels(context.connection, [rain.site])
        falls = [channel for channel in other if channel.quantity == rain.quantity][:1]
        bars = load_traces(context.connection, falls, context.catalogue, query, bars=True) + bars
    noted = [
        (trace, _rain_notes(trace, facts, rain, query.span) if trace.unit == "mm" else [])
        for trace in bars
    ]
    return noted, rain is not None and bool(bars)


def _rain_notes(trace: Trace, facts: Facts, rain: RainGauge | None, span: ChartSpan) -> list[str]:
    """Notes of a rain pane: sum of 24 h, return period, gauge."""
    points = [(bucket.at, bucket.total) for bucket in trace.bins]
    end = facts.now.timestamp()
    if not points or (trace.piece or 0) > HOUR:
        return [] if rain is None or rain.own else [rain.title]
    if not span.first <= end - 24 * HOUR < end <= span.last:
        fallen = sum(value for _at, value in points)
        notes = [_("%(rain)s in all") % {"rain": filters.value(fallen, "mm", 0)}]
        return notes if rain is None or rain.own else [*notes, rain.title]
    sums = views_site_rain.sum_hours(points, end)
    notes = [_("%(rain)s in 24 h") % {"rain": filters.value(sums[24], "mm", 0)}]
    rare = views_site_rain.describe_rarity(sums, facts.limits)
    if rare:
        notes.append(rare)
    if rain is not None and not rain.own:
        notes.append(rain.title)
    return notes


def _rain_from(context: RequestContext, facts: Facts) -> RainGauge | None:
    """The rain gauge of a site on a river; other sites have none."""
    rain_gauges = queries_site.list_rain_gauges(context.connection, facts.place.name)
    if not rain_gauges or facts.place.river is None:
        return None
    site, title, quantity, km = rain_gauges[0]
    return RainGauge(
        site=site,
        title=title,
        quantity=quantity,
        km=km,
        own=site == facts.place.name,
        same_commune=False,
    )


def _highest_kept(
    context: RequestContext, facts: Facts, span: ChartSpan
) -> tuple[str, float] | None:
    """The highest stored value, if it is older than the chart and the quantity has thresholds."""
    if facts.main is None or not any(limit.priority for limit in facts.limits):
        return None
    highest = queries_charts.find_highest(context.connection, facts.main.id)
    if highest is None or highest[1].timestamp() >= span.first:
        return None
    return _("max. on record"), highest[0]


def _project_rate(context: RequestContext, facts: Facts, span: ChartSpan) -> Extrapolation | None:
    course = facts.course
    if course is None or course.rate is None or facts.place.river is None:
        return None
    now = facts.now.timestamp()
    at = course.time.timestamp()
    if not span.first <= now <= span.last or now - at > _FRESH:
        return None
    if not (course.rate.rises or course.rate.falls):
        return None
    reaches = [
        Crossing(at=asset.arrival.at.timestamp(), value=asset.level, label=asset.title)
        for asset in facts.assets
        if asset.arrival is not None
    ]
    del context
    return Extrapolation(
        at=at,
        value=course.value,
        rate=course.rate.per_hour / HOUR,
        slack=2 * course.rate.error / HOUR,
        until=at + _AHEAD,
        reaches=reaches[:3],
    )


def _add_lighting(
    context: RequestContext,
    facts: Facts,
    channels: Sequence[Channel],
    query: TraceQuery,
    shape: ChartData,
) -> ChartData:
    """Add the lighting plan and the lamps of a cabinet."""
    plan = views_site_light.load_plan(context.connection, facts.place.name, query.span, facts.now)
    lamps = _lamps(
        context, facts, channels, query, views_site_light.list_lit_spans(plan, query.span)
    )
    if plan is None and not lamps:
        return shape
    plans: dict[str, Trace] = {}
    rated = next(
        (limit.value for limit in facts.limits if limit.name == "cabinet_rated_power"), None
    )
    lines = list(shape.lines)
    mean = views_site_light.mean_level(lamps, max(query.span.seconds / 96, HOUR))
    if mean is not None:
        lines.insert(1, mean)
    if plan is not None:
        for trace in lines:
            full = (
                100.0 if trace is mean else rated if trace.name.endswith("/cabinet_power") else None
            )
            if full:
                plans[trace.name] = views_site_light.plan_trace(plan, query.span, trace, full)
    notes = views_site_light.write_notes(lamps, query.span, facts.now.timestamp()) if lamps else []
    power = next((line for line in lines if line.name.endswith("/cabinet_power")), None)
    if power is not None:
        notes += views_site_light.write_energy(power, plan, rated)
    return replace(shape, lines=lines, plans=plans, lamps=lamps, notes=notes)


def _lamps(
    context: RequestContext,
    facts: Facts,
    channels: Sequence[Channel],
    query: TraceQuery,
    speaks: Sequence[tuple[float, float]] | None,
) -> list[LaneRow]:
    own = [
        channel
        for channel in channels
        if channel.lamp
        and channel.quantity == "light_level"
        and (channel.retired is None or channel.retired > facts.now)
    ]
    rough = TraceQuery(span=query.span, pixels=query.pixels / 4)
    lamp_traces = load_traces(context.connection, own, context.catalogue, rough, marks=False)
    troubled = frozenset(
        str(alarm["subject"]).removeprefix("device/") for alarm in facts.alarms if alarm["active"]
    )
    return views_site_light.build_rows(lamp_traces, troubled, speaks)


def _summary(facts: Facts, span: ChartSpan, title: str) -> str:
    first, last = span.bounds
    return _("%(title)s of %(site)s from %(first)s to %(last)s; the table has the values") % {
        "title": title,
        "site": facts.place.title,
        "first": filters.full(first),
        "last": filters.full(last),
    }
