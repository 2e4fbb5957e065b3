"""What the log and the hand-over refuse."""

from sensors._errors import TerritoryError


class LogError(TerritoryError):
    """An entry that cannot stand so: says what is missing or too much."""


class NoEntryError(LogError):
    """There is no such entry, or hand-over."""


class HandoverError(LogError):
    """A step that a hand-over's state, or the person, does not allow."""
