"""The bodies about what people noted as having happened."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hypervisor.backtest.queries_past_events import NotedEvent
from hypervisor.web.schemas import Body

Kind = Literal[
    "overflow",
    "flood",
    "heavy-rain",
    "frost",
    "heat",
    "storm",
    "outage",
    "jam",
    "other",
    "nothing",
]


_Text = Annotated[str, Field(min_length=1, max_length=2_000)]


class PastEventPost(BaseModel):
    """Something that happened at a site or along a river, or that is known not to have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: str | None = Field(default=None, examples=["orge-mill"])
    river: str | None = Field(default=None, description="Instead of a site: all along it.")
    kind: Kind = Field(examples=["overflow"])
    begins: AwareDatetime
    ends: AwareDatetime
    peak: str | None = Field(default=None, max_length=40, examples=["1.97 m"])
    quantity: str = Field(default="level", description="Of the peak.", examples=["level"])
    note: _Text = Field(examples=["The road stood under water from the mill to the bridge."])


class PastEventBody(BaseModel):
    """As it was noted."""

    id: int
    site: str | None
    river: str | None
    kind: str
    begins: datetime
    ends: datetime
    peak: float | None
    unit: str | None
    note: str
    author: str
    noted_at: datetime

    @classmethod
    def of(cls, noted_event: NotedEvent) -> "PastEventBody":
        return cls(**{name: getattr(noted_event, name) for name in cls.model_fields})


class PastEventsBody(Body):
    """By when they began."""

    events: list[PastEventBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class NotedBody(Body):
    """One that was noted, or withdrawn."""

    event: PastEventBody
