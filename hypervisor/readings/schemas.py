"""The bodies about readings of several series, and about what people do to readings."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from hypervisor.web.schemas import Body
from hypervisor.web.times import Instant

Span = Literal["raw", "hour", "day"]
_Reason = Annotated[
    str,
    Field(min_length=1, max_length=4_000, description="Why; kept for good.", examples=["ice"]),
]


class MarkedReading(BaseModel):
    """One stored reading of one of the series."""

    series: int = Field(description="Its place in `series`, from 0.", examples=[0])
    time: datetime
    value: float | None = Field(examples=[1.32])
    quality: list[str] = Field(description="Flags; empty is good.", examples=[["manual"]])
    received_at: datetime | None = Field(description="Arrival; null for imported history.")


class RolledReading(BaseModel):
    """Readings of one of the series within an hour or local day that begins at `time`."""

    series: int = Field(description="Its place in `series`, from 0.", examples=[0])
    time: datetime
    count: int = Field(description="Of those that are believed; the figures are of these.")
    suspect: int = Field(description="How many were not.")
    low: float | None = Field(examples=[1.29])
    high: float | None = Field(examples=[1.33])
    mean: float | None = Field(examples=[1.31])
    total: float | None = Field(description="Of increments, such as rain.", examples=[5.24])
    last: float | None = Field(examples=[1.33])
    increase: float | None = Field(
        description="Of counters: what it rose by, up to each reading from the one before it.",
        examples=[None],
    )


class NamedSeries(BaseModel):
    """A series that was asked for."""

    device: str = Field(examples=["yvette-gif"])
    quantity: str = Field(examples=["level"])
    label: str = Field(examples=["Water level"])
    unit: str = Field(examples=["m"])
    site: str = Field(examples=["yvette-gif"])


class SeveralReadingsBody(Body):
    """A page of readings by time; `raw` or `rolled` is filled, as `span` says."""

    span: Span = Field(description="What was chosen, where nobody said.", examples=["raw"])
    series: list[NamedSeries]
    raw: list[MarkedReading]
    rolled: list[RolledReading]
    next: str | None = Field(default=None, description="The address of the next page.")


class ObservationPost(BaseModel):
    """What a person saw with their own eyes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: FiniteFloat = Field(examples=[1.34])
    unit: Annotated[str, Field(min_length=1, max_length=40, description="UCUM", examples=["m"])]
    time: Instant = Field(description="When it was seen.")
    reason: _Reason
    force: bool = Field(
        default=False, description="Store it although it is out of range: marked, unbelieved."
    )


class InvalidationPost(BaseModel):
    """Readings that nothing may believe any more; both ends are included."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    first: Instant = Field(alias="from")
    last: Instant = Field(alias="to")
    reason: _Reason


class UndoPost(BaseModel):
    """Why an act is taken back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: _Reason


class ReadingActBody(Body):
    """What an act on readings did. The audit holds it under `act`."""

    act: int = Field(description="Its number, by which it is undone.", examples=[12])
    rows: int = Field(description="How many readings stand otherwise now.", examples=[5])
    skipped: int = Field(
        description="How many were so already, or were replaced since.", examples=[0]
    )
