"""The revisions of one key as they hold one after another, by event time."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from hypervisor.registry.queries_revisions import RecordedRevision


def standing(revisions: Iterable[RecordedRevision]) -> list[RecordedRevision]:
    """Those that hold some time, ascending: of one time the one recorded last stands."""
    found = {recorded.effective: recorded for recorded in sorted(revisions, key=lambda one: one.id)}
    return [found[at] for at in sorted(found)]


def in_force(revisions: Iterable[RecordedRevision], at: datetime) -> RecordedRevision | None:
    """What holds at a time."""
    return next(
        (recorded for recorded in reversed(standing(revisions)) if recorded.effective <= at), None
    )


def takes_over(revisions: Iterable[RecordedRevision], at: datetime) -> RecordedRevision | None:
    """The revision that would end what is made to hold from `at` on."""
    return next((recorded for recorded in standing(revisions) if recorded.effective > at), None)


def until(revisions: Sequence[RecordedRevision], revision: RecordedRevision) -> datetime | None:
    """Up to when a revision holds; None: for good. Its own time: it never does."""
    line = standing(revisions)
    if revision not in line:
        return revision.effective
    return next((after.effective for one, after in pairwise(line) if one is revision), None)
