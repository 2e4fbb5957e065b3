"""Rules and thresholds in the reader's words: titles, labels, conditions worked out to a number."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.backtest.compared import Compared
from hypervisor.base.reader import current
from hypervisor.base.translation import mark as mark_word
from hypervisor.base.translation import translate as _
from hypervisor.base.words import bare
from hypervisor.web.filters import NBSP, duration, number, value
from rules._rule import Rule, Step
from rules._tree import (
    Arithmetic,
    Call,
    Comparison,
    Name,
    Node,
    Number,
    Scaled,
    Threshold,
    walk,
)
from sensors._domain import Catalogue

_SECOND = 1_000_000
_AROUND = timedelta(hours=18)
_TEN = 10
_NAMES = ("{site}", "{device}", "{group}")


def folded(text: str) -> str:
    """Without accents and capitals, as one searches."""
    apart = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def title(rule: Rule) -> str:
    """What a rule is about, without the name of its subject."""
    return bare(_said(rule.french.title, rule.title))


def wrong_when(rule: Rule) -> str:
    """When its alarm is not to be believed."""
    return _said(rule.french.wrong_when, rule.wrong_when)


def advice(rule: Rule) -> str:
    """What an operator does."""
    return _said(rule.french.advice, rule.advice)


def _said(french: str, english: str) -> str:
    return french if current().language == "fr" and french else english


def label(name: str, catalogue: Catalogue) -> str:
    """A threshold's name for people; one that no domain knows is called as it is."""
    known = catalogue.thresholds.get(name)
    if known is None:
        return name
    return known.label_fr if current().language == "fr" else known.label_en


def measured(name: str, catalogue: Catalogue) -> str:
    """A quantity's name for people."""
    quantity = catalogue.quantities.get(name)
    if quantity is None:
        return name
    return quantity.label_fr if current().language == "fr" else quantity.label_en


def worked(node: Node, catalogue: Catalogue) -> str:
    """What is compared, in words: a series, or what a function makes of it."""
    match node:
        case Name():
            return measured(node.name, catalogue)
        case Scaled():
            return worked(node.operand, catalogue)
        case Call(function=function, arguments=(Name(name=name), *rest)) if function in _MADE:
            spans = [one for one in rest if isinstance(one, Number) and one.unit == "us"]
            span = duration(spans[0].value / _SECOND) if spans else ""
            return _(_MADE[function]) % {"what": measured(name, catalogue), "span": span}
    names = [one.name for one in walk(node) if isinstance(one, Name)]
    return ", ".join(measured(name, catalogue) for name in dict.fromkeys(names))


_MADE = {
    "rate": mark_word("%(what)s: slope over %(span)s"),
    "change": mark_word("%(what)s: change in %(span)s"),
    "sum": mark_word("%(what)s: total over %(span)s"),
    "mean": mark_word("%(what)s: mean over %(span)s"),
    "max": mark_word("%(what)s: highest over %(span)s"),
    "min": mark_word("%(what)s: lowest over %(span)s"),
}


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How the rule treats its threshold: `clears`, `hold` and `keep` as texts; its severity."""

    severity: str
    clears: str
    hold: str
    keep: str


def manner(
    rule: Rule, threshold: str, at: float | None, unit: str, found: Compared | None
) -> Manner:
    """Of the condition or the step that the threshold decides."""
    part: Rule | Step = rule
    if found is not None and found.severity is not None:
        part = next(step for step in rule.steps if step.severity == found.severity)
    back = None
    if at is not None and found is not None and part.clear is not None:
        back = returning(part.clear, threshold, at, found)
    return Manner(
        severity=part.severity,
        clears="" if back is None else value(back, unit),
        hold=duration(part.hold / _SECOND) if part.hold else "",
        keep=duration(rule.keep / _SECOND) if rule.keep else "",
    )


def returning(clear: Node, threshold: str, at: float, found: Compared) -> float | None:
    """Beyond which value the alarm ends, in the threshold's unit; None: it is no such value."""
    for node in walk(clear):
        if not isinstance(node, Comparison):
            continue
        for own, other in ((node.right, node.left), (node.left, node.right)):
            if other == found.node and threshold in _named(own):
                worked = _worked_out(own, threshold, at)
                return None if worked is None else (worked - found.offset) / found.scale
    return None


def _named(node: Node) -> set[str]:
    return {one.name for one in walk(node) if isinstance(one, Threshold)}


def _worked_out(node: Node, threshold: str, at: float) -> float | None:
    match node:
        case Number():
            return node.value
        case Threshold():
            return at if node.name == threshold else None
        case Scaled():
            inner = _worked_out(node.operand, threshold, at)
            return None if inner is None else inner * node.scale + node.offset
        case Arithmetic():
            left = _worked_out(node.left, threshold, at)
            right = _worked_out(node.right, threshold, at)
            if left is None or right is None:
                return None
            return {
                "+": left + right,
                "-": left - right,
                "*": left * right,
                "/": left / right if right else None,
            }[node.operator]
    return None


def places(figure: float) -> int:
    """As many decimals as it has; below ten, two at least."""
    said = f"{figure:.6f}".rstrip("0")
    return max(2 if abs(figure) < _TEN else 0, len(said.partition(".")[2]))


def figure(amount: float, unit: str) -> str:
    """A threshold's value with as many decimals as it has."""
    return value(amount, unit, places(amount))


def percent(part: float) -> str:
    """0,36 %: two figures that count."""
    said = part * 100
    digits = 0 if said >= 10 else 1 if said >= 1 else 2
    return f"{number(said, digits)}{NBSP}%"


def around(at: datetime, sign: int) -> datetime:
    """A little before or after, for a chart that shows what led to it."""
    return at + sign * _AROUND


# What the templates of these pages use besides the console's own.
TOOLS: Mapping[str, Any] = {
    "places": places,
    "percent": percent,
    "nearby": around,
    "rule_title": title,
}
