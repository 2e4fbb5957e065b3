"""Threshold candidates for one gauge, with the alarms each would have raised on its record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from hypervisor.base.instants import moment
from hypervisor.rulebook.clearing_margin import Margin, try_margins
from hypervisor.rulebook.gauge_alarms import TRIED, estimate_alarms, find_rules
from hypervisor.rulebook.gauge_statistics import (
    HOUR,
    MINUTE,
    Record,
    Rounded,
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
from sensors._errors import Message
from sensors._quantity import Quantity

WINDOWS = (3 * HOUR, 6 * HOUR)
_QUANTILES = (0.90, 0.95, 0.98, 0.99, 0.995)
_FULL_RECORD = 10  # years of maxima that a return level takes
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
    """A threshold value, its basis, and the alarms it would have raised on the record."""

    threshold: Annotated[str, Field(examples=["alert"])]
    value: float
    unit: str
    basis: Annotated[str, Field(examples=["exceeded 24 h a year"])]
    count: Annotated[int, Field(description="Alarms on the complete record.")] = 0
    alarms: Annotated[Rounded, Field(description="A year.")] = 0.0
    hours: Annotated[Rounded, Field(description="In alarm, a year.")] = 0.0
    chosen: Annotated[bool, Field(description="Proposed.")] = False
    rules: Annotated[
        tuple[str, ...], Field(description="The rules that raise them; none: `value` exceeded.")
    ] = ()


class Proposal(BaseModel):
    """Candidates from the record of one quantity."""

    model_config = ConfigDict(frozen=True)

    owner: str
    quantity: str
    unit: str
    first: datetime
    last: datetime
    years: Rounded = Field(description="Length of the record.")
    interval_s: float
    resolution: float = Field(description="Resolution of the readings.")
    candidates: list[Candidate]
    margins: list[Margin] = Field(description="Of the rule with the lowest threshold.")
    notes: list[str] = Field(description="Remarks on the record, such as its length.")


def propose(  # noqa: PLR0913  what a proposal is based on
    owner: str,
    record: Record,
    quantity: Quantity,
    *,
    standing: Mapping[str, float],
    rules: Sequence[Rule],
    catalogue: Catalogue,
    options: ProposalOptions,
) -> Proposal:
    """Propose level and rate thresholds of a quantity from its record.

    `standing`: the thresholds in force, listed for comparison.
    """
    own = [each for each in catalogue.thresholds.values() if each.quantity == quantity.name]
    levels = _ascending_thresholds([each for each in own if each.unit == quantity.unit])
    slopes = [each for each in own if each.unit != quantity.unit][:1]
    notes: list[str] = []
    tried: list[Candidate] = []
    if len(levels) == len(options.hours):
        tried += _level_candidates(record, levels, options, notes)
    sparse = thin_record(record, most=_MOST, interval=_SPARSE)
    if sparse is not record:
        notes.append(
            Message(
                "rates are computed from one reading every {interval} min",
                sparse.interval // MINUTE,
            )
        )
    for slope in slopes:
        tried += _rate_candidates(sparse, slope, notes)
    tried += [
        Candidate(threshold=each.name, value=standing[each.name], unit=each.unit, basis="now")
        for each in (*levels, *slopes)
        if each.name in standing
    ]
    estimated = _estimate_candidates((record, sparse), quantity, tried, rules)
    candidates = _choose(record, estimated, {slope.name for slope in slopes}, options, notes)
    return Proposal(
        owner=owner,
        quantity=quantity.name,
        unit=quantity.unit,
        first=moment(int(record.time[0])),
        last=moment(int(record.time[-1])),
        years=record.years,
        interval_s=record.interval / 1_000_000,
        resolution=record.resolution,
        candidates=candidates,
        margins=_margins(record, quantity, levels, candidates, rules),
        notes=notes,
    )


def format_commands(proposals: Sequence[Proposal]) -> list[str]:
    """The proposed thresholds as an inventory and as commands."""
    proposed = [
        (
            candidate,
            f"{candidate.value:g} {candidate.unit}",
            f'"proposed from its record: {candidate.basis}"',
        )
        for proposal in proposals
        for candidate in proposal.candidates
        if candidate.chosen
    ]
    if not proposed:
        return ["nothing is proposed: the record is too short"]
    owner = proposals[0].owner
    return [
        *("For an inventory (`hypervisor inventory apply`):", ""),
        *("sites:", f"  - name: {owner}", "    thresholds:"),
        *(
            f"      {candidate.threshold}: {{value: {value}, reason: {reason}}}"
            for candidate, value, reason in proposed
        ),
        *("", "Or one by one:", ""),
        *(
            f"hypervisor rules threshold set {owner} {candidate.threshold} '{value}'"
            f" --reason {reason}"
            for candidate, value, reason in proposed
        ),
        *(
            line
            for proposal in proposals
            for margin in proposal.margins
            if margin.chosen
            for line in (
                "",
                "In the rule, for all of its sites (`hypervisor rules export`):",
                "",
                f"  clear: {margin.clear}",
            )
        ),
    ]


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
    record: Record, levels: Sequence[Threshold], options: ProposalOptions, notes: list[str]
) -> list[Candidate]:
    maxima = yearly_maxima(record)
    long = len(maxima) >= _FULL_RECORD
    values = [exceedance_level(record, hours) for hours in options.hours]
    bases = [Message("exceeded {hours:g} h a year", hours) for hours in options.hours]
    if long:
        for place, years in enumerate(options.returns, 1):
            values[place] = return_level(maxima, years)
            bases[place] = Message(
                "once in {years:g} years (Gumbel, {count} yearly maxima)", years, len(maxima)
            )
    else:
        notes.append(
            Message(
                "{count} of the {needed} complete years that return levels need: hours a "
                "year instead; so short a record may contain no major flood",
                len(maxima),
                _FULL_RECORD,
            )
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
                Message(
                    "over {hours} h only {count} rises exceed the resolution of the readings "
                    "(slopes below {floor:.2g} {unit} are noise)",
                    hours,
                    len(rises),
                    rate.floor,
                    slope.unit,
                )
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
                        basis=Message(
                            "{share:.1%} of rises over {hours} h are slower", quantile, hours
                        ),
                    )
                )
    return sorted(candidates, key=attrgetter("value"))


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
        using = find_rules(rules, quantity, name, slope=slope)
        record = records[slope]
        values = [candidate.value for candidate in some]
        estimates = estimate_alarms(record, quantity, using, name, values)
        candidates += [
            replace(
                candidate,
                count=estimate.count,
                alarms=estimate.count / record.years,
                hours=estimate.hours / record.years,
                rules=tuple(rule.id for rule in using if rule.id != TRIED),
            )
            for candidate, estimate in zip(some, estimates, strict=True)
        ]
    return candidates


def _margins(
    record: Record,
    quantity: Quantity,
    levels: Sequence[Threshold],
    candidates: Sequence[Candidate],
    rules: Sequence[Rule],
) -> list[Margin]:
    """Margins at the lowest level, if it is proposed."""
    return [
        margin
        for candidate in candidates
        if candidate.chosen and candidate.threshold == levels[0].name
        for margin in try_margins(record, quantity, candidate.threshold, candidate.value, rules)
    ]


def _choose(
    record: Record,
    candidates: Sequence[Candidate],
    slopes: set[str],
    options: ProposalOptions,
    notes: list[str],
) -> list[Candidate]:
    """Choose all levels, and the lowest rate with an acceptable number of alarms."""
    enough = {False: record.years >= _SHORT_LEVELS, True: record.years >= _SHORT_RATES}
    if not enough[False]:
        notes.append(
            Message(
                "{years:.0f} days are too short for levels: seasons are missing; levels are "
                "listed for information only",
                record.years * 365.25,
            )
        )
    if not enough[True]:
        notes.append("also too short for rates of rise: nothing is proposed")
    quiet = [
        candidate
        for candidate in candidates
        if candidate.threshold in slopes
        and candidate.basis != "now"
        and candidate.alarms <= options.alarms
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
