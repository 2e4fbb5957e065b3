"""The forecast of a site: its fan, what is behind it, how far it held, or why there is none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from hypervisor.access.context import RequestContext
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.charts.draw import Drawing
from hypervisor.forecast import queries_issued
from hypervisor.forecast.queries_current import list_current
from hypervisor.forecast.queries_issued import IssuedForecast, ModelRow, Selection
from hypervisor.overview.views_fan import draw_forecast, make_fan
from hypervisor.overview.views_site_facts import Facts
from hypervisor.overview.views_site_traces import ChartSpan
from hypervisor.web import filters
from hypervisor.web.refusals import refusal

_FORECAST = ("level", "discharge")
_BEFORE, _STALE = timedelta(hours=6), timedelta(hours=24)
_AGO = (1, 3, 6, 12, 24)  # hours
_TIERS = {
    "own": mark("its own readings alone"),
    "upstream": mark("gauges upstream"),
    "nearest upstream": mark("the nearest gauge upstream"),
    "rain": mark("rain"),
    "upstream and rain": mark("gauges upstream and rain"),
    "GR4H, own": mark("its own readings, and rain through the model GR4H"),
    "GR4H, upstream": mark("gauges upstream, and rain through the model GR4H"),
    "GR4H, nearest upstream": mark("the nearest gauge upstream, and rain through the model GR4H"),
    "GR4H, rain": mark("rain, also through the model GR4H"),
    "GR4H, upstream and rain": mark("gauges upstream and rain, also through the model GR4H"),
}


@dataclass(frozen=True, kw_only=True)
class ForecastPanel:
    """What the panel shows. `query`: of the issue time; `choices`: label, query, chosen."""

    drawing: Drawing | None
    words: Sequence[str]
    notes: Sequence[str] = ()
    command: str = ""
    query: str = ""
    choices: Sequence[tuple[str, str, bool]] = ()


def build_forecast(
    context: RequestContext, facts: Facts, issued: datetime | None
) -> ForecastPanel | None:
    """The panel of a river's gauge; `issued`: as people saw it then. None: other sites."""
    if facts.main is None or facts.main.quantity not in _FORECAST:
        return None
    name, quantity, until = facts.place.name, facts.main.quantity, issued or facts.now
    model = queries_issued.load_model(context.connection, f"{name}/{quantity}", until)
    if model is None and issued is None:
        return ForecastPanel(
            drawing=None,
            words=[_("No forecast: no model was ever fitted. An administrator fits it:")],
            command=f"hypervisor forecast fit --site {name}",
        )
    selection = Selection(
        since=until - _STALE, until=until, quantity=quantity, first=issued is not None
    )
    stored = queries_issued.list_issued(context.connection, name, selection)
    shown = next((each for each in reversed(stored) if each.tier >= 0), None)
    words = [_describe(shown)] if shown else [_missing(model)]
    if shown and issued is None and not _is_current(context, shown, facts.now):
        words.append(_("It is out of date: no newer one could be made."))
    return ForecastPanel(
        drawing=_draw(context, facts, shown) if shown else None,
        words=[*words, *(_coverage(model, shown) if shown else ())],
        notes=[*_cautions(model), *_closed(model)],
        query=_query(issued),
        choices=_choices(facts.now, issued),
    )


def _is_current(context: RequestContext, shown: IssuedForecast, now: datetime) -> bool:
    current = list_current(context.connection, now, [shown.site])
    forecast = current.get((shown.site, shown.quantity))
    return forecast is not None and forecast.issued == shown.issued


def _describe(shown: IssuedForecast) -> str:
    tier = shown.tier_name or ""
    return _("Issued %(time)s by the model of %(date)s, from %(tier)s.") % {
        "time": filters.day_time(shown.issued),
        "date": filters.day_time(shown.model_effective),
        "tier": _(_TIERS[tier]) if tier in _TIERS else tier,
    }


def _missing(model: ModelRow | None) -> str:
    if model is None or model.skill is None:
        reason = refusal(model.reason) if model else _("no model was in force")
        return _("No forecast: %(reason)s.") % {"reason": reason.rstrip(".")}
    return _("No forecast was issued in the last day: readings that it needs are missing.")


def _horizons(model: ModelRow | None) -> Sequence[Mapping[str, Any]]:
    skill = (model.skill if model else None) or {}
    horizons: Sequence[Mapping[str, Any]] = skill.get("horizons", ())
    return horizons


def _coverage(model: ModelRow | None, shown: IssuedForecast) -> Iterator[str]:
    """How often past floods stayed inside, as measured on floods that were left out."""
    inside = []
    for horizon in _horizons(model):
        chosen = next((m for m in horizon["methods"] if m["method"] == "chosen"), None)
        share = chosen and chosen.get("coverage_80")
        if horizon["horizon_s"] in shown.horizons and share is not None:
            span = filters.duration(horizon["horizon_s"])
            words = {"count": round(10 * share), "span": span}
            inside.append(_("%(count)s times in 10 %(span)s ahead") % words)
    if inside:
        yield _("In past floods the water stayed inside the middle band: %(list)s.") % {
            "list": ", ".join(inside)
        }


def _cautions(model: ModelRow | None) -> Iterator[str]:
    """That warnings were often wrong here: they deserve less trust."""
    for reason, spans in _spans_by_reason(model, "caution").items():
        yield _("Caution, %(span)s ahead: %(reason)s.") % {"span": spans, "reason": reason}


def _closed(model: ModelRow | None) -> Iterator[str]:
    for reason, spans in _spans_by_reason(model, "why").items():
        yield _("Not shown for %(span)s: %(reason)s.") % {"span": spans, "reason": reason}


def _spans_by_reason(model: ModelRow | None, name: str) -> dict[str, str]:
    spans: dict[str, list[str]] = {}
    for horizon in _horizons(model):
        if horizon.get(name):
            reason = refusal(horizon[name]).rstrip(".")
            spans.setdefault(reason, []).append(filters.duration(horizon["horizon_s"]))
    return {reason: ", ".join(hours) for reason, hours in spans.items()}


def _query(issued: datetime | None) -> str:
    return "" if issued is None else f"?{urlencode({'issued': issued.isoformat()})}"


def _choices(now: datetime, issued: datetime | None) -> list[tuple[str, str, bool]]:
    times = [now.replace(second=0, microsecond=0) - timedelta(hours=hours) for hours in _AGO]
    chosen = [(filters.day_time(issued), _query(issued), True)] if issued else []
    earlier = [
        (_("%(span)s ago") % {"span": filters.duration(hours * 3600)}, _query(at), False)
        for hours, at in zip(_AGO, times, strict=True)
    ]
    return [(_("latest"), "", issued is None), *chosen, *earlier]


def _draw(context: RequestContext, facts: Facts, shown: IssuedForecast) -> Drawing:
    """The last hours before the issue, the fan, and what came of it."""
    start = shown.issued.timestamp()
    span = ChartSpan(
        name="", first=start - _BEFORE.total_seconds(), last=start + shown.horizons[-1]
    )
    main = facts.main
    assert main is not None  # noqa: S101  the caller has looked
    summary = _("Forecast of %(title)s: median and three ranges, with what was measured") % {
        "title": facts.place.title
    }
    return draw_forecast(
        context,
        facts,
        [main],
        make_fan(shown.issued, shown.value or 0.0, shown.by_horizon),
        span,
        quantity=shown.quantity,
        unit=shown.unit,
        summary=summary,
    )
