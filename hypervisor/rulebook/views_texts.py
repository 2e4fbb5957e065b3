"""Texts of rules and thresholds in the reader's language."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.backtest.compared_series import Compared, limit_value
from hypervisor.base.reader import current
from hypervisor.base.translation import translate as _
from hypervisor.base.words import bare, describe_function
from hypervisor.charts.words import limit_label, quantity_label
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.web.filters import NBSP, duration, number, value
from rules._functions import FUNCTIONS
from rules._rule import Rule, Step
from rules._tree import (
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


def fold_text(text: str) -> str:
    """Lower case without accents, for search."""
    apart = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def rule_title(rule: Rule) -> str:
    """A rule's title without the name of its subject."""
    return bare(_localized(rule.french.title, rule.title))


def wrong_when(rule: Rule) -> str:
    """When its alarm is likely false."""
    return _localized(rule.french.wrong_when, rule.wrong_when)


def _localized(french: str, english: str) -> str:
    return french if current().language == "fr" and french else english


def threshold_label(name: str, catalogue: Catalogue) -> str:
    """A threshold's label; its name if no domain defines it."""
    return limit_label(catalogue.thresholds.get(name), name)


def describe_node(node: Node, catalogue: Catalogue) -> str:
    """The compared series, or function of it, as text."""
    names = dict.fromkeys(part.name for part in walk(node) if isinstance(part, Name))
    what = ", ".join(quantity_label(catalogue.quantities.get(name), name) for name in names)
    match node:
        case Scaled():
            return describe_node(node.operand, catalogue)
        case Call(function=function, arguments=(_what, *rest)) if FUNCTIONS[function].label:
            spans = [
                duration(argument.value / _SECOND)
                for argument in rest
                if isinstance(argument, Number) and argument.unit == "us"
            ]
            return describe_measure(what, function, "".join(spans[:1]))
    return what


def describe_measure(what: str, function: str, span: str) -> str:
    """A function of a series as text. Water level: slope over 3 h."""
    function = describe_function(function, span)
    return _("%(what)s: %(function)s") % {"what": what, "function": function}


@dataclass(frozen=True, kw_only=True)
class RuleBehaviour:
    """Severity of a rule, with `clears`, `hold` and `keep` as texts."""

    severity: str
    clears: str
    hold: str
    keep: str


def rule_behaviour(
    rule: Rule, threshold: str, at: float | None, unit: str, compared: Compared | None
) -> RuleBehaviour:
    """Behaviour of the condition or step that uses the threshold."""
    part: Rule | Step = rule
    if compared is not None and compared.severity is not None:
        part = next(step for step in rule.steps if step.severity == compared.severity)
    back = None
    if at is not None and compared is not None and part.clear is not None:
        back = clearing_value(part.clear, threshold, at, compared)
    return RuleBehaviour(
        severity=part.severity,
        clears="" if back is None else value(back, unit),
        hold=duration(part.hold / _SECOND) if part.hold else "",
        keep=duration(rule.keep / _SECOND) if rule.keep else "",
    )


def clearing_value(clear: Node, threshold: str, at: float, compared: Compared) -> float | None:
    """The value at which the alarm clears, in the threshold's unit; None if there is none."""
    for node in walk(clear):
        if not isinstance(node, Comparison):
            continue
        for own, other in ((node.right, node.left), (node.left, node.right)):
            names = {part.name for part in walk(own) if isinstance(part, Threshold)}
            if other == compared.node and threshold in names:
                worked = limit_value(own, {threshold: at})
                return None if worked is None else (worked - compared.offset) / compared.scale
    return None


def decimals(figure: float) -> int:
    """Number of decimals of a figure; at least two below ten."""
    digits = f"{figure:.6f}".rstrip("0")
    return max(2 if abs(figure) < 10 else 0, len(digits.partition(".")[2]))


def format_revision(recorded: RecordedRevision | None) -> str:
    """A threshold's value with its own decimals."""
    if recorded is None or recorded.value is None:
        return _("not set")
    return format_figure(float(recorded.value["value"]), str(recorded.value["unit"]))


def format_figure(amount: float, unit: str) -> str:
    """A figure with its own decimals."""
    return value(amount, unit, decimals(amount))


def format_percent(part: float) -> str:
    """A share as per cent, such as 0,36 %."""
    share = part * 100
    digits = 0 if share >= 10 else 1 if share >= 1 else 2
    return f"{number(share, digits)}{NBSP}%"


def shift_time(at: datetime, sign: int) -> datetime:
    """A time some hours before or after, for the context of a chart."""
    return at + sign * _AROUND


# Functions for the templates of these pages.
TOOLS: Mapping[str, Any] = {
    "places": decimals,
    "percent": format_percent,
    "nearby": shift_time,
    "rule_title": rule_title,
}
