"""API bodies of publications."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hypervisor.publications.model import (
    MessageKind,
    Publication,
    PublicationAct,
    PublicationEvent,
    PublicationState,
    PublishedArea,
    PublishedMessage,
    Status,
    WarningContent,
)
from hypervisor.web.schemas import Body

_Reason = Annotated[
    str, Field(min_length=1, max_length=1_000, examples=["the mayor asks; levels still rise"])
]
_Version = Annotated[int, Field(ge=1, description="Of the publication that was read.")]


class WaitingDraft(BaseModel):
    """What awaits its second signature."""

    kind: MessageKind
    content: WarningContent
    areas: tuple[PublishedArea, ...]
    authors: list[str] = Field(description="None of them may sign.")
    reason: str
    at: datetime = Field(description="When it was last written at, by the wall's clock.")
    stale: bool = Field(description="It waited too long to be signed as it is.")


class PublicationBody(BaseModel):
    """A publication: its state, what waits, what was sent, who did what."""

    id: int
    state: PublicationState
    status: Status
    alarm: int | None
    version: int
    draft: WaitingDraft | None
    messages: tuple[PublishedMessage, ...]
    events: tuple[PublicationEvent, ...]


class PublicationsBody(Body):
    """A page of publications, the latest first."""

    publications: list[PublicationBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class PublicationDetailBody(Body):
    """One publication."""

    publication: PublicationBody


class PublicationPost(BaseModel):
    """A first draft. In an exercise every publication is `Exercise`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Status = Field(default="Actual", description="`Exercise` and `Test` reach no citizen.")
    alarm: int | None = Field(default=None, description="The alarm that it is about.", ge=1)
    content: WarningContent
    reason: _Reason


class DraftPost(BaseModel):
    """A draft of an update or a cancellation, or other words of the draft that waits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    act: Literal[PublicationAct.DRAFT, PublicationAct.REVISE] = PublicationAct.DRAFT
    kind: MessageKind
    version: _Version
    content: WarningContent
    reason: _Reason


class SignaturePost(BaseModel):
    """The second signature, or a draft that is taken back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    act: Literal[PublicationAct.PUBLISH, PublicationAct.DISCARD]
    version: _Version
    reason: Annotated[str, Field(max_length=1_000)] = Field(
        default="", description="Needed to discard."
    )


def describe(publication: Publication, *, now: datetime, is_stale: bool) -> PublicationBody:
    """A publication as the API answers it."""
    draft = publication.draft
    return PublicationBody(
        id=publication.id,
        state=publication.state(now),
        status=publication.status,
        alarm=publication.alarm,
        version=publication.version,
        draft=None
        if draft is None
        else WaitingDraft(
            kind=draft.kind,
            content=draft.content,
            areas=draft.areas,
            authors=sorted(draft.authors),
            reason=draft.reason,
            at=draft.at,
            stale=is_stale,
        ),
        messages=publication.messages,
        events=publication.events,
    )
