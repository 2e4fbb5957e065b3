"""Threshold candidates for one gauge, with the alarms each would have raised on its record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np

from hypervisor.rulebook.alarm_estimates import estimate_alarms, find_rule
from hypervisor.rulebook.gauge_statistics import (
    HOUR,
    MINUTE,
    Record,
    clearly_ascending,
    compute_rates,
    exceedance_level,
    return_level,
    round_nicely,
    thin_record,
    yearly_maxima,
)
from rules._rule import Rule
from sensors._domain import Catalogue, Threshold
from sensors._quantity import Quantity

WINDOWS = (3 * HOUR, 6 * HOUR)
_QUANTILES = (0.90, 0.95, 0.98, 0.99, 0.995)
_WHOLE_RECORD = 10  # years of maxima that a return level takes
_SHORT_LEVELS, _SHORT_RATES = 1.0, 0.25  # years that a proposal needs
_LEVEL_STEP = 0.01  # m: resolution of a staff gauge
_ALIKE = 0.15  # relative difference below which candidates count as equal
_MOST, _SPARSE = 200_000, HOUR // 4  # a longer record is thinned for rates


@dataclass(frozen=True, kw_only=True)
class ProposalOptions:
    """Targets of a proposal; the defaults are common practice.

    `hours` a year for the first, second and third threshold; `returns`: return periods of second
    and third in years, if the record is long enough; `alarms` a year allowed for a rate of rise.
    """

    hours: tuple[float, float, float] = (100.0, 24.0, 4.0)
    returns: tuple[float, float] = (2.0, 10.0)
    alarms: float = 6.0


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A threshold value, its basis, and the alarms it would have raised on the record.

    `count`: alarms on the whole record; `alarms` and `hours` in alarm are per year.
    """

    threshold: str
    value: float
    unit: str
    basis: str
    count: int = 0
    alarms: float = 0.0
    hours: float = 0.0
    chosen: bool = False


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """Candidates for one quantity of one gauge; those that are `chosen` are proposed."""

    owner: str
    quantity: str
    unit: str
    first: int  # µs
    last: int
    years: float
    interval: int
    resolution: float
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...]


def propose(  # noqa: PLR0913  what a proposal stands on
    owner: str,
    record: Record,
    quantity: Quantity,
    *,
    standing: Mapping[str, float],
    rules: Sequence[Rule],
    catalogue: Catalogue,
    wishes: ProposalOptions,
) -> Proposal:
    """Propose level and rate thresholds of a quantity from its record.

    `standing`: the thresholds in force, listed for comparison.
    """
    thresholds = [
        threshold
        for threshold in catalogue.thresholds.values()
        if threshold.quantity == quantity.name
    ]
    levels = _ascending_thresholds(
        [threshold for threshold in thresholds if threshold.unit == quantity.unit]
    )
    slopes = [threshold for threshold in thresholds if threshold.unit != quantity.unit]
    notes: list[str] = []
    tried = (
        _level_candidates(record, levels, wishes, notes) if len(levels) == len(wishes.hours) else []
    )
    sparse = thin_record(record, most=_MOST, interval=_SPARSE)
    if sparse is not record:
        notes.append(f"rates are computed from one reading every {sparse.interval // MINUTE} min")
    for slope in slopes[:1]:
        tried += _rate_candidates(sparse, slope, notes)
    in_force = [threshold for threshold in (*levels, *slopes[:1]) if threshold.name in standing]
    all_candidates = [
        *tried,
        *(_current_candidate(threshold, standing[threshold.name]) for threshold in in_force),
    ]
    estimated = _estimate_candidates((record, sparse), quantity, all_candidates, rules)
    return Proposal(
        owner=owner,
        quantity=quantity.name,
        unit=quantity.unit,
        first=int(record.time[0]),
        last=int(record.time[-1]),
        years=record.years,
        interval=record.interval,
        resolution=record.resolution,
        candidates=tuple(
            _choose(record, estimated, {slope.name for slope in slopes}, wishes, notes)
        ),
        notes=tuple(notes),
    )


def _ascending_thresholds(thresholds: Sequence[Threshold]) -> list[Threshold]:
    """Thresholds of the quantity in ascending order."""
    over = {threshold.above: threshold for threshold in thresholds if threshold.above}
    lowest = next(
        (threshold for threshold in thresholds if not threshold.above and threshold.name in over),
        None,
    )
    ascending: list[Threshold] = []
    while lowest is not None and lowest not in ascending:
        ascending.append(lowest)
        lowest = over.get(lowest.name)
    return ascending


