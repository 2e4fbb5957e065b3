"""What people may not do, and what cannot be done with accounts."""

from hypervisor.database.connect import StoreError
from sensors._errors import TerritoryError


class UnauthenticatedError(TerritoryError):
    """The request has no session or token, or one that is no longer valid."""


class ForbiddenError(TerritoryError):
    """The person is known and may not do this: says what it takes."""


class UnconfirmedError(ForbiddenError):
    """The act widens what somebody may do, and the person last proved who they are too long ago."""


class FieldOnlyError(ForbiddenError):
    """The person works in the field and sees nothing else."""


class TooManyAttemptsError(TerritoryError):
    """Signing in was tried too often: `seconds` say how long to wait."""

    def __init__(self, template: str, /, *values: object, seconds: float) -> None:
        super().__init__(template, *values)
        self.seconds = seconds


class BusyError(StoreError):
    """Too many requests wait already, or one waited too long for its turn."""


class AccountError(TerritoryError):
    """An account cannot be made or changed so: says what was expected."""


class NoAccountError(AccountError):
    """There is no such account, token or area."""
