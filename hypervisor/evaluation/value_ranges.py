"""Whether a condition can possibly be true while the values of its series lie in known spans.

A bound and no judgement: it only ever says "cannot". For what it does not know it says "can". It
follows the engine's intervals: whatever the engine makes of a series holds at least one point of
the series' span here, so that what is true for the whole of its interval is possible here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from hypervisor.evaluation.series_stats import LATER
from hypervisor.evaluation.series_tail import Mask
from rules._inputs import Instants, Values
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
    walk,
)

_SLACK = 1e-6  # more than any rounding of sums and means

Span = tuple[Values, Values]
_NEGATED = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}


@dataclass(frozen=True, kw_only=True)
class Silences:
    """How long each series may have said nothing, µs: `paused` is no less than its longest pause
    between two arrivals, `arrived` when it last spoke, `upto` how far is asked.
    """  # noqa: D205  one sentence

    paused: Instants
    arrived: Instants
    upto: int

    def of(self, length: int) -> Mask:
        """Whether one of that length may have been complete by then."""
        silent: Mask = (self.paused >= length) | (self.arrived <= self.upto - length)
        return silent

    def next(self, length: int) -> Instants:
        """When the next one would be complete; LATER for those that may be by now."""
        ends = self.arrived + length
        return np.where(self.of(length), LATER, ends)


@dataclass(frozen=True, kw_only=True)
class Spans:
    """What is known of each subject: values by series, thresholds by name; arrays of `shape`.

    `members`: the same of the members of each, along one more axis; `present`: behind each word
    of a group, which of them there are.
    """

    shape: tuple[int, ...]
    series: Mapping[str, Span]
    sums: Mapping[str, Span]  # of any of its values together
    thresholds: Mapping[str, Values]
    silences: Mapping[str, Silences] = field(default_factory=dict)
    members: "Spans | None" = None
    present: Mapping[str, Mask] = field(default_factory=dict)


def can_be(node: Node, spans: Spans, *, true: bool = True) -> Mask:
    """For each subject, whether the condition may be true (or false) for values in the spans."""
    if isinstance(node, Negation):
        return can_be(node.condition, spans, true=not true)
    if isinstance(node, Every | Some):
        parts = [can_be(part, spans, true=true) for part in node.conditions]
        together = np.logical_and if isinstance(node, Every) is true else np.logical_or
        mask: Mask = together.reduce(parts)
        return mask
    if isinstance(node, Comparison):
        operator = node.operator if true else _NEGATED[node.operator]
        return _compare(operator, _span(node.left, spans), _span(node.right, spans))
    if true and isinstance(node, Call) and node.function == "silent":
        silence = silence_of(node)
        if silence is not None and silence[0] in spans.silences:
            return spans.silences[silence[0]].of(silence[1])
    return np.ones(spans.shape, dtype=np.bool_)


def silence_of(call: Call) -> tuple[str, int] | None:
    """What a `silent` listens to, and for how long (µs)."""
    name, length = call.arguments
    if isinstance(name, Name) and isinstance(length, Number):
        return name.name, int(length.value)
    return None


def _compare(operator: str, left: Span, right: Span) -> Mask:
    """Written so that not-a-number is possible. Of what never spoke nothing is true."""
    with np.errstate(invalid="ignore"):
        if operator in (">", ">="):
            apart = left[1] < right[0] if operator == ">=" else left[1] <= right[0]
        elif operator in ("<", "<="):
            apart = left[0] > right[1] if operator == "<=" else left[0] >= right[1]
        elif operator == "==":
            apart = (left[1] < right[0]) | (left[0] > right[1])
        else:
            same = (left[0] == left[1]) & (right[0] == right[1]) & (left[0] == right[0])
            apart = same | (left[0] > left[1]) | (right[0] > right[1])
        return ~np.asarray(apart)


def _span(node: Node, spans: Spans) -> Span:
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        low, high = _span_of(node, spans)
        if isinstance(node, Number | Name | Threshold):
            return low, high
        # What is computed is rounded before it is compared; nothing stays nothing.
        return np.where(low == 0, low, low - _SLACK), np.where(high == 0, high, high + _SLACK)


def _span_of(node: Node, spans: Spans) -> Span:
    anything = np.full(spans.shape, -np.inf), np.full(spans.shape, np.inf)
    span: Span | None = None
    match node:
        case Number():
            span = (np.full(spans.shape, node.value),) * 2
        case Name():
            span = spans.series.get(node.name)
        case Threshold() if node.name in spans.thresholds:
            span = (spans.thresholds[node.name],) * 2
        case Scaled():
            ends = [end * node.scale + node.offset for end in _span_of(node.operand, spans)]
            span = (ends[0], ends[1]) if node.scale >= 0 else (ends[1], ends[0])
        case Arithmetic() if node.operator in _ARITHMETIC:
            left, right = _span_of(node.left, spans), _span_of(node.right, spans)
            span = _ARITHMETIC[node.operator](left, right)
        case Call(function=function, arguments=(Name(name=name), *_)) if function in _CALLS:
            span = _CALLS[function](spans.series[name]) if name in spans.series else None
        case Call(function="sum", arguments=(Name(name=name), *_)):
            span = spans.sums.get(name)
        case Call(function="share", arguments=(condition,)):
            span = _share(condition, spans)
    return span or anything


def _share(condition: Node, spans: Spans) -> Span | None:
    """Between those members for which it may be true and those for which it cannot be false."""
    words = {node.name for node in walk(condition) if isinstance(node, Name)}
    if spans.members is None or not words or not words <= spans.present.keys():
        return None
    there: Mask = np.logical_and.reduce([spans.present[word] for word in words])
    true = (can_be(condition, spans.members) & there).sum(axis=-1)
    sure = (~can_be(condition, spans.members, true=False) & there).sum(axis=-1)
    members = there.sum(axis=-1)
    return np.minimum(true, sure) / members, np.maximum(true, sure) / members


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
