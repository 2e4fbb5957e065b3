"""Author, reason and effective time of a change; marks of revisions."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.base.errors import RulebookError
from hypervisor.base.instants import BEGINNING, moment
from hypervisor.registry.queries_revisions import SHIPPED, RecordedRevision

NONE = "none"  # the mark of a key without revisions


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """Author, reason, and effective event time.

    `now`: wall clock, in an exercise the scenario clock. None before it begins: the change is then
    in force from the beginning. `effective` overrides it.
    """

    author: str
    reason: str
    now: datetime | None
    effective: datetime | None = None

    @property
    def holds_from(self) -> datetime:
        return self.effective or self.now or moment(BEGINNING)


def check_stamp(stamp: Stamp) -> Stamp:
    """Check that author and reason are given.

    Raises:
        RulebookError: one is missing, or the author is a name of the software.
    """
    if not stamp.reason.strip():
        raise RulebookError("no reason given; state why in a few words (--reason)")
    if not stamp.author.strip():
        raise RulebookError("no author given; state who changes it (--author)")
    if stamp.author.strip().lower() in SHIPPED:
        raise RulebookError(
            f"the author {stamp.author!r} is the software itself; state who changes it (--author)"
        )
    return stamp


def digest(value: Mapping[str, Any] | None) -> str:
    """Eight hexadecimal digits of a hash of the value, independent of key order."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def mark_of(revision: RecordedRevision | None) -> str:
    """The mark of a revision in files and ETags: its number and a digest of its value."""
    return NONE if revision is None else f"{revision.id}-{digest(revision.value)}"


def matches(based_on: str, revision: RecordedRevision) -> bool:
    """Whether a mark names this revision's value.

    Only the digest counts: numbers differ between instances.
    """
    return based_on.rpartition("-")[2] == digest(revision.value)
