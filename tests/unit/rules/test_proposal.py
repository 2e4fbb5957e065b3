"""Whose readings make an automatic command go: the words of a pack, and what is refused."""

from typing import Any

import pytest

from rules._errors import RuleError
from rules._proposal import proposals_of
from sensors._domain import catalogue

WORDS = catalogue()


def propose(**words: Any) -> dict[str, Any]:
    return {"propose": [{"command": "dim", "parameters": {"level": "20"}, **words}]}


@pytest.mark.parametrize(
    ("words", "persons"),
    [
        ({"automatic": "true"}, False),
        ({"automatic": "true", "accepts": "devices"}, False),
        ({"automatic": "true", "accepts": "persons"}, True),
        ({}, False),
    ],
)
def test_only_a_rule_that_says_so_accepts_persons(words: dict[str, str], persons: bool) -> None:  # noqa: FBT001
    (proposed,) = proposals_of(propose(**words), WORDS)
    assert proposed.persons is persons


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"accepts": "persons"}, "beside `automatic: true` alone"),
        ({"automatic": "false", "accepts": "persons"}, "beside `automatic: true` alone"),
        ({"automatic": "true", "accepts": "person"}, "did you mean 'persons'"),
        ({"automatic": "true", "accepts": "true"}, "devices or persons"),
        ({"automatic": "true", "accept": "persons"}, "accepts"),
    ],
)
def test_a_wrong_word_is_refused(words: dict[str, str], problem: str) -> None:
    with pytest.raises(RuleError, match=problem):
        proposals_of(propose(**words), WORDS)
