"""The functions of the language: what they take and what they give."""

from dataclasses import dataclass
from enum import StrEnum


class Takes(StrEnum):
    """What an argument must be."""

    SERIES = "a series"
    SERIES_OR_DEVICE = "a series or the word device"
    DURATION = "a duration"
    SILENCE = "a duration, or a number of the series' intervals"
    FRACTION = "a number from 0 to 1"
    CONDITION = "a condition"
    CROSSING = "one series compared with a threshold or a number"
    WEEKS = "a number of weeks, such as 4 weeks"
    VALUE = "a value"
    VALUE_OR_CONDITION = "a value or a condition"


class Gives(StrEnum):
    """What comes out, in which unit."""

    SAME = "a value in the unit of the series"
    PER_HOUR = "a value in the unit of the series, per hour"
    NUMBER = "a number"
    CONDITION = "a condition"
    AS_GIVEN = "a value or a condition, as it was given"


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function. `windowed`: it needs all that was measured in a window.

    `spare`: how many of the last arguments may be left out.
    """

    name: str
    takes: tuple[Takes, ...]
    gives: Gives
    says: str
    windowed: bool = False
    spare: int = 0


def _window(name: str, says: str, gives: Gives = Gives.SAME) -> Function:
    takes = (Takes.SERIES, Takes.DURATION)
    return Function(name=name, takes=takes, gives=gives, says=says, windowed=True)


FUNCTIONS = {
    function.name: function
    for function in (
        Function(
            name="change",
            takes=(Takes.SERIES, Takes.DURATION),
            gives=Gives.SAME,
            says="the value now minus the one a duration ago",
        ),
        _window("rate", "the least-squares slope over a duration", Gives.PER_HOUR),
        _window("sum", "of the readings in a duration"),
        _window("mean", "of the readings in a duration"),
        _window("min", "of the readings in a duration"),
        _window("max", "of the readings in a duration"),
        _window("count", "how many readings in a duration", Gives.NUMBER),
        Function(
            name="quantile",
            takes=(Takes.SERIES, Takes.FRACTION, Takes.DURATION),
            gives=Gives.SAME,
            says="of the readings in a duration",
            windowed=True,
        ),
        _window("increase", "of a counter over a duration, restarts seen"),
        Function(
            name="silent",
            takes=(Takes.SERIES_OR_DEVICE, Takes.SILENCE),
            gives=Gives.CONDITION,
            says="nothing arrived for a duration (or intervals) in which we listened",
        ),
        Function(
            name="last",
            takes=(Takes.SERIES,),
            gives=Gives.SAME,
            says="the last reading, however old",
        ),
        Function(
            name="last_change",
            takes=(Takes.SERIES, Takes.DURATION),
            gives=Gives.SAME,
            says="the last reading minus the one a duration before it",
        ),
        Function(
            name="share",
            takes=(Takes.CONDITION,),
            gives=Gives.NUMBER,
            says="of a group's members for which a condition holds, 0 to 1",
        ),
        Function(
            name="total",
            takes=(Takes.VALUE,),
            gives=Gives.SAME,
            says="the sum of a value over a group's members",
        ),
        Function(
            name="stuck",
            takes=(Takes.SERIES, Takes.DURATION),
            gives=Gives.CONDITION,
            says="the value has not changed for a duration in which readings came",
            windowed=True,
        ),
        Function(
            name="usual",
            takes=(Takes.SERIES, Takes.WEEKS),
            gives=Gives.SAME,
            says="the median of the same local hour of the last weeks, holidays apart",
            windowed=True,
        ),
        Function(
            name="upstream",
            takes=(Takes.VALUE_OR_CONDITION, Takes.DURATION),
            gives=Gives.AS_GIVEN,
            says="what arrives from upstream now, or will have in a duration",
            spare=1,
        ),
        Function(
            name="forecast",
            takes=(Takes.SERIES, Takes.DURATION),
            gives=Gives.SAME,
            says="the value expected after a duration, by the model in force",
            windowed=True,
        ),
        Function(
            name="chance",
            takes=(Takes.CROSSING, Takes.DURATION),
            gives=Gives.NUMBER,
            says="of being beyond a limit within a duration, 0 to 1, by the model in force",
            windowed=True,
        ),
    )
}

# Of others than the subject itself: a group's members, the sites upstream.
OVER_MEMBERS = frozenset({"share", "total"})
UPSTREAM = "upstream"

# Of what is to come, by the site's model: from the next quarter of an hour to a day.
FORECASTS = frozenset({"forecast", "chance"})
NEAREST, FARTHEST = 900_000_000, 86_400_000_000  # µs

# Of the past: whole weeks.
USUAL = "usual"
FEWEST_WEEKS, MOST_WEEKS = 2, 8

# The unit of a silence that follows how often a series is expected.
INTERVALS = "intervals"
MOST_INTERVALS = 1_000

# Words that the language will have: a rule that uses them waits.
WAITING = frozenset({"inside"})
