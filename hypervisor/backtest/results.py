"""Results of evaluating a part of a territory, and of all its parts together."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hypervisor.alarms.log import Pair
from hypervisor.backtest.forecast_notes import Unforecast, write_notes
from hypervisor.backtest.model import Evaluation, RaisedAlarm, Span
from hypervisor.evaluation.rule_histories import RuleHistory
from sensors._row import NEVER, Rows

_LATEST = int(np.iinfo(np.int64).max)


@dataclass(kw_only=True)
class Results:
    """What was evaluated; `rows` by series, `first` and `last`: times of rows (µs).

    `subjects`: how many were to be evaluated. The others as in Evaluation.
    """

    alarms: list[RaisedAlarm] = field(default_factory=list)
    evaluated: list[Pair] = field(default_factory=list)
    places: dict[str, str | None] = field(default_factory=dict)
    begun: dict[Pair, int] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)
    unforecast: dict[str, Unforecast] = field(default_factory=dict)
    first: int = _LATEST
    last: int = NEVER
    subjects: int = 0

    def count(self, stored: Mapping[int, Rows]) -> None:
        """Count the rows that were read."""
        for series, rows in stored.items():
            if len(rows):
                self.rows[series] = len(rows)
                self.first = min(self.first, int(rows["time"][0]))
                self.last = max(self.last, int(rows["time"][-1]))

    def add(self, other: "Results") -> None:
        """Add the results of other subjects."""
        self.alarms += other.alarms
        self.evaluated += other.evaluated
        self.places |= other.places
        self.begun |= other.begun
        self.rows |= other.rows
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.subjects += other.subjects
        for rule, lacking in other.unforecast.items():
            self.unforecast[rule] = self.unforecast.get(rule, Unforecast()) | lacking


def summarize(
    results: Results, rules: Mapping[str, RuleHistory], *, span: Span, floor: int
) -> Evaluation:
    """In an order that does not depend on who evaluated what.

    The period is as requested, as far as there are readings. `floor`: how far ingest listened, µs.
    """
    first = results.first if span.since is None else span.since
    last = max(results.last, floor)
    if span.until is not None:
        last = min(last, span.until)
    alarms = sorted(
        results.alarms,
        key=lambda alarm: (alarm.episode.began, alarm.episode.rule, alarm.episode.subject),
    )
    evaluated = sorted(results.evaluated)
    return Evaluation(
        alarms=tuple(alarms),
        evaluated=tuple(evaluated),
        places={key: results.places[key] for _, key in evaluated},
        categories={rule: rules[rule].rules[-1].category for rule, _ in evaluated},
        since=min(first, max(last, 0)),
        until=max(last, 0),
        rows=sum(results.rows.values()),
        subjects=results.subjects,
        begun=dict(sorted(results.begun.items())),
        notes=tuple(write_notes(rules, results.unforecast)),
    )
