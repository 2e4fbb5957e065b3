"""Whether a condition can be true while the values of its series lie in known spans.

Only "cannot" is certain; what is unknown counts as "can". It follows the engine's intervals: each
interval that the engine computes contains a point of the span here, so that what is true for the
complete interval is possible here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from hypervisor.evaluation.recent_values import LATER
from hypervisor.evaluation.series_tail import Mask
from rules._functions import FORECASTS, FUNCTIONS, INTERVALS, USUAL, Bound
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
    Word,
    walk,
)
from rules._usual import WEEK, shortest_history

IN_WINDOWS = {"sum", "change"} | {
    name for name, each in FUNCTIONS.items() if each.windowed and each.bound is Bound.SAME
}
_ANYWHERE = np.ones((), dtype=np.bool_)
_SLACK = 1e-6  # above any rounding error of sums and means

Span = tuple[Values, Values]
_NEGATED = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}


@dataclass(frozen=True, kw_only=True)
class Silences:
    """Silences of each series up to `upto`, µs.

    `paused`: an upper bound of its pauses between two arrivals; `arrived`: its last arrival;
    `usual`: its shortest expected interval, ever.
    """

    paused: Instants
    arrived: Instants
    upto: int
    usual: Instants

    def of(self, length: Number) -> Mask:
        """Whether a silence of that length may be complete by then."""
        span = self._span(length)
        silent: Mask = (self.paused >= span) | (self.arrived <= self.upto - span)
        return silent

    def next(self, length: Number) -> Instants:
        """When the next one would be complete; LATER where one may be complete already."""
        ends = self.arrived + self._span(length)
        return np.where(self.of(length), LATER, ends)

    def _span(self, length: Number) -> Instants | int:
        if length.unit != INTERVALS:
            return int(length.value)
        return (self.usual * length.value).astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class Spans:
    """Bounds of each subject's values by series, thresholds by name; arrays of `shape`.

    `held`: of those in force, where it is known; `changes`: of a change, by its length (µs).
    `unchanged`: for how long at most (µs) the value has not changed; `recorded`: for how long it
    has been measured. `members`: the same of a group's members, along one more axis; `present`: by
    word, which members measure it.
    """

    shape: tuple[int, ...]
    series: Mapping[str, Span]
    sums: Mapping[str, Span]  # of the sum of any of its values
    thresholds: Mapping[str, Values]
    held: Mapping[str, Span] = field(default_factory=dict)
    changes: Mapping[str, Callable[[int], Span]] = field(default_factory=dict)
    unchanged: Mapping[str, Instants] = field(default_factory=dict)
    recorded: Mapping[str, Callable[[], Instants]] = field(default_factory=dict)
    silences: Mapping[str, Silences] = field(default_factory=dict)
    modelled: Mapping[str, Mask] = field(default_factory=dict)  # where there may be a forecast
    words: Mapping[str, Span] = field(default_factory=dict)  # of calendar and lighting plan
    windows: Callable[[str, int], tuple[Span, Span]] | None = None  # of values, and of their sum
    members: "Spans | None" = None
    present: Mapping[str, Mask] = field(default_factory=dict)


class Lazy(Mapping[str, Span]):
    """Spans by name, each computed when it is first asked for."""

    def __init__(self, places: Mapping[str, Instants], compute: Callable[[Instants], Span]) -> None:
        self._places, self._compute = places, compute
        self._spans: dict[str, Span] = {}

    def __getitem__(self, name: str) -> Span:
        if name not in self._spans:
            self._spans[name] = self._compute(self._places[name])
        return self._spans[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places


def can_be(node: Node, spans: Spans, *, true: bool = True) -> Mask:
    """For each subject, whether the condition may be true (or false) for values in the spans."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        return np.broadcast_to(_can_be(node, spans, true=true), spans.shape)


def _can_be(node: Node, spans: Spans, *, true: bool = True) -> Mask:
    if isinstance(node, Negation):
        return _can_be(node.condition, spans, true=not true)
    if isinstance(node, Every | Some):
        every = isinstance(node, Every) is true
        mask = np.asarray(every)
        for part in node.conditions:
            own = _can_be(part, spans, true=true)
            mask = mask & own if every else mask | own
        return mask
    if isinstance(node, Comparison):
        operator = node.operator if true else _NEGATED[node.operator]
        return _compare(operator, _span(node.left, spans), _span(node.right, spans))
    lasting = lasting_of(node) if true and isinstance(node, Call) else None
    if lasting is not None:
        function, name, length = lasting
        if function == "silent" and name in spans.silences:
            return spans.silences[name].of(length)
        if function == "stuck" and name in spans.unchanged:
            return np.asarray(spans.unchanged[name] >= int(length.value))
    return _ANYWHERE


def lasting_of(call: Call) -> tuple[str, str, Number] | None:
    """Of a `silent` or `stuck`: the function, the series or device, and how long."""
    match call:
        case Call(
            function="silent" | "stuck" as function,
            arguments=(Name(name=name), Number() as length),
        ):
            return function, name, length
    return None


def _compare(operator: str, left: Span, right: Span) -> Mask:
    """Whether a comparison may be true; NaN: it may. Nothing is true of a series without values."""
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
    low, high = _span_of(node, spans)
    if isinstance(node, Number | Name | Threshold | Word):
        return low, high
    # Computed values are rounded before they are compared; zero stays zero.
    return np.where(low == 0, low, low - _SLACK), np.where(high == 0, high, high + _SLACK)


