"""The bodies about dead letters."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hypervisor.web.schemas import Body

_Number = Annotated[int, Field(ge=1, le=2**63 - 1)]


class LetterBody(BaseModel):
    """A message that ingest refused, and why."""

    id: int = Field(examples=[31])
    topic: str = Field(examples=["devices/yvette-gif/readings"])
    size: int = Field(description="Of its payload, in bytes.", examples=[48])
    reason: str = Field(examples=["unknown-quantity"])
    detail: str = Field(
        description="A sentence for whoever can mend it.",
        examples=["'levle' is no quantity of 'yvette-gif', which has level, battery"],
    )
    received_at: datetime
    worker: str = Field(examples=["ingest-1"])
    redriven_at: datetime | None = Field(description="When it went through; null: it waits.")
    outcome: str | None = Field(description="What the last try to redrive it said.")


class LettersBody(Body):
    """A page of dead letters, the latest first."""

    letters: list[LetterBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class ReasonBody(BaseModel):
    """How many were refused for one reason."""

    reason: str = Field(examples=["unknown-device"])
    waiting: int = Field(examples=[12])
    redriven: int = Field(examples=[3])


class ReasonsBody(Body):
    """The reasons, the most frequent first."""

    reasons: list[ReasonBody]


class LetterDetailBody(Body):
    """One letter with what it carries, in as many ways as it can be read."""

    letter: LetterBody
    base64: str = Field(description="The bytes.", examples=["eyJ0IjogMX0="])
    text: str | None = Field(description="As UTF-8; null: it is none.", examples=['{"t": 1}'])


class RedrivePost(BaseModel):
    """Which letters to send through again: these, or all that wait for a reason or on a topic."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ids: Annotated[list[_Number], Field(max_length=1_000, examples=[[31, 32]])] = []
    reason: Annotated[str | None, Field(max_length=100)] = None
    topic: Annotated[str | None, Field(max_length=1_000)] = None
    shift: Annotated[
        str,
        Field(
            max_length=40,
            description="Move the readings' times, for a wrong clock: -1h, +30min.",
            examples=["-1h"],
        ),
    ] = "0s"
    why: Annotated[
        str,
        Field(
            min_length=1, max_length=4_000, description="Kept in the audit.", examples=["mended"]
        ),
    ]


class RedrivenBody(BaseModel):
    """What became of one letter."""

    id: int = Field(examples=[31])
    readings: int = Field(description="Stored now.", examples=[2])
    done: bool = Field(description="Nothing is left of it to be redriven.")
    outcome: str = Field(examples=["2 readings stored"])


class RedriveBody(Body):
    """What became of the letters, of one run at most so many as `left` says are still waiting."""

    letters: list[RedrivenBody]
    readings: int = Field(examples=[2])
    left: int = Field(description="That fit as well and wait for another run.", examples=[0])