def _level_candidates(
    record: Record, levels: Sequence[Threshold], wishes: ProposalOptions, notes: list[str]
) -> list[Candidate]:
    maxima = yearly_maxima(record)
    long = len(maxima) >= _WHOLE_RECORD
    values = [exceedance_level(record, hours) for hours in wishes.hours]
    bases = [f"exceeded {hours:g} h a year" for hours in wishes.hours]
    if long:
        for place, years in enumerate(wishes.returns, 1):
            values[place] = return_level(maxima, years)
            bases[place] = f"once in {years:g} years (Gumbel, {len(maxima)} yearly maxima)"
    else:
        notes.append(
            f"{len(maxima)} of the {_WHOLE_RECORD} complete years that return levels need: hours a"
            " year instead; so short a record may contain no major flood"
        )
    step = _LEVEL_STEP if levels[0].unit == "m" else 0.0
    nice = [round_nicely(value, step=step, digits=3 if value >= 100 else 2) for value in values]
    if not clearly_ascending(nice, record.resolution):
        notes.append(
            "these levels hardly differ: the river level is regulated, or the record has no flood"
        )
    return [
        Candidate(threshold=level.name, value=value, unit=level.unit, basis=basis)
        for level, value, basis in zip(levels, nice, bases, strict=True)
    ]


def _rate_candidates(record: Record, slope: Threshold, notes: list[str]) -> list[Candidate]:
    candidates: list[Candidate] = []
    for window in WINDOWS:
        rate = compute_rates(record, window)
        rises = rate.rises
        hours = window // HOUR
        if len(rises) < 100:
            notes.append(
                f"over {hours} h only {len(rises)} rises exceed the resolution of the readings"
                f" (slopes below {rate.floor:.2g} {slope.unit} are noise)"
            )
            continue
        for quantile in _QUANTILES:
            value = round_nicely(float(np.quantile(rises, quantile)))
            if all(
                abs(value - candidate.value) > _ALIKE * candidate.value for candidate in candidates
            ):
                candidates.append(
                    Candidate(
                        threshold=slope.name,
                        value=value,
                        unit=slope.unit,
                        basis=f"{quantile:.1%} of rises over {hours} h are slower",
                    )
                )
    return sorted(candidates, key=attrgetter("value"))


def _current_candidate(threshold: Threshold, value: float) -> Candidate:
    return Candidate(threshold=threshold.name, value=value, unit=threshold.unit, basis="now")


def _estimate_candidates(
    records: tuple[Record, Record],
    quantity: Quantity,
    tried: Sequence[Candidate],
    rules: Sequence[Rule],
) -> list[Candidate]:
    """Add the alarms of each candidate. `records`: for levels, and for rates."""
    candidates: list[Candidate] = []
    for name in dict.fromkeys(candidate.threshold for candidate in tried):
        some = [candidate for candidate in tried if candidate.threshold == name]
        slope = some[0].unit != quantity.unit
        rule = find_rule(rules, quantity, name, slope=slope)
        judged = records[slope]
        meant = estimate_alarms(
            judged, quantity, rule, name, [candidate.value for candidate in some]
        )
        candidates += [
            replace(
                candidate,
                count=estimate.alarms,
                alarms=estimate.alarms / judged.years,
                hours=estimate.hours / judged.years,
            )
            for candidate, estimate in zip(some, meant, strict=True)
        ]
    return candidates


def _choose(
    record: Record,
    candidates: Sequence[Candidate],
    slopes: set[str],
    wishes: ProposalOptions,
    notes: list[str],
) -> list[Candidate]:
    """Choose all levels, and the lowest rate with an acceptable number of alarms."""
    enough = {False: record.years >= _SHORT_LEVELS, True: record.years >= _SHORT_RATES}
    if not enough[False]:
        notes.append(
            f"{record.years * 365.25:.0f} days are too short for levels: seasons are missing;"
            " levels are listed for information only"
        )
    if not enough[True]:
        notes.append("also too short for rates of rise: nothing is proposed")
    quiet = [
        candidate
        for candidate in candidates
        if candidate.threshold in slopes
        and candidate.basis != "now"
        and candidate.alarms <= wishes.alarms
    ]
    best = min(quiet, key=attrgetter("value"), default=None)
    return [
        replace(
            candidate, chosen=candidate.basis != "now" and enough[candidate.threshold in slopes]
        )
        if candidate.threshold not in slopes or candidate is best
        else candidate
        for candidate in candidates
    ]