def _span_of(node: Node, spans: Spans) -> Span:
    span: Span | None = None
    match node:
        case Number():
            span = (np.asarray(node.value),) * 2
        case Name():
            span = spans.held.get(node.name) or spans.series.get(node.name)
        case Word():
            span = spans.words.get(node.name)
        case Threshold() if node.name in spans.thresholds:
            span = (spans.thresholds[node.name],) * 2
        case Scaled():
            ends = [end * node.scale + node.offset for end in _span_of(node.operand, spans)]
            span = (ends[0], ends[1]) if node.scale >= 0 else (ends[1], ends[0])
        case Arithmetic() if node.operator in _ARITHMETIC:
            left, right = _span_of(node.left, spans), _span_of(node.right, spans)
            span = _ARITHMETIC[node.operator](left, right)
        case Call():
            span = _of_call(node, spans)
    return span or (np.asarray(-np.inf), np.asarray(np.inf))


def _of_call(call: Call, spans: Spans) -> Span | None:
    match call:
        case Call(function=function, arguments=(Name(name=name), *_, Number(value=length))) if (
            function in IN_WINDOWS
        ):
            return _in_window(function, name, int(length), spans)
        case Call(function=function, arguments=(Name(name=name), *_)) if (
            bound := FUNCTIONS[function].bound
        ) in _BOUNDS:
            return _BOUNDS[bound](spans.series[name]) if name in spans.series else None
        case Call(function="share", arguments=(condition,)):
            return _share(condition, spans)
        case Call(function=function) if function in FORECASTS or function == USUAL:
            return _of_past_or_future(call, spans)
    return None


def _in_window(function: str, name: str, length: int, spans: Spans) -> Span | None:
    """Of what the window holds, where that was looked up; else of all that is in memory."""
    window = None if spans.windows is None else spans.windows(name, length)
    if function == "sum":
        return spans.sums.get(name) if window is None else window[1]
    if function != "change":
        return spans.series.get(name) if window is None else window[0]
    change = spans.changes[name](length) if name in spans.changes else None
    values = spans.series.get(name) if window is None else window[0]
    if window is None and change is not None:
        return change
    if values is None:
        return change
    low, high = _BOUNDS[Bound.DIFFERENCE](values)
    return (low, high) if change is None else (np.fmax(low, change[0]), np.fmin(high, change[1]))


def _of_past_or_future(call: Call, spans: Spans) -> Span | None:
    """Anything; nothing where no model is in force, or the history is too short for a usual value.

    Of nothing no comparison is true.
    """
    names = [node.name for node in walk(call) if isinstance(node, Name)]
    possible = spans.modelled.get(names[0]) if call.function in FORECASTS else None
    if call.function == USUAL and names[0] in spans.recorded:
        weeks = next(int(part.value) // WEEK for part in call.arguments if isinstance(part, Number))
        possible = np.asarray(spans.recorded[names[0]]() >= shortest_history(weeks))
    if possible is None:
        return None
    return np.where(possible, -np.inf, np.inf), np.where(possible, np.inf, -np.inf)


def _share(condition: Node, spans: Spans) -> Span | None:
    """From the share of members for which it must be true to that for which it may be."""
    words = {node.name for node in walk(condition) if isinstance(node, Name)}
    if spans.members is None or not words or not words <= spans.present.keys():
        return None
    there: Mask = np.logical_and.reduce([spans.present[word] for word in words])
    true = (can_be(condition, spans.members) & there).sum(axis=-1)
    sure = (~can_be(condition, spans.members, true=False) & there).sum(axis=-1)
    members = there.sum(axis=-1)
    return np.minimum(true, sure) / members, np.maximum(true, sure) / members


def _times(left: Span, right: Span) -> Span:
    corners = np.array(np.broadcast_arrays(*(a * b for a in left for b in right)))
    # What is unknown stays unknown, except times nothing: that is nothing.
    unknown = (_is_empty(left) & ~_holds_zero(right)) | (_is_empty(right) & ~_holds_zero(left))
    low, high = corners.min(axis=0), corners.max(axis=0)
    return np.where(unknown, np.inf, low), np.where(unknown, -np.inf, high)


def _is_empty(span: Span) -> Mask:
    return np.asarray(span[0] > span[1])


def _holds_zero(span: Span) -> Mask:
    return ~np.asarray((span[0] > 0) | (span[1] < 0)) | np.isnan(span[0]) | np.isnan(span[1])


def _over(left: Span, right: Span) -> Span:
    """Anything where the divisor may be below one: that enlarges the error of a rounding."""
    corners = np.array(np.broadcast_arrays(*(a / b for a in left for b in right)))
    large = (right[0] <= right[1]) & ((right[0] >= 1) | (right[1] <= -1))
    low, high = corners.min(axis=0), corners.max(axis=0)
    return np.where(large, low, -np.inf), np.where(large, high, np.inf)


_ARITHMETIC: Mapping[str, Callable[[Span, Span], Span]] = {
    "+": lambda left, right: (left[0] + right[0], left[1] + right[1]),
    "-": lambda left, right: (left[0] - right[1], left[1] - right[0]),
    "*": _times,
    "/": _over,
}
_BOUNDS: Mapping[Bound, Callable[[Span], Span]] = {
    Bound.SAME: lambda span: span,
    Bound.DIFFERENCE: lambda span: (span[0] - span[1], span[1] - span[0]),
}
