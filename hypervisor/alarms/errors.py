"""Errors of the alarm room."""

from hypervisor.base import errors
from hypervisor.base.errors import NotFoundError
from sensors._errors import TerritoryError


class AlarmError(TerritoryError):
    """A request that alarms cannot fulfil: says why, and what was expected."""


class NoAlarmError(AlarmError, NotFoundError):
    """No alarm has that number."""


class RefusedError(AlarmError):
    """The alarm's state does not allow the act, or something is missing."""


class ConflictError(AlarmError, errors.ConflictError):
    """The alarm has changed since its author saw it: says how."""
