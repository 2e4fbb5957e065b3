"""What stands round a threshold: what people saw there, what the water reaches, its rule."""

from collections.abc import Sequence

from hypervisor.api.access import Access
from hypervisor.rulebook.writing import rule_text
from hypervisor.store.exercise import noted
from hypervisor.store.exercise.noted import NotedEvent
from hypervisor.store.pages import outlook
from hypervisor.store.pages.siting import SitePlace
from hypervisor.store.watch import authoring, rulebook
from rules._rule import Rule
from sensors._units import UnitError, convert

_SHOWN = ("id", "when", "clear", "for", "keep for", "severity", "steps")


def events(asked: Access, place: SitePlace) -> list[NotedEvent]:
    """What people noted at the place or on its river."""
    rivers = [place.river] if place.river else []
    return noted.standing(asked.connection, sites=[place.name], rivers=rivers)


def peaks(events: Sequence[NotedEvent], unit: str) -> tuple[float, float] | None:
    """Between which values people saw it happen."""
    peaks = [one.peak for one in events if one.peak is not None and one.unit == unit]
    return (min(peaks), max(peaks)) if peaks else None


def assets(asked: Access, site: str, quantity: str, unit: str) -> tuple[tuple[str, float], ...]:
    """What the water reaches here, the lowest first."""
    if quantity != "level" or unit != "m":
        return ()
    found: list[tuple[str, float]] = []
    for one in outlook.assets(asked.connection, asked.now()):
        if one.gauge != site:
            continue
        try:
            found.append((one.title, convert(one.level, one.unit, unit)))
        except UnitError:
            continue
    return tuple(sorted(found, key=lambda pair: pair[1]))


def sharing(asked: Access, rule: Rule) -> int:
    """At how many sites the rule asks for its own threshold of this name; 0: it is of no site."""
    if rule.per != "site":
        return 0
    return authoring.sharing(asked.connection, list(rule.plain), list(rule.thresholds))


def text(asked: Access, rule: str) -> str:
    """The rule as it stands, what raises and ends its alarm; empty: it is withdrawn."""
    found = rulebook.latest(asked.connection, "rule").get(rule)
    if found is None or found.value is None:
        return ""
    kept = {key: part for key, part in found.value.items() if key in _SHOWN}
    return rule_text(kept)
