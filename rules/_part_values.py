"""What a rule compares, in numbers: the value of a part of its condition at given times."""

from collections.abc import Sequence

import numpy as np

from rules._engine import extent_of
from rules._evaluate import View
from rules._inputs import Horizon, Instants, Subject
from rules._interval import Interval, rounded
from rules._layout import EvaluationRequest, blocks
from rules._rule import Rule
from rules._sight import Sight
from rules._tree import Node

_ALWAYS = 0  # µs: the one revision holds from the epoch on


def evaluate_part(rule: Rule, node: Node, subject: Subject, times: Instants) -> Interval:
    """The value of `node`, a part of the rule's condition, as the engine has it at each time (µs).

    For a rule of axis "silence" the times are of arrival. What is not known is (-inf, inf).
    """
    if not len(times):
        return Interval(np.empty(0), np.empty(0))
    last = int(times.max())
    request = EvaluationRequest(
        horizon=Horizon(values=last, silence=last, gaps=()),
        starts={},
        untils={},
        seeds={},
        closings={},
    )
    revisions: Sequence[tuple[int, Rule | None]] = [(_ALWAYS, rule)]
    (block,) = blocks([subject], request, extent_of(revisions))
    keys = block.axis.keys(times, [len(times)])
    return rounded(View(Sight(block, keys, silence=rule.axis == "silence")).value(node))
