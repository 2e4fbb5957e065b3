"""The functions of the language: what they take and give, how they are evaluated and named."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum

from rules import _windows
from rules._interval import Interval


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


class Bound(StrEnum):
    """Between which values a result lies, told by those of the series."""

    SAME = "those of the series"
    DIFFERENCE = "the differences of two of them"
    NONE = "not told by them"


class Before(Enum):
    """The word before the duration in a text: English, French."""

    OVER = ("over", "sur")
    AHEAD = ("in", "à")
    WITHIN = ("within", "d’ici")  # noqa: RUF001  French


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function of the language: all that the rest of the system knows of it.

    Attributes:
        evaluate: Its value over windows, from the numbers before the duration; None: the engine
            evaluates it by itself.
        windowed: It needs all that was measured in a window.
        closed: The window holds the reading at its beginning.
        spare: How many of the last arguments may be left out.
        intervals: How many of the series' intervals a window must hold to have a value.
        bound: How the range of the series limits the result, before anything is evaluated.
        label, french: Its name within a sentence.
        before: The word before its duration.
    """

    name: str
    says: str
    takes: tuple[Takes, ...] = (Takes.SERIES, Takes.DURATION)
    gives: Gives = Gives.SAME
    evaluate: Callable[..., Interval] | None = None
    windowed: bool = False
    closed: bool = False
    spare: int = 0
    intervals: int = 0
    bound: Bound = Bound.NONE
    label: str = ""
    french: str = ""
    before: Before = Before.OVER

    @property
    def may_be_negative(self) -> bool:
        """Whether a result may be negative where no value of the series is."""
        return self.bound is Bound.DIFFERENCE or self.gives is Gives.PER_HOUR


FUNCTIONS = {
    function.name: function
    for function in (
        Function(
            name="change",
            says="the value now minus the one a duration ago",
            intervals=1,
            bound=Bound.DIFFERENCE,
            label="change",
            french="variation",
        ),
        Function(
            name="rate",
            gives=Gives.PER_HOUR,
            says="the least-squares slope over a duration",
            evaluate=_windows.slope,
            windowed=True,
            closed=True,
            intervals=2,
            label="slope",
            french="pente",
        ),
        Function(
            name="sum",
            says="of the readings in a duration",
            evaluate=_windows.total,
            windowed=True,
            intervals=1,
            label="sum",
            french="cumul",
        ),
        Function(
            name="mean",
            says="of the readings in a duration",
            evaluate=_windows.mean,
            windowed=True,
            intervals=1,
            bound=Bound.SAME,
            label="mean",
            french="moyenne",
        ),
        Function(
            name="min",
            says="of the readings in a duration",
            evaluate=_windows.minimum,
            windowed=True,
            intervals=1,
            bound=Bound.SAME,
            label="lowest value",
            french="minimum",
        ),
        Function(
            name="max",
            says="of the readings in a duration",
            evaluate=_windows.maximum,
            windowed=True,
            intervals=1,
            bound=Bound.SAME,
            label="highest value",
            french="maximum",
        ),
        Function(
            name="count",
            gives=Gives.NUMBER,
            says="how many readings in a duration",
            evaluate=_windows.count,
            windowed=True,
            intervals=1,
            label="number of readings",
            french="nombre de mesures",
        ),
        Function(
            name="quantile",
            takes=(Takes.SERIES, Takes.FRACTION, Takes.DURATION),
            says="of the readings in a duration",
            evaluate=_windows.quantile,
            windowed=True,
            intervals=1,
            bound=Bound.SAME,
            label="quantile",
            french="quantile",
        ),
        Function(
            name="increase",
            says="of a counter over a duration, restarts seen",
            evaluate=_windows.increase,
            windowed=True,
            intervals=1,
            label="increase",
            french="augmentation",
        ),
        Function(
            name="silent",
            takes=(Takes.SERIES_OR_DEVICE, Takes.SILENCE),
            gives=Gives.CONDITION,
            says="nothing arrived for a duration (or intervals) in which we listened",
            intervals=2,
        ),
        Function(
            name="last",
            takes=(Takes.SERIES,),
            says="the last reading, however old",
            bound=Bound.SAME,
        ),
        Function(
            name="last_change",
            says="the last reading minus the one a duration before it",
            bound=Bound.DIFFERENCE,
            label="change at the last reading",
            french="variation à la dernière mesure",
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
            says="the sum of a value over a group's members",
        ),
        Function(
            name="stuck",
            gives=Gives.CONDITION,
            says="the value has not changed for a duration in which readings came",
            windowed=True,
            intervals=2,
        ),
        Function(
            name="usual",
            takes=(Takes.SERIES, Takes.WEEKS),
            says="the median of the same local hour of the last weeks, holidays apart",
            windowed=True,
            label="usual value at this hour",
            french="valeur habituelle à cette heure",
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
            says="the value expected after a duration, by the model in force",
            windowed=True,
            label="forecast",
            french="prévision",
            before=Before.AHEAD,
        ),
        Function(
            name="chance",
            takes=(Takes.CROSSING, Takes.DURATION),
            gives=Gives.NUMBER,
            says="of being beyond a limit within a duration, 0 to 1, by the model in force",
            windowed=True,
            label="probability",
            french="probabilité",
            before=Before.WITHIN,
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
