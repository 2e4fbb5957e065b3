"""Everything about a site at present, read once per request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.errors import NotFoundError
from hypervisor.forecast.arrival import Reach, list_courses, list_reaches
from hypervisor.forecast.trend import Course
from hypervisor.overview import views_site_alarms
from hypervisor.overview.views_site_limits import (
    SiteLimit,
    compute_limits,
    find_threshold_rules,
    pick_headline,
)
from hypervisor.overview.views_site_traces import sort_channels
from hypervisor.readings import queries_charts, queries_latest
from hypervisor.readings.queries_charts import Channel, Reception
from hypervisor.registry import queries_site
from hypervisor.registry.queries_site import SitePlace
from sensors._nearest import did_you_mean
from sensors._quantity import Kind, Quantity

_LINE = frozenset({Kind.GAUGE, Kind.COUNTER})


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`main`: the channel of the headline. `last`: the newest reading by channel, valid or not."""

    place: SitePlace
    now: datetime
    channels: Sequence[Channel]
    main: Channel | None
    quantity: Quantity | None
    course: Course | None
    last: Mapping[int, Reception]
    limits: Sequence[SiteLimit]
    alarms: Sequence[Mapping[str, Any]]
    assets: Sequence[Reach]

    @property
    def headline_limit(self) -> SiteLimit | None:
        """The threshold that the head of the page names."""
        return pick_headline(self.limits, self.main.quantity) if self.main else None


def load_facts(context: RequestContext, name: str) -> Facts:
    """Read them.

    Raises:
        NotFoundError: the account sees no such site.
    """
    place = queries_site.load_site(context.connection, name)
    if place is None:
        names = [row.name for row in queries_latest.list_sites(context.connection)]
        raise NotFoundError(f"no site is named {name!r}{did_you_mean(name, names)}")
    now = context.now()
    channels = queries_charts.list_channels(context.connection, [name])
    main = pick_main(channels, context, place.domain, now)
    last = queries_charts.read_reception(
        context.connection, [channel.id for channel in channels if not channel.lamp], (now, now)
    )
    course = _course(context, main, now)
    values = _values(channels, last)
    rows = queries_site.list_thresholds(context.connection, [name], now)
    raising = find_threshold_rules(
        written for _id, written, _at in queries_latest.list_rules(context.connection, now)
    )
    return Facts(
        place=place,
        now=now,
        channels=channels,
        main=main,
        quantity=context.catalogue.quantities.get(main.quantity) if main else None,
        course=course,
        last=last,
        limits=compute_limits(rows, context.catalogue, raising, values),
        alarms=views_site_alarms.load_alarms(context.connection, name, wall=context.clock()),
        assets=[
            reach
            for reach in list_reaches(context.connection, context.catalogue, now=now)
            if reach.gauge == name
        ]
        if place.river is not None
        else [],
    )


def pick_main(
    channels: Sequence[Channel], context: RequestContext, domain: str, now: datetime
) -> Channel | None:
    """The first gauge or counter of its own domain, else its first quantity, of a device in use."""
    quantities = context.catalogue.quantities
    in_use = [
        channel
        for channel in sort_channels(channels, context.catalogue, domain)
        if not channel.lamp
        and channel.quantity in quantities
        and channel.quantity not in context.catalogue.common
        and (channel.retired is None or channel.retired > now)
    ]
    lines = [channel for channel in in_use if quantities[channel.quantity].kind in _LINE]
    return next(iter(lines or in_use), None)


def _course(context: RequestContext, main: Channel | None, now: datetime) -> Course | None:
    if main is None:
        return None
    by_site = list_courses(
        context.connection, context.catalogue, now=now, quantity=main.quantity, sites=[main.site]
    )
    return by_site.get(main.site)


def _values(channels: Sequence[Channel], last: Mapping[int, Reception]) -> dict[str, float]:
    """The newest valid value of each quantity."""
    newest: dict[str, tuple[datetime, float]] = {}
    for channel in channels:
        heard = last.get(channel.id)
        if heard is None or heard.last is None or heard.value is None or heard.quality & 7:
            continue
        if channel.quantity not in newest or newest[channel.quantity][0] < heard.last:
            newest[channel.quantity] = (heard.last, heard.value)
    return {quantity: value for quantity, (_at, value) in newest.items()}
