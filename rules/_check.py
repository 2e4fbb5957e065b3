"""Check an expression: known words, right arguments, units that fit; put the conversions in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rules._bounds import bounded_number
from rules._duration import duration_text, microseconds
from rules._errors import RuleError, WaitingError
from rules._functions import (
    FARTHEST,
    FORECASTS,
    FUNCTIONS,
    INTERVALS,
    NEAREST,
    OVER_MEMBERS,
    UPSTREAM,
    USUAL,
    WAITING,
    Function,
    Gives,
    Takes,
)
from rules._lengths import parse_intervals, parse_weeks, refuse_intervals_of_devices
from rules._rule import DEVICE
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
from rules._units import BARE, Unit, converted, needs_unit, product, quotient
from rules._vocabulary import LEAST_AND_MOST, NAMED, NUMBERS, WORDS, YES_OR_NO, Vocabulary
from sensors._errors import Message, listed
from sensors._nearest import did_you_mean

_CONDITIONS = (Comparison, Every, Some, Negation)
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}


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
            case Call() if is_condition(node):
                return self._call(node).node
            case Name() if self._is_word(node, YES_OR_NO):
                word = Word(place=node.place, name=node.name)
                yes = Number(place=node.place, value=1.0)
                return Comparison(place=node.place, operator="==", left=word, right=yes)
            case Name():
                self._value(node)
                raise RuleError(
                    node.place,
                    "{name!r} is a value; a condition compares it, such as {name} > 3 m or "
                    "{name} == 1",
                    node.name,
                )
        raise RuleError(node.place, "expected a condition, found a value; compare it with another")

    def _is_word(self, node: Node, words: frozenset[str] = WORDS) -> bool:
        named = isinstance(node, Name) and node.name in words
        return named and node.name not in self._words.series  # type: ignore[attr-defined]

    def _comparison(self, node: Comparison) -> Node:
        left_node, other = self._named(node.left, node.right), self._named(node.right, node.left)
        left, right = self._fitted(self._value(left_node), self._value(other), node)
        _possible(left.node, right.node)
        _possible(right.node, left.node)
        return replace(node, left=left.node, right=right.node)

    def _named(self, node: Node, word: Node) -> Node:
        """`sat` beside `weekday` as its number."""
        if not (self._is_word(word) and isinstance(word, Name) and word.name in NAMED):
            return node
        names = NAMED[word.name]
        if not isinstance(node, Name):
            return node
        if node.name not in names:
            hint = did_you_mean(node.name, names)
            raise RuleError(
                node.place, "{name!r} is not a {word}{hint}", node.name, word.name, hint
            )
        return Number(place=node.place, value=float(names[node.name]))

    def _value(self, node: Node) -> _Measured:
        match node:
            case Number():
                return _Measured(node=node, unit=BARE if node.unit is None else node.unit)
            case Name() if self._is_word(node):
                word = Word(place=node.place, name=node.name)
                return _Measured(node=word, unit=NUMBERS.get(node.name, BARE))
            case Name():
                return _Measured(node=node, unit=self._series(node))
            case Threshold():
                return _Measured(node=node, unit=self._threshold(node))
            case Arithmetic():
                return self._arithmetic(node)
            case Call() if not is_condition(node):
                return self._call(node)
        raise RuleError(node.place, "expected a value, found a condition")

    def _series(self, node: Name) -> Unit:
        if node.name in self._words.series:
            return self._words.series[node.name]
        if node.name in WAITING:
            raise WaitingError(node.place, "the word {name} does not exist yet", node.name)
        if node.name in FUNCTIONS:
            raise RuleError(node.place, "{name!r} is a function; expected {name}(…)", node.name)
        if not self._words.closed:
            return None
        if node.name in self._words.thresholds:
            raise RuleError(node.place, "a threshold is written threshold.{name}", node.name)
        for word, names in NAMED.items():
            if node.name in names:
                raise RuleError(
                    node.place, "compare it with {word}, such as {word} == {name}", word, node.name
                )
        hint = did_you_mean(node.name, (*self._words.series, *WORDS))
        raise RuleError(node.place, "unknown series {name!r}{hint}", node.name, hint)

    def _threshold(self, node: Threshold) -> Unit:
        if node.name in self._words.thresholds:
            return self._words.thresholds[node.name]
        if not self._words.closed:
            return None
        hint = did_you_mean(node.name, self._words.thresholds)
        raise RuleError(node.place, "unknown threshold {name!r}{hint}", node.name, hint)

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
        if isinstance(measured.node, Number) and measured.unit == "%" and other.unit == BARE:
            part = replace(measured.node, value=measured.node.value / 100, unit=None)
            return _Measured(node=part, unit=BARE)  # a share, told as a percentage
        if not self._words.closed and BARE in (measured.unit, other.unit):
            return measured
        if isinstance(measured.node, Number) and measured.unit == BARE and other.unit:
            needs_unit(measured.node, other.unit)
        scale, offset = converted(measured.unit, other.unit, node.place)
        if (scale, offset) == (1.0, 0.0):
            return measured
        if offset and isinstance(node, Arithmetic):
            raise RuleError(
                node.place, "write it in {unit}, which has another zero point", other.unit
            )
        if isinstance(measured.node, Number):
            value = float(f"{measured.node.value * scale + offset:.12g}")
            written = f"{measured.node.value:g} {measured.unit}, {value:g} {other.unit},"
            value = bounded_number(value, written, measured.node.place)
            number = replace(measured.node, value=value, unit=other.unit)
            return _Measured(node=number, unit=other.unit)
        scaled = Scaled(
            place=measured.node.place, operand=measured.node, scale=scale, offset=offset
        )
        return _Measured(node=scaled, unit=other.unit)

    def _call(self, node: Call) -> _Measured:
        function = FUNCTIONS[node.function]
        arguments = _ordered(node, function)
        if not len(function.takes) - function.spare <= len(arguments) <= len(function.takes):
            raise RuleError(
                node.place,
                "{function} takes {arguments}; found {count} arguments",
                function.name,
                _listed(function),
                len(arguments),
            )
        unit: Unit = None
        checked: list[Node] = []
        for argument, takes in zip(arguments, function.takes, strict=False):
            part, its_unit = self._argument(argument, takes, function)
            unit = its_unit if takes in _MEASURED else unit
            checked.append(part)
        _separate(node, checked)
        refuse_intervals_of_devices(checked)
        if function.gives is Gives.PER_HOUR:
            unit = quotient(unit, "h")
        elif function.gives is Gives.NUMBER:
            unit = BARE
        return _Measured(node=replace(node, arguments=tuple(checked)), unit=unit)

    def _argument(self, node: Node, takes: Takes, function: Function) -> tuple[Node, Unit]:
        given = takes is Takes.VALUE_OR_CONDITION and is_condition(node)
        if given or takes in (Takes.CONDITION, Takes.CROSSING):
            check = self._crossing if takes is Takes.CROSSING else self.condition
            return check(node), None
        if takes in (Takes.VALUE, Takes.VALUE_OR_CONDITION):
            measured = self._value(node)
            return measured.node, measured.unit
        if takes in _LENGTHS and isinstance(node, Number):
            return self._length(node, takes, function), None
        if takes is Takes.FRACTION and isinstance(node, Number) and node.unit in (None, "%"):
            value = node.value / 100 if node.unit else node.value
            if 0 <= value <= 1:
                return Number(place=node.place, value=value), None
        if takes is Takes.SERIES_OR_DEVICE and node == Name(place=node.place, name=DEVICE):
            return node, None
        if takes in (Takes.SERIES, Takes.SERIES_OR_DEVICE) and isinstance(node, Name):
            return node, self._series(node)
        raise RuleError(
            node.place,
            "{function} takes {arguments}; expected {takes}",
            function.name,
            _listed(function),
            takes,
        )

    def _length(self, node: Number, takes: Takes, function: Function) -> Node:
        if takes is Takes.WEEKS:
            return parse_weeks(node)
        counted = takes is Takes.SILENCE and node.unit in ("interval", INTERVALS)
        return parse_intervals(node) if counted else self._span(node, function)

    def _span(self, node: Number, function: Function) -> Node:
        """A duration that the function can look over, in µs."""
        span = microseconds(node.value, node.unit, node.place)
        if span <= 0:
            raise RuleError(node.place, "{function} needs a duration above zero", function.name)
        if function.name in FORECASTS and not NEAREST <= span <= FARTHEST:
            raise RuleError(
                node.place,
                "{function} looks from {nearest} to {farthest} ahead",
                function.name,
                duration_text(NEAREST),
                duration_text(FARTHEST),
            )
        return Number(place=node.place, value=span, unit="us")

    def _crossing(self, node: Node) -> Node:
        """One series, put to the left of what it is compared with."""
        if isinstance(node, Comparison) and node.operator in _MIRRORED:
            turned = _MIRRORED[node.operator]
            mirrored = replace(node, operator=turned, left=node.right, right=node.left)
            for comparison in (node, mirrored):
                named = isinstance(comparison.left, Name) and not self._is_word(comparison.left)
                limit = walk(comparison.right)
                if named and not any(isinstance(part, (Name, Call)) for part in limit):
                    return self._comparison(comparison)
        raise RuleError(
            node.place,
            "expected one series compared with a threshold or a number by > or <, such as "
            "level > threshold.alert",
        )


_LENGTHS = (Takes.DURATION, Takes.SILENCE, Takes.WEEKS)
_MEASURED = (Takes.SERIES, Takes.SERIES_OR_DEVICE, Takes.VALUE, Takes.VALUE_OR_CONDITION)


def is_condition(node: Node) -> bool:
    """Whether a part of an expression is true or false, rather than a value."""
    if isinstance(node, Call):
        gives = FUNCTIONS[node.function].gives
        if gives is Gives.AS_GIVEN:
            return bool(node.arguments) and is_condition(node.arguments[0])
        return gives is Gives.CONDITION
    return isinstance(node, _CONDITIONS) or (isinstance(node, Name) and node.name in YES_OR_NO)


def _separate(node: Call, arguments: Sequence[Node]) -> None:
    """What speaks of others than the subject holds nothing that does so too.

    Raises:
        RuleError: it does.
    """
    if node.function not in OVER_MEMBERS and node.function != UPSTREAM:
        return
    inside = [part for argument in arguments for part in walk(argument)]
    if not any(isinstance(part, Name) for part in inside):
        raise RuleError(
            node.place, "{function} needs a series inside, such as {function}(…)", node.function
        )
    for part in inside:
        refused = (*OVER_MEMBERS, UPSTREAM, *FORECASTS)
        if node.function == UPSTREAM:
            refused += (USUAL,)  # the water of a local hour arrives in another one
        if isinstance(part, Call) and part.function in refused:
            raise RuleError(
                part.place,
                "{function} cannot be used inside {other}",
                part.function,
                node.function,
            )
        if isinstance(part, Call) and part.function == "silent" and node.function == UPSTREAM:
            raise RuleError(
                part.place, "silent cannot be used inside upstream: water carries no messages"
            )


def _possible(node: Node, other: Node) -> None:
    """Whether a literal is one that what it is compared with can be.

    Raises:
        RuleError: it can never be.
    """
    if not isinstance(node, Number):
        return
    if isinstance(other, Word) and other.name in LEAST_AND_MOST:
        least, most = LEAST_AND_MOST[other.name]
        if node.value != int(node.value) or not least <= node.value <= most:
            raise RuleError(
                node.place, "{name} is a whole number, {least} to {most}", other.name, least, most
            )
    if isinstance(other, Call) and other.function == "share" and not 0 <= node.value <= 1:
        raise RuleError(
            node.place,
            "a share lies between 0 and 1; write {share:g} or {percentage:g} %",
            node.value / 100,
            node.value,
        )
    if isinstance(other, Call) and other.function == "chance" and not 0 <= node.value <= 1:
        raise RuleError(
            node.place,
            "a chance lies between 0 and 1; write {share:g} or {percentage:g} %",
            node.value / 100,
            node.value,
        )


def _ordered(node: Call, function: Function) -> tuple[Node, ...]:
    """quantile(level, 24 h, 0.9) says the same as quantile(level, 0.9, 24 h)."""
    arguments = node.arguments
    if function.name == "quantile" and len(arguments) == len(function.takes):
        last = arguments[2]
        if isinstance(last, Number) and last.unit in (None, "%"):
            return arguments[0], arguments[2], arguments[1]
    return arguments


def _listed(function: Function) -> Message:
    return Message("({arguments})", listed(map(Message, function.takes)))
