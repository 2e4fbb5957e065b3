"""Thresholds of a site: the priority that a rule raises at each, and the margin to it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.charts.model import PRIORITIES
from hypervisor.registry.queries_site import ThresholdRow
from sensors._domain import Catalogue
from sensors._units import UnitError, convert

_ABOVE = re.compile(r"^\s*(\w+)\s*>=?\s*threshold\.(\w+)\s*$")
_BELOW = re.compile(r"^\s*(\w+)\s*<=?\s*threshold\.(\w+)\s*$")
_USUAL = "alert"  # the preferred threshold for margins


@dataclass(frozen=True, kw_only=True)
class ThresholdRule:
    """A rule that compares a quantity with a threshold; `above` False: raised below it."""

    quantity: str
    priority: int
    above: bool


@dataclass(frozen=True, kw_only=True)
class SiteLimit:
    """A threshold as the page shows it. `value`: in the unit of its quantity if it has one.

    `plain`: of the quantity itself, not its rate or sums. `margin`: value minus threshold.
    """

    name: str
    quantity: str
    value: float
    unit: str
    plain: bool
    priority: int | None
    above: bool
    margin: float | None
    illustrative: bool
    effective: datetime
    author: str
    reason: str
    revisions: int

    @property
    def passed(self) -> bool:
        if self.margin is None or self.priority is None:
            return False
        return self.margin > 0 if self.above else self.margin < 0


def find_threshold_rules(rules: Iterable[Mapping[str, Any]]) -> dict[str, ThresholdRule]:
    """Threshold -> the rule that compares with it, from rules in their source form."""
    by_threshold: dict[str, ThresholdRule] = {}
    for rule in rules:
        own = (rule.get("when"), rule.get("severity"))
        steps = [(step.get("when"), step.get("severity")) for step in rule.get("steps") or ()]
        for when, severity in (own, *steps):
            for form, above in ((_ABOVE, True), (_BELOW, False)):
                match = form.match(str(when or ""))
                if match:
                    priority = PRIORITIES.get(str(severity), 4)
                    raises = ThresholdRule(quantity=match[1], priority=priority, above=above)
                    by_threshold.setdefault(match[2], raises)
    return by_threshold


def compute_limits(
    rows: Sequence[ThresholdRow],
    catalogue: Catalogue,
    raising: Mapping[str, ThresholdRule],
    values: Mapping[str, float],
) -> list[SiteLimit]:
    """Thresholds with their margins to the newest values, by quantity, highest first."""
    site_limits = [_site_limit(row, catalogue, raising, values) for row in rows]
    rank = {name: number for number, name in enumerate(catalogue.quantities)}
    return sorted(
        site_limits,
        key=lambda limit: (
            not limit.plain,
            limit.priority is None,
            rank.get(limit.quantity, 999),
            -limit.value,
        ),
    )


def _site_limit(
    row: ThresholdRow,
    catalogue: Catalogue,
    raising: Mapping[str, ThresholdRule],
    values: Mapping[str, float],
) -> SiteLimit:
    threshold = catalogue.thresholds.get(row.name)
    raises = raising.get(row.name)
    name = row.quantity or (threshold.quantity if threshold else raises.quantity if raises else "")
    quantity = catalogue.quantities.get(name)
    value, unit, plain = row.value, row.unit, False
    if quantity is not None and quantity.kind != "increment":
        try:
            value, unit, plain = convert(row.value, row.unit, quantity.unit), quantity.unit, True
        except UnitError:
            plain = False
    return SiteLimit(
        name=row.name,
        quantity=name,
        value=value,
        unit=unit,
        plain=plain,
        priority=raises.priority if raises and plain else None,
        above=raises.above if raises else True,
        margin=values[name] - value if plain and name in values else None,
        illustrative=row.illustrative,
        effective=row.effective,
        author=row.author,
        reason=row.reason,
        revisions=row.revisions,
    )


def pick_reference(site_limits: Sequence[SiteLimit], quantity: str) -> SiteLimit | None:
    """The threshold for margins: `alert`, else the middle one of those that raise alarms."""
    own = [
        site_limit
        for site_limit in site_limits
        if site_limit.plain and site_limit.quantity == quantity and site_limit.priority
    ]
    usual = next((limit for limit in own if limit.name == _USUAL), None)
    if usual or not own:
        return usual
    return sorted(own, key=lambda limit: limit.value)[len(own) // 2]


def pick_headline(site_limits: Sequence[SiteLimit], quantity: str) -> SiteLimit | None:
    """The threshold for the head of the page: the worst passed, else the nearest."""
    own = [
        site_limit
        for site_limit in site_limits
        if site_limit.plain
        and site_limit.quantity == quantity
        and site_limit.priority
        and site_limit.margin is not None
    ]
    passed = [limit for limit in own if limit.passed]
    if passed:
        return min(passed, key=lambda limit: (limit.priority or 9, abs(limit.margin or 0)))
    return min(own, key=lambda limit: abs(limit.margin or 0), default=None)
