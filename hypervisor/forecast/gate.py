"""The gate: what a method is worth on the past, and why it may not be shown."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hypervisor.forecast.events import Tally
from hypervisor.forecast.fit import PERSISTENCE, TREND
from sensors._errors import Message

MARGIN = 0.05  # by how much persistence and trend are beaten at least
MOST_FALSE = 0.28  # on the past, so that no more than 0.3 are false later
FEWEST_EVENTS = 5  # that say something about warnings
_WORSE = 0.1  # of a warning's worth, which few events do not measure more exactly
_CAUTION = 0.3  # the share of false warnings beyond which people are told
_WRONG = 0.4  # the share of false warnings beyond which they are no longer acted on
_HOUR = 3_600_000_000  # µs
_SURE = 1.28  # normal deviate: nine chances of ten


@dataclass(frozen=True, kw_only=True)
class Measures:
    """A method at a horizon over some folds."""

    rmse: float
    crps: float
    in_floods: tuple[float, float]  # RMSE and CRPS; nan: no flood was forecast
    warn: float
    warnings: Tally

    @property
    def worth(self) -> float:
        """Of the warnings: events warned of, how early, and that few are false."""
        return warnings_worth(self.warnings)


def warnings_worth(tally: Tally) -> float:
    """Of events warned of, how early, and that few warnings are false."""
    if not tally.events:
        return 0.0
    early = sum(tally.leads) / max(tally.horizon, 1) / tally.events
    excess = max((tally.false_share or 0.0) - MOST_FALSE, 0.0)
    return (tally.success or 0.0) + 0.8 * early - 2.5 * excess


def judge_method(method: str, measures: Mapping[str, Measures]) -> Message | None:
    """Why the gate is closed: it opens for what beats persistence and trend in floods."""
    own = measures[method]
    for other in (PERSISTENCE, TREND):
        if method == other:
            return Message("nothing forecasts floods here better than {method}", _named(other))
        theirs = measures[other]
        for name, mine, its in (
            ("RMSE", own.rmse, theirs.rmse),
            ("CRPS", own.crps, theirs.crps),
        ):
            if not mine < (1 - MARGIN) * its:
                return Message(
                    "on high or rising water it is not better than {other} by {margin} %"
                    " ({measure} {mine:.3g}, against {its:.3g})",
                    _named(other),
                    round(100 * MARGIN),
                    name,
                    mine,
                    its,
                )
        for name, mine, its in zip(("RMSE", "CRPS"), own.in_floods, theirs.in_floods, strict=True):
            if mine > its:
                return worse_in_floods(other, name, mine, its)
    line = measures[TREND]
    if own.warnings.events >= FEWEST_EVENTS and own.worth < line.worth - _WORSE:
        return _worse_warnings(own.warnings, line.warnings)
    return None


def judge_warnings(own: Tally, line: Tally, *, blind: bool) -> Message | None:
    """Why warnings that knew nothing of an event are not worth showing. `blind`: no input else."""
    if _least_false_share(own) > _WRONG:
        if blind:
            return Message(
                "at the gauge's usual levels its warnings were wrong {false} times of {warnings}:"
                " no gauge upstream and no rain"
                " shows a flood earlier",
                own.false_alarms,
                own.warnings,
            )
        return Message(
            "at the gauge's usual levels its warnings were wrong {false} times of {warnings}",
            own.false_alarms,
            own.warnings,
        )
    rates = [(own.detected, line.detected), (line.false_share, own.false_share)]
    worse = all(mine is not None and its is not None and mine < its for mine, its in rates)
    if worse and own.events >= FEWEST_EVENTS:
        return _worse_warnings(own, line)
    return None


def _worse_warnings(own: Tally, line: Tally) -> Message:
    return Message(
        "its warnings are worse than those of the straight line at the gauge's usual levels"
        " ({own}; the straight line: {line})",
        _describe(own),
        _describe(line),
    )


def _describe(tally: Tally) -> Message:
    return Message(
        "{hits} of {events} crossings warned of, {lead} h before; {false} of {warnings} false",
        len(tally.leads),
        tally.events,
        "-" if tally.lead is None else f"{tally.lead / _HOUR:.1f}",
        tally.false_alarms,
        tally.warnings,
    )


def _least_false_share(tally: Tally) -> float:
    """The share of false warnings that the record shows: the lower end of Wilson's interval."""
    number, square = tally.warnings, _SURE**2
    if not number:
        return 0.0
    share = tally.false_alarms / number
    middle = share + square / (2 * number)
    width = _SURE * math.sqrt(share * (1 - share) / number + square / (4 * number**2))
    return (middle - width) / (1 + square / number)


def caution(own: Tally) -> Message | None:
    """What has to be said beside warnings that are shown; None: they are as right as asked for."""
    if own.warnings < FEWEST_EVENTS or (own.false_share or 0.0) <= _CAUTION:
        return None
    return Message(
        "warnings here were wrong {false} times of {warnings}", own.false_alarms, own.warnings
    )


def worse_in_floods(baseline: str, measure: str, own: float, its: float) -> Message:
    """Why nothing is shown: a baseline erred less in the gauge's own floods."""
    return Message(
        "in its own floods it was worse than {other} ({measure} {own:.3g}, against {its:.3g})",
        _named(baseline),
        measure,
        own,
        its,
    )


def _named(method: str) -> Message:
    return Message("the last value") if method == PERSISTENCE else Message("the straight line")
