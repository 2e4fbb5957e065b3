"""The words that a rule may use: series, thresholds, calendar, sun and lighting plan."""

from collections.abc import Mapping
from dataclasses import dataclass

from sensors._domain import Catalogue

NUMBERS = {"hour": "", "weekday": "", "month": "", "planned_level": "%"}  # with their units
YES_OR_NO = frozenset({"night", "holiday", "school_holiday", "planned_on"})
WORDS = frozenset(NUMBERS) | YES_OR_NO
PLANNED = frozenset({"planned_on", "planned_level"})

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

# What a word may be compared with: names for its numbers, and the numbers there are.
NAMED = {
    "weekday": {name: number for number, name in enumerate(_DAYS, 1)},
    "month": {name: number for number, name in enumerate(_MONTHS, 1)},
}
LEAST_AND_MOST = {"hour": (0, 24), "weekday": (1, 7), "month": (1, 12)}


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """`series` and `thresholds` by name, with their units.

    Not `closed`: a word that is not there is taken as it comes, of unknown unit, and numbers need
    no unit — the worked cases speak of series that no catalogue knows.
    """

    series: Mapping[str, str]
    thresholds: Mapping[str, str]
    closed: bool = True


def vocabulary(catalogue: Catalogue) -> Vocabulary:
    """The words of a catalogue."""
    return Vocabulary(
        series={name: quantity.unit for name, quantity in catalogue.quantities.items()},
        thresholds={name: threshold.unit for name, threshold in catalogue.thresholds.items()},
    )


def open_vocabulary(catalogue: Catalogue) -> Vocabulary:
    """For worked cases: known series in their units, all others as they come."""
    units = {name: quantity.unit for name, quantity in catalogue.quantities.items()}
    return Vocabulary(series=units, thresholds={}, closed=False)
