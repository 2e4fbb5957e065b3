"""What a rule compares with a limit: which part of which condition, at which severity."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rules._rule import Rule
from rules._tree import Arithmetic, Call, Comparison, Name, Node, Number, Scaled, Threshold, walk

Values = NDArray[np.float64]
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_CONSTANT = (Number, Threshold, Scaled, Arithmetic)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """`direction`: the side of `limit` on which `node` raises the alarm.

    `limit`: a threshold, a number, or computed from them. `severity`: of the step; None: of the
    main condition. `scale`, `offset`: of a threshold that is kept in another unit.
    """

    node: Node
    limit: Node
    direction: Literal["above", "below"]
    severity: str | None
    scale: float = 1.0
    offset: float = 0.0

    @property
    def series(self) -> str | None:
        """The first series in it."""
        return next((name.name for name in walk(self.node) if isinstance(name, Name)), None)

    def of(self, values: Values) -> Values:
        """Values of `node` in the threshold's own unit."""
        if (self.scale, self.offset) == (1.0, 0.0):
            return values
        converted: Values = (values - self.offset) / self.scale
        return converted

    def beyond(self, values: Values, threshold: float) -> NDArray[np.bool_]:
        beyond: NDArray[np.bool_] = (
            values > threshold if self.direction == "above" else values < threshold
        )
        return beyond


def find_compared(rule: Rule, threshold: str) -> Compared | None:
    """Where the rule compares the threshold itself; None: nowhere."""
    for severity, condition in _conditions(rule):
        for node in _without_chances(condition):
            for sides in _sides(node, severity):
                if isinstance(sides.limit, Threshold) and sides.limit.name == threshold:
                    return sides
    return None


def find_condition(rule: Rule) -> Compared | None:
    """The first comparison of the main condition with a limit; None: it has none.

    Not those within a share or upstream, which are about other sites' values.
    """
    for node in _list_comparisons(rule.when):
        for sides in _sides(node, None):
            if sides.series is not None:
                return sides
    return None


def limit_value(limit: Node, thresholds: Mapping[str, float]) -> float | None:
    """The value of a limit; None: it is none, or lacks a threshold."""
    match limit:
        case Number():
            return limit.value
        case Threshold():
            return thresholds.get(limit.name)
        case Scaled():
            inner = limit_value(limit.operand, thresholds)
            return None if inner is None else inner * limit.scale + limit.offset
        case Arithmetic():
            left = limit_value(limit.left, thresholds)
            right = limit_value(limit.right, thresholds)
            if left is None or right is None:
                return None
            return {
                "+": left + right,
                "-": left - right,
                "*": left * right,
                "/": left / right if right else None,
            }[limit.operator]
    return None


def severity_of(rule: Rule, threshold: str) -> str | None:
    """The severity of the first step that uses the threshold; None: the main condition does."""
    for severity, condition in _conditions(rule):
        if any(isinstance(node, Threshold) and node.name == threshold for node in walk(condition)):
            return severity
    return None


def _conditions(rule: Rule) -> Iterator[tuple[str | None, Node]]:
    yield None, rule.when
    for step in rule.steps:
        yield step.severity, step.when


def _without_chances(node: Node) -> Iterator[Node]:
    """A condition and its parts; what a chance is of is not itself compared."""
    yield node
    if not (isinstance(node, Call) and node.function == "chance"):
        for part in node.parts:
            yield from _without_chances(part)


def _list_comparisons(node: Node) -> Iterator[Comparison]:
    if isinstance(node, Comparison):
        yield node
    elif not isinstance(node, Call):
        for part in node.parts:
            yield from _list_comparisons(part)


def _sides(node: Node, severity: str | None) -> Iterator[Compared]:
    """A comparison as seen from each side that is a limit."""
    if not isinstance(node, Comparison) or node.operator[0] not in "<>":
        return
    for own, other, operator in (
        (node.right, node.left, node.operator),
        (node.left, node.right, _MIRRORED[node.operator]),
    ):
        inner, scale, offset = own, 1.0, 0.0
        if isinstance(own, Scaled) and isinstance(own.operand, Threshold):
            inner, scale, offset = own.operand, own.scale, own.offset
        if all(isinstance(part, _CONSTANT) for part in walk(inner)):
            yield Compared(
                node=other,
                limit=inner,
                direction="above" if (operator[0] == ">") == (scale > 0) else "below",
                severity=severity,
                scale=scale,
                offset=offset,
            )
