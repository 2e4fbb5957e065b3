"""Context of a threshold's page: reported events, flooded assets, the rule."""

from collections.abc import Sequence

from hypervisor.access.context import RequestContext
from hypervisor.backtest import queries_past_events
from hypervisor.backtest.queries_past_events import NotedEvent
from hypervisor.forecast import queries as forecast_queries
from hypervisor.registry import queries_revisions
from hypervisor.registry.queries_site import SitePlace
from hypervisor.rulebook import queries
from hypervisor.rulebook.yaml_output import rule_text
from rules._rule import Rule
from sensors._units import UnitError, convert

_SHOWN = ("id", "when", "clear", "for", "keep for", "severity", "steps")


def list_events(context: RequestContext, place: SitePlace) -> list[NotedEvent]:
    """Reported events at the site or on its river."""
    rivers = [place.river] if place.river else []
    return queries_past_events.standing(context.connection, sites=[place.name], rivers=rivers)


def peak_range(events: Sequence[NotedEvent], unit: str) -> tuple[float, float] | None:
    """Lowest and highest reported peak."""
    peaks = [
        noted_event.peak
        for noted_event in events
        if noted_event.peak is not None and noted_event.unit == unit
    ]
    return (min(peaks), max(peaks)) if peaks else None


def list_assets(
    context: RequestContext, site: str, quantity: str, unit: str
) -> tuple[tuple[str, float], ...]:
    """Assets that the water reaches here, the lowest first."""
    if quantity != "level" or unit != "m":
        return ()
    levels: list[tuple[str, float]] = []
    for asset in forecast_queries.assets(context.connection, context.now()):
        if asset.gauge != site:
            continue
        try:
            levels.append((asset.title, convert(asset.level, asset.unit, unit)))
        except UnitError:
            continue
    return tuple(sorted(levels, key=lambda pair: pair[1]))


def count_sites_sharing(context: RequestContext, rule: Rule) -> int:
    """Number of sites where the rule applies; 0 unless it is per site."""
    if rule.per != "site":
        return 0
    return queries.count_sites_sharing(context.connection, list(rule.plain), list(rule.thresholds))


def rule_yaml(context: RequestContext, rule: str) -> str:
    """The conditions of the current rule in YAML; empty if withdrawn."""
    recorded = queries_revisions.load_latest(context.connection, "rule").get(rule)
    if recorded is None or recorded.value is None:
        return ""
    kept = {key: part for key, part in recorded.value.items() if key in _SHOWN}
    return rule_text(kept)
