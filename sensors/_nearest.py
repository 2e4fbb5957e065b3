"""The hint at the end of an error that names a word nobody has."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """`; did you mean 'level'?`, or else the names there are; empty without names."""
    by_lower = {name.lower(): name for name in sorted(map(str, names))}
    matches = difflib.get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.5)
    if not matches:
        matches = [name for name in by_lower if word and name.startswith(word.lower())]
    if len(matches) == 1:
        return f"; did you mean {by_lower[matches[0]]!r}?"
    if not by_lower:
        return ""
    shown = list(by_lower.values())
    return f"; known: {', '.join(shown[:12])}" + (", …" if len(shown) > 12 else "")
