"""The main chart of a site: what is asked of the store, and the panes that come of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypervisor.api.access import Access
from hypervisor.console import formats
from hypervisor.console.views import site_alarms, site_light, site_rain
from hypervisor.console.views.chart_draw import Drawing, draw
from hypervisor.console.views.chart_model import Ahead, Chart, Reach, Row, Trace
from hypervisor.console.views.chart_words import label, short_limit, words
from hypervisor.console.views.site_facts import Facts
from hypervisor.console.views.site_panes import Shape, chosen, is_line, panes
from hypervisor.console.views.site_rain import RainFrom
from hypervisor.console.views.site_spans import HOUR, Shown
from hypervisor.console.views.site_traces import Want, ordered, traces
from hypervisor.console.words import translate as _
from hypervisor.store.pages import charting, siting
from hypervisor.store.pages.charting import Channel
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
    asked: Access, facts: Facts, shown: Shown, *, width: float, also: Sequence[str] = ()
) -> SiteChart:
    """Read and draw."""
    wide = min(max(width, _NARROW), _WIDE)
    want = Want(shown=shown, pixels=wide - 170)
    rain = _rain_from(asked, facts)
    channels = ordered(facts.channels, asked.catalogue, facts.place.domain)
    shape, more, rain_drawn = _shape(asked, facts, channels, want, also, rain)
    say = words()
    alarms = site_alarms.pane(asked.connection, facts.alarms, shown, facts.place.title)
    found = panes(shape, alarms, say)
    title = " · ".join(
        dict.fromkeys(
            [*(one.label for one in shape.lines[:1]), *(one.label for one, _n in shape.bars[:1])]
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
        rolled=next((one.piece for one in shape.lines if one.piece), None),
        title=title or _("Alarms"),
    )


def _shape(  # noqa: PLR0913, PLR0917  what a chart is made of
    asked: Access,
    facts: Facts,
    channels: Sequence[Channel],
    want: Want,
    also: Sequence[str],
    rain: RainFrom | None,
) -> tuple[Shape, list[tuple[str, str]], bool]:
    known = asked.catalogue.quantities
    own = [
        one
        for one in channels
        if not one.lamp
        and one.quantity in known
        and (one.retired is None or one.retired > facts.now)
    ]
    spoken = [
        one for one in own if one.quantity not in asked.catalogue.common or one.quantity in also
    ]
    lines = [one for one in spoken if is_line(known[one.quantity].kind)]
    names = list(dict.fromkeys(one.quantity for one in lines))
    kept = chosen(names, [known[name].unit for name in names], also)
    drawn = traces(
        asked.connection, [one for one in lines if one.quantity in kept], asked.catalogue, want
    )
    states = [one for one in spoken if known[one.quantity].kind is Kind.STATE]
    amounts = [one for one in spoken if known[one.quantity].kind is Kind.INCREMENT]
    bars, rain_drawn = _bars(asked, facts, amounts, want, rain, also)
    shape = Shape(
        lines=drawn,
        bars=bars,
        states=traces(asked.connection, states, asked.catalogue, want, marks=False),
        limits=[
            (one, short_limit(asked.catalogue.thresholds.get(one.name), one.name))
            for one in facts.limits
        ],
        known=_known(asked, facts, want.shown),
        ahead=_ahead(asked, facts, want.shown),
    )
    more = [(name, label(known[name], name)) for name in names if name not in kept]
    more += [
        (one.quantity, label(known[one.quantity], one.quantity))
        for one in own
        if one.quantity in asked.catalogue.common
        and one.quantity not in also
        and known[one.quantity].kind is Kind.GAUGE
    ]
    return _lit(asked, facts, channels, want, shape), more, rain_drawn


def _bars(  # noqa: PLR0913, PLR0917  what bars are made of
    asked: Access,
    facts: Facts,
    amounts: Sequence[Channel],
    want: Want,
    rain: RainFrom | None,
    also: Sequence[str],
) -> tuple[list[tuple[Trace, list[str]]], bool]:
    known = asked.catalogue.quantities
    own = [one for one in amounts if known[one.quantity].unit == "mm" or one.quantity in also]
    own = own or list(amounts[:2])
    found = traces(asked.connection, own, asked.catalogue, want, bars=True)
    if rain is not None and not rain.own:
        other = charting.channels(asked.connection, [rain.site])
        falls = [one for one in other if one.quantity == rain.quantity][:1]
        found = traces(asked.connection, falls, asked.catalogue, want, bars=True) + found
    noted = [
        (one, _rain_notes(one, facts, rain, want.shown) if one.unit == "mm" else [])
        for one in found
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
        said = [_("%(rain)s in all") % {"rain": formats.value(fallen, "mm", 0)}]
        return said if rain is None or rain.own else [*said, rain.title]
    sums = site_rain.sums(points, end)
    said = [_("%(rain)s in 24 h") % {"rain": formats.value(sums[24], "mm", 0)}]
    rare = site_rain.rarity(sums, facts.limits)
    if rare:
        said.append(rare)
    if rain is not None and not rain.own:
        said.append(rain.title)
    return said


def _rain_from(asked: Access, facts: Facts) -> RainFrom | None:
    """A gauge of a river shows rain; other sites their own alone."""
    found = siting.rain_gauges(asked.connection, facts.place.name)
    if not found or facts.place.river is None:
        return None
    site, title, quantity, km = found[0]
    return RainFrom(
        site=site,
        title=title,
        quantity=quantity,
        km=km,
        own=site == facts.place.name,
        same_commune=False,
    )


def _known(asked: Access, facts: Facts, shown: Shown) -> tuple[str, float] | None:
    """The highest that is kept, where the main quantity has limits and it lies before the chart."""
    if facts.main is None or not any(one.priority for one in facts.limits):
        return None
    found = charting.highest(asked.connection, facts.main.id)
    if found is None or found[1].timestamp() >= shown.first:
        return None
    return _("max. kept"), found[0]


def _ahead(asked: Access, facts: Facts, shown: Shown) -> Ahead | None:
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
        Reach(at=one.arrival.at.timestamp(), value=one.level, label=one.title)
        for one in facts.assets
        if one.arrival is not None
    ]
    del asked
    return Ahead(
        at=at,
        value=course.value,
        rate=course.rate.per_hour / HOUR,
        slack=2 * course.rate.error / HOUR,
        until=at + _AHEAD,
        reaches=reaches[:3],
    )


def _lit(
    asked: Access, facts: Facts, channels: Sequence[Channel], want: Want, shape: Shape
) -> Shape:
    """A cabinet's plan beside its power, and its lamps."""
    plan = site_light.planned(asked.connection, facts.place.name, want.shown, facts.now)
    lamps = _lamps(asked, facts, channels, want, site_light.lit(plan, want.shown))
    if plan is None and not lamps:
        return shape
    plans: dict[str, Trace] = {}
    rated = next((one.value for one in facts.limits if one.name == "cabinet_rated_power"), None)
    lines = list(shape.lines)
    mean = site_light.mean_level(lamps, max(want.shown.seconds / 96, HOUR))
    if mean is not None:
        lines.insert(1, mean)
    if plan is not None:
        for trace in lines:
            full = (
                100.0 if trace is mean else rated if trace.name.endswith("/cabinet_power") else None
            )
            if full:
                plans[trace.name] = site_light.plan_trace(plan, want.shown, trace, full)
    notes = site_light.notes(lamps, want.shown, facts.now.timestamp()) if lamps else []
    power = next((one for one in lines if one.name.endswith("/cabinet_power")), None)
    if power is not None:
        notes += site_light.energy(power, plan, rated)
    return replace(shape, lines=lines, plans=plans, lamps=lamps, notes=notes)


def _lamps(
    asked: Access,
    facts: Facts,
    channels: Sequence[Channel],
    want: Want,
    speaks: Sequence[tuple[float, float]] | None,
) -> list[Row]:
    own = [
        one
        for one in channels
        if one.lamp
        and one.quantity == "light_level"
        and (one.retired is None or one.retired > facts.now)
    ]
    rough = Want(shown=want.shown, pixels=want.pixels / 4)
    found = traces(asked.connection, own, asked.catalogue, rough, marks=False)
    troubled = frozenset(
        str(one["subject"]).removeprefix("device/") for one in facts.alarms if one["active"]
    )
    return site_light.rows(found, troubled, speaks)


def _summary(facts: Facts, shown: Shown, title: str) -> str:
    first, last = shown.moments
    return _("%(title)s of %(site)s from %(first)s to %(last)s; the table has the values") % {
        "title": title,
        "site": facts.place.title,
        "first": formats.full(first),
        "last": formats.full(last),
    }
