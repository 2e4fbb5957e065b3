"""API bodies of orders and teams."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, computed_field

from hypervisor.interventions.model import (
    MOST_PARTS,
    Intervention,
    InterventionEvent,
    InterventionHistory,
    Lat,
    Lon,
    NewIntervention,
    OrderAct,
    OrderState,
    Part,
    Priority,
    Text,
    Title,
)
from hypervisor.web.schemas import Body
from hypervisor.web.times import Instant

Minutes = Annotated[int, Field(ge=0, le=60 * 24 * 60, description="Of work, all agents together.")]
_Key = Annotated[
    UUID | None, Field(default=None, description="Of the act: a repeat changes nothing.")
]


class InterventionPost(NewIntervention):
    """A new order."""

    due: Instant | None = None
    reason: Text = ""
    key: _Key


class ActPost(BaseModel):
    """An act on an order. `version`: of the order that was seen; null: whatever it is now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    act: OrderAct
    version: Annotated[int, Field(ge=1)] | None = None
    text: Text = Field(default="", description="Reason, comment or observation.")
    team: Annotated[str, Field(max_length=40)] | None = None
    title: Title | None = None
    description: Text | None = None
    priority: Priority | None = None
    due: Instant | None = None
    parts: tuple[Part, ...] = Field(default=(), max_length=MOST_PARTS)
    minutes: Minutes | None = None
    key: _Key

    def collect_details(self) -> dict[str, Any]:
        """What the event keeps beside its text."""
        names: set[str] = set()
        if self.act is OrderAct.EDIT:
            names = {"title", "description", "priority", "due"} & self.model_fields_set
        elif self.act is OrderAct.CLOSE:
            names = {"parts", "minutes"} & self.model_fields_set
        return {
            name: value
            for name, value in self.model_dump(mode="json", include=names).items()
            if value is not None or name == "due"
        }


class FieldActPost(ActPost):
    """An act of an agent. `age_ms`: how long ago it was noted, by the clock of the phone alone."""

    key: UUID = Field(
        description="Of the act: a repeat changes nothing.",
        examples=["0d3c5f86-7f1d-4a4e-9a53-3d0e4b6a2c11"],
    )
    age_ms: Annotated[int, Field(ge=0, le=10**11)] = 0
    lon: Lon | None = Field(default=None, description="Where it was noted, if the agent agrees.")
    lat: Lat | None = None
    series: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="DEVICE/QUANTITY that was read on the spot."
    )
    value: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        default=None, description="In the catalogue's unit."
    )

    @property
    def reading(self) -> tuple[str, float] | None:
        """A value that was read on the spot."""
        return None if self.series is None or self.value is None else (self.series, self.value)

    @property
    def position(self) -> tuple[float, float] | None:
        """Longitude and latitude."""
        return None if self.lon is None or self.lat is None else (self.lon, self.lat)

    def collect_details(self) -> dict[str, Any]:
        """What the event keeps beside its text."""
        details = super().collect_details()
        return details if self.position is None else {**details, "position": self.position}


class FieldAnswer(Body):
    """What became of an act. `kept`: what was not possible of it; it is in the order's history."""

    kept: str | None


class OrderEventBody(BaseModel):
    """An act that was done. Times: the wall's clock."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    act: OrderAct
    state: OrderState = Field(description="After it.")
    at: datetime = Field(description="When it was stored.")
    noted_at: datetime = Field(description="When it was done: earlier where a phone was offline.")
    scenario_at: datetime | None
    author: str
    team: str | None
    text: str
    details: dict[str, Any]


class InterventionBody(BaseModel):
    """An order. `due`, `opened_at`, `closed_at`: the instance's clock."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    description: str
    priority: Priority
    due: datetime | None
    site: str | None
    alarm: int | None
    commune: str | None
    address: str
    lon: float | None
    lat: float | None
    team: str | None
    state: OrderState
    version: int
    opened_at: datetime
    closed_at: datetime | None
    overdue: bool

    @computed_field(description="The page of the console.")  # type: ignore[prop-decorator]
    @property
    def page(self) -> str:
        return f"/interventions/{self.id}"


class FieldQuantity(BaseModel):
    """Something that an agent may read at the order's site."""

    series: str = Field(description="DEVICE/QUANTITY", examples=["mill-staff/level"])
    label: str
    unit: str = Field(examples=["m"])
    low: float = Field(description="The smallest possible value.")
    high: float


class FieldOrder(InterventionBody):
    """An order as its team needs it. `where`: address, site and commune."""

    where: str
    quantities: list[FieldQuantity]


class FieldOrdersBody(Body):
    """The unfinished orders of the agent's teams, the most urgent first."""

    account: str
    csrf: str = Field(description="Goes back in X-CSRF-Token with each act; empty for a token.")
    orders: list[FieldOrder]


class InterventionsBody(Body):
    """A page of orders, the latest first."""

    interventions: list[InterventionBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class InterventionDetailBody(Body):
    """An order with what was done."""

    intervention: InterventionBody
    events: list[OrderEventBody]


class TeamPut(BaseModel):
    """A team. `area`: code of where it works, null: everywhere; `lon`, `lat`: its depot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Title = Field(examples=["Voirie nord"])
    area: Annotated[str, Field(max_length=20)] | None = None
    lon: Lon | None = None
    lat: Lat | None = None
    members: tuple[Annotated[str, Field(max_length=100)], ...] = Field(
        default=(), max_length=200, description="Names of accounts."
    )
    retired: bool = Field(default=False, description="It takes no more orders.")


class TeamPost(TeamPut):
    """The same, and why."""

    reason: Annotated[str, Field(min_length=1, max_length=1_000)]


class TeamBody(TeamPut):
    """A team with its name. `mark`: its ETag, for If-Match."""

    name: str
    mark: str = Field(examples=["5f3a9c2e11aa40b7"])


class TeamsBody(Body):
    """The teams that you see, by title."""

    teams: list[TeamBody]


def describe(order: Intervention, now: datetime) -> InterventionBody:
    """An order as the API answers it."""
    return InterventionBody(
        **{name: getattr(order, name) for name in _PLAIN}, overdue=order.is_overdue(now)
    )


def describe_event(event: InterventionEvent) -> OrderEventBody:
    return OrderEventBody(**{**vars(event), "details": dict(event.details)})


def describe_history(history: InterventionHistory, now: datetime) -> dict[str, Any]:
    """The fields of InterventionDetailBody but its mode."""
    return {
        "intervention": describe(history.order, now),
        "events": [describe_event(event) for event in history.events],
    }


_PLAIN = [name for name in InterventionBody.model_fields if name != "overdue"]
