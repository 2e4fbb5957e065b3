"""What is known of a site now: the ground of its page, read once a request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from hypervisor.api.access import Access
from hypervisor.api.problems import NotFoundError
from hypervisor.console.views import site_alarms
from hypervisor.console.views.site_limits import SiteLimit, headline, limits, raised
from hypervisor.console.views.site_traces import ordered
from hypervisor.outlook.course import Course
from hypervisor.outlook.reaching import Reach, courses, reaches
from hypervisor.store.pages import charting, observing, siting
from hypervisor.store.pages.charting import Channel, Heard
from hypervisor.store.pages.siting import SitePlace
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


def facts(asked: Access, name: str) -> Facts:
    """All of it.

    Raises:
        NotFoundError: no such site is seen by this person.
    """
    place = siting.place(asked.connection, name)
    if place is None:
        near = get_close_matches(name, [row.name for row in observing.sites(asked.connection)], 1)
        hint = f"; nearest: {near[0]!r}" if near else ""
        raise NotFoundError(f"no site is named {name!r}{hint}")
    now = asked.now()
    channels = charting.channels(asked.connection, [name])
    main = main_of(channels, asked, place.domain, now)
    last = charting.heard(
        asked.connection, [one.id for one in channels if not one.lamp], (now, now)
    )
    course = _course(asked, main, now)
    values = _values(channels, last)
    rows = siting.limits(asked.connection, [name], now)
    raising = raised(written for _id, written, _at in observing.rules(asked.connection, now))
    return Facts(
        place=place,
        now=now,
        channels=channels,
        main=main,
        quantity=asked.catalogue.quantities.get(main.quantity) if main else None,
        course=course,
        last=last,
        limits=limits(rows, asked.catalogue, raising, values),
        alarms=site_alarms.viewed(asked.connection, name, wall=asked.clock()),
        assets=[
            one for one in reaches(asked.connection, asked.catalogue, now=now) if one.gauge == name
        ]
        if place.river is not None
        else [],
    )


def main_of(
    channels: Sequence[Channel], asked: Access, domain: str, now: datetime
) -> Channel | None:
    """The first line of its own domain, else its first amount, of a device in use."""
    known = asked.catalogue.quantities
    found = [
        one
        for one in ordered(channels, asked.catalogue, domain)
        if not one.lamp
        and one.quantity in known
        and one.quantity not in asked.catalogue.common
        and (one.retired is None or one.retired > now)
    ]
    lines = [one for one in found if known[one.quantity].kind in _LINE]
    return next(iter(lines or found), None)


def _course(asked: Access, main: Channel | None, now: datetime) -> Course | None:
    if main is None:
        return None
    found = courses(
        asked.connection, asked.catalogue, now=now, quantity=main.quantity, sites=[main.site]
    )
    return found.get(main.site)


def _values(channels: Sequence[Channel], last: Mapping[int, Heard]) -> dict[str, float]:
    """The newest believed value of each quantity."""
    found: dict[str, tuple[datetime, float]] = {}
    for one in channels:
        said = last.get(one.id)
        if said is None or said.last is None or said.value is None or said.quality & 7:
            continue
        if one.quantity not in found or found[one.quantity][0] < said.last:
            found[one.quantity] = (said.last, said.value)
    return {quantity: value for quantity, (_at, value) in found.items()}
