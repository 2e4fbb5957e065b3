"""A proposal for one gauge: candidates, and what each would have meant on its record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hypervisor.rulebook.meaning import meanings, rule_about
from hypervisor.rulebook.service_propose import (
    HOUR,
    MINUTE,
    Record,
    climbing,
    exceeded,
    rates,
    returning,
    rounded,
    thinned,
    yearly_maxima,
)
from rules._rule import Rule
from sensors._domain import Catalogue, Threshold
from sensors._quantity import Quantity

WINDOWS = (3 * HOUR, 6 * HOUR)
_QUANTILES = (0.90, 0.95, 0.98, 0.99, 0.995)
_WHOLE_RECORD = 10  # years of maxima that a return level takes
_SHORT_LEVELS, _SHORT_RATES = 1.0, 0.25  # years; of less nothing is proposed
_LEVEL_STEP = 0.01  # m: as a staff is read
_ALIKE = 0.15  # candidates that differ by less say the same
_MOST, _SPARSE = 200_000, HOUR // 4  # of a longer record rates are judged on fewer readings


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a person asks of a proposal; all of it is practice, none a law.

    `hours` a year for the first, second and third threshold; `returns` years for second and third
    where the record is long enough; `alarms` a year that a rate may raise.
    """

    hours: tuple[float, float, float] = (100.0, 24.0, 4.0)
    returns: tuple[float, float] = (2.0, 10.0)
    alarms: float = 6.0


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A value of a threshold, why it, and what it would have meant on the record.

    `count`: alarms on the whole record; `alarms` and `hours` in alarm are those of a year.
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
    """Of one quantity of one gauge. `chosen` candidates are proposed, if the record bears it."""

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
    wishes: Wishes,
) -> Proposal:
    """What a record says about the thresholds of its quantity, levels and rates.

    `standing`: the thresholds in force, told beside.
    """
    known = [
        threshold
        for threshold in catalogue.thresholds.values()
        if threshold.quantity == quantity.name
    ]
    levels = _in_order([one for one in known if one.unit == quantity.unit])
    slopes = [one for one in known if one.unit != quantity.unit]
    notes: list[str] = []
    tried = _levels(record, levels, wishes, notes) if len(levels) == len(wishes.hours) else []
    sparse = thinned(record, most=_MOST, interval=_SPARSE)
    if sparse is not record:
        notes.append(f"rates are found on a reading every {sparse.interval // MINUTE} min")
    for one in slopes[:1]:
        tried += _rates(sparse, one, notes)
    asked = [one for one in (*levels, *slopes[:1]) if one.name in standing]
    told = [*tried, *(_now(one, standing[one.name]) for one in asked)]
    found = _meant((record, sparse), quantity, told, rules)
    return Proposal(
        owner=owner,
        quantity=quantity.name,
        unit=quantity.unit,
        first=int(record.time[0]),
        last=int(record.time[-1]),
        years=record.years,
        interval=record.interval,
        resolution=record.resolution,
        candidates=tuple(_chosen(record, found, {slope.name for slope in slopes}, wishes, notes)),
        notes=tuple(notes),
    )


def _in_order(thresholds: Sequence[Threshold]) -> list[Threshold]:
    """From the lowest up, each above the one before."""
    over = {threshold.above: threshold for threshold in thresholds if threshold.above}
    lowest = next(
        (threshold for threshold in thresholds if not threshold.above and threshold.name in over),
        None,
    )
    found: list[Threshold] = []
    while lowest is not None and lowest not in found:
        found.append(lowest)
        lowest = over.get(lowest.name)
    return found


