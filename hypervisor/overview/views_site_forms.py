"""Forms of a site: acknowledge, manual reading, set readings aside, undo."""

import re
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from hypervisor.access.context import RequestContext
from hypervisor.alarms.errors import AlarmError
from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.service import Act, perform
from hypervisor.base.duties import Duty
from hypervisor.base.reader import current
from hypervisor.base.translation import translate as _
from hypervisor.charts.words import quantity_label
from hypervisor.database import audit
from hypervisor.database.audit import ActError
from hypervisor.overview.views_site_facts import Facts
from hypervisor.readings import corrections, queries_charts
from hypervisor.readings.corrections import Attribution, ObservationRequest, find_series
from hypervisor.registry import queries as registry_queries
from hypervisor.web import filters, times
from hypervisor.web.refusals import refusal
from sensors._errors import TerritoryError
from sensors._quantity import CLOCK_FAULT
from sensors._quantity import Kind as QuantityKind

_AHEAD = timedelta(minutes=5)
_VALUE = re.compile(r"([+\-\u2212]?\d++(?:[.,]\d++)?)\s*+(.*)")
_RANGE = "outside"  # how corrections report a value out of range
_USUAL_SPAN = timedelta(hours=1)
_UNITS = {"°C": "Cel", "m³/s": "m3/s"}


class Observation(BaseModel):
    """The form of a manual reading, as submitted."""

    series: str = ""
    value: str = ""
    at: str = ""
    reason: str = ""
    force: bool = False


class Span(BaseModel):
    """The form to set readings aside, as submitted."""

    series: str = ""
    first: str = ""
    last: str = ""
    reason: str = ""


def fields(context: RequestContext, facts: Facts) -> dict[str, Any]:
    """The series that both forms offer, without lamps."""
    quantities = context.catalogue.quantities
    several = len({channel.device for channel in facts.channels if not channel.lamp}) > 1
    offered = [
        channel
        for channel in facts.channels
        if channel.quantity != CLOCK_FAULT
        and channel.quantity in quantities
        and channel.retired is None
        and not channel.lamp
    ]
    offered.sort(key=lambda channel: (channel != facts.main, channel.device, channel.quantity))
    return {
        "series": [
            (
                f"{channel.device}/{channel.quantity}",
                quantity_label(quantities[channel.quantity], channel.quantity)
                + (f", {channel.device}" if several else ""),
                filters.unit(quantities[channel.quantity].unit),
            )
            for channel in offered
        ],
        "zone_name": filters.zone(facts.now),
    }


def blank_observation(facts: Facts) -> dict[str, Any]:
    return {"series": _main(facts), "value": "", "at": format_field_time(facts.now), "reason": ""}


def blank_aside(facts: Facts, first: datetime | None, last: datetime | None) -> dict[str, Any]:
    return {
        "series": _main(facts),
        "first": format_field_time(first or facts.now - _USUAL_SPAN, seconds=True),
        "last": format_field_time(last or facts.now, seconds=True),
        "reason": "",
    }


def format_field_time(at: datetime, *, seconds: bool = False) -> str:
    """A value for a datetime-local input."""
    return f"{current().local(at):%Y-%m-%dT%H:%M:%S}"[: 19 if seconds else 16]


def _main(facts: Facts) -> str:
    return f"{facts.main.device}/{facts.main.quantity}" if facts.main else ""


def acknowledge(context: RequestContext, alarm: int, version: int) -> str | None:
    """Acknowledge as the API does; return the refusal as text."""
    context.require(Duty.OPERATE, alarm=alarm)
    what = Act(alarm=alarm, kind=ActKind.ACKNOWLEDGE, author=context.person.name, version=version)
    try:
        with context.writing() as connection:
            perform(connection, what, now=context.clock())
    except AlarmError as error:
        return refusal(error)
    return None


def observe(context: RequestContext, site: str, form: Observation) -> tuple[str | None, bool]:
    """Store it; return the refusal as text, and whether it can be forced."""
    try:
        value, unit = _value(context, form)
        correction = ObservationRequest(
            series=_own(context, site, form.series),
            value=value,
            unit=unit,
            time=_time(form.at),
            force=form.force,
        )
        with context.writing() as connection:
            seen = corrections.check_observation(
                registry_queries.load(connection), context.catalogue, correction
            )
            corrections.observe(connection, seen, _attribution(context, form.reason), ahead=_AHEAD)
    except TerritoryError as error:
        return refusal(error), _RANGE in str(error)
    return None, False


def set_aside(context: RequestContext, site: str, form: Span) -> str | None:
    """Invalidate a span; return the refusal as text."""
    try:
        name = _own(context, site, form.series)
        with context.writing() as connection:
            series = find_series(registry_queries.load(connection), name)
            span = (_time(form.first), _time(form.last))
            corrections.invalidate(connection, series, *span, _attribution(context, form.reason))
    except TerritoryError as error:
        return refusal(error)
    return None


def undo(context: RequestContext, site: str, number: int, reason: str) -> str | None:
    """Undo a correction of this site's readings; return the refusal as text."""
    try:
        record = audit.get_act(context.connection, number)
        _own(context, site, record.subject if record else "")
        with context.writing() as connection:
            registry = registry_queries.load(connection)
            corrections.undo(connection, registry, number, _attribution(context, reason))
    except TerritoryError as error:
        return refusal(error)
    return None


def _attribution(context: RequestContext, reason: str) -> Attribution:
    return Attribution(reason=reason, author=context.person.name)


def _own(context: RequestContext, site: str, name: str) -> str:
    """Check that the series belongs to this site, for which the permission was checked."""
    own_series = {
        f"{channel.device}/{channel.quantity}"
        for channel in queries_charts.list_channels(context.connection, [site])
    }
    if name not in own_series:
        raise ActError("{name!r} is not a series of {site!r}; choose one from the list", name, site)
    return name


def _value(context: RequestContext, form: Observation) -> tuple[float, str]:
    """Parse a value such as 187 cm or 1,87 m."""
    match = _VALUE.fullmatch(form.value.strip())
    if match is None:
        raise ActError(
            _("“%(text)s” is not a value: expected a number and its unit, such as 1.87 m")
            % {"text": form.value}
        )
    quantity = context.catalogue.quantities.get(form.series.partition("/")[2])
    number = float(match[1].replace(",", ".").replace("\N{MINUS SIGN}", "-"))
    unit = match[2] or ""
    if not unit and quantity is not None and quantity.kind is not QuantityKind.STATE:
        raise ActError(
            _("write the unit: %(value)s %(unit)s?")
            % {"value": form.value, "unit": filters.unit(quantity.unit)}
        )
    if not unit and quantity is not None:
        unit = quantity.unit
    return number, _UNITS.get(unit, unit)


def _time(text: str) -> datetime:
    """Parse a local time of the instance."""
    time = times.parse_local(text, current().zone)
    if time is None:
        raise ActError(_("“%(text)s” is not a time") % {"text": text})
    return time
