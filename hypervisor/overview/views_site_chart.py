"""The main chart of a site: what is asked of the store, and the panes that come of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypervisor.access.context import RequestContext
from hypervisor.base.translation import translate as _
from hypervisor.charts.draw import Drawing, draw
from hypervisor.charts.model import Ahead, Chart, LaneRow, Reach, Trace
from hypervisor.charts.words import label, short_limit, words
from hypervisor.overview import views_site_alarms, views_site_light, views_site_rain
from hypervisor.overview.views_site_facts import Facts
from hypervisor.overview.views_site_panes import Shape, chosen, is_line, panes
from hypervisor.overview.views_site_rain import RainFrom
from hypervisor.overview.views_site_spans import HOUR, Shown
from hypervisor.overview.views_site_traces import Want, ordered, traces
from hypervisor.readings import queries_charts
from hypervisor.readings.queries_charts import Channel
from hypervisor.registry import queries_site
from hypervisor.web import filters
from sensors._quantity import Kind

_AHEAD = 6 * HOUR  # the farthest that the present rate is drawn to
_FRESH = 3 * HOUR  # an older value leads nowhere
_NARROW, _WIDE = 300.0, 2_400.0


@dataclass(frozen=True, kw_only=True)
class SiteChart:
    """A drawn chart, and what its page says beside it."""

    drawing: Drawing
    shown: Shown
    rain: RainFrom | None
    more: Sequence[tuple[str, str]]  # quantities that are not drawn: name, label
    traces: Sequence[Trace]
    rolled: float | None
    title: str


def build(
    context: RequestContext, facts: Facts, shown: Shown, *, width: float, also: Sequence[str] = ()
) -> SiteChart:
    """Read and draw."""
    wide = min(max(width, _NARROW), _WIDE)
    want = Want(shown=shown, pixels=wide - 170)
    rain = _rain_from(context, facts)
    channels = ordered(facts.channels, context.catalogue, facts.place.domain)
    shape, more, rain_drawn = _shape(context, facts, channels, want, also, rain)
    say = words()
    alarms = views_site_alarms.pane(context.connection, facts.alarms, shown, facts.place.title)
    found = panes(shape, alarms, say)
    title = " · ".join(
        dict.fromkeys(
            [*(line.label for line in shape.lines[:1]), *(one.label for one, _n in shape.bars[:1])]
        )
    )
    chart = Chart(
        first=shown.first,
        last=shown.last,
        now=facts.now.timestamp(),
        panes=found,
        width=wide,
        summary=_summary(facts, shown, title),
    )
    return SiteChart(
        drawing=draw(chart, say),
        shown=shown,
        rain=rain if rain_drawn else None,
        more=more,
        traces=[*(one for one, _n in shape.bars), *shape.lines, *shape.states],
        rolled=next((line.piece for line in shape.lines if line.piece), None),
        title=title or _("Alarms"),
    )


def _shape(  # noqa: PLR0913, PLR0917  what a chart is made of
    context: RequestContext,
    facts: Facts,
    channels: Sequence[Channel],
    want: Want,
    also: Sequence[str],
    rain: RainFrom | None,
) -> tuple[Shape, list[tuple[str, str]], bool]:
    known = context.catalogue.quantities
    own = [
        channel
        for channel in channels
        if not channel.lamp
        and channel.quantity in known
        and (channel.retired is None or channel.retired > facts.now)
    ]
    spoken = [
        one for one in own if one.quantity not in context.catalogue.common or one.quantity in also
    ]
    lines = [one for one in spoken if is_line(known[one.quantity].kind)]
    names = list(dict.fromkeys(line.quantity for line in lines))
    kept = chosen(names, [known[name].unit for name in names], also)
    drawn = traces(
        context.connection,
        [line for line in lines if line.quantity in kept],
        context.catalogue,
        want,
    )
    states = [one for one in spoken if known[one.quantity].kind is Kind.STATE]
    amounts = [one for one in spoken if known[one.quantity].kind is Kind.INCREMENT]
    bars, rain_drawn = _bars(context, facts, amounts, want, rain, also)
    shape = Shape(
        lines=drawn,
        bars=bars,
        states=traces(context.connection, states, context.catalogue, want, marks=False),
        limits=[
            (limit, short_limit(context.catalogue.thresholds.get(limit.name), limit.name))
            for limit in facts.limits
        ],
        known=_known(context, facts, want.shown),
        ahead=_ahead(context, facts, want.shown),
    )
    more = [(name, label(known[name], name)) for name in names if name not in kept]
    more += [
        (one.quantity, label(known[one.quantity], one.quantity))
        for one in own
        if one.quantity in context.catalogue.common
        and one.quantity not in also
        and known[one.quantity].kind is Kind.GAUGE
    ]
    return _lit(context, facts, channels, want, shape), more, rain_drawn


def _bars(  # noqa: PLR0913, PLR0917  what bars are made of
    context: RequestContext,
    facts: Facts,
    amounts: Sequence[Channel],
    want: Want,
    rain: RainFrom | None,
    also: Sequence[str],
) -> tuple[list[tuple[Trace, list[str]]], bool]:
    known = context.catalogue.quantities
    own = [
        channel
        for channel in amounts
        if known[channel.quantity].unit == "mm" or channel.quantity in also
    ]
    own = own or list(amounts[:2])
    found = traces(context.connection, own, context.catalogue, want, bars=True)
    if rain is not None and not rain.own:
        other = queries_charts.channels(context.connection, [rain.site])
        falls = [one for one in other if one.quantity == rain.quantity][:1]
        found = traces(context.connection, falls, context.catalogue, want, bars=True) + found
    noted = [
        (trace, _rain_notes(trace, facts, rain, want.shown) if trace.unit == "mm" else [])
        for trace in found
    ]
    return noted, rain is not None and bool(found)


def _rain_notes(trace: Trace, facts: Facts, rain: RainFrom | None, shown: Shown) -> list[str]:
    """The last day's, its rarity, and whose rain it is."""
    points = [(one.at, one.total) for one in trace.bins]
    end = facts.now.timestamp()
    if not points or (trace.piece or 0) > HOUR:
        return [] if rain is None or rain.own else [rain.title]
    if not shown.first <= end - 24 * HOUR < end <= shown.last:
        fallen = sum(value for _at, value in points)
        said = [_("%(rain)s in all") % {"rain": filters.value(fallen, "mm", 0)}]
        return said if rain is None or rain.own else [*said, rain.title]
    sums = views_site_rain.sums(points, end)
    said = [_("%(rain)s in 24 h") % {"rain": filters.value(sums[24], "mm", 0)}]
    rare = views_site_rain.rarity(sums, facts.limits)
    if rare:
        said.append(rare)
    if rain is not None and not rain.own:
        said.append(rain.title)
    return said


