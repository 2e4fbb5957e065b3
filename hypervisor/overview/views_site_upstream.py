"""The gauges upstream on the same time axis: margin, peak, travel time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypervisor.access.context import RequestContext
from hypervisor.base.reader import current
from hypervisor.base.translation import translate as _
from hypervisor.charts.draw import Drawing, time_scale
from hypervisor.charts.lines import list_gaps, split_at_gaps
from hypervisor.charts.model import Chart, Trace
from hypervisor.charts.scale import TimeScale, ValueScale, time_ticks
from hypervisor.charts.shapes import Drawn, circle, horizontal, line, path, rect, text, vertical
from hypervisor.charts.words import to_datetime
from hypervisor.forecast.arrival import list_courses
from hypervisor.forecast.trend import Course
from hypervisor.overview.views_site_facts import (
    Facts,
    SiteLimit,
    load_limits,
    pick_main,
    pick_reference,
)
from hypervisor.overview.views_site_traces import ChartSpan, TraceQuery, load_traces
from hypervisor.readings import queries_charts
from hypervisor.readings.queries_charts import Channel
from hypervisor.registry import queries_site
from hypervisor.web import filters

_MOST = 5
_HIGH, _BETWEEN = 58.0, 6.0
_FALL = 0.15  # of the range; a smaller fall makes no peak


@dataclass(frozen=True, kw_only=True)
class UpstreamGauge:
    """A gauge upstream. `travel_s`: travel time from there to here."""

    site: str
    title: str
    travel_s: float
    limit: SiteLimit | None
    course: Course | None
    trace: Trace

    @property
    def peak(self) -> tuple[float, float] | None:
        """(time, value) of its maximum, if it has fallen since."""
        if len(self.trace.bins) < 4:
            return None
        top = max(self.trace.bins, key=lambda bucket: bucket.high)
        low = min(bucket.low for bucket in self.trace.bins)
        fallen = top.high - self.trace.bins[-1].last
        return (top.at, top.high) if fallen > _FALL * max(top.high - low, 1e-9) else None


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """The gauges upstream and their drawing."""

    gauges: Sequence[UpstreamGauge]
    drawing: Drawing | None


def list_upstream(flows: Sequence[tuple[str, str, float]], site: str) -> list[tuple[str, float]]:
    """(site, travel time in s) of the sites upstream, nearest first."""
    travel_times: dict[str, float] = {}
    waiting = [(site, 0.0)]
    while waiting:
        here, so_far = waiting.pop(0)
        for above, below, travel in flows:
            if below == here and above not in travel_times and above != site:
                travel_times[above] = so_far + travel
                waiting.append((above, so_far + travel))
    return sorted(travel_times.items(), key=lambda entry: (entry[1], entry[0]))


def build_upstream(
    context: RequestContext, facts: Facts, span: ChartSpan, *, width: float
) -> Upstream:
    """Read and draw the gauges upstream."""
    flows = queries_site.list_links(context.connection, facts.now) if facts.place.river else []
    above = list_upstream(flows, facts.place.name)[:_MOST]
    if not above:
        return Upstream(gauges=(), drawing=None)
    query = TraceQuery(span=span, pixels=width - 170)
    gauges = _gauges(context, facts, above, query)
    chart = Chart(
        first=span.first, last=span.last, now=facts.now.timestamp(), panes=(), width=width
    )
    return Upstream(gauges=gauges, drawing=_draw(gauges, chart) if gauges else None)


def _gauges(
    context: RequestContext,
    facts: Facts,
    above: Sequence[tuple[str, float]],
    query: TraceQuery,
) -> list[UpstreamGauge]:
    connection, catalogue = context.connection, context.catalogue
    names = [name for name, _travel in above]
    places = queries_site.load_sites(connection, names)
    by_site: dict[str, list[Channel]] = {}
    for channel in queries_charts.list_channels(connection, names):
        by_site.setdefault(channel.site, []).append(channel)
    mains: dict[str, Channel] = {}
    for name, place in places.items():
        main = pick_main(by_site.get(name, ()), context, place.domain, facts.now)
        if main is not None:
            mains[name] = main
    courses: dict[str, Course] = {}
    for quantity in {main.quantity for main in mains.values()}:
        courses |= list_courses(
            connection, catalogue, now=facts.now, quantity=quantity, sites=names
        )
    limits_of = load_limits(context, names)
    traces = load_traces(connection, list(mains.values()), catalogue, query, marks=False)
    drawn = dict(zip(mains, traces, strict=True))
    gauges = []
    for name, travel in above:
        if name not in mains:
            continue
        quantity, course = mains[name].quantity, courses.get(name)
        values = {quantity: course.value} if course and course.quantity == quantity else {}
        gauges.append(
            UpstreamGauge(
                site=name,
                title=places[name].title,
                travel_s=travel,
                limit=pick_reference(limits_of(name, values), quantity),
                course=course,
                trace=drawn[name],
            )
        )
    return gauges


def describe_gauge(gauge: UpstreamGauge) -> str:
    """Its state as text, such as: rises, 2 h 40 upstream."""
    far = _("%(travel)s upstream") % {"travel": filters.duration(gauge.travel_s)}
    if gauge.peak:
        clock = filters.day_time(to_datetime(gauge.peak[0]))
        return _("peak %(clock)s, %(far)s") % {"clock": clock, "far": far}
    rate = gauge.course.rate if gauge.course else None
    if rate is not None and rate.rises:
        return _("rises, %(far)s") % {"far": far}
    if rate is not None and rate.falls:
        return _("falls, %(far)s") % {"far": far}
    return far


def _draw(gauges: Sequence[UpstreamGauge], chart: Chart) -> Drawing:
    over = time_scale(chart)
    shapes: list[Drawn] = []
    top = 8.0
    for gauge in gauges:
        shapes += _strip(gauge, over, top)
        top += _HIGH + _BETWEEN
    for tick in time_ticks(over, current().zone):
        shapes.insert(0, vertical("g", over.x(tick.at), 4, top))
    if over.inside(chart.now):
        shapes.append(path("now", f"M{over.x(chart.now)} 2V{top}"))
    summary = _("Gauges upstream: %(names)s") % {"names": ", ".join(each.title for each in gauges)}
    return Drawing(width=chart.width, height=top, shapes=shapes, data={}, summary=summary)


def _strip(gauge: UpstreamGauge, over: TimeScale, top: float) -> Iterator[Drawn]:
    up = _up(gauge, top)
    for first, last in list_gaps(gauge.trace, over):
        yield rect("no", over.x(first), top, over.x(last) - over.x(first), _HIGH)
    if gauge.limit is not None and up.low <= gauge.limit.value <= up.high:
        yield horizontal("th", over.left, over.right, up.y(gauge.limit.value), "7 4")
    for run in split_at_gaps(gauge.trace, over):
        yield line("l2", [(x, up.y(mean)) for x, _low, mean, _high in run])
    if gauge.peak:
        x = over.x(gauge.peak[0])
        yield vertical("peak", x, max(up.y(gauge.peak[1]) - 7, top), top + _HIGH - 6)
    if gauge.trace.bins and over.inside(over.now):
        last_bin = gauge.trace.bins[-1]
        yield circle("pt", over.x(min(last_bin.at, over.now)), up.y(last_bin.last), 3)
    yield text("hl halo", over.left + 4, top + 12, gauge.title)
    yield text("halo", over.left + 4, top + 28, describe_gauge(gauge))
    x, anchor = (over.right - 4, "end") if over.narrow else (over.right + 14, "start")
    if gauge.limit is not None and gauge.limit.margin is not None:
        margin = filters.signed(gauge.limit.margin, gauge.limit.unit)
        yield text("hl halo", x, top + (44 if over.narrow else 14), margin, anchor)  # type: ignore[arg-type]
    if not over.narrow and gauge.course and gauge.course.rate:
        yield text("", x, top + 30, format_rate(gauge.course))


def _up(gauge: UpstreamGauge, top: float) -> ValueScale:
    values = [value for each in gauge.trace.bins for value in (each.low, each.high)]
    if gauge.limit is not None:
        values.append(gauge.limit.value)
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low < gauge.trace.least:
        low, high = low - gauge.trace.least / 2, high + gauge.trace.least / 2
    return ValueScale(low=low, high=high, top=top + 6, bottom=top + _HIGH - 6)


def format_rate(course: Course) -> str:
    """The rate as text: cm/h for levels, else the unit per hour."""
    if course.rate is None:
        return ""
    if course.unit == "m":
        return filters.signed(
            course.rate.per_hour * 100, "cm/h", 0 if abs(course.rate.per_hour) >= 0.095 else 1
        )
    return filters.signed(course.rate.per_hour, f"{filters.unit(course.unit)}/h")
