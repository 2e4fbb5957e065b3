"""Thresholds of a site: at which a rule raises which alarm, and how far the value is from each."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.charts.model import PRIORITIES
from hypervisor.registry.queries_site import LimitRow
from sensors._domain import Catalogue
from sensors._units import UnitError, convert

_ABOVE = re.compile(r"^\s*(\w+)\s*>=?\s*threshold\.(\w+)\s*$")
_BELOW = re.compile(r"^\s*(\w+)\s*<=?\s*threshold\.(\w+)\s*$")
_USUAL = "alert"  # what margins are told against where a site has it


@dataclass(frozen=True, kw_only=True)
class Raises:
    """A rule that compares a quantity with a threshold, plainly; `above` False: from below."""

    quantity: str
    priority: int
    above: bool


@dataclass(frozen=True, kw_only=True)
class SiteLimit:
    """A threshold as the page shows it. `value`: in the quantity's unit where it is of one.

    `plain`: it is of the quantity itself rather than of its rate or sums. `margin`: value minus
    threshold.
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


def raised(rules: Iterable[Mapping[str, Any]]) -> dict[str, Raises]:
    """Of each threshold the alarm at it; of rules as their authors wrote them."""
    found: dict[str, Raises] = {}
    for rule in rules:
        own = (rule.get("when"), rule.get("severity"))
        steps = [(step.get("when"), step.get("severity")) for step in rule.get("steps") or ()]
        for when, severity in (own, *steps):
            for form, above in ((_ABOVE, True), (_BELOW, False)):
                match = form.match(str(when or ""))
                if match:
                    priority = PRIORITIES.get(str(severity), 4)
                    raises = Raises(quantity=match[1], priority=priority, above=above)
                    found.setdefault(match[2], raises)
    return found


def limits(
    rows: Sequence[LimitRow],
    catalogue: Catalogue,
    raising: Mapping[str, Raises],
    values: Mapping[str, float],
) -> list[SiteLimit]:
    """Thresholds with their margins to the newest values by quantity, highest first in each."""
    site_limits = [_one(row, catalogue, raising, values) for row in rows]
    rank = {name: number for number, name in enumerate(catalogue.quantities)}
    return sorted(
        site_limits,
        key=lambda one: (
            not one.plain,
            one.priority is None,
            rank.get(one.quantity, 999),
            -one.value,
        ),
    )


def _one(
    row: LimitRow,
    catalogue: Catalogue,
    raising: Mapping[str, Raises],
    values: Mapping[str, float],
) -> SiteLimit:
    threshold = catalogue.thresholds.get(row.name)
    said = raising.get(row.name)
    name = row.quantity or (threshold.quantity if threshold else said.quantity if said else "")
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
        priority=said.priority if said and plain else None,
        above=said.above if said else True,
        margin=values[name] - value if plain and name in values else None,
        illustrative=row.illustrative,
        effective=row.effective,
        author=row.author,
        reason=row.reason,
        revisions=row.revisions,
    )


def told_against(found: Sequence[SiteLimit], quantity: str) -> SiteLimit | None:
    """The threshold that margins are told against: `alert`, else the middle of those that raise."""
    own = [
        site_limit
        for site_limit in found
        if site_limit.plain and site_limit.quantity == quantity and site_limit.priority
    ]
    usual = next((one for one in own if one.name == _USUAL), None)
    if usual or not own:
        return usual
    return sorted(own, key=lambda one: one.value)[len(own) // 2]


def headline(found: Sequence[SiteLimit], quantity: str) -> SiteLimit | None:
    """What the head of the page tells: the worst that is passed, else the first that is near."""
    own = [
        site_limit
        for site_limit in found
        if site_limit.plain
        and site_limit.quantity == quantity
        and site_limit.priority
        and site_limit.margin is not None
    ]
    passed = [one for one in own if one.passed]
    if passed:
        return min(passed, key=lambda one: (one.priority or 9, abs(one.margin or 0)))
    return min(own, key=lambda one: abs(one.margin or 0), default=None)
