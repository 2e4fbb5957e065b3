"""Check an expression: known words, right arguments, units that fit; put the conversions in."""

from dataclasses import dataclass, replace

from rules._duration import microseconds
from rules._errors import RuleError, WaitingError, nearest
from rules._functions import FUNCTIONS, WAITING, Function, Gives, Takes
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
from rules._units import BARE, Unit, converted, product, quotient
from rules._vocabulary import Vocabulary

_CONDITIONS = (Comparison, Every, Some, Negation)


def check_condition(node: Node, words: Vocabulary) -> Node:
    """The expression as a condition, with durations in µs and conversions of units put in.

    Raises:
        RuleError: an unknown word, a wrong argument, units that do not fit, or it is a value.
        WaitingError: it uses a word that the language will have.
    """
    return _Checker(words).condition(node)


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """A checked value and its unit; None: unknown, and fits everything."""

    node: Node
    unit: Unit


class _Checker:
    def __init__(self, words: Vocabulary) -> None:
        self._words = words

    def condition(self, node: Node) -> Node:
        match node:
            case Every() | Some():
                return replace(node, conditions=tuple(map(self.condition, node.conditions)))
            case Negation():
                return replace(node, condition=self.condition(node.condition))
            case Comparison():
                return self._comparison(node)
            case Call() if FUNCTIONS[node.function].gives is Gives.CONDITION:
                return self._call(node).node
            case Name():
                self._series(node)
                raise RuleError(
                    node.place,
                    f"{node.name!r} is a value; a condition compares it, as {node.name} > 3 m"
                    f" or {node.name} == 1",
                )
        raise RuleError(node.place, "expected a condition, found a value; compare it with another")

    def _comparison(self, node: Comparison) -> Node:
        left, right = self._fitted(self._value(node.left), self._value(node.right), node)
        return replace(node, left=left.node, right=right.node)

    def _value(self, node: Node) -> _Measured:
        match node:
            case Number():
                return _Measured(node=node, unit=BARE if node.unit is None else node.unit)
            case Name():
                return _Measured(node=node, unit=self._series(node))
            case Threshold():
                return _Measured(node=node, unit=self._threshold(node))
            case Arithmetic():
                return self._arithmetic(node)
            case Call() if FUNCTIONS[node.function].gives is not Gives.CONDITION:
                return self._call(node)
        raise RuleError(node.place, "expected a value, found a condition")

    def _series(self, node: Name) -> Unit:
        if node.name in self._words.series:
            return self._words.series[node.name]
        if node.name in WAITING:
            raise WaitingError(node.place, f"the word {node.name} does not exist yet")
        if node.name in FUNCTIONS:
            raise RuleError(node.place, f"{node.name!r} is a function; expected {node.name}(…)")
        if not self._words.closed:
            return None
        if node.name in self._words.thresholds:
            raise RuleError(node.place, f"a threshold is written threshold.{node.name}")
        hint = nearest(node.name, self._words.series)
        raise RuleError(node.place, f"unknown series {node.name!r}{hint}")

    def _threshold(self, node: Threshold) -> Unit:
        if node.name in self._words.thresholds:
            return self._words.thresholds[node.name]
        if not self._words.closed:
            return None
        hint = nearest(node.name, self._words.thresholds)
        raise RuleError(node.place, f"unknown threshold {node.name!r}{hint}")

    def _arithmetic(self, node: Arithmetic) -> _Measured:
        left, right = self._value(node.left), self._value(node.right)
        if node.operator in "+-":
            left, right = self._fitted(left, right, node)
            unit = left.unit if left.unit != BARE else right.unit
        else:
            unit = (product if node.operator == "*" else quotient)(left.unit, right.unit)
        return _Measured(node=replace(node, left=left.node, right=right.node), unit=unit)

    def _fitted(self, left: _Measured, right: _Measured, node: Node) -> tuple[_Measured, _Measured]:
        """Both in one unit: a literal follows the series, else the right side the left."""
        if isinstance(left.node, Number) and not isinstance(right.node, Number):
            return self._into(left, right, node), right
        return left, self._into(right, left, node)

    def _into(self, measured: _Measured, other: _Measured, node: Node) -> _Measured:
        if not self._words.closed and BARE in (measured.unit, other.unit):
            return measured
        scale, offset = converted(measured.unit, other.unit, node.place)
        if (scale, offset) == (1.0, 0.0):
            return measured
        if isinstance(measured.node, Number):
            value = float(f"{measured.node.value * scale + offset:.12g}")
            number = replace(measured.node, value=value, unit=other.unit)
            return _Measured(node=number, unit=other.unit)
        if offset and isinstance(node, Arithmetic):
            raise RuleError(node.place, f"write it in {other.unit}, whose zero is another")
        scaled = Scaled(
            place=measured.node.place, operand=measured.node, scale=scale, offset=offset
        )
        return _Measured(node=scaled, unit=other.unit)

    def _call(self, node: Call) -> _Measured:
        function = FUNCTIONS[node.function]
        arguments = _ordered(node, function)
        if len(arguments) != len(function.takes):
            raise RuleError(
                node.place,
                f"{function.name} takes {_listed(function)}; found {len(arguments)} arguments",
            )
        unit: Unit = None
        checked: list[Node] = []
        for argument, takes in zip(arguments, function.takes, strict=True):
            part, its_unit = self._argument(argument, takes, function)
            unit = its_unit if takes in (Takes.SERIES, Takes.SERIES_OR_DEVICE) else unit
            checked.append(part)
        if function.gives is Gives.PER_HOUR:
            unit = quotient(unit, "h")
        elif function.gives is Gives.NUMBER:
            unit = BARE
        return _Measured(node=replace(node, arguments=tuple(checked)), unit=unit)

    def _argument(self, node: Node, takes: Takes, function: Function) -> tuple[Node, Unit]:
        if takes is Takes.CONDITION:
            return self.condition(node), None
        if takes is Takes.DURATION and isinstance(node, Number):
            span = microseconds(node.value, node.unit, node.place)
            if span > 0:
                return Number(place=node.place, value=span, unit="us"), None
            raise RuleError(node.place, f"{function.name} needs a duration longer than nothing")
        if takes is Takes.FRACTION and isinstance(node, Number) and node.unit in (None, "%"):
            value = node.value / 100 if node.unit else node.value
            if 0 <= value <= 1:
                return Number(place=node.place, value=value), None
        if takes is Takes.SERIES_OR_DEVICE and node == Name(place=node.place, name="device"):
            return node, None
        if takes in (Takes.SERIES, Takes.SERIES_OR_DEVICE) and isinstance(node, Name):
            return node, self._series(node)
        raise RuleError(node.place, f"{function.name} takes {_listed(function)}; expected {takes}")


def _ordered(node: Call, function: Function) -> tuple[Node, ...]:
    """quantile(level, 24 h, 0.9) says the same as quantile(level, 0.9, 24 h)."""
    arguments = node.arguments
    if function.name == "quantile" and len(arguments) == len(function.takes):
        last = arguments[2]
        if isinstance(last, Number) and last.unit in (None, "%"):
            return arguments[0], arguments[2], arguments[1]
    return arguments


def _listed(function: Function) -> str:
    return "(" + ", ".join(function.takes) + ")"
