"""What is known of a site now: the ground of its page, read once a request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.errors import NotFoundError
from hypervisor.forecast.arrival import Reach, courses, reaches
from hypervisor.forecast.trend import Course
from hypervisor.overview import views_site_alarms
from hypervisor.overview.views_site_limits import SiteLimit, headline, limits, raised
from hypervisor.overview.views_site_traces import ordered
from hypervisor.readings import queries_charts, queries_latest
from hypervisor.readings.queries_charts import Channel, Heard
from hypervisor.registry import queries_site
from hypervisor.registry.queries_site import SitePlace
from sensors._quantity import Kind, Quantity

_LINE = frozenset({Kind.GAUGE, Kind.COUNTER})


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`main`: the channel that the page is about. `last`: the newest row of each, good or not."""

    place: SitePlace
    now: datetime
    channels: Sequence[Channel]
    main: Channel | None
    quantity: Quantity | None
    course: Course | None
    last: Mapping[int, Heard]
    limits: Sequence[SiteLimit]
    alarms: Sequence[Mapping[str, Any]]
    assets: Sequence[Reach]

    @property
    def told(self) -> SiteLimit | None:
        """The threshold that the head speaks of."""
        return headline(self.limits, self.main.quantity) if self.main else None


def facts(context: RequestContext, name: str) -> Facts:
    """All of it.

    Raises:
        NotFoundError: no such site is seen by this person.
    """
    place = queries_site.place(context.connection, name)
    if place is None:
        near = get_close_matches(
            name, [row.name for row in queries_latest.sites(context.connection)], 1
        )
        hint = f"; nearest: {near[0]!r}" if near else ""
        raise NotFoundError(f"no site is named {name!r}{hint}")
    now = context.now()
    channels = queries_charts.channels(context.connection, [name])
    main = main_of(channels, context, place.domain, now)
    last = queries_charts.heard(
        context.connection, [channel.id for channel in channels if not channel.lamp], (now, now)
    )
    course = _course(context, main, now)
    values = _values(channels, last)
    rows = queries_site.limits(context.connection, [name], now)
    raising = raised(written for _id, written, _at in queries_latest.rules(context.connection, now))
    return Facts(
        place=place,
        now=now,
        channels=channels,
        main=main,
        quantity=context.catalogue.quantities.get(main.quantity) if main else None,
        course=course,
        last=last,
        limits=limits(rows, context.catalogue, raising, values),
        alarms=views_site_alarms.viewed(context.connection, name, wall=context.clock()),
        assets=[
            reach
            for reach in reaches(context.connection, context.catalogue, now=now)
            if reach.gauge == name
        ]
        if place.river is not None
        else [],
    )


def main_of(
    channels: Sequence[Channel], context: RequestContext, domain: str, now: datetime
) -> Channel | None:
    """The first line of its own domain, else its first amount, of a device in use."""
    known = context.catalogue.quantities
    found = [
        channel
        for channel in ordered(channels, context.catalogue, domain)
        if not channel.lamp
        and channel.quantity in known
        and channel.quantity not in context.catalogue.common
        and (channel.retired is None or channel.retired > now)
    ]
    lines = [channel for channel in found if known[channel.quantity].kind in _LINE]
    return next(iter(lines or found), None)


def _course(context: RequestContext, main: Channel | None, now: datetime) -> Course | None:
    if main is None:
        return None
    found = courses(
        context.connection, context.catalogue, now=now, quantity=main.quantity, sites=[main.site]
    )
    return found.get(main.site)


def _values(channels: Sequence[Channel], last: Mapping[int, Heard]) -> dict[str, float]:
    """The newest believed value of each quantity."""
    found: dict[str, tuple[datetime, float]] = {}
    for channel in channels:
        heard = last.get(channel.id)
        if heard is None or heard.last is None or heard.value is None or heard.quality & 7:
            continue
        if channel.quantity not in found or found[channel.quantity][0] < heard.last:
            found[channel.quantity] = (heard.last, heard.value)
    return {quantity: value for quantity, (_at, value) in found.items()}
