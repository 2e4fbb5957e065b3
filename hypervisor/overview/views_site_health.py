"""Health of the devices of a site: last reading, share received, battery, delay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.access.context import RequestContext
from hypervisor.base.instance import Mode
from hypervisor.overview.views_site_facts import Facts
from hypervisor.readings import queries_charts
from hypervisor.readings.queries_charts import Channel, Reception
from hypervisor.registry import queries_site
from hypervisor.registry.queries_site import SiteDevice
from sensors._quality import Quality
from sensors._quantity import CLOCK_FAULT, STALE_INTERVALS, Kind, Reporting

WEEK = timedelta(days=7)
_BATTERY = "battery"
_SHARE = 0.8  # of the expected readings, below which a device is weak
_LOW = 20.0  # % of a battery


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
        if self.faults or battery_low or (self.share is not None and self.share < _SHARE):
            return "weak"
        return "well"


@dataclass(frozen=True, kw_only=True)
class Lamps:
    """Summary of the lamps of a cabinet."""

    count: int
    heard: int
    silent: Sequence[str]


def list_health(context: RequestContext, facts: Facts) -> list[Health]:
    """The devices of a site without lamps."""
    rows = queries_site.list_site_devices(context.connection, facts.place.name, facts.now)
    own = [channel for channel in facts.channels if not channel.lamp]
    week = queries_charts.read_reception(
        context.connection, [channel.id for channel in own], (facts.now - WEEK, facts.now)
    )
    return [
        _device_health(
            context, facts, row, [channel for channel in own if channel.device == row.name], week
        )
        for row in rows
        if not row.lamp
    ]


def _device_health(
    context: RequestContext,
    facts: Facts,
    row: SiteDevice,
    channels: Sequence[Channel],
    week: dict[int, Reception],
) -> Health:
    quantities = context.catalogue.quantities
    spoken = [
        channel for channel in channels if channel.quantity != CLOCK_FAULT and week[channel.id].last
    ]
    newest = max(spoken, key=lambda channel: week[channel.id].last or facts.now, default=None)
    periodic = [
        channel
        for channel in channels
        if channel.quantity in quantities
        and channel.quantity not in context.catalogue.common
        and quantities[channel.quantity].reporting is Reporting.PERIODIC
        and quantities[channel.quantity].kind is not Kind.STATE
    ]
    own = facts.main.id if facts.main else None
    main = next(
        (channel for channel in periodic if channel.id == own), periodic[0] if periodic else None
    )
    interval = None
    if main is not None:
        interval = main.interval_s or quantities[main.quantity].interval.total_seconds()
    battery = next(
        (week[channel.id].value for channel in channels if channel.quantity == _BATTERY), None
    )
    faults = next(
        (week[channel.id].faults for channel in channels if channel.quantity == CLOCK_FAULT), 0
    )
    last = week[newest.id].last if newest else None
    limit = None if interval is None or main is None else main.stale_s or interval * STALE_INTERVALS
    return Health(
        device=row,
        last=last,
        quality=Quality(week[newest.id].quality) if newest else Quality.GOOD,
        interval_s=interval,
        share=None if main is None else _share(week[main.id], row, interval or 0, context, facts),
        battery=battery,
        delay_s=None if main is None else week[main.id].delay_s,
        faults=round(faults),
        stale=limit is not None and (last is None or (facts.now - last).total_seconds() > limit),
    )


def _share(
    heard: Reception, row: SiteDevice, interval: float, context: RequestContext, facts: Facts
) -> float | None:
    """Share of a week or since commissioning; None if that is too short.

    In an exercise, the time starts with the first reading.
    """
    since = max(facts.now - WEEK, row.commissioned)
    if context.instance.mode is Mode.EXERCISE and heard.first is not None:
        since = max(since, heard.first)
    expected = (facts.now - since).total_seconds() / interval if interval else 0
    return min(heard.rows / expected, 1.0) if expected >= 4 else None


def lamps(facts: Facts, last: dict[int, Reception]) -> Lamps | None:
    """The lamps behind a cabinet."""
    own = [
        channel for channel in facts.channels if channel.lamp and channel.quantity == "light_level"
    ]
    if not own:
        return None
    silent = [
        channel.device
        for channel in own
        if last[channel.id].last is None
        or (facts.now - (last[channel.id].last or facts.now)) > timedelta(hours=26)
    ]
    return Lamps(count=len(own), heard=len(own) - len(silent), silent=silent)
