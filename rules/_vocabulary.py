"""The words that a rule may use: series and thresholds, each with its unit."""

from collections.abc import Mapping
from dataclasses import dataclass

from sensors._domain import Catalogue


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