def _levels(
    record: Record, levels: Sequence[Threshold], wishes: Wishes, notes: list[str]
) -> list[Candidate]:
    maxima = yearly_maxima(record)
    long = len(maxima) >= _WHOLE_RECORD
    values = [exceeded(record, hours) for hours in wishes.hours]
    bases = [f"exceeded {hours:g} h a year" for hours in wishes.hours]
    if long:
        for place, years in enumerate(wishes.returns, 1):
            values[place] = returning(maxima, years)
            bases[place] = f"once in {years:g} years (Gumbel, {len(maxima)} yearly maxima)"
    else:
        notes.append(
            f"{len(maxima)} whole years of {_WHOLE_RECORD} that return levels take: hours a year"
            " instead; a record this short may hold no great flood"
        )
    step = _LEVEL_STEP if levels[0].unit == "m" else 0.0
    nice = [rounded(value, step=step, digits=3 if value >= 100 else 2) for value in values]
    if not climbing(nice, record.resolution):
        notes.append(
            "these levels hardly differ: the river is held at a level, or the record has no flood"
        )
    return [
        Candidate(threshold=one.name, value=value, unit=one.unit, basis=basis)
        for one, value, basis in zip(levels, nice, bases, strict=True)
    ]


def _rates(record: Record, slope: Threshold, notes: list[str]) -> list[Candidate]:
    found: list[Candidate] = []
    for window in WINDOWS:
        rate = rates(record, window)
        rises = rate.rises
        hours = window // HOUR
        if len(rises) < 100:
            notes.append(
                f"over {hours} h only {len(rises)} rises stand out of the steps it is read in"
                f" (below {rate.floor:.2g} {slope.unit} a slope says nothing)"
            )
            continue
        for quantile in _QUANTILES:
            value = rounded(float(np.quantile(rises, quantile)))
            if all(abs(value - candidate.value) > _ALIKE * candidate.value for candidate in found):
                found.append(
                    Candidate(
                        threshold=slope.name,
                        value=value,
                        unit=slope.unit,
                        basis=f"{quantile:.1%} of rises over {hours} h are slower",
                    )
                )
    return sorted(found, key=lambda one: one.value)


def _now(threshold: Threshold, value: float) -> Candidate:
    return Candidate(threshold=threshold.name, value=value, unit=threshold.unit, basis="now")


def _meant(
    records: tuple[Record, Record],
    quantity: Quantity,
    tried: Sequence[Candidate],
    rules: Sequence[Rule],
) -> list[Candidate]:
    """`records`: for levels, and for rates."""
    found: list[Candidate] = []
    for name in dict.fromkeys(candidate.threshold for candidate in tried):
        some = [candidate for candidate in tried if candidate.threshold == name]
        slope = some[0].unit != quantity.unit
        rule = rule_about(rules, quantity, name, slope=slope)
        judged = records[slope]
        meant = meanings(judged, quantity, rule, name, [one.value for one in some])
        found += [
            replace(
                one,
                count=said.alarms,
                alarms=said.alarms / judged.years,
                hours=said.hours / judged.years,
            )
            for one, said in zip(some, meant, strict=True)
        ]
    return found


def _chosen(
    record: Record,
    found: Sequence[Candidate],
    slopes: set[str],
    wishes: Wishes,
    notes: list[str],
) -> list[Candidate]:
    """Which are proposed: all levels, and of the rates the lowest that is not told too often."""
    enough = {False: record.years >= _SHORT_LEVELS, True: record.years >= _SHORT_RATES}
    if not enough[False]:
        notes.append(
            f"{record.years * 365.25:.0f} days are too short for levels: seasons are missing;"
            " they are told for orientation, and not proposed"
        )
    if not enough[True]:
        notes.append("too short for rates, too: nothing is proposed")
    quiet = [
        candidate
        for candidate in found
        if candidate.threshold in slopes
        and candidate.basis != "now"
        and candidate.alarms <= wishes.alarms
    ]
    best = min(quiet, key=lambda one: one.value, default=None)
    return [
        replace(
            candidate, chosen=candidate.basis != "now" and enough[candidate.threshold in slopes]
        )
        if candidate.threshold not in slopes or candidate is best
        else candidate
        for candidate in found
    ]
