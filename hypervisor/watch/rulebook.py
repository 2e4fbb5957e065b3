"""The rules in force, where they apply, and which series each of them listens to."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hypervisor.instants import micros
from hypervisor.registry.model import Registry, Revision
from hypervisor.watch.facts import SiteFacts
from rules._errors import RuleError
from rules._pack import rule_from_json
from rules._rule import DEVICE, Rule
from rules._tree import Call, Name, walk
from sensors._quantity import Reporting

log = logging.getLogger(__name__)

Revisions = tuple[tuple[int, Rule | None], ...]  # effective µs ascending; None withdraws


@dataclass(frozen=True, kw_only=True)
class RuleHistory:
    """One rule through its revisions. `written` is what is remembered of it."""

    id: str
    revisions: Revisions
    written: tuple[tuple[int, Any], ...]
    silence: bool  # it lives on the axis of arrival, as all its revisions do
    asks_of_devices: bool  # whether a device spoke at all, whatever of

    @property
    def rules(self) -> list[Rule]:
        return [rule for _, rule in self.revisions if rule is not None]

    def at(self, time: int) -> Rule:
        """The rule in force then, for what it says to people; the first one before all."""
        standing = [rule for at, rule in self.revisions if rule is not None and at <= time]
        return (standing or self.rules)[-1 if standing else 0]

    def for_site(self, site: SiteFacts) -> Revisions:
        """Its revisions, those that the site lacks something for being withdrawn there."""
        return tuple(
            (at, rule if rule is not None and lacks(rule, site) is None else None)
            for at, rule in self.revisions
        )


def histories(registry: Registry) -> dict[str, RuleHistory]:
    """All rules, from their revisions."""
    found: dict[str, dict[int, Revision]] = {}
    for revision in registry.revisions:
        if revision.kind == "rule":
            found.setdefault(revision.key, {})[micros(revision.effective)] = revision
    return {
        key: _history(key, sorted(revisions.items())) for key, revisions in sorted(found.items())
    }


def _history(key: str, revisions: list[tuple[int, Revision]]) -> RuleHistory:
    rules = tuple((at, _rule(one)) for at, one in revisions)
    latest = [rule for _, rule in rules if rule is not None][-1:]
    return RuleHistory(
        id=key,
        revisions=rules,
        written=tuple((at, one.value) for at, one in revisions),
        silence=any(rule.axis == "silence" for rule in latest),
        asks_of_devices=any(_asks_of_devices(rule) for _, rule in rules if rule is not None),
    )


def _rule(revision: Revision) -> Rule | None:
    """The rule as it was written; None when withdrawn, or no longer understood (it is logged)."""
    if revision.value is None:
        return None
    try:
        return rule_from_json(revision.value)
    except RuleError as error:
        log.warning("rule %s of %s rests: %s", revision.key, revision.effective, error)
        return None


def lacks(rule: Rule, site: SiteFacts) -> str | None:
    """What the site lacks for the rule to apply, in words; None when it applies."""
    for name in rule.names:
        if name not in site.series:
            return f"no series {name}"
        if name in site.doubled:
            return f"two devices in service measure {name}"
    for name in rule.thresholds:
        if name not in site.thresholds:
            return f"no threshold {name}"
    return None


def first_series(rule: Rule) -> str | None:
    """The series that speaks for the rule: the first that its `when` names."""
    names = (node.name for node in walk(rule.when) if isinstance(node, Name))
    return next((name for name in names if name != DEVICE), None)


def listens_to(history: RuleHistory, rules: Iterable[Rule], site: SiteFacts) -> set[str]:
    """The series of a site whose rows may change a judgement by these revisions.

    Besides those named: all of a device that is asked about as a whole, and all of a device one
    of whose `on_change` series is named, since any row of it shows that it is heard.
    """
    named = {name for rule in rules for name in rule.names if name in site.series}
    heard = {
        site.series[name].device
        for name in named
        if site.series[name].reporting is Reporting.ON_CHANGE
    }
    if history.asks_of_devices:
        heard |= set(site.devices)
    if not heard:
        return named
    return named | {name for name, one in site.series.items() if one.device in heard}


def _asks_of_devices(rule: Rule) -> bool:
    return any(
        isinstance(node, Call)
        and any(isinstance(a, Name) and a.name == DEVICE for a in node.arguments)
        for condition in rule.conditions
        for node in walk(condition)
    )
