"""What a person does at a site: acknowledge, enter what they saw, set readings aside, undo."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.alarms.errors import AlarmError
from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.service import Act, perform
from hypervisor.base.duties import Duty
from hypervisor.base.reader import current
from hypervisor.base.translation import translate as _
from hypervisor.charts.words import label
from hypervisor.database import audit
from hypervisor.database.audit import ActError
from hypervisor.overview.views_site import local
from hypervisor.overview.views_site_facts import Facts
from hypervisor.readings import corrections, queries_charts
from hypervisor.readings.corrections import CorrectionResult, Said
from hypervisor.readings.names import series_named
from hypervisor.registry import queries as registry_queries
from hypervisor.web import filters
from hypervisor.web.refusals import refusal
from sensors._errors import TerritoryError
from sensors._quantity import CLOCK_FAULT
from sensors._quantity import Kind as QuantityKind

_AHEAD = timedelta(minutes=5)
_VALUE = re.compile(r"^\s*([+\-\u2212]?\d+(?:[.,]\d+)?)\s*(\S.*?)?\s*$")
_RANGE = "outside"  # how the hands say that a value is out of range
_USUAL_SPAN = timedelta(hours=1)
_UNITS = {"°C": "Cel", "m³/s": "m3/s"}


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A form as it was filled in."""

    series: str
    value: str
    at: str
    reason: str
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class Span:
    """The same of readings to be set aside."""

    series: str
    first: str
    last: str
    reason: str


def fields(context: RequestContext, facts: Facts) -> dict[str, Any]:
    """What both forms offer: the series of the site, those of lamps last."""
    known = context.catalogue.quantities
    several = len({channel.device for channel in facts.channels if not channel.lamp}) > 1
    offered = [
        channel
        for channel in facts.channels
        if channel.quantity != CLOCK_FAULT
        and channel.quantity in known
        and channel.retired is None
        and not channel.lamp
    ]
    main = facts.main
    offered.sort(key=lambda one: (main is None or one.id != main.id, one.device, one.quantity))
    return {
        "series": [
            (
                f"{one.device}/{one.quantity}",
                label(known[one.quantity], one.quantity) + (f", {one.device}" if several else ""),
                filters.unit(known[one.quantity].unit),
            )
            for one in offered
        ],
        "zone_name": filters.zone(facts.now),
    }


def blank_observation(facts: Facts) -> dict[str, Any]:
    return {"series": _main(facts), "value": "", "at": local(facts.now), "reason": ""}


def blank_aside(facts: Facts, first: datetime | None, last: datetime | None) -> dict[str, Any]:
    return {
        "series": _main(facts),
        "first": local(first or facts.now - _USUAL_SPAN, seconds=True),
        "last": local(last or facts.now, seconds=True),
        "reason": "",
    }


def _main(facts: Facts) -> str:
    return f"{facts.main.device}/{facts.main.quantity}" if facts.main else ""


def acknowledge(context: RequestContext, site: str, alarm: int, version: int) -> str | None:
    """The same act as the API's; what was wrong, in words."""
    context.require(Duty.OPERATE, alarm=alarm)
    del site
    what = Act(alarm=alarm, kind=ActKind.ACKNOWLEDGE, author=context.person.name, version=version)
    try:
        with context.writing() as connection:
            perform(connection, what, now=context.clock())
    except AlarmError as error:
        return refusal(error)
    return None


def observe(context: RequestContext, site: str, said: Observation) -> tuple[str | None, bool]:
    """Store it; what was wrong in words, and whether it can be stored all the same."""
    try:
        value, unit = _value(context, said)
        told = CorrectionResult(
            series=_own(context, site, said.series),
            value=value,
            unit=unit,
            time=_time(said.at),
            force=said.force,
        )
        with context.writing() as connection:
            seen = corrections.checked(registry_queries.load(connection), context.catalogue, told)
            corrections.observe(
                connection, seen, Said(reason=said.reason, author=context.person.name), ahead=_AHEAD
            )
    except TerritoryError as error:
        return refusal(error), _RANGE in str(error)
    return None, False


def set_aside(context: RequestContext, site: str, said: Span) -> str | None:
    """Invalidate a span; what was wrong, in words."""
    try:
        name = _own(context, site, said.series)
        with context.writing() as connection:
            series = series_named(registry_queries.load(connection), name)
            corrections.invalidate(
                connection,
                series,
                _time(said.first),
                _time(said.last),
                Said(reason=said.reason, author=context.person.name),
            )
    except TerritoryError as error:
        return refusal(error)
    return None


def undo(context: RequestContext, site: str, number: int, reason: str) -> str | None:
    """Take back an act on this site's readings; what was wrong, in words."""
    try:
        found = audit.get_act(context.connection, number)
        _own(context, site, found.subject if found else "")
        with context.writing() as connection:
            corrections.undo(
                connection,
                registry_queries.load(connection),
                number,
                Said(reason=reason, author=context.person.name),
            )
    except TerritoryError as error:
        return refusal(error)
    return None


def _own(context: RequestContext, site: str, name: str) -> str:
    """The series, if it is one of this site: that is where the person was allowed to act."""
    known = {
        f"{channel.device}/{channel.quantity}"
        for channel in queries_charts.channels(context.connection, [site])
    }
    if name not in known:
        raise ActError(f"{name!r} is no series of {site!r}; choose one that is offered")
    return name


def _value(context: RequestContext, said: Observation) -> tuple[float, str]:
    """187 cm, 1,87: without a unit it is in the quantity's own."""
    match = _VALUE.match(said.value)
    if match is None:
        raise ActError(
            _("“%(text)s” is no value: expected a number and its unit, such as 1.87 m")
            % {"text": said.value}
        )
    quantity = context.catalogue.quantities.get(said.series.partition("/")[2])
    number = float(match[1].replace(",", ".").replace("\N{MINUS SIGN}", "-"))
    unit = match[2] or ""
    if not unit and quantity is not None and quantity.kind is not QuantityKind.STATE:
        raise ActError(
            _("write the unit: %(value)s %(unit)s?")
            % {"value": said.value, "unit": filters.unit(quantity.unit)}
        )
    if not unit and quantity is not None:
        unit = quantity.unit
    return number, _UNITS.get(unit, unit)


def _time(said: str) -> datetime:
    """Local time of the instance, as the field has it."""
    try:
        found = datetime.fromisoformat(said)
    except ValueError as error:
        raise ActError(_("“%(text)s” is no time") % {"text": said}) from error
    return found if found.tzinfo else found.replace(tzinfo=current().zone)
