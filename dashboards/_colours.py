"""Colours with one meaning everywhere, and their words.

Hexadecimal where the meaning is official, so that no theme changes it. A colour is never the only
sign: each state has its word.
"""

from dataclasses import dataclass

from dashboards._words import Text


@dataclass(frozen=True)
class State:
    """What a value means: its word and its colour. `value` is as the SQL gives it."""

    value: str | float
    text: Text | str
    colour: str
    symbol: str = ""  # before the word, to distinguish it without colour


@dataclass(frozen=True)
class Step:
    """From this value upwards (of the column's unit) the colour; `at` None is the ground."""

    at: float | None
    colour: str


def scale(ground: str, *steps: tuple[float, str]) -> tuple[Step, ...]:
    """Steps that rise from `ground`: (value, colour) each."""
    return (Step(None, ground), *(Step(at, colour) for at, colour in steps))


# On a ground lighter than 180 of 255 Grafana writes in dark, else in white: green, yellow and
# orange are light enough for dark text.
GREEN, YELLOW, ORANGE, RED = "#97cf84", "#ffe14d", "#ffa838", "#e2202c"
BLUE, GREY, VIOLET = "#4a90d9", "#8e8e93", "#9a5fb5"
_MINOR = "#f7d54a"

# The official vigilance (Vigicrues, Météo-France): a code of the catalogue.
VIGILANCE = (
    State(1, Text("green", "vert"), GREEN, "●"),
    State(2, Text("yellow", "jaune"), YELLOW, "▲"),
    State(3, Text("orange", "orange"), ORANGE, "◆"),
    State(4, Text("red", "rouge"), RED, "■"),
)

# ISA-18.2 priorities as rules name them: the console's names, order of shapes, and hues.
PRIORITIES = (
    State("critical", Text("critical", "critique"), "#dc3545", "■"),
    State("major", Text("major", "majeure"), ORANGE, "◆"),
    State("minor", Text("minor", "mineure"), _MINOR, "▲"),
    State("info", Text("notice", "signalement"), "#8f7ad6", "●"),
)

# The same for text and figures, legible on white and on dark.
_INKS = {GREEN: "#4a9a3c", YELLOW: "#c79a00", _MINOR: "#c79a00", ORANGE: "#e07b00"}


def ink(colour: str) -> str:
    """A colour for text."""
    return _INKS.get(colour, colour)


# For counts: one is already too many, or needs a look.
NONE_IS_GOOD = scale(GREEN, (1, RED))
FEW_IS_GOOD = scale(GREEN, (1, ORANGE))
