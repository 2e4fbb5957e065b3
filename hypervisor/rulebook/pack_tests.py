"""Run the tests of a pack and report the results."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from typing import Any

from hypervisor.base.errors import UnknownError
from rules._pack import Pack
from rules._pack_test import Tested, run_tests
from sensors._domain import catalogue
from sensors._nearest import did_you_mean


def run_pack_tests(pack: Pack, rules: Container[str] | None = None) -> list[Tested]:
    """Run the tests of a pack, or only those of the given rules."""
    if rules is not None:
        chosen = tuple(rule for rule in pack.rules if rule.id in rules)
        pack = replace(pack, rules=chosen)
    return run_tests(pack, catalogue())


def require_rule(rule: str, packs: Iterable[Pack]) -> None:
    """Check that one of the packs has a rule.

    Raises:
        UnknownError: none has.
    """
    rule_ids = [pack_rule.id for pack in packs for pack_rule in pack.rules]
    if rule not in rule_ids:
        raise UnknownError(f"no rule {rule!r} in these packs{did_you_mean(rule, rule_ids)}")


def format_report(pack: Pack, outcomes: Sequence[Tested]) -> Iterable[str]:
    """Report lines of a pack: its failures, or SUCCESS."""
    if not outcomes:
        return
    wrong = [tested for tested in outcomes if tested.differences]
    yield f"Unit testing: {pack.file}"
    for outcome in wrong:
        yield "  FAILED:"
        place = f"{outcome.place.file}:{outcome.place.line}"
        yield f"    rule: {outcome.rule}, test: {outcome.name} ({place})"
        for difference in outcome.differences:
            yield from (f"        {line}" for line in _difference_lines(difference))
    passed = len(outcomes) - len(wrong)
    yield f"  {passed} passed, {len(wrong)} failed" if wrong else f"  SUCCESS: {passed} passed"


def test_row(tested: Tested) -> dict[str, Any]:
    """A test result as plain values."""
    return {
        "rule": tested.rule,
        "test": tested.name,
        "file": tested.place.file,
        "line": tested.place.line,
        "passed": not tested.differences,
        "differences": list(tested.differences),
    }


def _difference_lines(difference: str) -> list[str]:
    """Split `expected …, found …` into two lines."""
    expected, separator, rest = difference.partition(", found ")
    return [expected, f"found {rest}"] if separator else [difference]
