"""The hint at the end of an error that names an unknown word."""

import difflib
from collections.abc import Iterable

from sensors._errors import Message

_SHOWN = 12
_LONGEST = 100  # characters of a word that is compared: a longer one is no slip


def nearest_hint(word: str, names: Iterable[str]) -> Message:
    """`; did you mean 'level'?`; empty where no name is near.

    A name of the same letters comes first: two of them were swapped.
    """
    if len(word) > _LONGEST:
        return Message("")
    by_lower = {name.lower(): name for name in sorted(map(str, names))}
    lower = word.lower()
    letters = sorted(lower)
    matches = [name for name in by_lower if sorted(name) == letters][:1]
    matches = matches or difflib.get_close_matches(lower, list(by_lower), n=1, cutoff=0.6)
    if not matches:
        matches = [name for name in by_lower if word and name.startswith(lower)]
    if len(matches) != 1:
        return Message("")
    return Message("; did you mean {word!r}?", by_lower[matches[0]])


def did_you_mean(word: str, names: Iterable[str]) -> Message:
    """The nearest name, or else the names there are; empty without names."""
    shown = sorted(map(str, names))
    near = nearest_hint(word, shown)
    if near or not shown:
        return near
    more = ", …" if len(shown) > _SHOWN else ""
    return Message("; expected one of {words}", ", ".join(shown[:_SHOWN]) + more)
