"""Time to acknowledge: from notice to the first acknowledgement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from rules._rule import SEVERITIES


@dataclass(frozen=True, kw_only=True)
class AcknowledgeDelay:
    """One alarm: its severity at raising, and the time to acknowledge; None: not acknowledged."""

    severity: str
    after: timedelta | None


@dataclass(frozen=True, kw_only=True)
class ResponseTimes:
    """The alarms of one severity: how many were raised and acknowledged, and how fast."""

    severity: str
    raised: int
    answered: int
    median: timedelta | None
    most: timedelta | None  # the 90th percentile
    longest: timedelta | None


def summarize(answers: Iterable[AcknowledgeDelay]) -> list[ResponseTimes]:
    """By severity, highest first; severities without alarms are left out."""
    by_severity: dict[str, list[AcknowledgeDelay]] = {}
    for answer in answers:
        by_severity.setdefault(answer.severity, []).append(answer)
    return [
        _summarize_severity(severity, by_severity[severity])
        for severity in reversed(SEVERITIES)
        if severity in by_severity
    ]


def _summarize_severity(severity: str, answers: Sequence[AcknowledgeDelay]) -> ResponseTimes:
    seconds = [answer.after.total_seconds() for answer in answers if answer.after is not None]
    median, most, longest = (_quantile(seconds, share) for share in (0.5, 0.9, 1.0))
    return ResponseTimes(
        severity=severity,
        raised=len(answers),
        answered=len(seconds),
        median=median,
        most=most,
        longest=longest,
    )


def _quantile(seconds: Sequence[float], share: float) -> timedelta | None:
    if not seconds:
        return None
    return timedelta(seconds=float(np.quantile(seconds, share, method="higher")))
