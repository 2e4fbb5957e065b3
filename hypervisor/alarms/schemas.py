"""Bodies of alarms, acts, incidents and the load."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hypervisor.alarms.incidents import Incident
from hypervisor.alarms.log import Transition
from hypervisor.alarms.model import ActRecord, HandledAlarm
from hypervisor.web.schemas import Body
from hypervisor.web.times import Instant

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


class AlarmsBody(Body):
    """Alarms, latest first."""

    alarms: list[HandledAlarm]
    next: str | None = Field(default=None, description="The address of the next page.")


class AlarmDetailBody(Body):
    """One alarm with its transitions and acts."""

    alarm: HandledAlarm
    transitions: list[Transition]
    acts: list[ActRecord]


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
        str | None, Field(max_length=200, description="For assign; null: no one.")
    ] = None
    until: Annotated[
        Instant | None,
        Field(description="For shelve: the end; in an exercise by the scenario's clock."),
    ] = None


class KnownBody(Body):
    """The log as it was known at a time."""

    as_known_at: datetime
    alarms: list[dict[str, Any]] = Field(
        description="Each as its last transition until then, with the operator `state`."
    )


class IncidentsBody(Body):
    """Incidents, latest first."""

    incidents: list[Incident]
    next: str | None = Field(default=None, description="The address of the next page.")


class IncidentDetailBody(Body):
    """One incident with its alarms."""

    incident: Incident
    alarms: list[HandledAlarm]


class LoadBody(Body):
    """The operators' alarm load, after EEMUA 191."""

    load: dict[str, Any] = Field(
        description="`per_10_min` (average, peak, percent_of_time_over_10), `floods`, `standing`,"
        " `frequent`, `chattering`, `priorities_percent` beside `priorities_target_percent`."
    )
