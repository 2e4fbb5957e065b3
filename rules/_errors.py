"""What an author got wrong: where, what was expected, and the nearest right word."""

import difflib
from collections.abc import Iterable

from rules._tree import Place
from sensors._errors import TerritoryError


class RuleError(TerritoryError):
    """A rule cannot be read. `place` is where in its file."""

    def __init__(self, place: Place, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


class WaitingError(RuleError):
    """The rule speaks of a function that the language does not have, or not yet."""


def nearest(word: str, words_allowed: Iterable[str]) -> str:
    """A hint that ends a message: the nearest known word, else the words there are.

    One of the same letters is nearer than any other: two of them were swapped.
    """
    words = sorted(map(str, words_allowed))
    swapped = [candidate for candidate in words if sorted(candidate) == sorted(word)]
    close = swapped or difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; expected one of {', '.join(words)}" if words else ""
