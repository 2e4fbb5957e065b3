"""Expressions: small, Python-like, read into a tree by precedence; never evaluated as code."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NoReturn

from rules._bounds import EXPRESSION, bounded_size, bounded_tree, read_number
from rules._errors import RuleError, WaitingError
from rules._functions import FUNCTIONS, WAITING
from rules._tree import (
    Arithmetic,
    Call,
    Comparison,
    Every,
    Name,
    Negation,
    Node,
    Number,
    Some,
    Threshold,
)
from sensors._errors import Message, Place
from sensors._nearest import did_you_mean

# A unit stands after its number, with or without one space; a compound one is written without
# spaces inside (30 mm/h, 20 (m3/s)/h), so that `3 m / x` divides and `3 m/x` names a unit.
_UNIT = r"(?:\([\w/.%{}]+\)|[^\W\d_°%{]*[^\W\d_]\w*|[%°]\w*|\{\w+\})"
_TOKEN = re.compile(
    rf"(?P<space>\s+)"
    rf"|(?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+)"
    rf"(?:[ ]?(?P<unit>(?!(?:and|or|not|in|between)\b){_UNIT}(?:[/.]{_UNIT})*))?"
    rf"|(?P<word>[^\W\d]\w*(?:\.[^\W\d]\w*)*)"
    rf"|(?P<symbol><=|>=|==|!=|[<>=+\-*/(),])"
)


# What people write for what the language has.
_MEANT = {
    "&": "and",
    "|": "or",
    "!": "not",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "×": "*",  # noqa: RUF001  as people write it
    "÷": "/",
    "−": "-",  # noqa: RUF001  the sign that a word processor makes of a hyphen
}


class Kind(StrEnum):
    """Kinds of token."""

    NUMBER = "a number"
    WORD = "a name"
    SYMBOL = "a symbol"
    END = "the end"


@dataclass(frozen=True, kw_only=True)
class Token:
    """`text` is the number, word or symbol; `unit` the unit written after a number."""

    kind: Kind
    text: str
    place: Place
    unit: str | None = None


def tokens(text: str, place: Place) -> list[Token]:
    """Cut `text`, which begins at `place`, into tokens; an END closes them.

    Raises:
        RuleError: a character that begins no token.
    """
    tokens_read: list[Token] = []
    position = 0
    while position < len(text):
        here = replace(place, column=place.column + position)
        match = _TOKEN.match(text, position)
        if match is None:
            raise RuleError(here, _unknown(text[position:]))
        position = match.end()
        if match["number"] is not None:
            token = Token(kind=Kind.NUMBER, text=match["number"], place=here, unit=match["unit"])
            tokens_read.append(token)
        elif match["word"] is not None:
            tokens_read.append(Token(kind=Kind.WORD, text=match["word"], place=here))
        elif match["symbol"] is not None:
            tokens_read.append(Token(kind=Kind.SYMBOL, text=match["symbol"], place=here))
    end = replace(place, column=place.column + len(text))
    tokens_read.append(Token(kind=Kind.END, text="", place=end))
    return tokens_read


def _unknown(text: str) -> Message:
    shown = text[:2] if text[:2] in ("&&", "||") else text[0]
    meant = _MEANT.get(text[0])
    hint = Message("; write {word}", meant) if meant else ""
    return Message("{text!r} is not part of the rule language{hint}", shown, hint)


_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_RESERVED = ("and", "or", "not", "in", "between")
_DEEPEST = 60  # brackets inside brackets; a person writes three


def parse(text: str, place: Place) -> Node:
    """Read one expression that begins at `place`; it is not yet checked (rules._check).

    Raises:
        RuleError: with what was expected where.
        WaitingError: it uses a word that the language does not have, or not yet.
    """
    bounded_size(text, EXPRESSION, "characters of one expression", place)
    tokens_read = tokens(text, place)
    try:
        return bounded_tree(_Parser(tokens_read).parse())
    except WaitingError:
        raise
    except RuleError as error:
        # What comes with a word still to come may have a form of its own.
        waiting = next((token for token in tokens_read if token.text in WAITING), None)
        if waiting is None:
            raise
        raise WaitingError(waiting.place, "{word} does not exist yet", waiting.text) from error


class _Parser:
    """One method a level of precedence, loosest first."""

    def __init__(self, token_list: list[Token]) -> None:
        self._tokens = token_list
        self._next = 0
        self._depth = 0

    def parse(self) -> Node:
        node = self._or()
        if self._peek.kind is not Kind.END:
            self._fail("an operator or the end")
        return node

    @property
    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._peek
        self._next += 1
        return token

    def _accept(self, *texts: str) -> Token | None:
        token = self._peek
        if token.kind in (Kind.WORD, Kind.SYMBOL) and token.text in texts:
            return self._take()
        return None

    def _expect(self, text: str) -> None:
        if self._accept(text) is None:
            self._fail(repr(text))

    def _fail(self, expected: str) -> NoReturn:
        token = self._peek
        actual = repr(token.text) if token.text else token.kind.value
        raise RuleError(
            token.place,
            "expected {expected}, found {actual}{hint}",
            expected,
            actual,
            self._hint(),
        )

    def _hint(self) -> Message:
        """What was probably meant where the next token stands."""
        before = self._tokens[self._next - 1] if self._next else None
        token = self._peek
        after = self._tokens[self._next + 1] if token.kind is not Kind.END else token
        match (before.text if before else "", token.text, after.text):
            case (_, "=", ">" | "<" as sign):
                return Message("; write {sign}=", sign)
            case (_, "=", _):
                return Message("; equality is written ==")
            case ("<", ">", _):
                return Message("; write !=")
            case (_, "between", _):
                return Message("; write `level >= 1 m and level <= 2 m`")
            case (units, ",", part) if before and {before.kind, after.kind} == {Kind.NUMBER}:
                return Message("; the decimal sign is a point: {number}.{part}", units, part)
        return Message("")

    def _or(self) -> Node:
        place = self._peek.place
        conditions = [self._and()]
        while self._accept("or"):
            conditions.append(self._and())
        if len(conditions) == 1:
            return conditions[0]
        return Some(place=place, conditions=tuple(conditions))

    def _and(self) -> Node:
        place = self._peek.place
        conditions = [self._not()]
        while self._accept("and"):
            conditions.append(self._not())
        if len(conditions) == 1:
            return conditions[0]
        return Every(place=place, conditions=tuple(conditions))

    def _not(self) -> Node:
        token = self._accept("not")
        if token is None:
            return self._comparison()
        self._deeper(token)
        node = Negation(place=token.place, condition=self._not())
        self._depth -= 1
        return node

    def _comparison(self) -> Node:
        left = self._sum()
        token = self._accept(*_COMPARISONS)
        if token is None:
            return self._membership(left)
        node = Comparison(place=token.place, operator=token.text, left=left, right=self._sum())
        if self._peek.text in _COMPARISONS:
            raise RuleError(
                self._peek.place, "comparisons are not chained; write `a < b and b < c`"
            )
        return node

    def _membership(self, left: Node) -> Node:
        """`x in (a, b)`: one of them; else `left` as it is."""
        denial = self._accept("not")
        token = self._accept("in")
        if token is None:
            if denial is not None:
                self._fail("'in'")
            return left
        self._expect("(")
        options = [self._sum()]
        while self._accept(","):
            options.append(self._sum())
        self._expect(")")
        same = tuple(
            Comparison(place=option.place, operator="==", left=left, right=option)
            for option in options
        )
        some = Some(place=token.place, conditions=same)
        return some if denial is None else Negation(place=denial.place, condition=some)

    def _sum(self) -> Node:
        node = self._product()
        while token := self._accept("+", "-"):
            node = Arithmetic(
                place=token.place, operator=token.text, left=node, right=self._product()
            )
        return node

    def _product(self) -> Node:
        node = self._sign()
        while token := self._accept("*", "/"):
            node = Arithmetic(place=token.place, operator=token.text, left=node, right=self._sign())
        return node

    def _sign(self) -> Node:
        token = self._accept("-")
        if token is None:
            return self._atom()
        self._deeper(token)
        inner = self._sign()
        self._depth -= 1
        if isinstance(inner, Number):
            return Number(place=token.place, value=-inner.value, unit=inner.unit)
        zero = Number(place=token.place, value=-1.0)
        return Arithmetic(place=token.place, operator="*", left=zero, right=inner)

    def _deeper(self, token: Token) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise RuleError(token.place, "nested too deep to be read by a person")

    def _atom(self) -> Node:
        token = self._peek
        if token.kind is Kind.NUMBER:
            self._take()
            value = read_number(token.text, token.place)
            return Number(place=token.place, value=value, unit=token.unit)
        if self._accept("("):
            self._deeper(token)
            node = self._or()
            self._expect(")")
            self._depth -= 1
            return node
        if token.kind is not Kind.WORD or token.text in _RESERVED:
            self._fail("a value")
        return self._word(self._take())

    def _word(self, token: Token) -> Node:
        if self._peek.text == "(" and self._peek.kind is Kind.SYMBOL:
            return self._call(token)
        if token.text in ("true", "false"):
            return Number(place=token.place, value=float(token.text == "true"))
        head, dot, rest = token.text.partition(".")
        if dot:
            if head != "threshold" or "." in rest:
                hint = did_you_mean(head, ("threshold",))
                raise RuleError(token.place, "{text!r} is not understood{hint}", token.text, hint)
            return Threshold(place=token.place, name=rest)
        return Name(place=token.place, name=token.text)

    def _call(self, token: Token) -> Node:
        if token.text in WAITING:
            raise WaitingError(token.place, "the function {name} does not exist yet", token.text)
        if token.text not in FUNCTIONS:
            hint = did_you_mean(token.text, FUNCTIONS)
            raise WaitingError(token.place, "unknown function {name!r}{hint}", token.text, hint)
        self._expect("(")
        self._deeper(token)
        arguments: list[Node] = []
        if self._peek.text != ")":
            arguments.append(self._or())
            while self._accept(","):
                arguments.append(self._or())
        self._expect(")")
        self._depth -= 1
        return Call(place=token.place, function=token.text, arguments=tuple(arguments))
