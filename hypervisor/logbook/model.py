"""An entry of the log: kinds, what each needs, and its check."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hypervisor.logbook.errors import LogError

LONGEST = 10_000  # characters


class Kind(StrEnum):
    """What an entry is. Those that stand open until they are settled have a `due`, or may."""

    NOTE = "note"
    DECISION = "decision"
    CALL = "call"  # made or received
    PROMISE = "promise"  # a call or an act that was promised
    CLOSURE = "closure"  # a road or a place that was closed
    EXPECTATION = "expectation"  # what is expected in the next hours
    BULLETIN = "bulletin"  # when the next one comes
    SETTLED = "settled"  # `about`: kept, reopened, come about
    CORRECTION = "correction"  # `about`: was wrong, and how


@dataclass(frozen=True, kw_only=True)
class Needs:
    """`due`: True, it must be said; False, it means nothing; None, it may be."""

    due: bool | None = None
    about: bool = False


NEEDS: Mapping[Kind, Needs] = {
    Kind.NOTE: Needs(due=False),
    Kind.DECISION: Needs(due=False),
    Kind.CALL: Needs(due=False),
    Kind.PROMISE: Needs(due=True),
    Kind.CLOSURE: Needs(),
    Kind.EXPECTATION: Needs(due=True),
    Kind.BULLETIN: Needs(due=True),
    Kind.SETTLED: Needs(due=False, about=True),
    Kind.CORRECTION: Needs(due=False, about=True),
}
OPEN = frozenset({Kind.PROMISE, Kind.CLOSURE, Kind.EXPECTATION, Kind.BULLETIN})  # until settled


@dataclass(frozen=True, kw_only=True)
class New:
    """An entry as it is written. `site` by name; `area`: whom it concerns, None the whole.

    `due`: by when it is kept, reopened or expected, on the instance's clock.
    """

    author: str
    kind: Kind
    text: str
    area: str | None = None
    site: str | None = None
    alarm: int | None = None
    incident: int | None = None
    due: datetime | None = None
    about: int | None = None


def checked(new: New) -> New:
    """The entry with its text trimmed.

    Raises:
        LogError: it says nothing, or lacks what its kind needs, or says what its kind does not.
    """
    words = new.text.strip()
    needs = NEEDS[new.kind]
    if not words:
        raise LogError(f"{new.kind}: nothing is said; write it in a few words")
    if len(words) > LONGEST:
        raise LogError(f"{new.kind}: {len(words)} characters; at most {LONGEST} fit")
    if needs.due and new.due is None:
        raise LogError(f"{new.kind}: by when is missing")
    if needs.due is False and new.due is not None:
        raise LogError(f"{new.kind}: it has no time by which it is due")
    if needs.about != (new.about is not None):
        problem = "say which entry it is about" if needs.about else "it is about no other entry"
        raise LogError(f"{new.kind}: {problem}")
    return New(**{**vars(new), "text": words})
