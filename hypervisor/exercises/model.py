"""Runs, commands, injects, messages, checklists: one class each for queries, API and pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, computed_field

from hypervisor.web.schemas import old_key
from hypervisor.web.times import Instant
from sensors._errors import Message, TerritoryError

Words = Annotated[str, Field(max_length=4_000)]
Title = Annotated[str, Field(min_length=1, max_length=300)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[tuple[Name, ...], Field(max_length=100)]
Speed = Annotated[float, Field(gt=0, le=1_000_000)]
Hours = Annotated[float, Field(gt=0, le=9_600)]
MESSAGE_KINDS = ("call", "rumour", "message")  # kinds that reach trainees as messages
InjectKind = Literal["reading", "lost-sensor", "call", "rumour", "message"]
RunKind = Literal["story", "recording"]
Outcome = Literal["open", "done", "partly", "not"]
INJECT_KINDS: Mapping[str, Message] = {
    "call": Message("Call"),
    "rumour": Message("Rumour"),
    "message": Message("Message"),
    "reading": Message("Reading"),
    "lost-sensor": Message("Sensor failure"),
}
INJECT_STATES: Mapping[str, Message] = {
    "planned": Message("planned"),
    "held": Message("held back"),
    "fired": Message("injected"),
    "done": Message("done"),
    "cancelled": Message("cancelled"),
}


class ExerciseError(TerritoryError):
    """The scenario cannot be played here; the message says what is missing."""


class RunError(TerritoryError):
    """A command that cannot be executed; the message says why."""


class InjectError(TerritoryError):
    """An invalid inject or checklist line."""


class ChangedError(InjectError):
    """It was changed by someone else."""


class RunState(StrEnum):
    """State of a run; only one run can be in one of the first four."""

    PREPARING = "preparing"
    RUNNING = "running"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"  # the player stopped; can be resumed
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    RESET = "reset"

    @property
    def words(self) -> Message:
        """As people read it, in errors and on pages."""
        return _STATES[self]


_STATES: Mapping[str, Message] = {
    "preparing": Message("being prepared"),
    "running": Message("running"),
    "paused": Message("paused"),
    "interrupted": Message("interrupted"),
    "finished": Message("completed"),
    "stopped": Message("stopped"),
    "failed": Message("failed"),
    "reset": Message("of an earlier exercise"),
}


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class Run(_Row):
    """A run. Scenario times, except `requested_at`, `started_at`, `ended_at`."""

    id: int = Field(examples=[3])
    kind: RunKind
    source: str = Field(examples=["october-flood"])
    title: str
    title_fr: str
    state: RunState = Field(examples=["running"])
    reason: str = Field(description="Why it failed or was interrupted.")
    speed: float | None = Field(
        description="Scenario seconds per second; null: as fast as possible."
    )
    jump_to: datetime | None = Field(description="Target of a jump.")
    begins: datetime
    ends: datetime
    clock: datetime | None
    planned: int = Field(description="Readings in all.")
    readings: int = Field(description="Readings published.")
    reached: float | None = Field(description="Actual speed.")
    author: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    version: int
    asked_at = old_key("requested_at", datetime)
    parameters: dict[str, Any] = Field(exclude=True)
    digest: str | None = Field(exclude=True)  # of its messages

    @computed_field(description="0 to 1.", examples=[0.42])  # type: ignore[prop-decorator]
    @property
    def progress(self) -> float:
        return round(self.share_at(self.clock or self.begins), 4)

    def share_at(self, at: datetime) -> float:
        """Position of a time in the run, 0 to 1."""
        length = (self.ends - self.begins).total_seconds()
        gone = (at - self.begins).total_seconds()
        return min(1.0, max(0.0, gone / length)) if length > 0 else 1.0

    @property
    def active(self) -> bool:
        return self.state in {
            *(RunState.PREPARING, RunState.RUNNING, RunState.PAUSED, RunState.INTERRUPTED)
        }

    def name(self, language: str) -> str:
        """The title in a language."""
        return (self.title_fr if language == "fr" else self.title) or self.title


class Command(_Row):
    """A leader's command. `refused` None and `done_at` set: it was executed."""

    id: int
    run: int | None
    kind: str
    details: dict[str, Any]
    author: str
    requested_at: datetime
    done_at: datetime | None
    refused: str | None


