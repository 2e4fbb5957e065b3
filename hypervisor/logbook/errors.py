"""Errors of the log and of hand-overs."""

from sensors._errors import TerritoryError


class LogError(TerritoryError):
    """An invalid entry: says what is missing or superfluous."""


class NoEntryError(LogError):
    """No such entry or hand-over."""


class HandoverError(LogError):
    """A step that the state of a hand-over, or the person, does not allow."""
