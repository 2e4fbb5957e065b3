"""The alarms that values of a threshold would have raised on a gauge's record."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hypervisor.base.instants import BEGINNING
from hypervisor.rulebook.gauge_statistics import HOUR, Record
from rules._engine import evaluate
from rules._inputs import Device, Horizon, SeriesColumns, Steps, Subject
from rules._log import episodes
from rules._pack import rule_from_json
from rules._rule import Rule
from sensors._quantity import Kind, Quantity, Reporting
from sensors._row import NEVER

_DEVICE = "gauge"
_TRIED = "tried"


def estimate_alarms(
    record: Record, quantity: Quantity, rule: Rule, threshold: str, values: Sequence[float]
) -> list[tuple[int, float]]:
    """Number of alarms and their hours on the record, for each value of the threshold."""
    subjects = [
        _subject(str(number), record, quantity, {threshold: value})
        for number, value in enumerate(values)
    ]
    last = int(record.time[-1])
    verdicts = evaluate([(BEGINNING, rule)], subjects, Horizon(values=last, silence=last))
    episodes_by_subject = {
        verdict.subject: episodes(rule.id, verdict.subject, verdict.moments) for verdict in verdicts
    }
    return [
        (len(alarms), sum((alarm.ended or last) - alarm.began for alarm in alarms) / HOUR)
        for alarms in (episodes_by_subject[subject.key] for subject in subjects)
    ]


def find_rule(rules: Iterable[Rule], quantity: Quantity, threshold: str, *, slope: bool) -> Rule:
    """The rule in force (or a step of one) that uses only this threshold, else a plain one.

    `slope`: the threshold limits the rate of change.
    """
    candidates = [rule for rule in rules if rule.per == "site" and rule.plain == (quantity.name,)]
    for rule in candidates:
        if rule.thresholds == (threshold,):
            return _single_threshold_rule({**rule.to_json(), "steps": []}, threshold) or rule
    for rule in candidates:
        for step in rule.written.get("steps", ()):
            if f"threshold.{threshold}" in str(step.get("when", "")):
                single = _single_threshold_rule(
                    {**rule.to_json(), "clear": None, **step, "steps": []}, threshold
                )
                if single is not None:
                    return single
    expression = f"rate({quantity.name}, 3 h)" if slope else quantity.name
    return rule_from_json(
        {"id": _TRIED, "title": _TRIED, "when": f"{expression} > threshold.{threshold}"}
    )


def _single_threshold_rule(written: Mapping[str, Any], threshold: str) -> Rule | None:
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
