"""An expression cut into tokens, each with its place."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from rules._errors import RuleError
from sensors._errors import Message, Place

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
