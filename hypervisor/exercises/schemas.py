"""What the routes of exercises receive and return; the things themselves are in `model`."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hypervisor.exercises.model import (
    ChecklistItem,
    ExerciseMessage,
    Inject,
    InjectKind,
    Outcome,
    Playable,
    Run,
    TruthBody,
)
from hypervisor.web.schemas import Body, old_key
from hypervisor.web.times import Instant

Words = Annotated[str, Field(max_length=4_000)]
Title = Annotated[str, Field(min_length=1, max_length=300)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Speed = Annotated[float, Field(gt=0, le=1_000_000)]


class _Post(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlayablesBody(Body):
    """Shipped scenarios, and scenarios and recordings in the folder `recordings`."""

    playable: list[Playable]


class PlayableDetailBody(Body):
    """A scenario or recording; with `truth` its events, for leaders."""

    playable: Playable
    truth: list[TruthBody] | None = None


class ExerciseBody(Body):
    """State of the exercise; empty in a live instance."""

    run: Run | None
    conducted: bool = Field(description="The exercise player is running.")
    messages: list[ExerciseMessage] = Field(description="The latest first.")
    told = old_key("messages", list[ExerciseMessage])


class RunsBody(Body):
    """A page of runs, the latest first."""

    runs: Sequence[Run]
    next: str | None


class OneRunBody(Body):
    """One run; its ETag is for If-Match."""

    run: Run


class StartPost(_Post):
    """A run to start. `seed`, `hours`, `faults`: scenarios; the rest: recordings."""

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


class OrderPost(_Post):
    """A command to an active run. `speed`: null means as fast as possible."""

    kind: Literal["pause", "resume", "speed", "jump", "stop"] = Field(examples=["pause"])
    speed: Speed | None = Field(default=None, examples=[None])
    to: Instant | None = Field(default=None, examples=[None])
    by: Annotated[float, Field(gt=0, le=400 * 86_400)] | None = Field(
        default=None, description="Seconds of the scenario.", examples=[None]
    )

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if self.kind == "jump" and (self.to is None) == (self.by is None):
            raise ValueError("a jump needs either `to` (a time) or `by` (seconds)")
        return self


class InjectPost(_Post):
    """A new inject. A reading needs `devices`, `quantity` and `value`."""

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


class InjectPatch(_Post):
    """Changes of an inject; omitted fields stay."""

    planned: Instant | None = Field(default=None, examples=[None])
    state: Literal["planned", "held", "cancelled", "done"] | None = Field(
        default=None, examples=["held"]
    )
    note: Words | None = Field(default=None, examples=[None])


class InjectsBody(Body):
    """A page of the injects of a run."""

    injects: list[Inject]
    next: str | None


class OneInjectBody(Body):
    """One inject; its ETag is for If-Match."""

    inject: Inject


class ChecklistPost(_Post):
    """A line of the observer checklist."""

    expected: Title = Field(examples=["The prefecture is called within fifteen minutes"])
    due: Instant | None = Field(default=None, examples=[None])


class ObservationPatch(_Post):
    """An observation."""

    outcome: Outcome = Field(examples=["done"])
    note: Words = ""


class ChecklistBody(Body):
    """A page of the checklist of a run."""

    checklist: list[ChecklistItem]
    next: str | None
    sheets = old_key("checklist", list[ChecklistItem])


class ChecklistItemBody(Body):
    """One line; its ETag is for If-Match."""

    item: ChecklistItem
    sheet = old_key("item", ChecklistItem)


class DebriefBody(Body):
    """Debrief: figures, chains from event to decision, timeline, injects, checklist."""

    debrief: dict[str, Any]


class ResetPost(_Post):
    """Reason for a reset."""

    reason: Title = Field(examples=["same night with the second shift"])
