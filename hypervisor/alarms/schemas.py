"""The bodies about the operator's side of alarms, and of incidents and the load."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hypervisor.web.schemas import AlarmBody, Body, TransitionBody

StateName = Literal["unacknowledged", "acknowledged", "closing", "returned", "normal", "withdrawn"]
ActKindName = Literal[
    "acknowledge",
    "unacknowledge",
    "assign",
    "comment",
    "shelve",
    "unshelve",
    "out-of-service",
    "return-to-service",
    "close",
]


class SuppressionBody(BaseModel):
    """Why an alarm notifies nobody now."""

    kind: Literal["inhibited", "works", "shelved", "out-of-service", "chattering"]
    reason: str = Field(examples=["alarm 12 inhibits it: Cabinet Orsay 1: no supply"])
    by: int | None = Field(description="The inhibiting alarm.")
    until: datetime | None = Field(description="When it ends by itself, if that is known.")


class HoldBody(BaseModel):
    """What silences a rule at a subject by hand: also its next alarms."""

    kind: Literal["shelved", "out-of-service"]
    since: datetime
    until: datetime | None
    author: str
    reason: str


class HandledBody(AlarmBody):
    """An alarm and how operators handle it."""

    state: StateName = Field(
        description="`returned`: over, and nobody has acknowledged it. `closing`: closed by hand,"
        " the watch has yet to end it."
    )
    version: int = Field(description="Rises with each write; an act names the one it saw.")
    acknowledged: str | None = Field(description="The severity up to which somebody did.")
    assignee: str | None
    closing: datetime | None
    merged_into: int | None = Field(description="The alarm that this one proved to be part of.")
    split_from: int | None = Field(description="The alarm that this one was a piece of.")
    hold: HoldBody | None
    suppressed: list[SuppressionBody] = Field(description="Empty: it may notify.")
    incident: int | None


class HandledAlarmsBody(Body):
    """Alarms, the latest to begin first."""

    alarms: list[HandledBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class ActBody(BaseModel):
    """What somebody, or the system, did to an alarm."""

    id: int
    kind: str = Field(examples=["acknowledge"])
    author: str
    at: datetime = Field(description="By the wall's clock.")
    scenario_at: datetime | None = Field(description="By the scenario's, in an exercise.")
    reason: str
    details: dict[str, Any]
    version: int = Field(description="The alarm's after it.")
    state: StateName


class HandledDetailBody(Body):
    """One alarm, everything that people could see of it, and everything done to it."""

    alarm: HandledBody
    transitions: list[TransitionBody]
    acts: list[ActBody]


class ActRequest(BaseModel):
    """Something to do to an alarm, as its author last saw it."""

    model_config = ConfigDict(extra="forbid")

    kind: ActKindName
    version: Annotated[
        int, Field(ge=1, description="Of the alarm as you saw it; 409 if it has changed since.")
    ]
    reason: Annotated[
        str,
        Field(
            max_length=4_000,
            description="Needed to unacknowledge, shelve, take out of service and close; the"
            " text of a comment.",
        ),
    ] = ""
    assignee: Annotated[
        str | None, Field(max_length=200, description="Of an assign; null: nobody any more.")
    ] = None
    until: Annotated[
        AwareDatetime | None,
        Field(description="Of a shelve: its end, in an exercise by the scenario's clock."),
    ] = None


class KnownBody(Body):
    """The log as it was known at a time."""

    as_known_at: datetime
    alarms: list[dict[str, Any]] = Field(
        description="Each as its last transition until then showed it, with the operator's `state`."
    )


class IncidentBody(BaseModel):
    """Alarms of one domain and category at one place that overlap or follow closely."""

    number: int = Field(description="That of its first alarm.")
    title: str = Field(examples=["Orge: flood"])
    domain: str
    category: Literal["hazard", "maintenance"]
    grouped_by: str = Field(examples=["river"])
    name: str = Field(description="Of the river, commune, site or group.")
    severity: str = Field(description="The highest that one of its alarms reached.")
    opened: datetime
    ended: datetime | None = Field(description="When its last alarm did; null while one lasts.")
    closes: datetime | None = Field(description="`ended` and the quiet time.")
    open: bool
    alarms: list[int]
    active: int


class IncidentsBody(Body):
    """Incidents, the latest to open first."""

    incidents: list[IncidentBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class IncidentDetailBody(Body):
    """One incident with its alarms."""

    incident: IncidentBody
    alarms: list[HandledBody]


class LoadBody(Body):
    """What alarms ask of an operator, after EEMUA 191."""

    load: dict[str, Any] = Field(
        description="`per_10_min` (average, peak, percent_of_time_over_10), `floods`, `standing`,"
        " `frequent`, `chattering`, `priorities_percent` beside `priorities_target_percent`."
    )
