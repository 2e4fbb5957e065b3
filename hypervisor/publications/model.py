"""Publications: what authors write, the messages that citizens read, and what may be done next."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from hypervisor.base.errors import ConflictError, NotFoundError
from hypervisor.base.translation import mark
from hypervisor.publications.hazards import Response
from hypervisor.web.schemas import Commune
from hypervisor.web.times import Instant
from sensors._errors import TerritoryError

HEADLINE, BODY = 160, 5_000  # characters; CAP suggests 160
LONGEST = timedelta(days=7)  # that a message may hold without being renewed
MOST_AREAS = 200

# CAP 1.2's words
Status = Literal["Actual", "Exercise", "Test"]
Urgency = Literal["Immediate", "Expected", "Future", "Past", "Unknown"]
Certainty = Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]
Severity = Literal["critical", "major", "minor", "info"]  # ours
CAP_SEVERITIES: Mapping[Severity, str] = {
    "critical": "Extreme",
    "major": "Severe",
    "minor": "Moderate",
    "info": "Minor",
}
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class PublicationError(TerritoryError):
    """A publication that cannot be written or signed so: says what was expected."""


class NoPublicationError(PublicationError, NotFoundError):
    """No such publication or message, or the account does not see it."""


class ChangedError(PublicationError, ConflictError):
    """Somebody changed the publication meanwhile."""


class MessageKind(StrEnum):
    """Of a message, in CAP's words."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"


class PublicationAct(StrEnum):
    """What people do. `publish` is the second signature."""

    DRAFT = "draft"
    REVISE = "revise"
    DISCARD = "discard"
    PUBLISH = "publish"


class PublicationState(StrEnum):
    DRAFTED = "drafted"  # nothing was published yet
    DISCARDED = "discarded"
    PUBLISHED = "published"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


# Why an act is not possible in a state.
_REFUSALS: Mapping[PublicationState, str] = {
    PublicationState.DRAFTED: mark("publication {number} is still a draft"),
    PublicationState.DISCARDED: mark("publication {number} was discarded"),
    PublicationState.PUBLISHED: mark("publication {number} has no draft that waits"),
    PublicationState.CANCELLED: mark("publication {number} is cancelled already"),
    PublicationState.EXPIRED: mark("publication {number} has expired: publish a new one"),
}


def _clean(text: str) -> str:
    """Without what no XML text may hold; lines end as everywhere."""
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


Headline = Annotated[str, AfterValidator(_clean), Field(max_length=HEADLINE)]
Text = Annotated[str, AfterValidator(_clean), Field(max_length=BODY)]


class WarningWords(BaseModel):
    """A message in one language. `instruction`: what to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    headline: Headline = Field(default="", examples=["Crue à Savigny-sur-Orge"])
    description: Text = Field(default="", examples=["La rivière déborde rue des Prés."])
    instruction: Text = Field(default="", examples=["Éloignez-vous des berges."])

    @property
    def empty(self) -> bool:
        return not (self.headline or self.description or self.instruction)


class FrenchWords(WarningWords):
    """In French, which every message has."""

    headline: Annotated[Headline, Field(min_length=1)] = Field(examples=["Crue à Savigny-sur-Orge"])
    description: Annotated[Text, Field(min_length=1)] = Field(
        examples=["La rivière déborde rue des Prés."]
    )


class WarningContent(BaseModel):
    """What an author writes. French is required; English where it has a headline.

    `areas`: codes of communes, EPCI or the département. `begins`: when the event is expected.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hazard: str = Field(max_length=40, examples=["flood"])
    severity: Severity
    urgency: Urgency = "Immediate"
    certainty: Certainty = "Observed"
    response: Response = Field(description="CAP's word for the kind of action.", examples=["Avoid"])
    areas: tuple[Annotated[str, Field(max_length=20)], ...] = Field(
        min_length=1, max_length=MOST_AREAS, examples=[["91589"]]
    )
    begins: Instant | None = None
    expires: Instant
    fr: FrenchWords
    en: WarningWords = WarningWords()

    @model_validator(mode="after")
    def _complete(self) -> "WarningContent":
        if not (self.fr.headline and self.fr.description):
            raise ValueError(mark("a French headline and description are needed"))
        if not (self.en.empty or self.en.headline):
            raise ValueError(mark("English needs a headline, or leave all of it empty"))
        if self.begins is not None and self.begins >= self.expires:
            raise ValueError(mark("it would expire before it begins"))
        return self

    def words(self, language: str) -> tuple[str, WarningWords]:
        """The language that is shown to somebody who reads this one, and the words."""
        return ("en", self.en) if language == "en" and not self.en.empty else ("fr", self.fr)


class PublishedArea(BaseModel):
    """A chosen area with the communes that it holds."""

    model_config = ConfigDict(frozen=True)

    code: str
    kind: Literal["commune", "epci", "departement"]
    name: str
    communes: tuple[Commune, ...]


