"""Bodies of the operational log and of hand-overs."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hypervisor.logbook.model import LONGEST, Kind
from hypervisor.web.schemas import Body
from hypervisor.web.times import Instant

Words = Annotated[str, Field(min_length=1, max_length=LONGEST)]
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]


class EntryPost(BaseModel):
    """What is written into the log; its author is whoever is signed in."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind = Field(description="What it is.", examples=["decision"])
    text: Words = Field(examples=["RD 118 closed between Villebon and Orsay"])
    site: str | None = Field(default=None, max_length=200, examples=[None])
    alarm: Number | None = Field(default=None, description="What it is about.", examples=[None])
    incident: Number | None = Field(default=None, examples=[None])
    due: Instant | None = Field(
        default=None,
        description="By when it is kept, reopened or expected, on the instance's clock.",
        examples=[None],
    )
    about: Number | None = Field(
        default=None, description="The entry that it settles or corrects.", examples=[None]
    )


class EntryBody(BaseModel):
    """One entry. `at` is the wall's clock; `scenario_at` and `due` the instance's."""

    id: int
    at: datetime
    scenario_at: datetime | None
    author: str = Field(examples=["s.benali"])
    kind: Kind
    text: str
    area: str | None = Field(description="Whom it concerns; null: the whole territory.")
    area_name: str | None
    site: str | None
    site_title: str | None
    alarm: int | None
    alarm_title: str | None
    incident: int | None
    due: datetime | None
    about: int | None
    settled: datetime | None
    settled_by: str | None
    open: bool = Field(description="It waits to be settled.")


class EntriesBody(Body):
    """A page of the log, the latest first."""

    entries: list[EntryBody]
    next: str | None


class OneEntryBody(Body):
    """One entry of the log."""

    entry: EntryBody


class OfferPost(BaseModel):
    """The first signature: whoever is signed in goes."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, Field(max_length=LONGEST)] = Field(
        default="", description="In their own words.", examples=["The Yvette falls since noon."]
    )


class StepPost(BaseModel):
    """The second signature, or taking the first one back."""

    model_config = ConfigDict(extra="forbid")

    step: Literal["take", "withdraw"]
    signed: str | None = Field(
        default=None, max_length=64, description="Take: the `digest` of the page that was read."
    )
    remark: Annotated[str, Field(max_length=LONGEST)] = Field(default="", examples=["seen"])


class HandoverBody(BaseModel):
    """A hand-over. `page` is all that was signed, frozen when it was offered."""

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


class HandoversBody(Body):
    """Hand-overs, the latest first."""

    handovers: list[HandoverBody]
    next: str | None


class OneHandoverBody(Body):
    """One hand-over."""

    handover: HandoverBody


class DraftBody(Body):
    """What a hand-over would say now."""

    page: dict[str, Any]
