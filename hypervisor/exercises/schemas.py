"""Bodies of exercises: scenarios, runs, injects, checklists, debriefs."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hypervisor.web.schemas import Body
from hypervisor.web.times import Instant

Words = Annotated[str, Field(max_length=4_000)]
Title = Annotated[str, Field(min_length=1, max_length=300)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Speed = Annotated[float, Field(gt=0, le=1_000_000)]
InjectKind = Literal["reading", "lost-sensor", "call", "rumour", "message"]


class PlayableBody(BaseModel):
    """A scenario or recording, without its events."""

    kind: Literal["story", "recording"]
    source: str = Field(examples=["october-flood"])
    title: str = Field(examples=["Two days of rain on wet ground"])
    title_fr: str
    description: str
    begins: datetime | None
    ends: datetime | None
    wrong: str = Field(description="Why it cannot be played; empty if it can.")


class PlayablesBody(Body):
    """Shipped scenarios, and scenarios and recordings in the folder `recordings`."""

    playable: list[PlayableBody]


class TruthBody(BaseModel):
    """A scenario event and the rules that should raise it."""

    what: str
    what_fr: str
    begins: datetime
    ends: datetime
    alarms: list[str]


class PlayableDetailBody(Body):
    """A scenario or recording; with `truth` its events, for leaders."""

    playable: PlayableBody
    truth: list[TruthBody] | None = None


class RunBody(BaseModel):
    """A run. Scenario times, except `asked_at`, `started_at`, `ended_at`."""

    id: int = Field(examples=[3])
    kind: Literal["story", "recording"]
    source: str = Field(examples=["october-flood"])
    title: str
    title_fr: str
    state: Literal[
        "preparing",
        "running",
        "paused",
        "interrupted",
        "finished",
        "stopped",
        "failed",
        "reset",
    ] = Field(examples=["running"])
    reason: str = Field(description="Why it failed or was interrupted.")
    speed: float | None = Field(
        description="Scenario seconds per second; null: as fast as possible."
    )
    jump_to: datetime | None = Field(description="Target of a jump.")
    begins: datetime
    ends: datetime
    clock: datetime | None
    progress: float = Field(description="0 to 1.", examples=[0.42])
    planned: int = Field(description="Readings in all.")
    readings: int = Field(description="Readings published.")
    reached: float | None = Field(description="Actual speed.")
    author: str
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    version: int


class MessageBody(BaseModel):
    """A message to trainees: a call, a rumour, a message."""

    inject: int
    kind: str = Field(examples=["call"])
    sender: str
    title: str
    text: str
    scenario_at: datetime
    at: datetime


class ExerciseBody(Body):
    """State of the exercise; empty in a live instance."""

    run: RunBody | None
    conducted: bool = Field(description="The exercise player is running.")
    messages: list[MessageBody] = Field(serialization_alias="told", description="The latest first.")


class RunsBody(Body):
    """A page of runs, the latest first."""

    runs: list[RunBody]
    next: str | None


class OneRunBody(Body):
    """One run; its ETag is for If-Match."""

    run: RunBody


class StartPost(BaseModel):
    """A run to start. `seed`, `hours`, `faults`: scenarios; the rest: recordings."""

    model_config = ConfigDict(extra="forbid")

    source: Name = Field(examples=["october-flood"])
    speed: Speed | None = Field(default=60.0, description="null: as fast as possible.")
    held: bool = Field(default=False, description="Start paused.")
    language: Literal["fr", "en"] = Field(default="fr", description="Of its injects.")
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    hours: Annotated[float, Field(gt=0, le=9_600)] | None = None
    faults: Annotated[list[Name], Field(max_length=100)] = Field(
        default_factory=list, examples=[["drop-out:orge-arpajon:30h..36h"]]
    )
    stations: Annotated[list[Name], Field(max_length=1_000)] = Field(default_factory=list)
    begins: Instant | None = Field(default=None, examples=[None])
    ends: Instant | None = Field(default=None, examples=[None])
    columns: Annotated[list[Name], Field(max_length=100)] = Field(default_factory=list)
    linger: Annotated[float, Field(ge=0, le=30 * 86_400)] = Field(
        default=0.0, description="Seconds that the clock runs on after the last message."
    )


class OrderPost(BaseModel):
    """A command to an active run. `speed`: null means as fast as possible."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["pause", "resume", "speed", "jump", "stop"] = Field(examples=["pause"])
    speed: Speed | None = Field(default=None, examples=[None])
    to: Instant | None = Field(default=None, examples=[None])
    by: Annotated[float, Field(gt=0, le=400 * 86_400)] | None = Field(
        default=None, description="Seconds of the scenario.", examples=[None]
    )

    @model_validator(mode="after")
    def _whither(self) -> Self:
        if self.kind == "jump" and (self.to is None) == (self.by is None):
            raise ValueError("a jump needs either `to` (a time) or `by` (seconds)")
        return self


