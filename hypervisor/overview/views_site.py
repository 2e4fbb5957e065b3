"""The page of a site: what its head, its side and its history say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.instants import moment
from hypervisor.base.reader import current
from hypervisor.base.translation import translate as _
from hypervisor.charts.words import limit_label, short_limit
from hypervisor.overview import views_site_alarms
from hypervisor.overview.views_site_facts import Facts
from hypervisor.overview.views_site_limits import SiteLimit
from hypervisor.overview.views_site_traces import digits
from hypervisor.overview.views_site_upstream import rate_words
from hypervisor.web import filters
from sensors._domain import Catalogue
from sensors._quality import Quality
from sensors._quantity import Kind

_STALE_INTERVALS = 3
_SHOWN_LIMITS = 8


@dataclass(frozen=True, kw_only=True)
class Head:
    """The head of the page. `waiting`: the alarm that the button acknowledges."""

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


def head(context: RequestContext, facts: Facts) -> Head:
    """The newest value against the thresholds."""
    value, at = _newest(context, facts)
    site_limit = facts.told
    waiting = views_site_alarms.to_acknowledge(facts.alarms)
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
        against="" if site_limit is None else against(context.catalogue, site_limit),
        rate=_rate(facts) if rate and not stale else "",
        slope=None if rate is None else rate.per_hour * (100 if _unit(facts) == "m" else 1),
        worst=views_site_alarms.worst_open(facts.alarms),
        waiting=waiting,
        waiting_title=views_site_alarms.title(waiting, facts.place.title) if waiting else "",
    )


def _rate(facts: Facts) -> str:
    """Nothing for what is a rate itself: its change an hour says nothing to anybody."""
    if facts.course is None or facts.course.unit.endswith("/h"):
        return ""
    if facts.quantity is None or facts.quantity.kind is not Kind.GAUGE:
        return ""
    return _("%(rate)s over 3 h") % {"rate": rate_words(facts.course)}


def _unit(facts: Facts) -> str:
    return facts.quantity.unit if facts.quantity else ""


def _newest(context: RequestContext, facts: Facts) -> tuple[str | None, datetime | None]:
    """The newest believed value in words, and when."""
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
    said = filters.value(course.value, unit or None, digits(quantity))
    if quantity.kind is Kind.INCREMENT:
        interval = facts.main.interval_s or quantity.interval.total_seconds()
        said = _("%(value)s in %(span)s") % {"value": said, "span": filters.duration(interval)}
    return said, course.time


def _stale(facts: Facts, at: datetime | None) -> bool:
    if facts.main is None or facts.quantity is None or at is None:
        return False
    interval = facts.main.interval_s or facts.quantity.interval.total_seconds()
    limit = facts.main.stale_s or interval * _STALE_INTERVALS
    return facts.now - at > timedelta(seconds=limit)


def against(catalogue: Catalogue, limit: SiteLimit) -> str:
    """Above the alert, below the attention level."""
    name = short_limit(catalogue.thresholds.get(limit.name), limit.name)
    if (limit.margin or 0) > 0:
        return _("above threshold “%(name)s”") % {"name": name}
    return _("below threshold “%(name)s”") % {"name": name}


def _gap(limit: SiteLimit, catalogue: Catalogue) -> str:
    if limit.margin is None or limit.priority is None:
        return filters.NOTHING
    places = digits(catalogue.quantities.get(limit.quantity))
    return filters.signed(limit.margin, _shown(limit.unit), places)


def _shown(unit: str) -> str | None:
    return None if unit in {"1", "bool", "code"} else unit


@dataclass(frozen=True, kw_only=True)
class LimitRow:
    """A threshold in words."""

    limit: SiteLimit
    label: str
    title: str
    value: str
    gap: str


def limit_rows(context: RequestContext, facts: Facts) -> dict[str, Any]:
    """Those of quantities themselves, then those of rates and sums; who said them last."""
    rows = [_limit_row(context, limit) for limit in facts.limits]
    plain = [row for row in rows if row.limit.plain][:_SHOWN_LIMITS]
    rest = [row for row in rows if row not in plain]
    if not plain:
        plain, rest = rows[:_SHOWN_LIMITS], rows[_SHOWN_LIMITS:]
    latest = max(facts.limits, key=lambda one: (one.revisions, one.effective), default=None)
    said = ""
    if latest is not None:
        said = _("%(author)s, %(reason)s; changed %(count)s times") % {
            "author": latest.author,
            "reason": latest.reason,
            "count": latest.revisions - 1,
        }
    if latest is not None and latest.revisions == 1:
        said = _("As set up by %(author)s: %(reason)s.") % {
            "author": latest.author,
            "reason": latest.reason,
        }
    return {"shown": plain, "rest": rest, "said": said}


def _limit_row(context: RequestContext, limit: SiteLimit) -> LimitRow:
    threshold = context.catalogue.thresholds.get(limit.name)
    title = limit_label(threshold, limit.name)
    places = digits(context.catalogue.quantities.get(limit.quantity)) if limit.plain else None
    return LimitRow(
        limit=limit,
        label=short_limit(threshold, limit.name),
        title=title[:1].upper() + title[1:],
        value=filters.value(limit.value, _shown(limit.unit), places),
        gap=_gap(limit, context.catalogue),
    )


def quality(found: Quality) -> str:
    """A quality in words."""
    words = {
        Quality.OUT_OF_RANGE: _("out of range"),
        Quality.SENSOR_FAULT: _("sensor fault"),
        Quality.INVALIDATED: _("set aside"),
        Quality.SATURATED: _("at least"),
        Quality.DOUBTFUL: _("doubtful"),
        Quality.MANUAL: _("manual"),
    }
    said = [word for flag, word in words.items() if found & flag]
    return ", ".join(said) or _("good")


def device_states() -> dict[str, str]:
    return {
        "well": _("well"),
        "weak": _("to be looked at"),
        "silent": _("silent"),
        "out": _("out of service"),
        "retired": _("retired"),
    }


def local(at: datetime | float, *, seconds: bool = False) -> str:
    """For a field of type datetime-local."""
    when = moment(int(at * 1e6)) if isinstance(at, float) else at
    return (
        f"{current().local(when):%Y-%m-%dT%H:%M:%S}"
        if seconds
        else f"{current().local(when):%Y-%m-%dT%H:%M}"
    )
