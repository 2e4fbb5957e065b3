"""Gaps in on-call cover for critical alarms, reported when routes are applied."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypervisor.base.instants import moment
from hypervisor.notifications.dispatcher import is_holiday
from hypervisor.notifications.hours import is_on_call
from hypervisor.notifications.route_file import Vocabulary
from hypervisor.notifications.routes import Route, Routes

_STEP = timedelta(minutes=15)
_AHEAD = timedelta(days=14)
_SHOWN = 5


def describe_gaps(routes: Routes, vocabulary: Vocabulary, now: int | None) -> list[str]:
    """One sentence for each domain not fully covered in the next fortnight."""
    begin = moment(now) if now is not None else datetime(2024, 1, 1, tzinfo=UTC)
    return [
        line
        for domain in sorted(vocabulary.domains)
        for line in _describe_domain(domain, routes, vocabulary, begin)
    ]


def _describe_domain(
    domain: str, routes: Routes, vocabulary: Vocabulary, begin: datetime
) -> Iterator[str]:
    fit = [route for route in routes.routes if _takes(route, domain)]
    if not fit:
        yield f"BEWARE: no route takes every critical alarm of {domain}"
        return
    spans = list(_find_gaps(fit, begin))
    zone = ZoneInfo(vocabulary.zone)
    shown = [
        f"{since.astimezone(zone):%a %d %b %H:%M} to {until.astimezone(zone):%a %H:%M}"
        for since, until in spans[:_SHOWN]
    ]
    if spans:
        when = ", ".join(shown) + (", …" if len(spans) > _SHOWN else "")
        yield f"BEWARE: nobody is on call for a critical alarm of {domain}: {when}"


def _takes(route: Route, domain: str) -> bool:
    """Whether a route takes every critical hazard of a domain, anywhere."""
    return (
        not (route.only_escalated or route.areas or route.sites or route.rules or route.labels)
        and (not route.domains or domain in route.domains)
        and (not route.categories or "hazard" in route.categories)
        and "raised" in route.events
    )


def _find_gaps(fit: list[Route], begin: datetime) -> Iterator[tuple[datetime, datetime]]:
    minute = begin.minute - begin.minute % 15
    at = first = begin.replace(minute=minute)
    since: datetime | None = None
    while at <= first + _AHEAD:
        covered = any(is_on_call(route.hours, at, route.zone, is_holiday) for route in fit)
        if covered and since is not None:
            yield since, at
            since = None
        elif not covered and since is None:
            since = at
        at += _STEP
    if since is not None:
        yield since, at
