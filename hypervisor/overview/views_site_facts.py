"""A site at present, read once per request: devices, newest values, thresholds, alarms, assets."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.errors import NotFoundError
from hypervisor.forecast.arrival import Reach, list_courses, list_reaches
from hypervisor.forecast.record import FORECAST
from hypervisor.forecast.trend import Course
from hypervisor.overview import views_site_alarms
from hypervisor.overview.views_site_traces import is_amount, sort_channels
from hypervisor.readings import queries_charts, queries_latest
from hypervisor.readings.queries_charts import Channel, Reception
from hypervisor.registry import queries_site
from hypervisor.registry.queries_site import SitePlace, ThresholdRow
from hypervisor.web import marks
from sensors._domain import Catalogue
from sensors._nearest import did_you_mean
from sensors._quality import Quality
from sensors._quantity import Kind, Quantity
from sensors._units import UnitError, convert

_COMPARED = re.compile(r"^\s*(\w+)\s*([<>])=?\s*threshold\.(\w+)\s*$")
_USUAL = "alert"  # the preferred threshold for margins


@dataclass(frozen=True, kw_only=True)
class ThresholdRule:
    """A rule that compares a quantity with a threshold; `above` False: raised below it."""

    quantity: str
    priority: int
    above: bool


@dataclass(frozen=True, kw_only=True)
class SiteLimit(ThresholdRow):
    """A threshold as the page shows it. `value`: in the unit of its quantity if it has one.

    `plain`: of the quantity itself, not its rate or sums. `margin`: value minus threshold.
    """

    quantity: str
    plain: bool
    priority: int | None
    above: bool
    margin: float | None

    @property
    def passed(self) -> bool:
        if self.margin is None or self.priority is None:
            return False
        return self.margin > 0 if self.above else self.margin < 0


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

    @property
    def forecast(self) -> bool:
        """Whether something that can be forecast is measured here."""
        return any(channel.quantity in FORECAST for channel in self.channels)

    def in_use(self, channel: Channel) -> bool:
        return channel.retired is None or channel.retired > self.now


def load_facts(context: RequestContext, name: str) -> Facts:
    """Read them. Raises NotFoundError: the account sees no such site."""
    connection, catalogue, now = context.connection, context.catalogue, context.now()
    place = queries_site.load_site(connection, name)
    if place is None:
        names = [row.name for row in queries_latest.list_sites(connection)]
        raise NotFoundError("no site is named {name!r}{hint}", name, did_you_mean(name, names))
    channels = queries_charts.list_channels(connection, [name])
    main = pick_main(channels, context, place.domain, now)
    ids = [channel.id for channel in channels if not channel.lamp]
    last = queries_charts.read_reception(connection, ids, (now, now))
    courses = (
        list_courses(connection, catalogue, now=now, quantity=main.quantity, sites=[main.site])
        if main
        else {}
    )
    reaches = list_reaches(connection, catalogue, now=now) if place.river is not None else []
    return Facts(
        place=place,
        now=now,
        channels=channels,
        main=main,
        quantity=catalogue.quantities.get(main.quantity) if main else None,
        course=courses.get(name),
        last=last,
        limits=load_limits(context, [name])(name, _values(channels, last)),
        alarms=views_site_alarms.load_alarms(connection, name, wall=context.clock()),
        assets=[reach for reach in reaches if reach.gauge == name],
    )


def pick_main(
    channels: Sequence[Channel], context: RequestContext, domain: str, now: datetime
) -> Channel | None:
    """The first gauge of its own domain, else its first quantity, of a device in use."""
    quantities = context.catalogue.quantities
    in_use = [
        channel
        for channel in sort_channels(channels, context.catalogue, domain)
        if not channel.lamp
        and channel.quantity in quantities
        and channel.quantity not in context.catalogue.common
        and (channel.retired is None or channel.retired > now)
    ]
    lines = [each for each in in_use if quantities[each.quantity].kind is Kind.GAUGE]
    return next(iter(lines or in_use), None)


def _values(channels: Sequence[Channel], last: Mapping[int, Reception]) -> dict[str, float]:
    """The newest valid value of each quantity."""
    newest: dict[str, tuple[datetime, float]] = {}
    for channel in channels:
        heard = last.get(channel.id)
        if heard is None or heard.last is None or heard.value is None:
            continue
        if heard.quality & Quality.SUSPECT:
            continue
        if channel.quantity not in newest or newest[channel.quantity][0] < heard.last:
            newest[channel.quantity] = (heard.last, heard.value)
    return {quantity: value for quantity, (_at, value) in newest.items()}


def load_limits(
    context: RequestContext, sites: Sequence[str]
) -> Callable[[str, Mapping[str, float]], list[SiteLimit]]:
    """A function of a site and its newest values, by quantity: its thresholds with margins."""
    rows = queries_site.list_thresholds(context.connection, sites, context.now())
    rules = queries_latest.list_rules(context.connection, context.now())
    raising = find_threshold_rules(written for _id, written, _at in rules)

    def limits_of(site: str, values: Mapping[str, float]) -> list[SiteLimit]:
        own = [row for row in rows if row.site == site]
        return compute_limits(own, context.catalogue, raising, values)

    return limits_of


def find_threshold_rules(rules: Iterable[Mapping[str, Any]]) -> dict[str, ThresholdRule]:
    """Threshold -> the rule that compares with it, from rules in their source form."""
    by_threshold: dict[str, ThresholdRule] = {}
    for rule in rules:
        for step in (rule, *(rule.get("steps") or ())):
            match = _COMPARED.match(str(step.get("when") or ""))
            if match:
                priority = marks.priority(str(step.get("severity")))
                raises = ThresholdRule(quantity=match[1], priority=priority, above=match[2] == ">")
                by_threshold.setdefault(match[3], raises)
    return by_threshold


def compute_limits(
    rows: Sequence[ThresholdRow],
    catalogue: Catalogue,
    raising: Mapping[str, ThresholdRule],
    values: Mapping[str, float],
) -> list[SiteLimit]:
    """Thresholds with their margins to the newest values, by quantity, highest first."""
    site_limits = [_site_limit(row, catalogue, raising, values) for row in rows]
    rank = {name: number for number, name in enumerate(catalogue.quantities)}
    return sorted(
        site_limits,
        key=lambda limit: (
            not limit.plain,
            limit.priority is None,
            rank.get(limit.quantity, 999),
            -limit.value,
        ),
    )


def _site_limit(
    row: ThresholdRow,
    catalogue: Catalogue,
    raising: Mapping[str, ThresholdRule],
    values: Mapping[str, float],
) -> SiteLimit:
    threshold = catalogue.thresholds.get(row.name)
    raises = raising.get(row.name)
    name = row.quantity or (threshold.quantity if threshold else raises.quantity if raises else "")
    quantity = catalogue.quantities.get(name)
    value, unit, plain = row.value, row.unit, False
    if quantity is not None and not is_amount(quantity.kind):
        try:
            value, unit, plain = convert(row.value, row.unit, quantity.unit), quantity.unit, True
        except UnitError:
            plain = False
    derived = {
        "quantity": name,
        "value": value,
        "unit": unit,
        "plain": plain,
        "priority": raises.priority if raises and plain else None,
        "above": raises.above if raises else True,
        "margin": values[name] - value if plain and name in values else None,
    }
    return SiteLimit(**{**vars(row), **derived})


def pick_reference(site_limits: Sequence[SiteLimit], quantity: str) -> SiteLimit | None:
    """The threshold for margins: `alert`, else the middle one of those that raise alarms."""
    own = _raising(site_limits, quantity)
    usual = next((limit for limit in own if limit.name == _USUAL), None)
    if usual or not own:
        return usual
    return sorted(own, key=lambda limit: limit.value)[len(own) // 2]


def pick_headline(site_limits: Sequence[SiteLimit], quantity: str) -> SiteLimit | None:
    """The threshold for the head of the page: the worst passed, else the nearest."""
    own = [limit for limit in _raising(site_limits, quantity) if limit.margin is not None]
    passed = [limit for limit in own if limit.passed]
    if passed:
        return min(passed, key=lambda limit: (limit.priority or 9, abs(limit.margin or 0)))
    return min(own, key=lambda limit: abs(limit.margin or 0), default=None)


def _raising(site_limits: Sequence[SiteLimit], quantity: str) -> list[SiteLimit]:
    """The thresholds of a quantity at which a rule raises an alarm."""
    return [
        limit
        for limit in site_limits
        if limit.plain and limit.quantity == quantity and limit.priority
    ]
