"""What is wrong in a rule, and where."""

from sensors._errors import Place, TerritoryError


class RuleError(TerritoryError):
    """A rule cannot be read. `place` is where in its file."""

    def __init__(self, place: Place, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


class WaitingError(RuleError):
    """The rule uses a function that the language does not have, or not yet."""
