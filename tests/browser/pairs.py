"""Ways to look at a page: by pairs of language, theme and size instead of all combinations."""

from collections.abc import Iterable
from itertools import combinations, product

import pytest

LANGUAGES = ("fr", "en")
THEMES = ("light", "dark")


def in_pairs(**axes: Iterable[object]) -> pytest.MarkDecorator:
    """Parametrize by few combinations in which each value meets each value of the other axes.

    A page is too wide for its words and its window, or too pale for its theme and its layout:
    what breaks it is two of them, not all three.
    """
    every = list(product(*axes.values()))
    uncovered = {pair for combination in every for pair in _pairs(combination)}
    chosen = []
    while uncovered:
        best = max(every, key=lambda combination: len(uncovered & _pairs(combination)))
        chosen.append(best)
        uncovered -= _pairs(best)
    return pytest.mark.parametrize(tuple(axes), chosen, ids=_name)


def _pairs(combination: tuple[object, ...]) -> set[tuple[tuple[int, object], ...]]:
    return set(combinations(enumerate(combination), 2))


def _name(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
