"""What an author cannot do to the rulebook, and how to go on."""

from collections.abc import Sequence

from sensors._errors import TerritoryError, listed


class RulebookError(TerritoryError):
    """A change of a rule or threshold that cannot be made: says why, and what was expected."""


class UnknownError(RulebookError):
    """No rule, threshold or revision of that name: says what is near."""


class ConflictError(TerritoryError):
    """Somebody changed it meanwhile: nothing was written; says what to read again."""


class UnseenError(TerritoryError):
    """Something stands there, and the change does not say that its author saw it."""


class StaleError(RulebookError, ConflictError):
    """Somebody changed it meanwhile. `conflicts`: for each who, when, what, and how to go on."""

    def __init__(self, conflicts: Sequence[str], advice: str) -> None:
        super().__init__(
            "{conflicts}\nnothing was changed; {advice}", listed(conflicts, "\n"), advice
        )
        self.conflicts = tuple(conflicts)
        self.advice = advice


class NotFoundError(TerritoryError):
    """Nothing stands at this address: says what was asked for and what is near."""
