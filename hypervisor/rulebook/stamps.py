"""Who changes what, why and from when; and by which mark a revision is known."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.base.errors import RulebookError
from hypervisor.base.instants import BEGINNING, moment
from hypervisor.registry.queries_revisions import SHIPPED, RecordedRevision

NONE = "none"  # the mark of what was never revised


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """Who, why, and from which event time on.

    `now`: live the wall clock, in an exercise the scenario's, None before that began: then what is
    changed holds from the beginning. `effective` says otherwise.
    """

    author: str
    reason: str
    now: datetime | None
    effective: datetime | None = None

    @property
    def holds_from(self) -> datetime:
        return self.effective or self.now or moment(BEGINNING)


def checked(stamp: Stamp) -> Stamp:
    """A stamp that says who and why.

    Raises:
        RulebookError: it does not, or gives a name that is the software's own.
    """
    if not stamp.reason.strip():
        raise RulebookError("no reason is given; say why in a few words (--reason)")
    if not stamp.author.strip():
        raise RulebookError("no author is given; say who changes it (--author)")
    if stamp.author.strip().lower() in SHIPPED:
        raise RulebookError(
            f"the author {stamp.author!r} is the software itself; say who changes it (--author)"
        )
    return stamp


def digest(value: Mapping[str, Any] | None) -> str:
    """Eight characters that two different values hardly share, in whatever order they are kept."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def mark(revision: RecordedRevision | None) -> str:
    """How a file or an ETag names a revision: its number for people, a digest to be sure."""
    return NONE if revision is None else f"{revision.id}-{digest(revision.value)}"


def same(based_on: str, revision: RecordedRevision) -> bool:
    """Whether a file with this mark was written from what the revision says.

    Numbers are one instance's own; a file may come from another that says the same.
    """
    return based_on.rpartition("-")[2] == digest(revision.value)
