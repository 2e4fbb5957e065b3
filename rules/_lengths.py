"""Lengths of time with rules of their own: the weeks of `usual`, the intervals of `silent`."""

from collections.abc import Sequence
from dataclasses import replace

from rules._duration import microseconds
from rules._errors import RuleError
from rules._functions import FEWEST_WEEKS, INTERVALS, MOST_INTERVALS, MOST_WEEKS
from rules._rule import DEVICE
from rules._tree import Name, Node, Number


def parse_weeks(node: Number) -> Node:
    """The whole weeks that `usual` looks back, in µs. Raises RuleError: others."""
    allowed = node.value == int(node.value) and FEWEST_WEEKS <= node.value <= MOST_WEEKS
    if node.unit not in ("week", "weeks") or not allowed:
        raise RuleError(
            node.place,
            "usual compares with {fewest} to {most} whole weeks, such as usual(…, 4 weeks)",
            FEWEST_WEEKS,
            MOST_WEEKS,
        )
    return replace(node, value=microseconds(node.value, node.unit, node.place), unit="us")


def parse_intervals(node: Number) -> Node:
    """How many intervals of its series `silent` waits. Raises RuleError: too few or too many."""
    if not 1 <= node.value <= MOST_INTERVALS:
        raise RuleError(node.place, "silent takes from 1 to {most} intervals", MOST_INTERVALS)
    return replace(node, unit=INTERVALS)


def refuse_intervals_of_devices(arguments: Sequence[Node]) -> None:
    """Raises RuleError: a device's series may be expected at different intervals."""
    for node in arguments:
        if isinstance(node, Number) and node.unit == INTERVALS and _is_device(arguments[0]):
            raise RuleError(
                node.place,
                "silent(device, …) takes a duration, such as 30 min: a device's series may have "
                "different intervals",
            )


def _is_device(node: Node) -> bool:
    return isinstance(node, Name) and node.name == DEVICE
