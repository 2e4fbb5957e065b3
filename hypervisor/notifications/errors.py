"""Errors of notifications."""

from sensors._errors import TerritoryError


class NotifyError(TerritoryError):
    """Notifications cannot be configured or sent: says why."""


class ChannelError(NotifyError):
    """A channel did not deliver a message, or this is unknown: it is retried."""
