"""Log entries and hand-overs: kinds, what each kind needs, and the check of a new entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, computed_field
from pydantic.dataclasses import dataclass as model

from hypervisor.base.errors import NotFoundError
from sensors._errors import TerritoryError

LONGEST = 10_000  # characters


class LogError(TerritoryError):
    """An invalid entry: says what is missing or superfluous."""


class NoEntryError(LogError, NotFoundError):
    """No such entry or hand-over."""


class HandoverError(LogError):
    """A step that the state of a hand-over, or the person, does not allow."""


class EntryKind(StrEnum):
    """The kind of an entry."""

    NOTE = "note"
    DECISION = "decision"
    CALL = "call"  # made or received
    PROMISE = "promise"  # a promised call or act
    TASK = "task"  # something that somebody is to do
    CLOSURE = "closure"  # a closed road or place
    EXPECTATION = "expectation"  # expected in the next hours
    BULLETIN = "bulletin"  # the next bulletin
    SETTLED = "settled"  # `about`: an open entry that is settled
    CORRECTION = "correction"  # `about`: an entry that was wrong


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a kind needs. `due`: True required, False not allowed, None optional.

    `owner`: it may have one.
    """

    due: bool | None = None
    about: bool = False
    owner: bool = False


NEEDS: Mapping[EntryKind, Needs] = {
    EntryKind.NOTE: Needs(due=False),
    EntryKind.DECISION: Needs(due=False),
    EntryKind.CALL: Needs(due=False),
    EntryKind.PROMISE: Needs(due=True),
    EntryKind.TASK: Needs(owner=True),
    EntryKind.CLOSURE: Needs(),
    EntryKind.EXPECTATION: Needs(due=True),
    EntryKind.BULLETIN: Needs(due=True),
    EntryKind.SETTLED: Needs(due=False, about=True),
    EntryKind.CORRECTION: Needs(due=False, about=True),
}
OPEN = frozenset(
    {
        *(EntryKind.PROMISE, EntryKind.TASK, EntryKind.CLOSURE),
        *(EntryKind.EXPECTATION, EntryKind.BULLETIN),
    }
)  # until settled


@model(frozen=True, kw_only=True)
class Attachment:
    """A file of an entry. `size` in bytes; `digest`: SHA-256 of the content."""

    id: int
    name: Annotated[str, Field(examples=["quai.jpg"])]
    media: Annotated[str, Field(examples=["image/jpeg"])]
    size: int
    digest: str

    @property
    def is_picture(self) -> bool:
        return self.media.startswith("image/")


@model(frozen=True, kw_only=True)
class LogEntry:
    """An entry of the log. `at`: wall clock; `scenario_at`, `due`: the instance's clock."""

    id: int
    at: datetime
    scenario_at: datetime | None
    author: Annotated[str, Field(examples=["s.benali"])]
    kind: EntryKind
    text: str
    area: Annotated[str | None, Field(description="The area concerned; null: all of them.")]
    area_name: str | None
    site: str | None
    site_title: str | None
    alarm: int | None
    alarm_title: str | None
    incident: int | None
    due: datetime | None
    about: int | None
    owner: Annotated[str | None, Field(description="Whose task it is.")]
    settled: datetime | None
    settled_by: str | None
    attachments: list[Attachment]

    @computed_field(description="It waits to be settled.")  # type: ignore[prop-decorator]
    @property
    def open(self) -> bool:
        return self.kind in OPEN and self.settled is None

    @property
    def shown_at(self) -> datetime:
        """On the instance's clock."""
        return self.scenario_at or self.at


@model(frozen=True, kw_only=True)
class Handover:
    """A hand-over. `page`: what was signed, as it was offered. Times: wall clock."""

    id: int
    area: str | None
    begins: datetime
    offered_at: datetime
    scenario_at: datetime | None
    offered_by: str
    note: str
    page: dict[str, Any]
    digest: str
    state: Literal["offered", "taken", "withdrawn"]
    closed_at: datetime | None
    closed_by: str | None
    remark: str


@dataclass(frozen=True, kw_only=True)
class NewEntry:
    """A new entry. `area`: None for the whole territory. `due`: on the instance's clock.

    `owner`: the account whose task it is.
    """

    author: str
    kind: EntryKind
    text: str
    area: str | None = None
    site: str | None = None
    alarm: int | None = None
    incident: int | None = None
    due: datetime | None = None
    about: int | None = None
    owner: str | None = None


def check_entry(new: NewEntry) -> NewEntry:
    """The entry with its text trimmed.

    Raises LogError: empty or too long, or its kind needs or forbids a field.
    """
    words = new.text.strip()
    needs = NEEDS[new.kind]
    if not words:
        raise LogError("{kind}: the text is empty", new.kind)
    if len(words) > LONGEST:
        raise LogError(
            "{kind}: {n} characters; at most {number} fit", new.kind, len(words), LONGEST
        )
    if needs.due and new.due is None:
        raise LogError("{kind}: a due time is required", new.kind)
    if needs.due is False and new.due is not None:
        raise LogError("{kind}: a due time is not allowed", new.kind)
    if needs.about and new.about is None:
        raise LogError("{kind}: name the entry it refers to", new.kind)
    if new.about is not None and not needs.about:
        raise LogError("{kind}: it cannot refer to another entry", new.kind)
    if new.owner is not None and not needs.owner:
        raise LogError("{kind}: only a task has an owner", new.kind)
    return NewEntry(**{**vars(new), "text": words})