@dataclass(frozen=True, kw_only=True)
class RunLabel:
    """What a run plays."""

    kind: RunKind
    source: str
    title: str
    title_fr: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NewRun(RunLabel):
    """A run to add."""

    speed: float | None
    begins: datetime
    ends: datetime
    author: str


class Inject(_Row):
    """An inject as leaders see it. `planned` and `fired_scenario` are scenario times."""

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

    @property
    def is_message(self) -> bool:
        return self.kind in MESSAGE_KINDS

    @property
    def waits(self) -> bool:
        return self.state in {"planned", "held"}


class ExerciseMessage(_Row):
    """A message to trainees: a call, a rumour, a message."""

    inject: int
    kind: str = Field(examples=["call"])
    sender: str
    title: str
    text: str
    scenario_at: datetime
    at: datetime


class ChecklistItem(_Row):
    """A line of an observer checklist with its observation."""

    id: int
    run: int
    inject: int | None
    expected: str
    due: datetime | None
    outcome: Outcome
    seen: datetime | None
    note: str
    author: str
    noted_by: str | None
    version: int


@dataclass(frozen=True, kw_only=True)
class Skip:
    """A skipped period. `alarms` is None until evaluated."""

    id: int
    run: int
    from_at: datetime
    to_at: datetime
    alarms: Sequence[int] | None
    author: str
    at: datetime


class Playable(_Row):
    """A scenario or recording, without its events. Without a span if it is `wrong`."""

    kind: RunKind
    source: str = Field(examples=["october-flood"])
    title: str = Field(examples=["Two days of rain on wet ground"])
    title_fr: str = ""
    description: str = ""
    begins: datetime | None = None
    ends: datetime | None = None
    wrong: Annotated[str, SkipValidation] = Field(  # a message keeps its template
        default="", description="Why it cannot be played; empty if it can."
    )


class TruthBody(_Row):
    """A scenario event and the rules that should raise it."""

    what: str
    what_fr: str
    begins: datetime
    ends: datetime
    alarms: list[str]


@dataclass(frozen=True, kw_only=True)
class StartPost:
    """A run to start. `seed`, `hours`, `faults`: scenarios; the rest: recordings."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    source: Annotated[Name, Field(examples=["october-flood"])]
    speed: Annotated[Speed | None, Field(description="null: as fast as possible.")] = 60.0
    held: Annotated[bool, Field(description="Start paused.")] = False
    language: Annotated[Literal["fr", "en"], Field(description="Of its injects.")] = "fr"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    hours: Hours | None = None
    faults: Annotated[Names, Field(examples=[["drop-out:orge-arpajon:30h..36h"]])] = ()
    stations: Annotated[tuple[Name, ...], Field(max_length=1_000)] = ()
    begins: Annotated[Instant | None, Field(examples=[None])] = None
    ends: Annotated[Instant | None, Field(examples=[None])] = None
    columns: Names = ()
    linger: Annotated[
        float,
        Field(
            ge=0,
            le=30 * 86_400,
            description="Seconds that the clock runs on after the last message.",
        ),
    ] = 0.0


@dataclass(frozen=True, kw_only=True)
class InjectPost:
    """A new inject. A reading needs `devices`, `quantity` and `value`."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Annotated[InjectKind, Field(examples=["call"])]
    title: Annotated[Title, Field(examples=["The mayor asks whether to open the gymnasium"])]
    text: Words = ""
    sender: Words = ""
    expected: Annotated[Words, Field(description="Expected response of trainees.")] = ""
    planned: Annotated[Instant | None, Field(description="null: manual.", examples=[None])] = None
    held: bool = False
    devices: Names = ()
    quantity: Annotated[str | None, Field(max_length=200, examples=[None])] = None
    value: Annotated[float | None, Field(allow_inf_nan=False, examples=[None])] = None
    hours: Annotated[
        Hours | None,
        Field(description="Duration of a sensor failure; null: to the end.", examples=[None]),
    ] = None
