"""How far below its threshold an alarm should end, by how often it would have begun again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Annotated

import numpy as np
from pydantic import Field

from hypervisor.rulebook.gauge_alarms import estimate_alarms, find_rules
from hypervisor.rulebook.gauge_statistics import Record, Rounded, round_nicely
from rules._pack import rule_from_json
from rules._rule import Rule
from sensors._quantity import Quantity

_PARTS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
_FEW = 0.05  # restarts among the alarms with which a margin is wide enough


@dataclass(frozen=True, kw_only=True)
class Margin:
    """When alarms end, as a rule's `clear`, and what that would have meant on the record."""

    clear: Annotated[str, Field(examples=["discharge < threshold.flow_attention * 0.9"])]
    basis: Annotated[str, Field(description="`now`: as the rule in force.")] = ""
    count: Annotated[int, Field(description="Alarms on the complete record.")]
    restarts: Annotated[int, Field(description="Of them within 24 h of an end.")]
    hours: Annotated[Rounded, Field(description="In alarm, a year.")]
    chosen: Annotated[bool, Field(description="Proposed.")] = False


def try_margins(
    record: Record, quantity: Quantity, threshold: str, value: float, rules: Sequence[Rule]
) -> list[Margin]:
    """The rules of a threshold with their own `clear`, and with wider and wider margins.

    Chosen is the narrowest with which hardly an alarm restarts, unless that is so already.
    """
    using = find_rules(rules, quantity, threshold, slope=False)
    own = using[0].written
    tried = [("now", str(own.get("clear") or f"not ({own['when']})"), using)]
    for clear in _clears(record, quantity, threshold, value):
        if clear == own.get("clear"):
            continue
        changed = [rule_from_json({**rule.to_json(), "clear": clear}) for rule in using]
        tried.append(("", clear, changed))
    margins: list[Margin] = []
    for basis, clear, some in tried:
        (estimate,) = estimate_alarms(record, quantity, some, threshold, [value])
        margin = Margin(
            clear=clear,
            basis=basis,
            count=estimate.count,
            restarts=estimate.restarts,
            hours=estimate.hours / record.years,
        )
        margins.append(margin)
        if not basis and margin.restarts <= _FEW * margin.count:
            break  # wider ones only lengthen alarms
    now = margins[0]
    if now.restarts <= _FEW * now.count:
        return [now]
    best = min(margins, key=attrgetter("restarts"))  # of equals the narrowest
    return [replace(margin, chosen=margin is best and margin is not now) for margin in margins]


def _clears(record: Record, quantity: Quantity, threshold: str, value: float) -> Iterator[str]:
    """Parts of the threshold; of a quantity with negatives, of its height above the usual."""
    usual = float(np.median(record.value))
    for part in _PARTS:
        if quantity.has_shares:
            yield f"{quantity.name} < threshold.{threshold} * {1 - part:g}"
        elif value > usual:
            margin = round_nicely(part * (value - usual))
            if margin >= record.resolution:
                yield f"{quantity.name} < threshold.{threshold} - {margin:g} {quantity.unit}"
