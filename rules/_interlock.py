"""Interlocks of commands: conditions of the rule language, asked at a moment; three-valued."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rules._check import check_condition
from rules._duration import duration_text
from rules._engine import evaluate_parts, evaluate_truth
from rules._errors import RuleError
from rules._expression import parse
from rules._functions import FUNCTIONS, OVER_MEMBERS, Gives
from rules._inputs import Instants, Subject
from rules._interval import FALSE, TRUE
from rules._pack import rule_from_json
from rules._rule import Rule
from rules._tree import Call, Name, Node, Number, Threshold, Word, walk
from rules._vocabulary import PLANNED, vocabulary
from sensors._domain import Catalogue
from sensors._errors import Place

NAME = "interlock"  # the id of the rule that a condition is read as
_PLACE = Place(file=NAME, line=1, column=1)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A value that an interlock was decided by; not finite: not known."""

    name: str
    low: float
    high: float
    unit: str

    @property
    def text(self) -> str:
        """`level 2.31 m`; of what is not known the name and a question mark."""
        if math.isinf(self.low) or math.isinf(self.high):
            return f"{self.name} ?"
        value = f"{self.low:g}" if self.low == self.high else f"{self.low:g} … {self.high:g}"
        return f"{self.name} {value} {'' if self.unit == '1' else self.unit}".rstrip()


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What a condition says at a time (µs). `holds` None: that is not known."""

    at: int
    holds: bool | None
    seen: tuple[Seen, ...]


def read_condition(text: str, catalogue: Catalogue, *, domain: str = "") -> Rule:
    """A condition as the rule that the engine asks. Raises RuleError: it cannot be an interlock."""
    node = check_condition(parse(text, _PLACE), vocabulary(catalogue))
    for part in walk(node):
        if isinstance(part, Call) and part.function in ("silent", *OVER_MEMBERS):
            raise RuleError(
                part.place,
                "{function} cannot stand in an interlock: it asks the readings of one site",
                part.function,
            )
        if isinstance(part, Word) and part.name in PLANNED:
            raise RuleError(
                part.place, "{word} cannot stand in an interlock: write `hour`", part.name
            )
    if not any(isinstance(part, Name) for part in walk(node)):
        raise RuleError(_PLACE, "an interlock names no series; what should it look at?")
    return rule_from_json({"domain": domain, "id": NAME, "title": NAME, "when": text})


def rule_at(rule: Rule, subject: Subject, catalogue: Catalogue, times: Instants) -> list[Ruling]:
    """What a condition says of a site at each time (µs, ascending)."""
    if not len(times):
        return []
    truths = evaluate_truth(rule, subject, times)
    nodes = list(dict.fromkeys(_leaves(rule.when)))
    values = evaluate_parts(rule, nodes, [(subject, times)])
    labels = [(_write(node), _unit(node, catalogue)) for node in nodes]
    return [
        Ruling(
            at=int(at),
            holds=True if truth == TRUE else False if truth == FALSE else None,
            seen=tuple(
                Seen(name=name, low=float(value.lo[row]), high=float(value.hi[row]), unit=unit)
                for (name, unit), value in zip(labels, values, strict=True)
            ),
        )
        for row, (at, truth) in enumerate(zip(times, truths, strict=True))
    ]


def _leaves(node: Node) -> Iterator[Node]:
    """What a condition looks at: series, thresholds, words and calls that have a value."""
    if (
        isinstance(node, Call) and FUNCTIONS[node.function].gives is Gives.CONDITION
    ):  # no value to show
        return
    if isinstance(node, Call | Name | Threshold | Word):
        yield node
        return
    for part in node.parts:
        yield from _leaves(part)


def _write(node: Node) -> str:
    match node:
        case Threshold():
            return f"threshold.{node.name}"
        case Name() | Word():
            return node.name
        case Number(unit="us"):
            return duration_text(int(node.value))
        case Number():
            return f"{node.value:g}"
        case Call():
            return f"{node.function}({', '.join(_write(part) for part in node.arguments)})"
    return "…"


def _unit(node: Node, catalogue: Catalogue) -> str:
    if isinstance(node, Threshold):
        return catalogue.thresholds[node.name].unit
    if isinstance(node, Name):
        return catalogue.quantities[node.name].unit
    if isinstance(node, Call):
        names: Sequence[str] = [part.name for part in node.arguments if isinstance(part, Name)]
        unit = catalogue.quantities[names[0]].unit if names else ""
        gives = FUNCTIONS[node.function].gives
        return f"{unit}/h" if gives is Gives.PER_HOUR else unit if gives is Gives.SAME else ""
    return ""
