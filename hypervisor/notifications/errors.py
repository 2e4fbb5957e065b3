"""What goes wrong in telling people."""

from sensors._errors import TerritoryError


class NotifyError(TerritoryError):
    """Notifications cannot be set up or sent as asked: says why."""


class ChannelError(NotifyError):
    """A channel did not take a message, or we cannot know that it did: it is tried again."""
