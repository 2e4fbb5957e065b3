"""What is wrong in a rule, and where."""

from sensors._errors import Message, Place, TerritoryError


class RuleError(TerritoryError):
    """A rule cannot be read. `place` is where in its file."""

    def __init__(self, place: Place, problem: str, /, *values: object) -> None:
        self.place = place
        self.problem = Message(problem, *values)
        super().__init__("{place}: {problem}", place, self.problem)


class WaitingError(RuleError):
    """The rule uses a function that the language does not have, or not yet."""