class InjectPost(BaseModel):
    """A new inject. A reading needs `devices`, `quantity` and `value`."""

    model_config = ConfigDict(extra="forbid")

    kind: InjectKind = Field(examples=["call"])
    title: Title = Field(examples=["The mayor asks whether to open the gymnasium"])
    text: Words = ""
    sender: Words = ""
    expected: Words = Field(default="", description="Expected response of trainees.")
    planned: Instant | None = Field(default=None, description="null: manual.", examples=[None])
    held: bool = False
    devices: Annotated[list[Name], Field(max_length=100)] = Field(default_factory=list)
    quantity: Annotated[str, Field(max_length=200)] | None = Field(default=None, examples=[None])
    value: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        default=None, examples=[None]
    )
    hours: Annotated[float, Field(gt=0, le=9_600)] | None = Field(
        default=None, description="Duration of a sensor failure; null: to the end.", examples=[None]
    )


class InjectPatch(BaseModel):
    """Changes of an inject; omitted fields stay."""

    model_config = ConfigDict(extra="forbid")

    planned: Instant | None = Field(default=None, examples=[None])
    state: Literal["planned", "held", "cancelled", "done"] | None = Field(
        default=None, examples=["held"]
    )
    note: Words | None = Field(default=None, examples=[None])


class InjectBody(BaseModel):
    """An inject as leaders see it."""

    id: int
    run: int
    kind: InjectKind
    title: str
    text: str
    sender: str
    expected: str
    details: dict[str, Any]
    planned: datetime | None
    state: Literal["planned", "held", "fired", "done", "cancelled"]
    fired_scenario: datetime | None
    fired_at: datetime | None
    fired_by: str | None
    note: str
    author: str
    version: int


class InjectsBody(Body):
    """A page of the injects of a run."""

    injects: list[InjectBody]
    next: str | None


class OneInjectBody(Body):
    """One inject; its ETag is for If-Match."""

    inject: InjectBody


class SheetPost(BaseModel):
    """A line of the observer checklist."""

    model_config = ConfigDict(extra="forbid")

    expected: Title = Field(examples=["The prefecture is called within fifteen minutes"])
    due: Instant | None = Field(default=None, examples=[None])


class SheetPatch(BaseModel):
    """An observation."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["open", "done", "partly", "not"] = Field(examples=["done"])
    note: Words = ""


class SheetBody(BaseModel):
    """A checklist line with its observation."""

    id: int
    run: int
    inject: int | None
    expected: str
    due: datetime | None
    outcome: Literal["open", "done", "partly", "not"]
    seen: datetime | None
    note: str
    author: str
    noted_by: str | None
    version: int


class SheetsBody(Body):
    """A page of the checklist of a run."""

    sheets: list[SheetBody]
    next: str | None


class OneSheetBody(Body):
    """One line; its ETag is for If-Match."""

    sheet: SheetBody


class DebriefBody(Body):
    """Debrief: figures, chains from event to decision, timeline, injects, checklist."""

    debrief: dict[str, Any]


class ResetPost(BaseModel):
    """Reason for a reset."""

    model_config = ConfigDict(extra="forbid")

    reason: Title = Field(examples=["same night with the second shift"])
