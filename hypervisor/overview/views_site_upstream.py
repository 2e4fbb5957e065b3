"""The gauges above this one on the same time axis: level against threshold, peak, travel time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.translation import translate as _
from hypervisor.charts.draw import Drawing, scale
from hypervisor.charts.lines import gaps, pieces
from hypervisor.charts.model import Chart, Trace
from hypervisor.charts.scale import Across, Up, time_ticks
from hypervisor.charts.shapes import Drawn, across, circle, down, line, path, rect, text
from hypervisor.charts.words import words
from hypervisor.forecast.arrival import courses
from hypervisor.forecast.trend import Course
from hypervisor.overview.views_site_facts import Facts, main_of
from hypervisor.overview.views_site_limits import SiteLimit, limits, raised, told_against
from hypervisor.overview.views_site_spans import Shown
from hypervisor.overview.views_site_traces import Want, traces
from hypervisor.readings import queries_charts, queries_latest
from hypervisor.registry import queries_site
from hypervisor.web import filters

_MOST = 5
_HIGH, _BETWEEN = 58.0, 6.0
_FALL = 0.15  # of the range, that makes a maximum a peak


@dataclass(frozen=True, kw_only=True)
class Above:
    """A gauge upstream. `travel_s`: how long water takes from there to here."""

    site: str
    title: str
    travel_s: float | None
    limit: SiteLimit | None
    course: Course | None
    trace: Trace

    @property
    def peak(self) -> tuple[float, float] | None:
        """When it was highest, where it has fallen since."""
        if len(self.trace.bins) < 4:
            return None
        top = max(self.trace.bins, key=lambda one: one.high)
        low = min(one.low for one in self.trace.bins)
        fallen = top.high - self.trace.bins[-1].last
        return (top.at, top.high) if fallen > _FALL * max(top.high - low, 1e-9) else None


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """The strip, and the same in words."""

    gauges: Sequence[Above]
    drawing: Drawing | None


def chain(
    flows: Sequence[tuple[str, str, float | None]], site: str
) -> list[tuple[str, float | None]]:
    """The sites above, the nearest first: (site, s from there to here)."""
    found: dict[str, float | None] = {}
    waiting: list[tuple[str, float | None]] = [(site, 0.0)]
    while waiting:
        here, so_far = waiting.pop(0)
        for above, below, travel in flows:
            if below == here and above not in found and above != site:
                total = None if travel is None or so_far is None else so_far + travel
                found[above] = total
                waiting.append((above, total))
    return sorted(found.items(), key=lambda one: (one[1] is None, one[1] or 0.0, one[0]))


def upstream(context: RequestContext, facts: Facts, shown: Shown, *, width: float) -> Upstream:
    """Read and draw."""
    if facts.place.river is None:
        return Upstream(gauges=(), drawing=None)
    above = chain(queries_site.flows(context.connection, facts.now), facts.place.name)[:_MOST]
    if not above:
        return Upstream(gauges=(), drawing=None)
    want = Want(shown=shown, pixels=width - 170)
    gauges = _gauges(context, facts, above, want)
    chart = Chart(
        first=shown.first, last=shown.last, now=facts.now.timestamp(), panes=(), width=width
    )
    return Upstream(gauges=gauges, drawing=_draw(gauges, chart) if gauges else None)


def _gauges(
    context: RequestContext, facts: Facts, above: Sequence[tuple[str, float | None]], want: Want
) -> list[Above]:
    names = [name for name, _travel in above]
    places = queries_site.stands(context.connection, names)
    channels = queries_charts.channels(context.connection, names)
    mains = {
        name: main_of(
            [channel for channel in channels if channel.site == name],
            context,
            places[name].domain,
            facts.now,
        )
        for name in places
    }
    quantities = {one.quantity for one in mains.values() if one}
    moving: dict[str, Course] = {}
    for quantity in quantities:
        moving |= courses(
            context.connection, context.catalogue, now=facts.now, quantity=quantity, sites=names
        )
    raising = raised(
        written for _id, written, _at in queries_latest.rules(context.connection, facts.now)
    )
    rows = queries_site.limits(context.connection, names, facts.now)
    wanted = [one for one in mains.values() if one is not None]
    drawn = dict(
        zip(
            [one.id for one in wanted],
            traces(context.connection, wanted, context.catalogue, want, marks=False),
            strict=True,
        )
    )
    found = []
    for name, travel in above:
        main = mains.get(name)
        if main is None:
            continue
        own = [row for row in rows if row.site == name]
        value: Mapping[str, float] = (
            {main.quantity: moving[name].value}
            if name in moving and moving[name].quantity == main.quantity
            else {}
        )
        limit = told_against(limits(own, context.catalogue, raising, value), main.quantity)
        found.append(
            Above(
                site=name,
                title=places[name].title,
                travel_s=travel,
                limit=limit,
                course=moving.get(name),
                trace=drawn[main.id],
            )
        )
    return found


def said(one: Above) -> str:
    """Rises, 2 h 40 upstream; peak 05:38, 4 h 30 upstream."""
    far = (
        _("%(travel)s upstream") % {"travel": filters.duration(one.travel_s)}
        if one.travel_s is not None
        else _("upstream")
    )
    words_of = words()
    if one.peak:
        return _("peak %(clock)s, %(far)s") % {"clock": words_of.moment(one.peak[0]), "far": far}
    rate = one.course.rate if one.course else None
    if rate is not None and rate.rises:
        return _("rises, %(far)s") % {"far": far}
    if rate is not None and rate.falls:
        return _("falls, %(far)s") % {"far": far}
    return far


def _draw(gauges: Sequence[Above], chart: Chart) -> Drawing:
    over = scale(chart)
    say = words()
    shapes: list[Drawn] = []
    top = 8.0
    for one in gauges:
        shapes += _strip(one, over, top, chart)
        top += _HIGH + _BETWEEN
    for tick in time_ticks(over, say.zone):
        shapes.insert(0, down("g", over.x(tick.at), 4, top))
    if over.inside(chart.now):
        shapes.append(path("now", f"M{over.x(chart.now)} 2V{top}"))
    data: dict[str, Any] = {}
    summary = _("Gauges upstream: %(names)s") % {
        "names": ", ".join(above.title for above in gauges)
    }
    return Drawing(width=chart.width, height=top, shapes=shapes, data=data, summary=summary)


def _strip(one: Above, over: Across, top: float, chart: Chart) -> Iterator[Drawn]:
    up = _up(one, top)
    for first, last in gaps(one.trace, over):
        yield rect("no", over.x(first), top, over.x(last) - over.x(first), _HIGH)
    if one.limit is not None and up.low <= one.limit.value <= up.high:
        yield across("th", over.left, over.right, up.y(one.limit.value), "7 4")
    for run in pieces(one.trace, over):
        yield line("l2", [(x, up.y(mean)) for x, _low, mean, _high in run])
    if one.peak:
        x = over.x(one.peak[0])
        yield down("peak", x, max(up.y(one.peak[1]) - 7, top), top + _HIGH - 6)
    if one.trace.bins and over.inside(over.now):
        last_bin = one.trace.bins[-1]
        yield circle("pt", over.x(min(last_bin.at, over.now)), up.y(last_bin.last), 3)
    yield text("hl halo", over.left + 4, top + 12, one.title)
    yield text("halo", over.left + 4, top + 28, said(one))
    x, anchor = (over.right - 4, "end") if chart.narrow else (over.right + 14, "start")
    if one.limit is not None and one.limit.margin is not None:
        margin = filters.signed(one.limit.margin, one.limit.unit)
        yield text("hl halo", x, top + (44 if chart.narrow else 14), margin, anchor)  # type: ignore[arg-type]
    if not chart.narrow and one.course and one.course.rate:
        yield text("", x, top + 30, rate_words(one.course))


def _up(one: Above, top: float) -> Up:
    values = [value for each in one.trace.bins for value in (each.low, each.high)]
    if one.limit is not None:
        values.append(one.limit.value)
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low < one.trace.least:
        low, high = low - one.trace.least / 2, high + one.trace.least / 2
    return Up(low=low, high=high, top=top + 6, bottom=top + _HIGH - 6)


def rate_words(course: Course) -> str:
    """+6 cm/h, as the room says levels; other quantities in their own unit an hour."""
    if course.rate is None:
        return ""
    if course.unit == "m":
        return filters.signed(
            course.rate.per_hour * 100, "cm/h", 0 if abs(course.rate.per_hour) >= 0.095 else 1
        )
    return filters.signed(course.rate.per_hour, f"{filters.unit(course.unit)}/h")
