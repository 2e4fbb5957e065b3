"""Errors of the private servers."""

from sensors._errors import TerritoryError


class StackError(TerritoryError):
    """A server, folder, port or account is unusable; the message says what to do."""


class PortLostError(StackError):
    """A server ended at once because another process listens on its port."""
