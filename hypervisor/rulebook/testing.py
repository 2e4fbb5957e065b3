"""The tests in a pack, run and told: which rule, which test, expected, found."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from typing import Any

from hypervisor.base.errors import UnknownError
from rules._errors import nearest
from rules._pack import Pack
from rules._packtest import Tested, run_tests
from sensors._domain import catalogue


def outcomes(pack: Pack, rules: Container[str] | None = None) -> list[Tested]:
    """Run the tests of a pack, or of these rules of it alone."""
    if rules is not None:
        chosen = tuple(rule for rule in pack.rules if rule.id in rules)
        pack = replace(pack, rules=chosen)
    return run_tests(pack, catalogue())


def require_rule(rule: str, packs: Iterable[Pack]) -> None:
    """See that one of the packs has a rule.

    Raises:
        UnknownError: none has.
    """
    known = [one.id for pack in packs for one in pack.rules]
    if rule not in known:
        raise UnknownError(f"no rule {rule!r} in these packs{nearest(rule, known)}")


def report(pack: Pack, found: Sequence[Tested]) -> Iterable[str]:
    """A pack's outcome: one word when all passed, else each failure with what was expected."""
    if not found:
        return
    wrong = [tested for tested in found if tested.differences]
    yield f"Unit testing: {pack.file}"
    for one in wrong:
        yield "  FAILED:"
        yield f"    rule: {one.rule}, test: {one.name} ({one.place.file}:{one.place.line})"
        for difference in one.differences:
            yield from (f"        {line}" for line in _parts(difference))
    passed = len(found) - len(wrong)
    yield f"  {passed} passed, {len(wrong)} failed" if wrong else f"  SUCCESS: {passed} passed"


def row(tested: Tested) -> dict[str, Any]:
    """An outcome as plain values."""
    return {
        "rule": tested.rule,
        "test": tested.name,
        "file": tested.place.file,
        "line": tested.place.line,
        "passed": not tested.differences,
        "differences": list(tested.differences),
    }


def _parts(difference: str) -> list[str]:
    """`expected …, found …` a line each."""
    expected, found, rest = difference.partition(", found ")
    return [expected, f"found {rest}"] if found else [difference]
