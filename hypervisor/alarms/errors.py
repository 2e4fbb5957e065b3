"""What cannot be done with an alarm."""

from sensors._errors import TerritoryError


class AlarmError(TerritoryError):
    """Something asked of alarms cannot be done: says what, and what was expected."""


class NoAlarmError(AlarmError):
    """No alarm has that number."""


class RefusedError(AlarmError):
    """The act does not fit the state of the alarm, or lacks what it needs."""


class ConflictError(AlarmError):
    """The alarm has changed since the person who acts saw it: says what happened."""
