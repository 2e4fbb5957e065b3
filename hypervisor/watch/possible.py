"""Whether a condition can possibly be true while the values of its series lie in known spans.

A bound and no judgement: it only ever says "cannot". For what it does not know it says "can". It
follows the engine's intervals: whatever the engine makes of a series holds at least one point of
the series' span here, so that what is true for the whole of its interval is possible here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hypervisor.watch.tail import Mask
from rules._inputs import Values
from rules._tree import (
    Arithmetic,
    Call,
    Comparison,
    Every,
    Name,
    Negation,
    Node,
    Number,
    Scaled,
    Some,
    Threshold,
)

_SLACK = 1e-6  # more than any rounding of sums and means

Span = tuple[Values, Values]
_NEGATED = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}


@dataclass(frozen=True, kw_only=True)
class Spans:
    """What is known of each of `size` sites: values by series, thresholds by name."""

    size: int
    series: Mapping[str, Span]
    sums: Mapping[str, Span]  # of any of its values together
    thresholds: Mapping[str, Values]


def can_be(node: Node, spans: Spans, *, true: bool = True) -> Mask:
    """For each site, whether the condition may be true (or false) for some values in the spans."""
    if isinstance(node, Negation):
        return can_be(node.condition, spans, true=not true)
    if isinstance(node, Every | Some):
        parts = [can_be(part, spans, true=true) for part in node.conditions]
        together = np.logical_and if isinstance(node, Every) is true else np.logical_or
        found: Mask = together.reduce(parts)
        return found
    if isinstance(node, Comparison):
        operator = node.operator if true else _NEGATED[node.operator]
        return _compare(operator, _span(node.left, spans), _span(node.right, spans))
    return np.ones(spans.size, dtype=np.bool_)


def _compare(operator: str, left: Span, right: Span) -> Mask:
    """Written so that not-a-number is possible."""
    with np.errstate(invalid="ignore"):
        if operator in (">", ">="):
            return ~(left[1] + _SLACK < right[0])
        if operator in ("<", "<="):
            return ~(left[0] - _SLACK > right[1])
        if operator == "==":
            return ~((left[1] + _SLACK < right[0]) | (left[0] - _SLACK > right[1]))
        return np.ones(len(left[0]), dtype=np.bool_)


def _span(node: Node, spans: Spans) -> Span:
    with np.errstate(invalid="ignore", over="ignore"):
        return _span_of(node, spans)


def _span_of(node: Node, spans: Spans) -> Span:
    anything = np.full(spans.size, -np.inf), np.full(spans.size, np.inf)
    found: Span | None = None
    match node:
        case Number():
            found = (np.full(spans.size, node.value),) * 2
        case Name():
            found = spans.series.get(node.name)
        case Threshold() if node.name in spans.thresholds:
            found = (spans.thresholds[node.name],) * 2
        case Scaled():
            ends = [end * node.scale + node.offset for end in _span_of(node.operand, spans)]
            found = (ends[0], ends[1]) if node.scale >= 0 else (ends[1], ends[0])
        case Arithmetic() if node.operator in _ARITHMETIC:
            left, right = _span_of(node.left, spans), _span_of(node.right, spans)
            found = _ARITHMETIC[node.operator](left, right)
        case Call(function=function, arguments=(Name(name=name), *_)) if function in _CALLS:
            found = _CALLS[function](spans.series[name]) if name in spans.series else None
        case Call(function="sum", arguments=(Name(name=name), *_)):
            found = spans.sums.get(name)
    return found or anything


def _plus(left: Span, right: Span) -> Span:
    return left[0] + right[0], left[1] + right[1]


def _minus(left: Span, right: Span) -> Span:
    return left[0] - right[1], left[1] - right[0]


def _times(left: Span, right: Span) -> Span:
    corners = np.array([a * b for a in left for b in right])
    return corners.min(axis=0), corners.max(axis=0)


def _itself(span: Span) -> Span:
    return span


def _difference(span: Span) -> Span:
    return span[0] - span[1], span[1] - span[0]


_ARITHMETIC: Mapping[str, Callable[[Span, Span], Span]] = {"+": _plus, "-": _minus, "*": _times}
_CALLS: Mapping[str, Callable[[Span], Span]] = {
    "change": _difference,
    "last_change": _difference,
    "last": _itself,
    "max": _itself,
    "min": _itself,
    "mean": _itself,
    "quantile": _itself,
}
