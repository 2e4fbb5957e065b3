"""Forecasts of others on the page of a site: their course, and when they reach assets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.access.context import RequestContext
from hypervisor.base.instance import Mode
from hypervisor.base.translation import translate as _
from hypervisor.charts.draw import Drawing
from hypervisor.charts.model import Fan
from hypervisor.charts.words import display_unit, short_limit_label
from hypervisor.forecast import queries_experts
from hypervisor.forecast.expected import Arrival
from hypervisor.forecast.queries_experts import StandingExpert
from hypervisor.forecast.service_experts import Range, find_arrival, find_arrivals, summarize
from hypervisor.overview.views_fan import draw_forecast
from hypervisor.overview.views_site_facts import Facts
from hypervisor.overview.views_site_traces import ChartSpan
from hypervisor.web import filters

_BEFORE = timedelta(hours=6)
_LONGEST = timedelta(hours=48)  # of a chart
_MOST = 4  # of as many issuers and models


@dataclass(frozen=True, kw_only=True)
class ExpertPanel:
    """A forecast of somebody else. `reaches`: (threshold, when) of those that it passes."""

    title: str
    issued: datetime
    words: str
    comment: str
    drawing: Drawing
    reaches: Sequence[tuple[str, Arrival]]


def list_standing(
    context: RequestContext, facts: Facts, issued: datetime | None = None
) -> list[StandingExpert]:
    """Those that stand at the site, or stood as they were known at `issued`."""
    live = context.instance.mode is Mode.LIVE
    return queries_experts.list_standing(
        context.connection,
        issued or facts.now,
        [facts.place.name],
        stored_by=issued if live else None,
    )[:_MOST]


def build_experts(
    context: RequestContext, facts: Facts, issued: datetime | None
) -> list[ExpertPanel]:
    """A panel for each."""
    return [
        ExpertPanel(
            title=" · ".join(filter(None, (forecast.issuer, forecast.model))),
            issued=forecast.produced or forecast.issued,
            words=_describe(forecast),
            comment=forecast.comment,
            drawing=_draw(context, facts, forecast),
            reaches=list(_list_reaches(context, facts, forecast, issued or facts.now)),
        )
        for forecast in list_standing(context, facts, issued)
    ]


def find_asset_arrivals(context: RequestContext, facts: Facts) -> Mapping[str, list[Arrival]]:
    """When the water reaches each asset by forecasts of others."""
    dry = [asset for asset in facts.assets if asset.state != "reached"]
    standing = list_standing(context, facts) if dry else []
    levels = [forecast for forecast in standing if forecast.quantity == "level"]
    return {asset.asset: find_arrivals(levels, asset.level, facts.now) for asset in dry}


def _describe(forecast: StandingExpert) -> str:
    return _("Knows readings up to %(time)s, reaches until %(end)s.") % {
        "time": filters.day_time(forecast.issued),
        "end": filters.day_time(forecast.times[-1]),
    }


def _list_reaches(
    context: RequestContext, facts: Facts, forecast: StandingExpert, at: datetime
) -> Iterator[tuple[str, Arrival]]:
    for limit in facts.limits:
        if limit.plain and limit.quantity == forecast.quantity:
            arrival = find_arrival(forecast, limit.value, at)
            if arrival is not None:
                threshold = context.catalogue.thresholds.get(limit.name)
                yield short_limit_label(threshold, limit.name), arrival


def _draw(context: RequestContext, facts: Facts, forecast: StandingExpert) -> Drawing:
    """The hours before the issue, the forecast, and what came of it."""
    courses = summarize(forecast)
    last = min(forecast.times[-1], forecast.issued + _LONGEST)
    span = ChartSpan(name="", first=(forecast.issued - _BEFORE).timestamp(), last=last.timestamp())
    summary = _("Forecast of %(issuer)s for %(title)s, with what was measured") % {
        "issuer": forecast.issuer,
        "title": facts.place.title,
    }
    return draw_forecast(
        context,
        facts,
        [each for each in facts.channels if each.quantity == forecast.quantity][:1],
        _make_fan(courses, last),
        span,
        quantity=forecast.quantity,
        unit=display_unit(context.catalogue.quantities[forecast.quantity].unit),
        summary=summary,
    )


def _make_fan(courses: Range, last: datetime) -> Fan | None:
    """The middle course and the ranges between opposite ones, where all are there."""
    rows = [
        (at.timestamp(), [value for value in row if value is not None])
        for at, row in zip(courses.times, courses.rows, strict=True)
        if at <= last and None not in row
    ]
    if len(rows) < 2:
        return None
    columns = list(zip(*(row for _at, row in rows), strict=True))
    middle = len(columns) // 2
    return Fan(
        times=[at for at, _row in rows],
        median=list(columns[middle]),
        bands=[(list(columns[n]), list(columns[-1 - n])) for n in range(middle)],
    )
