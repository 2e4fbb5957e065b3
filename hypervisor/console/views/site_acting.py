"""What a person does at a site: acknowledge, enter what they saw, set readings aside, undo."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.accounts.duties import Duty
from hypervisor.alarms.acts import Act, act
from hypervisor.alarms.errors import AlarmError
from hypervisor.alarms.lifecycle import Kind
from hypervisor.api.access import Access
from hypervisor.console import formats
from hypervisor.console.reader import current
from hypervisor.console.refusals import refusal
from hypervisor.console.views.chart_words import label
from hypervisor.console.views.site import local
from hypervisor.console.views.site_facts import Facts
from hypervisor.console.words import translate as _
from hypervisor.hands import acting
from hypervisor.hands.acting import Said, Told
from hypervisor.hands.naming import series_named
from hypervisor.store import audit
from hypervisor.store.audit import ActError
from hypervisor.store.pages import charting
from hypervisor.store.registry import registry
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


def fields(asked: Access, facts: Facts) -> dict[str, Any]:
    """What both forms offer: the series of the site, those of lamps last."""
    known = asked.catalogue.quantities
    several = len({one.device for one in facts.channels if not one.lamp}) > 1
    offered = [
        one
        for one in facts.channels
        if one.quantity != CLOCK_FAULT
        and one.quantity in known
        and one.retired is None
        and not one.lamp
    ]
    main = facts.main
    offered.sort(key=lambda one: (main is None or one.id != main.id, one.device, one.quantity))
    return {
        "series": [
            (
                f"{one.device}/{one.quantity}",
                label(known[one.quantity], one.quantity) + (f", {one.device}" if several else ""),
                formats.unit(known[one.quantity].unit),
            )
            for one in offered
        ],
        "zone_name": formats.zone(facts.now),
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


def acknowledge(asked: Access, site: str, alarm: int, version: int) -> str | None:
    """The same act as the API's; what was wrong, in words."""
    asked.require(Duty.OPERATE, alarm=alarm)
    del site
    what = Act(alarm=alarm, kind=Kind.ACKNOWLEDGE, author=asked.person.name, version=version)
    try:
        with asked.writing() as connection:
            act(connection, what, now=asked.clock())
    except AlarmError as error:
        return refusal(error)
    return None


def observe(asked: Access, site: str, said: Observation) -> tuple[str | None, bool]:
    """Store it; what was wrong in words, and whether it can be stored all the same."""
    try:
        value, unit = _value(asked, said)
        told = Told(
            series=_own(asked, site, said.series),
            value=value,
            unit=unit,
            time=_time(said.at),
            force=said.force,
        )
        with asked.writing() as connection:
            seen = acting.checked(registry.load(connection), asked.catalogue, told)
            acting.observe(
                connection, seen, Said(reason=said.reason, author=asked.person.name), ahead=_AHEAD
            )
    except TerritoryError as error:
        return refusal(error), _RANGE in str(error)
    return None, False


def set_aside(asked: Access, site: str, said: Span) -> str | None:
    """Invalidate a span; what was wrong, in words."""
    try:
        name = _own(asked, site, said.series)
        with asked.writing() as connection:
            series = series_named(registry.load(connection), name)
            acting.invalidate(
                connection,
                series,
                _time(said.first),
                _time(said.last),
                Said(reason=said.reason, author=asked.person.name),
            )
    except TerritoryError as error:
        return refusal(error)
    return None


def undo(asked: Access, site: str, number: int, reason: str) -> str | None:
    """Take back an act on this site's readings; what was wrong, in words."""
    try:
        found = audit.one(asked.connection, number)
        _own(asked, site, found.subject if found else "")
        with asked.writing() as connection:
            acting.undo(
                connection,
                registry.load(connection),
                number,
                Said(reason=reason, author=asked.person.name),
            )
    except TerritoryError as error:
        return refusal(error)
    return None


def _own(asked: Access, site: str, name: str) -> str:
    """The series, if it is one of this site: that is where the person was allowed to act."""
    known = {f"{one.device}/{one.quantity}" for one in charting.channels(asked.connection, [site])}
    if name not in known:
        raise ActError(f"{name!r} is no series of {site!r}; choose one that is offered")
    return name


def _value(asked: Access, said: Observation) -> tuple[float, str]:
    """187 cm, 1,87: without a unit it is in the quantity's own."""
    found = _VALUE.match(said.value)
    if found is None:
        raise ActError(
            _("“%(text)s” is no value: expected a number and its unit, such as 1.87 m")
            % {"text": said.value}
        )
    quantity = asked.catalogue.quantities.get(said.series.partition("/")[2])
    number = float(found[1].replace(",", ".").replace("\N{MINUS SIGN}", "-"))
    unit = found[2] or ""
    if not unit and quantity is not None and quantity.kind is not QuantityKind.STATE:
        raise ActError(
            _("write the unit: %(value)s %(unit)s?")
            % {"value": said.value, "unit": formats.unit(quantity.unit)}
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
