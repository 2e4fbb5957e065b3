"""The main chart of a site: reads the data and builds the panes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypervisor.access.context import RequestContext
from hypervisor.base.translation import translate as _
from hypervisor.charts.draw import Drawing, draw_chart
from hypervisor.charts.model import Chart, Crossing, Extrapolation, Fan, LaneRow, Trace
from hypervisor.charts.words import quantity_label, short_limit_label
from hypervisor.forecast.queries_current import list_current
from hypervisor.overview import views_site_alarms, views_site_light
from hypervisor.overview.views_fan import make_current_fan
from hypervisor.overview.views_site_facts import Facts, SiteLimit
from hypervisor.overview.views_site_panes import ChartData, build_panes, choose_quantities
from hypervisor.overview.views_site_traces import (
    HOUR,
    ChartSpan,
    TraceQuery,
    is_amount,
    load_traces,
    sort_channels,
)
from hypervisor.readings import queries_charts
from hypervisor.readings.queries_charts import Channel
from hypervisor.registry import queries_site
from hypervisor.web import filters
from sensors._quantity import Kind

_AHEAD = 6 * HOUR  # how far the present rate is extrapolated
_FRESH = 3 * HOUR  # older values are not extrapolated
_NARROW, _WIDE = 300.0, 2_400.0
_RAIN_HOURS = (1, 2, 3, 4, 6, 12, 24)


@dataclass(frozen=True, kw_only=True)
class RainGauge:
    """The rain gauge that is drawn."""

    site: str
    title: str
    quantity: str
    km: float
    own: bool

    @property
    def words(self) -> str:
        if self.own:
            return _("over the catchment")
        far = filters.value(self.km, "km", 0)
        return _("%(title)s, %(far)s away") % {"title": self.title, "far": far}


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
    reader = _Reader(context, facts, TraceQuery(span=span, pixels=wide - 170), also)
    rain = reader.find_rain_gauge()
    data, more = reader.read(rain)
    alarms = views_site_alarms.build_pane(context.connection, facts.alarms, span, facts.place.title)
    labels = [*(line.label for line in data.lines[:1]), *(bar.label for bar, _n in data.bars[:1])]
    title = " · ".join(dict.fromkeys(labels))
    chart = Chart(
        first=span.first,
        last=span.last,
        now=facts.now.timestamp(),
        panes=build_panes(data, alarms),
        width=wide,
        summary=_summary(facts, span, title),
    )
    return SiteChart(
        drawing=draw_chart(chart),
        span=span,
        rain=rain if data.bars else None,
        more=more,
        traces=[*(bar for bar, _n in data.bars), *data.lines, *data.states],
        rolled=next((line.piece for line in data.lines if line.piece), None),
        title=title or _("Alarms"),
    )


class _Reader:
    """Reads the series of a site for its chart. `also`: further quantities requested."""

    def __init__(
        self, context: RequestContext, facts: Facts, query: TraceQuery, also: Sequence[str]
    ) -> None:
        self.context, self.facts, self.query, self.also = context, facts, query, also
        self.connection, self.catalogue = context.connection, context.catalogue
        quantities = context.catalogue.quantities
        channels = sort_channels(facts.channels, context.catalogue, facts.place.domain)
        in_use = [channel for channel in channels if facts.in_use(channel)]
        self.lamps = [each for each in in_use if each.lamp and each.quantity == "light_level"]
        self.own = [each for each in in_use if not each.lamp and each.quantity in quantities]

    def traces(
        self, channels: Sequence[Channel], *, bars: bool = False, marks: bool = True
    ) -> list[Trace]:
        return load_traces(
            self.connection, channels, self.catalogue, self.query, bars=bars, marks=marks
        )

    def kind(self, channel: Channel) -> Kind:
        return self.catalogue.quantities[channel.quantity].kind

    def read(self, rain: RainGauge | None) -> tuple[ChartData, list[tuple[str, str]]]:
        """The data, and (name, label) of the quantities that are left out."""
        quantities, common = self.catalogue.quantities, self.catalogue.common
        hidden = [
            each for each in self.own if each.quantity in common and each.quantity not in self.also
        ]
        shown = [each for each in self.own if each not in hidden]
        lines = [each for each in shown if self.kind(each) is Kind.GAUGE]
        states = [each for each in shown if self.kind(each) is Kind.STATE]
        amounts = [each for each in shown if is_amount(self.kind(each))]
        names = list(dict.fromkeys(line.quantity for line in lines))
        kept = choose_quantities(names, [quantities[name].unit for name in names], self.also)
        labels = self.catalogue.thresholds
        data = ChartData(
            lines=self.traces([line for line in lines if line.quantity in kept]),
            bars=self._bars(amounts, rain),
            states=self.traces(states, marks=False),
            limits=[
                (limit, short_limit_label(labels.get(limit.name), limit.name))
                for limit in self.facts.limits
            ],
            highest_kept=self._highest_kept(),
            ahead=self._find_fan() or self._project_rate(),
        )
        more = [name for name in names if name not in kept]
        more += [each.quantity for each in hidden if self.kind(each) is Kind.GAUGE]
        return (
            self._add_lighting(data),
            [(name, quantity_label(quantities[name], name)) for name in dict.fromkeys(more)],
        )

    def find_rain_gauge(self) -> RainGauge | None:
        """The rain gauge of a site on a river; other sites have none."""
        place = self.facts.place
        gauges = queries_site.list_rain_gauges(self.connection, place.name) if place.river else []
        if not gauges:
            return None
        site, title, quantity, km = gauges[0]
        return RainGauge(site=site, title=title, quantity=quantity, km=km, own=site == place.name)

    def _bars(
        self, amounts: Sequence[Channel], rain: RainGauge | None
    ) -> list[tuple[Trace, list[str]]]:
        """The amounts as bars with their notes; rain of another site first."""
        units = self.catalogue.quantities
        own = [
            each
            for each in amounts
            if units[each.quantity].unit == "mm" or each.quantity in self.also
        ]
        bars = self.traces(own or amounts[:2], bars=True)
        if rain is not None and not rain.own:
            other = queries_charts.list_channels(self.connection, [rain.site])
            falls = [channel for channel in other if channel.quantity == rain.quantity][:1]
            bars = self.traces(falls, bars=True) + bars
        return [
            (trace, self._rain_notes(trace, rain) if trace.unit == "mm" else []) for trace in bars
        ]

    def _rain_notes(self, trace: Trace, rain: RainGauge | None) -> list[str]:
        """Notes of a rain pane: sum of 24 h, return period, gauge."""
        points = [(bucket.at, bucket.total) for bucket in trace.bins]
        end = self.facts.now.timestamp()
        gauge = [] if rain is None or rain.own else [rain.title]
        if not points or (trace.piece or 0) > HOUR:
            return gauge
        if not self.query.span.first <= end - 24 * HOUR < end <= self.query.span.last:
            fallen = sum(value for _at, value in points)
            return [_("%(rain)s in all") % {"rain": filters.value(fallen, "mm", 0)}, *gauge]
        sums = sum_hours(points, end)
        rare = describe_rarity(sums, self.facts.limits)
        day = _("%(rain)s in 24 h") % {"rain": filters.value(sums[24], "mm", 0)}
        return [day, *([rare] if rare else []), *gauge]

    def _highest_kept(self) -> tuple[str, float] | None:
        """The highest stored value, if it is older than the chart and rules use thresholds."""
        if self.facts.main is None or not any(limit.priority for limit in self.facts.limits):
            return None
        highest = queries_charts.find_highest(self.connection, self.facts.main.id)
        if highest is None or highest[1].timestamp() >= self.query.span.first:
            return None
        return _("max. on record"), highest[0]

    def _find_fan(self) -> Fan | None:
        """The current forecast of the main series."""
        main, name, span = self.facts.main, self.facts.place.name, self.query.span
        if main is None or not span.first <= self.facts.now.timestamp() <= span.last:
            return None
        current = list_current(self.connection, self.facts.now, [name])
        return make_current_fan(current.get((name, main.quantity)), span.last)

    def _project_rate(self) -> Extrapolation | None:
        """Where the present rate leads, on a river and while the value is fresh."""
        course, span, now = self.facts.course, self.query.span, self.facts.now.timestamp()
        if course is None or course.rate is None or self.facts.place.river is None:
            return None
        at = course.time.timestamp()
        if not span.first <= now <= span.last or now - at > _FRESH:
            return None
        if not (course.rate.rises or course.rate.falls):
            return None
        reaches = [
            Crossing(at=arrival.due.timestamp(), value=asset.level, label=asset.title)
            for asset in self.facts.assets
            if (arrival := asset.arrival) is not None and arrival.issued is None
        ]
        return Extrapolation(
            at=at,
            value=course.value,
            rate=course.rate.per_hour / HOUR,
            slack=2 * course.rate.error / HOUR,
            until=at + _AHEAD,
            reaches=reaches[:3],
        )

    def _add_lighting(self, data: ChartData) -> ChartData:
        """Add the lighting plan and the lamps of a cabinet."""
        facts, span = self.facts, self.query.span
        plan = views_site_light.load_plan(self.connection, facts.place.name, span, facts.now)
        lamps = self._lamps(views_site_light.list_lit_spans(plan, span))
        if plan is None and not lamps:
            return data
        rated = next(
            (limit.value for limit in facts.limits if limit.name == "cabinet_rated_power"), None
        )
        lines, plans = list(data.lines), dict[str, Trace]()
        power = next((line for line in lines if line.name.endswith("/cabinet_power")), None)
        mean = views_site_light.mean_level(lamps, max(span.seconds / 96, HOUR))
        if mean is not None:
            lines.insert(1, mean)
        for trace in lines:
            is_power = trace.name.endswith("/cabinet_power")
            full = 100.0 if trace is mean else rated if is_power else None
            if plan is not None and full:
                plans[trace.name] = views_site_light.plan_trace(plan, span, trace, full)
        notes = views_site_light.write_notes(lamps, span, facts.now.timestamp()) if lamps else []
        if power is not None:
            notes += views_site_light.write_energy(power, plan, rated)
        return replace(data, lines=lines, plans=plans, lamps=lamps, notes=notes)

    def _lamps(self, speaks: Sequence[tuple[float, float]] | None) -> list[LaneRow]:
        """A row for each lamp; `speaks`: when they have power."""
        rough = TraceQuery(span=self.query.span, pixels=self.query.pixels / 4)
        traces = load_traces(self.connection, self.lamps, self.catalogue, rough, marks=False)
        troubled = {
            str(alarm["subject"]).removeprefix("device/")
            for alarm in self.facts.alarms
            if alarm["active"]
        }
        return [
            LaneRow(name=name, trace=trace, troubled=name in troubled, speaks=speaks)
            for trace in traces
            for name in [trace.name.partition("/")[0]]
        ]


def _summary(facts: Facts, span: ChartSpan, title: str) -> str:
    first, last = span.bounds
    return _("%(title)s of %(site)s from %(first)s to %(last)s; the table has the values") % {
        "title": title,
        "site": facts.place.title,
        "first": filters.full(first),
        "last": filters.full(last),
    }


def describe_rarity(sums: dict[int, float], limits: Sequence[SiteLimit]) -> str | None:
    """The return period of the rain of the last hours, from the 10 and 50 year depths."""
    depths = {limit.name: limit.value for limit in limits}
    if not any(name.startswith("rain_10y") for name in depths):
        return None
    reached = [
        years
        for years in (10, 50)
        for hours in _RAIN_HOURS
        if depths.get(f"rain_{years}y_{hours}h", float("inf")) <= sums.get(hours, 0.0)
    ]
    if 50 in reached:
        return _("rarer than once in 50 years")
    if 10 in reached:
        return _("between 10 and 50 years")
    return _("less than once in 10 years")


def sum_hours(points: Sequence[tuple[float, float]], now: float) -> dict[int, float]:
    """Hours -> mm fallen in them; `points`: (s since the epoch, mm)."""
    return {
        hours: sum(value for at, value in points if now - hours * HOUR < at <= now)
        for hours in _RAIN_HOURS
    }
