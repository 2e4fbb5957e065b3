"""Who may overwrite what: files against revisions, new versions of the software against people."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypervisor.base.errors import RulebookError
from hypervisor.base.instants import BEGINNING, moment
from hypervisor.evaluation.pack_revisions import compare
from hypervisor.evaluation.rule_text import Proposed, read_text
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.rulebook.model import (
    Stamp,
    check_stamp,
    digest,
    effective_revisions,
    mark_of,
    matches,
    next_revision,
    revision_at,
)
from hypervisor.rulebook.service import plan_changes
from rules._pack import Pack

NOW = datetime(2024, 10, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
STAMP = Stamp(author="Ada", reason="why", now=NOW)
RULE = """
- id: flood-one
  {base}
  title: t
  when: level > {limit} m
  severity: minor
  advice: a
  wrong when: w
  tests: []
"""


def file(limit: float, base: str | None = None) -> tuple[Pack, list[Proposed]]:
    text = RULE.format(limit=limit, base=f"based on: {base}" if base else "# none")
    return read_text(text, file="f", domain="flood")


def value(limit: float) -> Mapping[str, Any]:
    return file(limit)[0].rules[0].to_json()


def revision(
    number: int, said: Mapping[str, Any] | None, *, author: str = "Bob", at: datetime = NOW - HOUR
) -> RecordedRevision:
    return RecordedRevision(
        id=number,
        kind="rule",
        key="flood-one",
        value=said,
        effective=at,
        author=author,
        reason="r",
        illustrative=False,
        previous=None,
        recorded_at=NOW - HOUR,
    )


def outcome(limit: float, base: str | None, *known: RecordedRevision) -> str:
    found = plan_changes(file(limit, base)[1], {"flood-one": known} if known else {}, STAMP)
    return "refused" if found.conflicts else found.changes[0].does


FIRST, SECOND = revision(1, value(3)), revision(2, value(4), at=NOW - HOUR / 2)
GONE = revision(3, None, at=NOW - HOUR / 4)


@pytest.mark.parametrize(
    ("limit", "base", "known", "expected"),
    [
        (3, None, (), "add"),
        (3, "9-12345678", (), "add"),
        (3, None, (FIRST,), "equal"),
        (5, None, (FIRST,), "refused"),
        (5, mark_of(FIRST), (FIRST,), "change"),
        (5, f"77-{digest(FIRST.value)}", (FIRST,), "change"),
        (5, mark_of(FIRST), (FIRST, SECOND), "refused"),
        (4, mark_of(FIRST), (FIRST, SECOND), "equal"),
        (5, mark_of(SECOND), (FIRST, SECOND), "change"),
        (5, mark_of(SECOND), (FIRST, SECOND, GONE), "refused"),
        (5, None, (FIRST, SECOND, GONE), "refused"),
        (5, mark_of(GONE), (FIRST, SECOND, GONE), "add"),
        (5, "1-ffffffff", (FIRST,), "refused"),
    ],
)
def test_a_file_overwrites_only_what_it_is_based_on(
    limit: float, base: str | None, known: tuple[RecordedRevision, ...], expected: str
) -> None:
    assert outcome(limit, base, *known) == expected


def test_a_stamp_says_who_and_why() -> None:
    with pytest.raises(RulebookError, match="no reason"):
        check_stamp(Stamp(author="Ada", reason=" ", now=NOW))
    with pytest.raises(RulebookError, match="no author"):
        check_stamp(Stamp(author="", reason="x", now=NOW))
    with pytest.raises(RulebookError, match="the software itself"):
        check_stamp(Stamp(author="Hypervisor", reason="x", now=NOW))
    assert Stamp(author="Ada", reason="x", now=None).holds_from == moment(BEGINNING)
    assert Stamp(author="Ada", reason="x", now=NOW, effective=NOW - HOUR).holds_from == NOW - HOUR


def test_a_mark_is_of_what_is_said_in_whatever_order() -> None:
    turned = dict(reversed(list(value(3).items())))
    assert matches(mark_of(FIRST), revision(9, turned))
    assert not matches(mark_of(FIRST), SECOND)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=8))
def test_what_holds_is_the_last_recorded_of_the_latest_time(said: list[tuple[int, int]]) -> None:
    revisions = [
        revision(number, value(limit), at=NOW + hours * HOUR)
        for number, (hours, limit) in enumerate(said)
    ]
    for hours in range(-1, 7):
        at = NOW + hours * HOUR
        before = [recorded for recorded in revisions if recorded.effective <= at]
        expected = max(before, key=lambda one: (one.effective, one.id), default=None)
        assert revision_at(revisions, at) == expected
        later = next_revision(revisions, at)
        assert later is None or later.effective > at
    line = effective_revisions(revisions)
    assert [recorded.effective for recorded in line] == sorted({one.effective for one in revisions})


SHIPPED = revision(1, value(3), author="hypervisor", at=moment(BEGINNING))


@pytest.mark.parametrize(
    ("known", "brings", "expected"),
    [
        ((), 3, "revised"),
        ((SHIPPED,), 3, "nothing"),
        ((SHIPPED,), 4, "revised"),
        ((SHIPPED,), None, "revised"),
        ((SHIPPED, revision(2, value(5))), 3, "nothing"),
        ((SHIPPED, revision(2, value(5))), 4, "kept"),
        ((SHIPPED, revision(2, value(5))), 5, "nothing"),
        ((SHIPPED, revision(2, value(5))), None, "kept"),
        ((SHIPPED, revision(2, None)), 3, "nothing"),
        ((SHIPPED, revision(2, None)), 4, "kept"),
        ((SHIPPED, revision(2, value(5)), revision(3, value(3))), 4, "revised"),
        ((revision(1, value(5)),), 4, "kept"),
        ((revision(1, value(5)),), None, "nothing"),
    ],
)
def test_a_new_version_changes_only_what_nobody_touched(
    known: tuple[RecordedRevision, ...], brings: float | None, expected: str
) -> None:
    packs = [] if brings is None else [file(brings)[0]]
    shipped = compare({"flood-one": known} if known else {}, packs, now=NOW)
    outcome = "revised" if shipped.revisions else "kept" if shipped.kept else "nothing"
    assert outcome == expected
    for one in shipped.revisions:
        assert one.effective == (NOW if known else moment(BEGINNING))
        assert one.author == "hypervisor"
