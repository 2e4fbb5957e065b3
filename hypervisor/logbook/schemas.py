"""Bodies of the operational log and of hand-overs."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hypervisor.alarms.incidents import Incident
from hypervisor.alarms.queries_list import SentNotice
from hypervisor.alarms.queries_timeline import TimelineEvent
from hypervisor.logbook.model import LONGEST, EntryKind, Handover, LogEntry
from hypervisor.web.schemas import Body
from hypervisor.web.times import Instant

Words = Annotated[str, Field(min_length=1, max_length=LONGEST)]
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]


class EntryPost(BaseModel):
    """A new log entry; its author is the signed-in person."""

    model_config = ConfigDict(extra="forbid")

    kind: EntryKind = Field(description="The kind of entry.", examples=["decision"])
    text: Words = Field(examples=["RD 118 closed between Villebon and Orsay"])
    site: str | None = Field(default=None, max_length=200, examples=[None])
    alarm: Number | None = Field(
        default=None, description="The alarm it is about.", examples=[None]
    )
    incident: Number | None = Field(default=None, examples=[None])
    due: Instant | None = Field(
        default=None,
        description="When it is due, on the instance's clock.",
        examples=[None],
    )
    about: Number | None = Field(
        default=None, description="The entry it settles or corrects.", examples=[None]
    )
    owner: str | None = Field(
        default=None,
        max_length=200,
        description="The account whose task it is.",
        examples=[None],
    )


class EntriesBody(Body):
    """A page of the log, latest first."""

    entries: list[LogEntry]
    next: str | None


class EntryDetailBody(Body):
    """One entry of the log."""

    entry: LogEntry


class IncidentFileBody(Body):
    """An incident: what happened to its alarms, what was written, what was sent to whom."""

    incident: Incident
    events: list[TimelineEvent]
    entries: list[LogEntry]
    notices: list[SentNotice]


class OwnerPost(BaseModel):
    """Whose an incident is."""

    model_config = ConfigDict(extra="forbid")

    assignee: str | None = Field(
        max_length=200, description="An account; null: not assigned.", examples=["s.benali"]
    )


class OwnerBody(Body):
    """The outcome for its alarms. `refused`: why some were not assigned."""

    refused: list[str]


class OfferPost(BaseModel):
    """The first signature, of the outgoing shift."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, Field(max_length=LONGEST)] = Field(
        default="",
        description="A note for the next shift.",
        examples=["The Yvette has been falling since noon."],
    )


class HandoverStepPost(BaseModel):
    """The second signature, or withdrawal of the first."""

    model_config = ConfigDict(extra="forbid")

    step: Literal["take", "withdraw"]
    signed: str | None = Field(
        default=None, max_length=64, description="For take: the `digest` of the page you read."
    )
    remark: Annotated[str, Field(max_length=LONGEST)] = Field(default="", examples=["seen"])


class HandoversBody(Body):
    """Hand-overs, latest first."""

    handovers: list[Handover]
    next: str | None


class HandoverDetailBody(Body):
    """One hand-over."""

    handover: Handover


class DraftBody(Body):
    """The hand-over page as of now."""

    page: dict[str, Any]
