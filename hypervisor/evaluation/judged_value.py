"""What a rule compares, where that is not the reading itself: the sum, the rate, the mean."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from rules._duration import duration_text
from rules._engine import evaluate_parts
from rules._functions import FORECASTS, FUNCTIONS, Gives, Takes
from rules._inputs import Subject
from rules._interval import Interval
from rules._rule import Rule
from rules._tree import Call, Comparison, Name, Node, Number, Threshold, walk
from sensors._quantity import Quantity

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}

JudgedValue = dict[str, Any]
Parts = tuple[str, Call, Node]  # operator, what is compared, with what


def find_judged_values(
    rule: Rule, quantity: Quantity, severity: str, looks: Sequence[tuple[Subject, int]]
) -> list[JudgedValue | None]:
    """The value of a series over a span that its severity is judged by; of subjects, at times (µs).

    `over`: the span, as a rule writes it; `limit`: what it is compared with, in the same unit.
    Of several the one that is farthest beyond its limit. None: the rule compares readings, or
    nothing is known.
    """
    compared = _find_compared(rule, quantity.name, severity)
    if not compared or rule.axis == "silence" or not looks:
        return [None] * len(looks)
    nodes = [node for _, own, other in compared for node in (own, other)]
    values = evaluate_parts(rule, nodes, [(subject, np.array([at])) for subject, at in looks])
    return [_find_farthest(compared, quantity, values, number) for number in range(len(looks))]


def _find_farthest(
    compared: Sequence[Parts], quantity: Quantity, values: Sequence[Interval], number: int
) -> JudgedValue | None:
    judged: list[tuple[float, JudgedValue]] = []
    for place, (operator, call, other) in enumerate(compared):
        own, limit = values[2 * place], values[2 * place + 1]
        # Of a span that is only partly known the end counts that the comparison looks at.
        value = float((own.lo if operator.startswith(">") else own.hi)[number])
        bound = float(limit.lo[number])
        if math.isfinite(value) and math.isfinite(bound):
            beyond = value - bound if operator.startswith(">") else bound - value
            described = _describe(call, other, quantity, value, bound)
            judged.append((beyond / max(abs(bound), 1e-9), described))
    return max(judged, key=lambda weighed: weighed[0])[1] if judged else None


def _find_compared(rule: Rule, series: str, severity: str) -> list[Parts]:
    """The comparisons of this series over a span that raise the severity."""
    condition = next((step.when for step in rule.steps if step.severity == severity), rule.when)
    own = {id(node) for node in rule.outside}
    return [
        (operator, left, right)
        for node in walk(condition)
        if isinstance(node, Comparison) and id(node) in own and node.operator in _MIRRORED
        for operator, left, right in (
            (node.operator, node.left, node.right),
            (_MIRRORED[node.operator], node.right, node.left),
        )
        if isinstance(left, Call) and _is_over_span(left, series)
    ]


def _is_over_span(call: Call, series: str) -> bool:
    function = FUNCTIONS[call.function]
    what = call.arguments[0]
    arguments = (what.left,) if isinstance(what, Comparison) else call.arguments
    named = [part.name for part in arguments if isinstance(part, Name)]
    measured = function.gives in {Gives.SAME, Gives.PER_HOUR} or call.function in FORECASTS
    return measured and function.takes[-1] is Takes.DURATION and named == [series]


def _describe(
    call: Call, other: Node, quantity: Quantity, value: float, bound: float
) -> JudgedValue:
    *_, span = (part.value for part in call.arguments if isinstance(part, Number))
    gives = FUNCTIONS[call.function].gives
    unit = f"{quantity.unit}/h" if gives is Gives.PER_HOUR else quantity.unit
    if gives is Gives.NUMBER:  # a chance, whose limit may name the threshold
        unit, value, bound, other = "%", 100 * value, 100 * bound, call
    names = [node.name for node in walk(other) if isinstance(node, Threshold)]
    return {
        "function": call.function,
        "over": duration_text(int(span)),
        "value": round(value, 6),
        "unit": unit,
        "limit": round(bound, 6),
        "threshold": names[0] if len(names) == 1 else None,
    }
