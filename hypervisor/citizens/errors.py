"""What citizens are told, and what becomes of a delivery."""

from hypervisor.notifications.model import ChannelError
from sensors._errors import TerritoryError


class SubscriptionError(TerritoryError):
    """A request that cannot be taken: says what was expected."""


class GoneError(Exception):
    """The browser has ended this subscription."""


class NoAnswerError(ChannelError):
    """The server itself did not answer: it says nothing about the recipient."""
