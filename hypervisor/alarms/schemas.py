"""Bodies of alarms with their operator state, of incidents and of the load."""

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
    """Why an alarm does not notify."""

    kind: Literal["inhibited", "works", "shelved", "out-of-service", "chattering"]
    reason: str = Field(examples=["alarm 12 inhibits it: Cabinet Orsay 1: no supply"])
    by: int | None = Field(description="The inhibiting alarm.")
    until: datetime | None = Field(description="When it ends by itself, if known.")


class HoldBody(BaseModel):
    """A rule silenced by hand at a subject; applies to its next alarms too."""

    kind: Literal["shelved", "out-of-service"]
    since: datetime
    until: datetime | None
    author: str
    reason: str


class HandledBody(AlarmBody):
    """An alarm with its operator state."""

    state: StateName = Field(
        description="`returned`: ended but not acknowledged. `closing`: closed by hand, not yet"
        " ended by the evaluation."
    )
    version: int = Field(
        description="Incremented by every change; an act names the version it saw."
    )
    acknowledged: str | None = Field(description="The severity acknowledged.")
    assignee: str | None
    closing: datetime | None
    merged_into: int | None = Field(description="The alarm this one was merged into.")
    split_from: int | None = Field(description="The alarm this one was split from.")
    hold: HoldBody | None
    suppressed: list[SuppressionBody] = Field(description="Empty: it may notify.")
    incident: int | None


class HandledAlarmsBody(Body):
    """Alarms, latest first."""

    alarms: list[HandledBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class ActBody(BaseModel):
    """An act on an alarm, by a person or the system."""

    id: int
    kind: str = Field(examples=["acknowledge"])
    author: str
    at: datetime = Field(description="Wall clock.")
    scenario_at: datetime | None = Field(description="The scenario's clock, in an exercise.")
    reason: str
    details: dict[str, Any]
    version: int = Field(description="Of the alarm after the act.")
    state: StateName


class HandledDetailBody(Body):
    """One alarm with its transitions and acts."""

    alarm: HandledBody
    transitions: list[TransitionBody]
    acts: list[ActBody]


class ActRequest(BaseModel):
    """An act on an alarm at the version its author saw."""

    model_config = ConfigDict(extra="forbid")

    kind: ActKindName
    version: Annotated[
        int, Field(ge=1, description="The version you saw; 409 if the alarm has changed since.")
    ]
    reason: Annotated[
        str,
        Field(
            max_length=4_000,
            description="Required to unacknowledge, shelve, take out of service and close;"
            " the text of a comment.",
        ),
    ] = ""
    assignee: Annotated[
        str | None, Field(max_length=200, description="For assign; null: nobody.")
    ] = None
    until: Annotated[
        AwareDatetime | None,
        Field(description="For shelve: the end; in an exercise by the scenario's clock."),
    ] = None


class KnownBody(Body):
    """The log as it was known at a time."""

    as_known_at: datetime
    alarms: list[dict[str, Any]] = Field(
        description="Each as its last transition until then, with the operator `state`."
    )


class IncidentBody(BaseModel):
    """Alarms of one domain and category at one place that overlap or follow closely."""

    number: int = Field(description="The number of its first alarm.")
    title: str = Field(examples=["Orge: flood"])
    domain: str
    category: Literal["hazard", "maintenance"]
    grouped_by: str = Field(examples=["river"])
    name: str = Field(description="Of the river, commune, site or group.")
    severity: str = Field(description="The highest reached by its alarms.")
    opened: datetime
    ended: datetime | None = Field(
        description="When its last alarm ended; null while one is active."
    )
    closes: datetime | None = Field(description="`ended` plus the quiet time.")
    open: bool
    alarms: list[int]
    active: int


class IncidentsBody(Body):
    """Incidents, latest first."""

    incidents: list[IncidentBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class IncidentDetailBody(Body):
    """One incident with its alarms."""

    incident: IncidentBody
    alarms: list[HandledBody]


class LoadBody(Body):
    """The operators' alarm load, after EEMUA 191."""

    load: dict[str, Any] = Field(
        description="`per_10_min` (average, peak, percent_of_time_over_10), `floods`, `standing`,"
        " `frequent`, `chattering`, `priorities_percent` beside `priorities_target_percent`."
    )
