"""Reads `$filter` (OData 4 with the functions of SensorThings 1.1) into a tree.

No library: `odata-query`, the one for Python, knows neither `@iot.id` nor intervals nor `st_…`
functions, and stands on a parser generator that is no longer maintained.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from hypervisor.standards.model import (
    Call,
    Expression,
    Geometry,
    Interval,
    Literal,
    Negation,
    Operation,
    Path,
    Position,
    QueryError,
    Value,
)

LONGEST = 8_000  # characters
_DEEPEST = 60
_FARTHEST = 1e6  # degrees; neither infinity nor what is no number
_TIME = r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
_TOKEN = re.compile(
    rf"\s*(?:(?P<interval>{_TIME}/{_TIME})|(?P<time>{_TIME})"
    r"|(?P<clock>\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)"
    r"|(?P<typed>(?:geography|geometry|duration)'(?:[^']|'')*')|(?P<text>'(?:[^']|'')*')"
    r"|(?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<name>[@A-Za-z_][\w.@-]*)"
    r"|(?P<mark>[(),/]))"
)
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("or",),
    ("and",),
    ("eq", "ne", "gt", "ge", "lt", "le", "in"),
    ("add", "sub"),
    ("mul", "div", "mod"),
)
_CONSTANTS = {"true": True, "false": False, "null": None}
_DURATION = re.compile(
    r"P(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_WKT = re.compile(
    r"(?:SRID=4326;)?\s*(POINT|LINESTRING|POLYGON)\s*(\(.*\))", re.IGNORECASE | re.DOTALL
)


def parse_filter(text: str) -> Expression:
    """The tree of a filter.

    Raises QueryError: says where it stops being understood.
    """
    if len(text) > LONGEST:
        raise QueryError("$filter: longer than {most} characters", LONGEST)
    reader = _Reader(list(_tokens(text)))
    tree = reader.read(0)
    if reader.token.kind != "end":
        raise QueryError("$filter: {text!r} is not expected here", reader.token.text)
    return tree


def parse_time(text: str) -> datetime:
    """An instant of ISO 8601; without an offset it is UTC.

    Raises QueryError: it is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise QueryError("{text!r} is no time such as 2024-10-10T06:00:00Z", text) from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if not 1800 <= at.year < 2200:
        raise QueryError("{text!r} lies outside the years 1800 to 2200", text)
    return at


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise QueryError("$filter: {rest!r} is not understood", text[position:].strip()[:40])
        position = match.end()
        yield _Token(match.lastgroup, match[match.lastgroup])
    yield _Token("end", "the end")


class _Reader:
    """Reads tokens by precedence."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def token(self) -> _Token:
        return self._tokens[self._at]

    def read(self, level: int) -> Expression:
        """An expression of operators of this level and above."""
        if level == len(_LEVELS):
            return self._operand()
        left = self.read(level + 1)
        while self.token.kind == "name" and self.token.text in _LEVELS[level]:
            operator = self._take().text
            if operator == "in":
                left = _any_of(left, self._arguments())
                continue
            left = Operation(operator, left, self.read(level + 1))
        return left

    def _take(self, mark: str | None = None) -> _Token:
        token = self.token
        if mark is not None and token.text != mark:
            raise QueryError("$filter: expected {mark!r}, not {text!r}", mark, token.text)
        if token.kind == "end":
            raise QueryError("$filter: it ends where a value is expected")
        self._at += 1
        return token

    def _operand(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise QueryError("$filter: nested too deeply")
        try:
            return self._read_operand()
        finally:
            self._depth -= 1

    def _read_operand(self) -> Expression:
        token = self._take()
        match token.kind:
            case "mark" if token.text == "(":
                inner = self.read(0)
                self._take(")")
                return inner
            case "name" if token.text == "not":
                return Negation(self._operand())
            case "name" if token.text in _CONSTANTS:
                return Literal(_CONSTANTS[token.text])
            case "name" if self.token.text == "(":
                return Call(token.text.lower(), self._arguments())
            case "name":
                return Path((token.text, *self._further_steps()))
            case "mark":
                raise QueryError("$filter: {text!r} is not expected here", token.text)
        return Literal(_parse_literal(token))

    def _further_steps(self) -> Iterator[str]:
        while self.token.text == "/":
            self._take()
            step = self._take()
            if step.kind not in {"name", "number"}:
                raise QueryError("$filter: {text!r} is no property", step.text)
            yield step.text

    def _arguments(self) -> tuple[Expression, ...]:
        self._take("(")
        arguments: list[Expression] = []
        while self.token.text != ")":
            if arguments:
                self._take(",")
            arguments.append(self.read(0))
        self._take(")")
        return tuple(arguments)


def _any_of(left: Expression, choices: Sequence[Expression]) -> Expression:
    """`x in (a, b)` as `x eq a or x eq b`."""
    tree: Expression = Literal(value=False)
    for choice in choices:
        comparison = Operation("eq", left, choice)
        tree = comparison if isinstance(tree, Literal) else Operation("or", tree, comparison)
    return tree


def _parse_literal(token: _Token) -> Value:
    match token.kind:
        case "number":
            return float(token.text)
        case "time":
            return parse_time(token.text)
        case "clock":
            return _parse_clock(token.text)
        case "interval":
            begin, _, end = token.text.partition("/")
            return Interval(parse_time(begin), parse_time(end))
        case "typed":
            kind, _, content = token.text.partition("'")
            return parse_duration(content[:-1]) if kind == "duration" else parse_wkt(content[:-1])
    return token.text[1:-1].replace("''", "'")


def _parse_clock(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise QueryError("{text!r} is no time of day such as 13:20:00", text) from None


def parse_duration(text: str) -> timedelta:
    """An ISO duration of days, hours, minutes and seconds.

    Raises QueryError: it is none.
    """
    match = _DURATION.fullmatch(text)
    if match is None or len(text) < len("P1D") or len(text) > 30:
        raise QueryError("{text!r} is no duration such as PT2H", text)
    return timedelta(**{unit: float(part) for unit, part in match.groupdict().items() if part})


def parse_wkt(text: str) -> Geometry:
    """A point, a line or a polygon as well-known text, longitude first.

    Raises QueryError: it is none of them.
    """
    match = _WKT.fullmatch(text.strip())
    if match is None:
        raise QueryError(
            "{text!r} is none of POINT(lon lat), LINESTRING(…) and POLYGON((…))", text[:60]
        )
    kind, body = match[1].lower(), match[2]
    try:
        if kind == "point":
            return Geometry("point", ((_position(body.strip("() ")),),))
        if kind == "linestring":
            return Geometry("line", (_line(body.strip("() \n"), fewest=2),))
        rings = [ring.strip("() \n") for ring in re.split(r"\)\s*,\s*\(", body.strip()[1:-1])]
        return Geometry("polygon", tuple(_line(ring, fewest=3) for ring in rings))
    except ValueError:
        raise QueryError("{text!r} is no geometry: expected lon lat pairs", text[:60]) from None


def _line(text: str, *, fewest: int) -> tuple[Position, ...]:
    line = tuple(_position(pair) for pair in text.split(","))
    if len(line) < fewest:
        raise ValueError(text)
    return line


def _position(text: str) -> Position:
    lon, lat, *_ = (float(number) for number in text.split())
    if not (abs(lon) <= _FARTHEST and abs(lat) <= _FARTHEST):
        raise ValueError(text)
    return lon, lat
