"""The alarm life cycle after ISA-18.2 as one table: (state, act) -> new state or refusal."""

from dataclasses import dataclass
from enum import StrEnum


class BaseState(StrEnum):
    """Condition and acknowledgement; computed by the database (schema 0004)."""

    UNACKNOWLEDGED = "unacknowledged"  # active
    ACKNOWLEDGED = "acknowledged"  # active
    CLOSING = "closing"  # closed by hand, not yet ended by the evaluation
    RETURNED = "returned"  # ended, unacknowledged
    NORMAL = "normal"  # ended, acknowledged
    WITHDRAWN = "withdrawn"  # a revision of the past removed it


class Hold(StrEnum):
    """A rule silenced by hand at a subject. Suppression by design is computed, not stored."""

    NONE = "none"
    SHELVED = "shelved"  # until a time
    OUT_OF_SERVICE = "out-of-service"  # until returned to service


class ActKind(StrEnum):
    """Acts of people, and of the system on their behalf."""

    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    ASSIGN = "assign"
    COMMENT = "comment"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    OUT_OF_SERVICE = "out-of-service"
    RETURN_TO_SERVICE = "return-to-service"
    CLOSE = "close"
    ESCALATE = "escalate"
    REMIND = "remind"


class SystemEvent(StrEnum):
    """Events from the evaluation and the clock."""

    STEPS_UP = "steps up"  # above the acknowledged severity
    RETURNS = "returns"  # the condition cleared
    RESUMES = "resumes"  # a revision of the past made it active again
    WITHDRAWN = "withdrawn"
    EXPIRES = "expires"  # shelving ended


@dataclass(frozen=True, kw_only=True)
class AlarmState:
    """The state of an alarm; every combination is possible."""

    base: BaseState
    hold: Hold = Hold.NONE


U, A, C, R, N, W = BaseState
_OPEN, _SHELVED, _OUT = Hold

_SAW = "it is already acknowledged"
_UNSEEN = "it is not acknowledged"
_CLOSES = "it is being closed"
_CLOSING = "it is already being closed"
_OVER = "it is over"
_ENDED = f"{_OVER}; acknowledge it"
_WITHDRAWN = "it was withdrawn"

# The next state for each state, in the order above; a text is the reason of a refusal.
_Bases = tuple[BaseState | str, ...]
_Holds = tuple[Hold | str, ...]

_SAME: _Bases = (U, A, C, R, N, W)
_BASES: dict[ActKind | SystemEvent, _Bases] = {
    #                        unacknowledged acknowledged closing returned normal withdrawn
    ActKind.ACKNOWLEDGE: (A, _SAW, f"{_CLOSES}, which acknowledges it", N, _SAW, _WITHDRAWN),
    ActKind.UNACKNOWLEDGE: (_UNSEEN, U, _CLOSES, _UNSEEN, R, _WITHDRAWN),
    ActKind.ASSIGN: (U, A, C, R, N, _WITHDRAWN),
    ActKind.COMMENT: _SAME,
    ActKind.SHELVE: (U, A, _CLOSES, R, N, _WITHDRAWN),
    ActKind.UNSHELVE: _SAME,
    ActKind.OUT_OF_SERVICE: (U, A, C, R, N, _WITHDRAWN),
    ActKind.RETURN_TO_SERVICE: _SAME,
    ActKind.CLOSE: (C, C, _CLOSING, _ENDED, _OVER, _WITHDRAWN),
    ActKind.ESCALATE: (U, _SAW, _CLOSES, _OVER, _OVER, _WITHDRAWN),
    ActKind.REMIND: (U, _SAW, _CLOSES, _OVER, _OVER, _WITHDRAWN),
    SystemEvent.STEPS_UP: (U, U, C, R, N, W),
    SystemEvent.RETURNS: (R, N, N, R, N, W),
    SystemEvent.RESUMES: (U, A, C, U, A, W),
    SystemEvent.WITHDRAWN: (W, W, W, W, W, W),
    SystemEvent.EXPIRES: _SAME,
}

_UNCHANGED: _Holds = (_OPEN, _SHELVED, _OUT)
_SILENCED = (
    _OPEN,
    "it is shelved: no one is notified",
    "it is out of service: no one is notified",
)
_HOLDS: dict[ActKind | SystemEvent, _Holds] = {
    #                             none  shelved  out of service
    ActKind.SHELVE: (_SHELVED, _SHELVED, "it is out of service, so it is already silenced"),
    ActKind.UNSHELVE: ("it is not shelved", _OPEN, "it is out of service, not shelved"),
    ActKind.OUT_OF_SERVICE: (_OUT, _OUT, "it is already out of service"),
    ActKind.RETURN_TO_SERVICE: ("it is in service", "it is shelved, not out of service", _OPEN),
    ActKind.ESCALATE: _SILENCED,
    ActKind.REMIND: _SILENCED,
    SystemEvent.EXPIRES: (_OPEN, _OPEN, _OUT),
}


def build_table() -> dict[tuple[AlarmState, ActKind | SystemEvent], AlarmState | str]:
    """Both tables combined: an act is refused if either refuses it."""
    table: dict[tuple[AlarmState, ActKind | SystemEvent], AlarmState | str] = {}
    for act, bases in _BASES.items():
        holds = _HOLDS.get(act, _UNCHANGED)
        for base, to_base in zip(BaseState, bases, strict=True):
            for hold, to_hold in zip(Hold, holds, strict=True):
                key = AlarmState(base=base, hold=hold), act
                if not isinstance(to_base, BaseState):
                    table[key] = to_base
                elif not isinstance(to_hold, Hold):
                    table[key] = to_hold
                else:
                    table[key] = AlarmState(base=to_base, hold=to_hold)
    return table


TABLE = build_table()
