"""What an entry of the log needs, kind by kind."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hypervisor.logbook.model import LONGEST, NEEDS, EntryKind, LogError, NewEntry, check_entry

DUE = datetime(2024, 10, 10, 8, tzinfo=UTC)
NOTE = NewEntry(author="anne", kind=EntryKind.NOTE, text=" the road is dry \n")


def _whole(kind: EntryKind) -> NewEntry:
    needs = NEEDS[kind]
    due = DUE if needs.due else None
    return replace(NOTE, kind=kind, due=due, about=7 if needs.about else None)


@pytest.mark.parametrize("kind", EntryKind)
def test_every_kind_has_a_form_that_stands(kind: EntryKind) -> None:
    assert check_entry(_whole(kind)) == replace(_whole(kind), text="the road is dry")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (replace(NOTE, text=" \t"), "note: the text is empty"),
        (replace(NOTE, text="x" * (LONGEST + 1)), "note: 10001 characters; at most 10000 fit"),
        (replace(NOTE, due=DUE), "note: a due time is not allowed"),
        (replace(NOTE, kind=EntryKind.PROMISE), "promise: a due time is required"),
        (replace(NOTE, kind=EntryKind.SETTLED), "settled: name the entry it refers to"),
        (replace(NOTE, owner="bruno"), "note: only a task has an owner"),
        (replace(NOTE, about=3), "note: it cannot refer to another entry"),
    ],
)
def test_what_is_wrong_is_said(wrong: NewEntry, said: str) -> None:
    with pytest.raises(LogError) as caught:
        check_entry(wrong)
    assert str(caught.value) == said