def _rain_from(context: RequestContext, facts: Facts) -> RainFrom | None:
    """A gauge of a river shows rain; other sites their own alone."""
    rain_gauges = queries_site.rain_gauges(context.connection, facts.place.name)
    if not rain_gauges or facts.place.river is None:
        return None
    site, title, quantity, km = rain_gauges[0]
    return RainFrom(
        site=site,
        title=title,
        quantity=quantity,
        km=km,
        own=site == facts.place.name,
        same_commune=False,
    )


def _known(context: RequestContext, facts: Facts, shown: Shown) -> tuple[str, float] | None:
    """The highest that is kept, where the main quantity has limits and it lies before the chart."""
    if facts.main is None or not any(limit.priority for limit in facts.limits):
        return None
    found = queries_charts.highest(context.connection, facts.main.id)
    if found is None or found[1].timestamp() >= shown.first:
        return None
    return _("max. kept"), found[0]


def _ahead(context: RequestContext, facts: Facts, shown: Shown) -> Ahead | None:
    course = facts.course
    if course is None or course.rate is None or facts.place.river is None:
        return None
    now = facts.now.timestamp()
    at = course.time.timestamp()
    if not shown.first <= now <= shown.last or now - at > _FRESH:
        return None
    if not (course.rate.rises or course.rate.falls):
        return None
    reaches = [
        Reach(at=asset.arrival.at.timestamp(), value=asset.level, label=asset.title)
        for asset in facts.assets
        if asset.arrival is not None
    ]
    del context
    return Ahead(
        at=at,
        value=course.value,
        rate=course.rate.per_hour / HOUR,
        slack=2 * course.rate.error / HOUR,
        until=at + _AHEAD,
        reaches=reaches[:3],
    )


def _lit(
    context: RequestContext, facts: Facts, channels: Sequence[Channel], want: Want, shape: Shape
) -> Shape:
    """A cabinet's plan beside its power, and its lamps."""
    plan = views_site_light.planned(context.connection, facts.place.name, want.shown, facts.now)
    lamps = _lamps(context, facts, channels, want, views_site_light.lit(plan, want.shown))
    if plan is None and not lamps:
        return shape
    plans: dict[str, Trace] = {}
    rated = next(
        (limit.value for limit in facts.limits if limit.name == "cabinet_rated_power"), None
    )
    lines = list(shape.lines)
    mean = views_site_light.mean_level(lamps, max(want.shown.seconds / 96, HOUR))
    if mean is not None:
        lines.insert(1, mean)
    if plan is not None:
        for trace in lines:
            full = (
                100.0 if trace is mean else rated if trace.name.endswith("/cabinet_power") else None
            )
            if full:
                plans[trace.name] = views_site_light.plan_trace(plan, want.shown, trace, full)
    notes = views_site_light.notes(lamps, want.shown, facts.now.timestamp()) if lamps else []
    power = next((line for line in lines if line.name.endswith("/cabinet_power")), None)
    if power is not None:
        notes += views_site_light.energy(power, plan, rated)
    return replace(shape, lines=lines, plans=plans, lamps=lamps, notes=notes)


def _lamps(
    context: RequestContext,
    facts: Facts,
    channels: Sequence[Channel],
    want: Want,
    speaks: Sequence[tuple[float, float]] | None,
) -> list[LaneRow]:
    own = [
        channel
        for channel in channels
        if channel.lamp
        and channel.quantity == "light_level"
        and (channel.retired is None or channel.retired > facts.now)
    ]
    rough = Want(shown=want.shown, pixels=want.pixels / 4)
    found = traces(context.connection, own, context.catalogue, rough, marks=False)
    troubled = frozenset(
        str(alarm["subject"]).removeprefix("device/") for alarm in facts.alarms if alarm["active"]
    )
    return views_site_light.rows(found, troubled, speaks)


def _summary(facts: Facts, shown: Shown, title: str) -> str:
    first, last = shown.moments
    return _("%(title)s of %(site)s from %(first)s to %(last)s; the table has the values") % {
        "title": title,
        "site": facts.place.title,
        "first": filters.full(first),
        "last": filters.full(last),
    }
