"""Texts of the page of a site: head, thresholds, quality."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.instants import moment
from hypervisor.base.reader import current
from hypervisor.base.translation import translate as _
from hypervisor.charts.words import limit_label, short_limit_label
from hypervisor.overview import views_site_alarms
from hypervisor.overview.views_site_facts import Facts
from hypervisor.overview.views_site_limits import SiteLimit
from hypervisor.overview.views_site_traces import digits
from hypervisor.overview.views_site_upstream import format_rate
from hypervisor.web import filters
from sensors._domain import Catalogue
from sensors._quality import Quality
from sensors._quantity import STALE_INTERVALS, Kind

_SHOWN_LIMITS = 8


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
    value, at = _newest(context, facts)
    site_limit = facts.headline_limit
    waiting = views_site_alarms.pick_waiting(facts.alarms)
    rate = facts.course.rate if facts.course else None
    stale = _stale(facts, at)
    return Head(
        address=f"/sites/{facts.place.name}",
        value=value,
        at=at,
        stale=stale,
        margin=None
        if site_limit is None or site_limit.margin is None
        else _gap(site_limit, context.catalogue),
        against="" if site_limit is None else describe_margin(context.catalogue, site_limit),
        rate=_rate(facts) if rate and not stale else "",
        slope=None if rate is None else rate.per_hour * (100 if _unit(facts) == "m" else 1),
        worst=views_site_alarms.pick_worst(facts.alarms),
        waiting=waiting,
        waiting_title=views_site_alarms.short_title(waiting, facts.place.title) if waiting else "",
    )


def _rate(facts: Facts) -> str:
    """The trend; empty for quantities that are rates themselves."""
    if facts.course is None or facts.course.unit.endswith("/h"):
        return ""
    if facts.quantity is None or facts.quantity.kind is not Kind.GAUGE:
        return ""
    return _("%(rate)s over 3 h") % {"rate": format_rate(facts.course)}


def _unit(facts: Facts) -> str:
    return facts.quantity.unit if facts.quantity else ""


def _newest(context: RequestContext, facts: Facts) -> tuple[str | None, datetime | None]:
    """The newest valid value as text, and its time."""
    if facts.main is None or facts.quantity is None:
        return None, None
    course = facts.course
    if course is None:
        return None, None
    del context
    quantity = facts.quantity
    if quantity.codes:
        return _(quantity.codes.get(round(course.value), "")), course.time
    unit = "" if quantity.unit in {"1", "bool", "code"} else quantity.unit
    text = filters.value(course.value, unit or None, digits(quantity))
    if quantity.kind is Kind.INCREMENT:
        interval = facts.main.interval_s or quantity.interval.total_seconds()
        text = _("%(value)s in %(span)s") % {"value": text, "span": filters.duration(interval)}
    return text, course.time


def _stale(facts: Facts, at: datetime | None) -> bool:
    if facts.main is None or facts.quantity is None or at is None:
        return False
    interval = facts.main.interval_s or facts.quantity.interval.total_seconds()
    limit = facts.main.stale_s or interval * STALE_INTERVALS
    return facts.now - at > timedelta(seconds=limit)


def describe_margin(catalogue: Catalogue, limit: SiteLimit) -> str:
    """The threshold that the margin refers to, as text."""
    name = short_limit_label(catalogue.thresholds.get(limit.name), limit.name)
    if (limit.margin or 0) > 0:
        return _("above threshold “%(name)s”") % {"name": name}
    return _("below threshold “%(name)s”") % {"name": name}


def _gap(limit: SiteLimit, catalogue: Catalogue) -> str:
    if limit.margin is None or limit.priority is None:
        return filters.NOTHING
    places = digits(catalogue.quantities.get(limit.quantity))
    return filters.signed(limit.margin, _display_unit(limit.unit), places)


def _display_unit(unit: str) -> str | None:
    return None if unit in {"1", "bool", "code"} else unit


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
    plain = [row for row in rows if row.limit.plain][:_SHOWN_LIMITS]
    rest = [row for row in rows if row not in plain]
    if not plain:
        plain, rest = rows[:_SHOWN_LIMITS], rows[_SHOWN_LIMITS:]
    latest = max(facts.limits, key=lambda limit: (limit.revisions, limit.effective), default=None)
    source = ""
    if latest is not None:
        source = _("%(author)s, %(reason)s; changed %(count)s times") % {
            "author": latest.author,
            "reason": latest.reason,
            "count": latest.revisions - 1,
        }
    if latest is not None and latest.revisions == 1:
        source = _("Set by %(author)s: %(reason)s.") % {
            "author": latest.author,
            "reason": latest.reason,
        }
    return {"shown": plain, "rest": rest, "source": source}


def _limit_row(context: RequestContext, limit: SiteLimit) -> LimitRow:
    threshold = context.catalogue.thresholds.get(limit.name)
    title = limit_label(threshold, limit.name)
    places = digits(context.catalogue.quantities.get(limit.quantity)) if limit.plain else None
    return LimitRow(
        limit=limit,
        label=short_limit_label(threshold, limit.name),
        title=title[:1].upper() + title[1:],
        value=filters.value(limit.value, _display_unit(limit.unit), places),
        gap=_gap(limit, context.catalogue),
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


def format_field_time(at: datetime | float, *, seconds: bool = False) -> str:
    """A value for a datetime-local input."""
    when = moment(int(at * 1e6)) if isinstance(at, float) else at
    return (
        f"{current().local(when):%Y-%m-%dT%H:%M:%S}"
        if seconds
        else f"{current().local(when):%Y-%m-%dT%H:%M}"
    )
