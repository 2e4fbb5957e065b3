"""What a rule compares with a threshold: which part of which condition, at which severity."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rules._rule import Rule
from rules._tree import Comparison, Name, Node, Scaled, Threshold, walk

Values = NDArray[np.float64]
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}


@dataclass(frozen=True, kw_only=True)
class Compared:
    """`direction`: the side of the threshold on which `node` raises the alarm.

    `severity`: of the step; None: of the main condition. `scale`, `offset`: of the threshold.
    """

    node: Node
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
        for node in walk(condition):
            sides = _sides(node, threshold, severity)
            if sides is not None:
                return sides
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


def _sides(node: Node, threshold: str, severity: str | None) -> Compared | None:
    if not isinstance(node, Comparison):
        return None
    for own, other, operator in (
        (node.right, node.left, node.operator),
        (node.left, node.right, _MIRRORED[node.operator]),
    ):
        inner, scale, offset = own, 1.0, 0.0
        if isinstance(own, Scaled):
            inner, scale, offset = own.operand, own.scale, own.offset
        if isinstance(inner, Threshold) and inner.name == threshold and operator[0] in "<>":
            return Compared(
                node=other,
                direction="above" if (operator[0] == ">") == (scale > 0) else "below",
                severity=severity,
                scale=scale,
                offset=offset,
            )
    return None
