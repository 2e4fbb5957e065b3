"""The alarms that values of a threshold would have raised on a gauge's record."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hypervisor.base.instants import BEGINNING
from hypervisor.rulebook.gauge_statistics import DAY, HOUR, Record
from rules._engine import evaluate
from rules._inputs import Device, Horizon, SeriesColumns, Steps, Subject
from rules._log import episodes
from rules._pack import rule_from_json
from rules._rule import Rule
from rules._rule_state import Episode
from sensors._quantity import Kind, Quantity, Reporting
from sensors._row import NEVER

_DEVICE = "gauge"
TRIED = "tried"  # the id of a plain rule


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The alarms on a record, their hours, and how many began within a day of one that ended."""

    count: int
    hours: float
    restarts: int


def estimate_alarms(
    record: Record,
    quantity: Quantity,
    rules: Sequence[Rule],
    threshold: str,
    values: Sequence[float],
) -> list[Estimate]:
    """The alarms of these rules on the record, for each value of the threshold."""
    subjects = [
        _subject(str(number), record, quantity, {threshold: value})
        for number, value in enumerate(values)
    ]
    last = int(record.time[-1])
    estimates = [Estimate(count=0, hours=0.0, restarts=0)] * len(values)
    for rule in rules:
        verdicts = evaluate([(BEGINNING, rule)], subjects, Horizon(values=last, silence=last))
        for verdict in verdicts:
            alarms = episodes(rule.id, verdict.subject, verdict.moments)
            number = int(verdict.subject)
            estimates[number] = _add(estimates[number], alarms, last)
    return estimates


def _add(estimate: Estimate, alarms: Sequence[Episode], last: int) -> Estimate:
    ends = [last if alarm.ended is None else alarm.ended for alarm in alarms]
    pauses = [alarm.began - ended for ended, alarm in zip(ends, alarms[1:], strict=False)]
    return Estimate(
        count=estimate.count + len(alarms),
        hours=estimate.hours
        + sum(end - alarm.began for end, alarm in zip(ends, alarms, strict=True)) / HOUR,
        restarts=estimate.restarts + sum(pause < DAY for pause in pauses),
    )


def find_rules(
    rules: Iterable[Rule], quantity: Quantity, threshold: str, *, slope: bool
) -> list[Rule]:
    """The rules in force that use only this threshold, else steps of them, else a plain one.

    Only of hazards, and only those that the gauge's own values decide: not those of its
    silence, of sites upstream or of what is forecast.
    `slope`: the threshold limits the rate of change.
    """
    candidates = [
        rule
        for rule in rules
        if rule.per == "site"
        and rule.category == "hazard"
        and rule.axis == "values"
        and rule.plain == (quantity.name,)
        and not rule.afar
        and not rule.forecasts
    ]
    own = [rule for rule in candidates if rule.thresholds == (threshold,)]
    if own:
        return [_only({**rule.to_json(), "steps": []}, threshold) or rule for rule in own]
    steps = [
        _only({**rule.to_json(), "clear": None, **step, "steps": []}, threshold)
        for rule in candidates
        for step in rule.written.get("steps", ())
        if f"threshold.{threshold}" in str(step.get("when", ""))
    ]
    expression = f"rate({quantity.name}, 3 h)" if slope else quantity.name
    plain = {"id": TRIED, "title": TRIED, "when": f"{expression} > threshold.{threshold}"}
    return [rule for rule in steps if rule is not None] or [rule_from_json(plain)]


def _only(written: Mapping[str, Any], threshold: str) -> Rule | None:
    """A rule made of parts of another; None if it uses other thresholds too."""
    plain = {key: value for key, value in written.items() if value is not None}
    plain.pop("tests", None)
    if not plain["steps"]:
        del plain["steps"]
    rule = rule_from_json(plain)
    return rule if rule.thresholds == (threshold,) else None


def _subject(
    key: str, record: Record, quantity: Quantity, thresholds: Mapping[str, float]
) -> Subject:
    count = len(record.time)
    return Subject(
        key=key,
        series={
            quantity.name: SeriesColumns(
                time=record.time,
                value=record.value,
                quality=np.zeros(count, dtype=np.int16),
                received_at=np.full(count, NEVER, dtype=np.int64),
                device=_DEVICE,
                kind=Kind.GAUGE,
                reporting=Reporting.PERIODIC,
                nonnegative=quantity.nonnegative,
                interval=_constant(record.interval),
                stale_after=_constant(record.stale),
            )
        },
        devices={_DEVICE: Device(commissioned=BEGINNING, in_service=_constant(1.0))},
        thresholds={name: _constant(value) for name, value in thresholds.items()},
    )


def _constant(value: float) -> Steps:
    return Steps(at=np.array([BEGINNING], dtype=np.int64), value=np.array([value], dtype=float))
