"""Tests of a pack that somebody sent end when they cost too much, whatever they are made of."""

from contextlib import suppress
from dataclasses import replace

import pytest

from hypervisor.base.errors import RulebookError
from hypervisor.evaluation.rule_text import read_any
from hypervisor.rulebook.pack_checks import CheckBudget, run_bounded_tests
from rules._pack import packs
from rules._pack_test import run_tests
from sensors._domain import catalogue
from tests.expensive_packs import KINDS, pack


@pytest.mark.parametrize("kind", KINDS)
def test_a_pack_that_costs_too_much_is_refused_before_it_is_computed(kind: str) -> None:
    sent = read_any(pack(kind, 1), domain="flood")
    with pytest.raises(RulebookError, match="after 0 of them") as refused:
        run_bounded_tests(sent)
    assert "hypervisor rules check" in str(refused.value)


def test_many_cheap_tests_are_refused_together() -> None:
    sent = read_any(pack("mean", 2, rules=10, tests=50, readings=10), domain="flood")
    with pytest.raises(RulebookError, match="after 166 of them"):  # 50,000 / (10 * 30)
        run_tests(sent, catalogue(), CheckBudget(seconds=600.0).spend)


def test_none_is_begun_after_the_last_second() -> None:
    with pytest.raises(RulebookError, match="after 0 of them"):
        CheckBudget(seconds=-1.0).spend(1)


def test_each_pack_that_is_shipped_costs_less_than_half() -> None:
    class EndedError(Exception):
        """Before the test is computed."""

    def note(cost: int) -> None:
        costs.append(cost)
        raise EndedError

    for shipped in packs():
        costs: list[int] = []
        for rule in shipped.rules:
            for test in rule.tests:
                alone = replace(shipped, rules=(replace(rule, tests=(test,)),))
                with suppress(EndedError):
                    run_tests(alone, catalogue(), note)
        assert 0 < sum(costs) < 30_000, shipped.file
