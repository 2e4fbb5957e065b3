"""What the routes of exercises receive and return; the things themselves are in `model`."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hypervisor.exercises.model import (
    ChecklistItem,
    ExerciseMessage,
    Inject,
    Outcome,
    Playable,
    Run,
    Speed,
    Title,
    TruthBody,
    Words,
)
from hypervisor.web.schemas import Body, old_key
from hypervisor.web.times import Instant


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


class RunOrderPost(_Post):
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