def list_communes(areas: Iterable[PublishedArea]) -> list[str]:
    """The INSEE codes of all communes in these areas."""
    return sorted({commune.code for area in areas for commune in area.communes})


class PublishedMessage(BaseModel):
    """A published message: all of it is public, and never changes. Times: the instance's clock.

    `concerned`: its communes, and those where an earlier message of the publication held.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    publication: int
    identifier: str = Field(examples=["essonne-12-1-5f3a9c2e"])
    sender: str
    kind: MessageKind
    status: Status
    sent: datetime
    expires: datetime
    content: WarningContent
    areas: tuple[PublishedArea, ...]
    communes: tuple[str, ...]
    concerned: tuple[str, ...]

    @property
    def reference(self) -> str:
        """As CAP refers to it from a later message."""
        return f"{self.sender},{self.identifier},{cap_time(self.sent)}"


def cap_time(at: datetime) -> str:
    """In UTC, which CAP writes so: Z is not allowed."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}-00:00"


class PublicationEvent(BaseModel):
    """An act on a publication. `at`: the wall's clock; `scenario_at`: the scenario's."""

    model_config = ConfigDict(frozen=True)

    number: int
    act: PublicationAct
    kind: MessageKind
    at: datetime
    scenario_at: datetime | None
    author: str
    reason: str
    content: WarningContent | None = None
    areas: tuple[PublishedArea, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What awaits its second signature. `authors`: all who wrote at it; none of them may sign."""

    kind: MessageKind
    content: WarningContent
    areas: tuple[PublishedArea, ...]
    authors: frozenset[str]
    reason: str
    at: datetime  # when it was last written at, by the wall's clock

    def is_stale(self, wall: datetime, lifetime: timedelta) -> bool:
        """Whether it has waited too long to be signed unread."""
        return wall - self.at > lifetime


@dataclass(frozen=True, kw_only=True)
class Publication:
    """A publication as its events and messages say. `version`: the number of its last event."""

    id: int
    status: Status
    alarm: int | None
    communes: tuple[str, ...]
    events: tuple[PublicationEvent, ...]
    messages: tuple[PublishedMessage, ...]

    @property
    def version(self) -> int:
        return len(self.events)

    @property
    def draft(self) -> Draft | None:
        """What awaits its second signature, folded from the events."""
        return fold_draft(self.events)

    @property
    def latest(self) -> PublishedMessage | None:
        return self.messages[-1] if self.messages else None

    @property
    def standing(self) -> frozenset[str]:
        """The communes where its latest message holds: who acts there may always cancel it."""
        return frozenset(self.latest.communes if self.latest else ())

    @property
    def at_stake(self) -> frozenset[str]:
        """The communes that the next act concerns: of what holds, and of the draft that waits."""
        return self.standing | frozenset(list_communes(self.draft.areas) if self.draft else ())

    def state(self, now: datetime) -> PublicationState:
        """`now`: the instance's clock."""
        if self.latest is None:
            return PublicationState.DISCARDED if self.draft is None else PublicationState.DRAFTED
        if self.latest.kind is MessageKind.CANCEL:
            return PublicationState.CANCELLED
        return PublicationState.PUBLISHED if now < self.latest.expires else PublicationState.EXPIRED

    def list_steps(self, now: datetime) -> frozenset[tuple[PublicationAct, MessageKind]]:
        """The acts that the state allows, each with the kind of message that it is about."""
        draft = self.draft
        if draft is not None:
            return frozenset(
                (act, draft.kind)
                for act in (PublicationAct.REVISE, PublicationAct.DISCARD, PublicationAct.PUBLISH)
            )
        if self.state(now) is PublicationState.PUBLISHED:
            return frozenset(
                {
                    (PublicationAct.DRAFT, MessageKind.UPDATE),
                    (PublicationAct.DRAFT, MessageKind.CANCEL),
                }
            )
        return frozenset()


def fold_draft(events: Sequence[PublicationEvent]) -> Draft | None:
    """The draft that events leave; None: none waits."""
    draft: Draft | None = None
    for event in events:
        if event.content is None or event.areas is None:  # discarded, or published
            draft = None
            continue
        earlier = (
            draft.authors if draft and event.act is PublicationAct.REVISE else frozenset[str]()
        )
        draft = Draft(
            kind=event.kind,
            content=event.content,
            areas=event.areas,
            authors=earlier | {event.author},
            reason=event.reason,
            at=event.at,
        )
    return draft


def require_step(
    publication: Publication, act: PublicationAct, kind: MessageKind, now: datetime
) -> None:
    """Refuse what the state does not allow. Raises PublicationError."""
    if (act, kind) in publication.list_steps(now):
        return
    if publication.draft is not None and act is PublicationAct.DRAFT:
        raise PublicationError(
            "publication {number} has a draft that waits: sign, change or discard it first",
            publication.id,
        )
    raise make_refusal(publication, now)


def make_refusal(publication: Publication, now: datetime) -> PublicationError:
    """Why its state does not allow an act."""
    return PublicationError(_REFUSALS[publication.state(now)], publication.id)
