"""Colours with one meaning everywhere, and the words that stand beside them.

Hexadecimal where the meaning is official, so that no theme changes it. A colour is never the only
sign: each state has its word.
"""

from dataclasses import dataclass

from dashboards._words import Text


@dataclass(frozen=True, kw_only=True)
class State:
    """What a value means: its word and its colour. `value` is as the SQL gives it."""

    value: str | float
    text: Text | str
    colour: str
    symbol: str = ""  # before the word, so that it is told apart without its colour


@dataclass(frozen=True, kw_only=True)
class Step:
    """From this value upwards (of the column's unit) the colour; `at` None is the ground."""

    at: float | None
    colour: str


# On a ground lighter than 180 of 255 Grafana writes in dark, else in white: green, yellow and
# orange are light enough, so that what stands on them is read.
GREEN, YELLOW, ORANGE, RED = "#97cf84", "#ffe14d", "#ffa838", "#e2202c"
BLUE, GREY, VIOLET = "#4a90d9", "#8e8e93", "#9a5fb5"
_MINOR = "#f7d54a"

# The official vigilance (Vigicrues, Météo-France): a code of the catalogue.
VIGILANCE = (
    State(value=1, text=Text(en="green", fr="vert"), colour=GREEN, symbol="●"),
    State(value=2, text=Text(en="yellow", fr="jaune"), colour=YELLOW, symbol="▲"),
    State(value=3, text=Text(en="orange", fr="orange"), colour=ORANGE, symbol="◆"),
    State(value=4, text=Text(en="red", fr="rouge"), colour=RED, symbol="■"),
)

# ISA-18.2 priorities as rules name them: the console's names, order of shapes, and hues.
PRIORITIES = (
    State(value="critical", text=Text(en="critical", fr="critique"), colour="#dc3545", symbol="■"),
    State(value="major", text=Text(en="major", fr="majeure"), colour=ORANGE, symbol="◆"),
    State(value="minor", text=Text(en="minor", fr="mineure"), colour=_MINOR, symbol="▲"),
    State(value="info", text=Text(en="notice", fr="signalement"), colour="#8f7ad6", symbol="●"),
)

# The same as ink: of words and figures that are read on white as on dark.
_INKS = {GREEN: "#4a9a3c", YELLOW: "#c79a00", _MINOR: "#c79a00", ORANGE: "#e07b00"}


def ink(colour: str) -> str:
    """A colour as words are written in it."""
    return _INKS.get(colour, colour)


# Of what is counted: one is already too many, or worth a look.
NONE_IS_GOOD = (Step(at=None, colour=GREEN), Step(at=1, colour=RED))
FEW_IS_GOOD = (Step(at=None, colour=GREEN), Step(at=1, colour=ORANGE))
