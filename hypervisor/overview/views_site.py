"""The page of a site: its head, its thresholds, the health of its devices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.instance import Mode
from hypervisor.base.translation import translate as _
from hypervisor.charts.words import code_word, display_unit, limit_label, short_limit_label
from hypervisor.overview import views_site_alarms
from hypervisor.overview.views_site_facts import Facts, SiteLimit
from hypervisor.overview.views_site_traces import digits, interval_s, silence_s
from hypervisor.overview.views_site_upstream import format_rate
from hypervisor.readings import queries_charts
from hypervisor.readings.queries_charts import Channel, Reception
from hypervisor.registry import queries_site
from hypervisor.registry.queries_site import SiteDevice
from hypervisor.web import filters
from hypervisor.web.refusals import refusal
from sensors._domain import Catalogue
from sensors._quality import Quality
from sensors._quantity import CLOCK_FAULT, Kind, Reporting

_SHOWN_LIMITS = 8
_WEEK = timedelta(days=7)
_SHARE = 0.8  # of the expected readings, below which a device is weak
_LOW = 20.0  # % of a battery


@dataclass(frozen=True, kw_only=True)
class Head:
    """The head of the page. `waiting`: the alarm that the button acknowledges; `slope` per hour."""

    address: str
    value: str | None
    at: datetime | None
    stale: bool
    margin: str | None
    against: str
    rate: str
    slope: float | None
    worst: Mapping[str, Any] | None
    waiting: Mapping[str, Any] | None
    waiting_title: str


def build_head(context: RequestContext, facts: Facts) -> Head:
    """Compare the newest value with the thresholds."""
    course, quantity, limit = facts.course, facts.quantity, facts.headline_limit
    at = course.time if course else None
    stale = False
    if facts.main is not None and quantity is not None and at is not None:
        stale = (facts.now - at).total_seconds() > silence_s(facts.main, quantity)
    waiting = views_site_alarms.pick_waiting(facts.alarms)
    rate = course.rate if course else None
    metres = quantity is not None and quantity.unit == "m"
    return Head(
        address=f"/sites/{facts.place.name}",
        value=_newest_value(facts),
        at=at,
        stale=stale,
        margin=None
        if limit is None or limit.margin is None
        else _format_margin(limit, context.catalogue),
        against="" if limit is None else describe_margin(context.catalogue, limit),
        rate="" if stale else _describe_rate(facts),
        slope=None if rate is None else rate.per_hour * (100 if metres else 1),
        worst=views_site_alarms.pick_worst(facts.alarms),
        waiting=waiting,
        waiting_title=views_site_alarms.short_title(waiting, facts.place.title) if waiting else "",
    )


def _describe_rate(facts: Facts) -> str:
    """The trend; empty for quantities that are rates themselves."""
    course, quantity = facts.course, facts.quantity
    if course is None or course.rate is None or course.unit.endswith("/h"):
        return ""
    if quantity is None or quantity.kind is not Kind.GAUGE:
        return ""
    return _("%(rate)s over 3 h") % {"rate": format_rate(course)}


def _newest_value(facts: Facts) -> str | None:
    """The newest valid value as text."""
    main, quantity, course = facts.main, facts.quantity, facts.course
    if main is None or quantity is None or course is None:
        return None
    if quantity.codes:
        return code_word(quantity.codes.get(round(course.value), ""))
    text = filters.value(course.value, display_unit(quantity.unit) or None, digits(quantity))
    if quantity.kind is Kind.INCREMENT:
        span = filters.duration(interval_s(main, quantity))
        text = _("%(value)s in %(span)s") % {"value": text, "span": span}
    return text


def describe_margin(catalogue: Catalogue, limit: SiteLimit) -> str:
    """The threshold that the margin refers to, as text."""
    name = short_limit_label(catalogue.thresholds.get(limit.name), limit.name)
    if (limit.margin or 0) > 0:
        return _("above threshold “%(name)s”") % {"name": name}
    return _("below threshold “%(name)s”") % {"name": name}


def _format_margin(limit: SiteLimit, catalogue: Catalogue) -> str:
    if limit.margin is None or limit.priority is None:
        return filters.NOTHING
    places = digits(catalogue.quantities.get(limit.quantity))
    return filters.signed(limit.margin, display_unit(limit.unit) or None, places)


@dataclass(frozen=True, kw_only=True)
class LimitRow:
    """A row of the table of thresholds."""

    limit: SiteLimit
    label: str
    title: str
    value: str
    gap: str


def build_limit_rows(context: RequestContext, facts: Facts) -> dict[str, Any]:
    """The thresholds of quantities, then those of rates and sums; and who set the latest."""
    rows = [_limit_row(context, limit) for limit in facts.limits]
    shown = ([row for row in rows if row.limit.plain] or rows)[:_SHOWN_LIMITS]
    latest = max(facts.limits, key=lambda limit: (limit.revisions, limit.effective), default=None)
    source = ""
    if latest is not None:
        parts = {
            "author": latest.author,
            "reason": refusal(latest.reason),
            "count": latest.revisions - 1,
        }
        source = (
            _("%(author)s, %(reason)s; changed %(count)s times")
            if latest.revisions > 1
            else _("Set by %(author)s: %(reason)s.")
        ) % parts
    return {"shown": shown, "rest": [row for row in rows if row not in shown], "source": source}


def _limit_row(context: RequestContext, limit: SiteLimit) -> LimitRow:
    threshold = context.catalogue.thresholds.get(limit.name)
    title = limit_label(threshold, limit.name)
    places = digits(context.catalogue.quantities.get(limit.quantity)) if limit.plain else None
    return LimitRow(
        limit=limit,
        label=short_limit_label(threshold, limit.name),
        title=title[:1].upper() + title[1:],
        value=filters.value(limit.value, display_unit(limit.unit) or None, places),
        gap=_format_margin(limit, context.catalogue),
    )


def format_quality(flags: Quality) -> str:
    """Quality flags as text."""
    words = {
        Quality.OUT_OF_RANGE: _("out of range"),
        Quality.SENSOR_FAULT: _("sensor fault"),
        Quality.INVALIDATED: _("set aside"),
        Quality.SATURATED: _("at least"),
        Quality.DOUBTFUL: _("doubtful"),
        Quality.MANUAL: _("manual"),
    }
    labels = [word for flag, word in words.items() if flags & flag]
    return ", ".join(labels) or _("good")


def device_states() -> dict[str, str]:
    return {
        "well": _("well"),
        "weak": _("needs attention"),
        "silent": _("silent"),
        "out": _("out of service"),
        "retired": _("retired"),
    }


@dataclass(frozen=True, kw_only=True)
class Health:
    """One device. `share`: received / expected readings of a week, 0 to 1.

    `delay_s`: usual time from measurement to arrival. `faults`: messages with a refused time.
    """

    device: SiteDevice
    last: datetime | None
    quality: Quality
    interval_s: float | None
    share: float | None
    battery: float | None
    delay_s: float | None
    faults: int
    stale: bool

    @property
    def state(self) -> str:
        """retired, out, silent, weak or well."""
        if self.device.retired is not None:
            return "retired"
        if not self.device.in_service:
            return "out"
        if self.last is None or self.stale:
            return "silent"
        battery_low = self.battery is not None and self.battery < _LOW
        if self.quality & Quality.SUSPECT:
            return "weak"
        if self.faults or battery_low or (self.share is not None and self.share < _SHARE):
            return "weak"
        return "well"


def list_health(context: RequestContext, facts: Facts) -> list[Health]:
    """The devices of a site without lamps."""
    devices = queries_site.list_site_devices(context.connection, facts.place.name, facts.now)
    own = [channel for channel in facts.channels if not channel.lamp]
    ids = [channel.id for channel in own]
    week = queries_charts.read_reception(context.connection, ids, (facts.now - _WEEK, facts.now))
    return [
        _device_health(context, facts, device, channels, week)
        for device in devices
        if not device.lamp
        for channels in [[channel for channel in own if channel.device == device.name]]
    ]


def _device_health(
    context: RequestContext,
    facts: Facts,
    device: SiteDevice,
    channels: Sequence[Channel],
    week: Mapping[int, Reception],
) -> Health:
    """`week`: what was received of each channel."""
    by_quantity = {channel.quantity: week[channel.id] for channel in channels}
    battery, clock = by_quantity.get("battery"), by_quantity.get(CLOCK_FAULT)
    heard = [
        reception
        for quantity, reception in by_quantity.items()
        if quantity != CLOCK_FAULT and reception.last is not None
    ]
    newest = max(heard, key=lambda reception: reception.last or facts.now, default=None)
    last = newest.last if newest else None
    main = _pick_periodic(context, facts, channels)
    interval = share = delay = limit = None
    if main is not None:
        quantity = context.catalogue.quantities[main.quantity]
        interval, limit = interval_s(main, quantity), silence_s(main, quantity)
        share = _share(week[main.id], device, interval, context, facts)
        delay = week[main.id].delay_s
    return Health(
        device=device,
        last=last,
        quality=Quality(newest.quality) if newest else Quality.GOOD,
        interval_s=interval,
        share=share,
        battery=battery.value if battery else None,
        delay_s=delay,
        faults=round(clock.faults) if clock else 0,
        stale=limit is not None and (last is None or (facts.now - last).total_seconds() > limit),
    )


def _pick_periodic(
    context: RequestContext, facts: Facts, channels: Sequence[Channel]
) -> Channel | None:
    """The site's main channel, else the first that reports periodically."""
    quantities = context.catalogue.quantities
    periodic = [
        channel
        for channel in channels
        if channel.quantity in quantities
        and channel.quantity not in context.catalogue.common
        and quantities[channel.quantity].reporting is Reporting.PERIODIC
        and quantities[channel.quantity].kind is not Kind.STATE
    ]
    return next(
        (channel for channel in periodic if channel == facts.main), next(iter(periodic), None)
    )


def _share(
    heard: Reception, device: SiteDevice, interval: float, context: RequestContext, facts: Facts
) -> float | None:
    """Share of a week or since commissioning; None if that is too short.

    In an exercise, the time starts with the first reading.
    """
    since = max(facts.now - _WEEK, device.commissioned)
    if context.instance.mode is Mode.EXERCISE and heard.first is not None:
        since = max(since, heard.first)
    expected = (facts.now - since).total_seconds() / interval if interval else 0
    return min(heard.rows / expected, 1.0) if expected >= 4 else None
