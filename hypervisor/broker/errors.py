"""What can go wrong with the private servers, for the person who has to mend it."""

from sensors._errors import TerritoryError


class StackError(TerritoryError):
    """A server, folder, port or account is not as it must be: says which, and how to mend it."""


class PortLostError(StackError):
    """A server ended at once, and somebody else listens on its port."""
