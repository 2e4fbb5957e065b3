"""Revisions of one key in order of their effective time."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from operator import attrgetter

from hypervisor.registry.queries_revisions import RecordedRevision


def latest(revisions: Iterable[RecordedRevision]) -> RecordedRevision:
    """The revision recorded last."""
    return max(revisions, key=attrgetter("id"))


def last_recorded(revisions: Iterable[RecordedRevision]) -> RecordedRevision | None:
    """The revision recorded last, None without any."""
    return max(revisions, key=attrgetter("id"), default=None)


def effective_revisions(revisions: Iterable[RecordedRevision]) -> list[RecordedRevision]:
    """Revisions by effective time; of equal times the one recorded last counts."""
    by_time = {recorded.effective: recorded for recorded in sorted(revisions, key=attrgetter("id"))}
    return [by_time[at] for at in sorted(by_time)]


def revision_at(revisions: Iterable[RecordedRevision], at: datetime) -> RecordedRevision | None:
    """The revision in force at a time."""
    return next(
        (
            recorded
            for recorded in reversed(effective_revisions(revisions))
            if recorded.effective <= at
        ),
        None,
    )


def next_revision(revisions: Iterable[RecordedRevision], at: datetime) -> RecordedRevision | None:
    """The first revision that takes effect after `at`."""
    return next(
        (recorded for recorded in effective_revisions(revisions) if recorded.effective > at), None
    )


def effective_until(
    revisions: Sequence[RecordedRevision], revision: RecordedRevision
) -> datetime | None:
    """End of a revision's validity; None: open; its own effective time: never in force."""
    line = effective_revisions(revisions)
    if revision not in line:
        return revision.effective
    return next((after.effective for current, after in pairwise(line) if current is revision), None)
