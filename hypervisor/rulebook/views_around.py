"""What stands round a threshold: what people saw there, what the water reaches, its rule."""

from collections.abc import Sequence

from hypervisor.access.context import RequestContext
from hypervisor.backtest import queries_past_events
from hypervisor.backtest.queries_past_events import NotedEvent
from hypervisor.forecast import queries as forecast_queries
from hypervisor.registry import queries_revisions
from hypervisor.registry.queries_site import SitePlace
from hypervisor.rulebook import queries
from hypervisor.rulebook.writing import rule_text
from rules._rule import Rule
from sensors._units import UnitError, convert

_SHOWN = ("id", "when", "clear", "for", "keep for", "severity", "steps")


def events(context: RequestContext, place: SitePlace) -> list[NotedEvent]:
    """What people noted at the place or on its river."""
    rivers = [place.river] if place.river else []
    return queries_past_events.standing(context.connection, sites=[place.name], rivers=rivers)


def peaks(events: Sequence[NotedEvent], unit: str) -> tuple[float, float] | None:
    """Between which values people saw it happen."""
    peaks = [
        noted_event.peak
        for noted_event in events
        if noted_event.peak is not None and noted_event.unit == unit
    ]
    return (min(peaks), max(peaks)) if peaks else None


def assets(
    context: RequestContext, site: str, quantity: str, unit: str
) -> tuple[tuple[str, float], ...]:
    """What the water reaches here, the lowest first."""
    if quantity != "level" or unit != "m":
        return ()
    found: list[tuple[str, float]] = []
    for asset in forecast_queries.assets(context.connection, context.now()):
        if asset.gauge != site:
            continue
        try:
            found.append((asset.title, convert(asset.level, asset.unit, unit)))
        except UnitError:
            continue
    return tuple(sorted(found, key=lambda pair: pair[1]))


def sharing(context: RequestContext, rule: Rule) -> int:
    """At how many sites the rule asks for its own threshold of this name; 0: it is of no site."""
    if rule.per != "site":
        return 0
    return queries.sharing(context.connection, list(rule.plain), list(rule.thresholds))


def text(context: RequestContext, rule: str) -> str:
    """The rule as it stands, what raises and ends its alarm; empty: it is withdrawn."""
    recorded = queries_revisions.load_latest(context.connection, "rule").get(rule)
    if recorded is None or recorded.value is None:
        return ""
    kept = {key: part for key, part in recorded.value.items() if key in _SHOWN}
    return rule_text(kept)
