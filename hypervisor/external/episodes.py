"""What an alert means for the alarm that its source raised before: a pure function."""

from dataclasses import dataclass
from enum import Enum, auto

from hypervisor.external.model import Alert

SETTLING = 60_000_000  # µs after an end in which a firing that began before it is a late message


class Step(Enum):
    """What an alert does."""

    RAISE = auto()
    REPEAT = auto()
    END = auto()
    REPLACE = auto()  # the alarm before is over, though nothing said so
    NOTICE = auto()  # it was over before it was heard of
    IGNORE = auto()  # late, or repeated


@dataclass(frozen=True, kw_only=True)
class Former:
    """The latest alarm of a fingerprint. `noticed`: when its end was written, µs.

    `closed`: by an operator, whatever the source says.
    """

    starts: int
    ended: int | None = None
    noticed: int = 0
    closed: bool = False


def follow(former: Former | None, alert: Alert, now: int) -> Step:
    """What the alert does; messages may come twice, late, or in another order."""
    if not alert.firing:
        return _follow_end(former, alert)
    if former is None:
        return Step.RAISE
    if former.ended is None:
        return Step.REPLACE if alert.starts > former.starts else Step.REPEAT
    if alert.starts > former.ended:
        return Step.RAISE
    late = now - former.noticed < SETTLING
    return Step.IGNORE if late or former.closed else Step.RAISE


def _follow_end(former: Former | None, alert: Alert) -> Step:
    if former is None:
        return Step.NOTICE
    if former.ended is not None:
        return Step.NOTICE if alert.starts > former.ended else Step.IGNORE
    before = alert.ends is not None and alert.ends < former.starts
    return Step.IGNORE if before else Step.END
