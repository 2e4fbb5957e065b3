"""What the engine says: the moments at which the judgement of a rule and subject changed.

The alarm log folds from these rows; the last row before a time is all that is needed to judge on
from there. Frozen and plain, so that they go to JSON and back unchanged.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Truth(IntEnum):
    """Three values; Kleene's `and`, `or`, `not`."""

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2


class Phase(StrEnum):
    """Where an alarm's condition stands."""

    INACTIVE = "inactive"
    PENDING = "pending"
    ACTIVE = "active"


@dataclass(frozen=True, kw_only=True)
class StateChange:
    """A change of the judgement at `time` (µs, on the rule's axis).

    `when_since`: start of the present run of a true `when`; `clear_since` likewise for the end.
    `since`, `began`: of the pending or active alarm. `steps`: for each severity step whether it
    is latched and the start of its present run. `severity`: None unless active. `stale_since`:
    from when exactly it is stale; a reading holds up to and at its stale limit, so the moment that
    tells is the first instant after. `reason`: why an alarm ended here. `closed`: an operator
    closed it, and `when` has not been false since.
    """

    time: int
    phase: Phase
    when: Truth
    clear: Truth
    when_since: int | None = None
    clear_since: int | None = None
    since: int | None = None
    began: int | None = None
    steps: tuple[tuple[bool, int | None, int | None], ...] = ()
    severity: str | None = None
    stale: bool = False
    stale_since: int | None = None
    reason: str | None = None
    closed: bool = False


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One subject's judgement from its start on: the new moments and when time alone may act."""

    subject: str
    moments: tuple[StateChange, ...]
    due: int | None


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One alarm of the log. Times in µs; `ended` None while it lasts.

    `severity`: its steps (time, name) from `began` on. `stale`: spans (from, to or None).
    """

    rule: str
    subject: str
    since: int
    began: int
    ended: int | None
    severity: tuple[tuple[int, str], ...]
    stale: tuple[tuple[int, int | None], ...]
    reason: str | None = None
