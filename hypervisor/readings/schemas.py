"""Bodies of readings, series, devices, corrections and dead letters."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat

from hypervisor.readings.device_health import Issue
from hypervisor.web.formats import Feature, point
from hypervisor.web.schemas import Body, Site, old_key
from hypervisor.web.times import Instant
from sensors._quality import list_quality_flags

Span = Literal["raw", "hour", "day"]
Next = Annotated[str | None, Field(description="The address of the next page.")]
_Number = Annotated[int, Field(ge=1, le=2**63 - 1)]
_Reason = Annotated[
    str,
    Field(min_length=1, max_length=4_000, description="Why; kept in the audit.", examples=["ice"]),
]


def _list_flags(quality: object) -> object:
    return list_quality_flags(quality) if isinstance(quality, int) else quality


class SeriesReading(BaseModel):
    """One stored reading of one of the series."""

    model_config = ConfigDict(frozen=True)

    series: int = Field(description="Its place in `series`, from 0.", examples=[0])
    time: datetime
    value: float | None = Field(examples=[1.32])
    quality: Annotated[
        list[str],
        BeforeValidator(_list_flags),
        Field(description="Flags; empty is good.", examples=[["manual"]]),
    ]
    received_at: datetime | None = Field(description="Arrival; null for imported history.")


class Bucket(BaseModel):
    """Readings of one of the series within an hour or local day that begins at `time`."""

    model_config = ConfigDict(frozen=True)

    series: int = Field(description="Its place in `series`, from 0.", examples=[0])
    time: datetime
    count: int = Field(description="Good readings; the figures are of these.")
    suspect: int = Field(description="Suspect readings.")
    low: float | None = Field(examples=[1.29])
    high: float | None = Field(examples=[1.33])
    mean: float | None = Field(examples=[1.31])
    total: float | None = Field(description="Of increments, such as rain.", examples=[5.24])
    last: float | None = Field(examples=[1.33])
    increase: float | None = Field(
        description="Of counters: the sum of the rises from each reading to the next.",
        examples=[None],
    )


class NamedSeries(BaseModel):
    """A requested series."""

    device: str = Field(examples=["yvette-gif"])
    quantity: str = Field(examples=["level"])
    label: str = Field(examples=["Water level"])
    unit: str = Field(description="UCUM", examples=["m"])
    site: str = Field(examples=["yvette-gif"])


class SeveralReadingsBody(Body):
    """A page of readings by time; `span` says whether `raw` or `rolled` is filled."""

    span: Span = Field(description="As requested, else by the length of time.", examples=["raw"])
    series: list[NamedSeries]
    raw: list[SeriesReading]
    rolled: list[Bucket]
    next: Next = None


class SeriesBody(NamedSeries):
    """One quantity of one device."""

    label_fr: str = Field(examples=["Hauteur d'eau"])
    domain: str = Field(examples=["flood"])
    kind: Literal["gauge", "increment", "counter", "state"] | None = Field(examples=["gauge"])
    reporting: Literal["periodic", "on_change"] | None = Field(examples=["periodic"])
    interval_s: float | None = Field(description="Expected between readings.", examples=[900.0])
    stale_after_s: float | None = Field(examples=[2700.0])
    low: float | None = Field(description="Below, a reading is suspect.", examples=[-5.0])
    high: float | None = Field(description="Above, a reading is suspect.", examples=[15.0])
    saturates: float | None = Field(description="From here on a value is a lower bound.")
    in_use: bool = Field(examples=[True])


class SeriesListBody(Body):
    """A page of series, by device and quantity."""

    series: list[SeriesBody]
    next: Next = None


class SeriesDetailBody(Body):
    """One series."""

    series: SeriesBody


class HealthFigures(BaseModel):
    """The health of a device, from what it reported within the last day."""

    issues: list[Issue] = Field(
        description="silent: longer than its stale limit; suspect: over a tenth of its readings;"
        " skewed: its clock is wrong; battery: low. Empty: none of these.",
        examples=[["silent"]],
    )
    excused: str | None = Field(
        description="Why no one needs to act: retired, out of service, works.", examples=["works"]
    )
    heard_at: datetime | None = Field(description="Its last arrival; null: never.")
    measured_at: datetime | None = Field(description="The time of its last reading.")
    silent_for_s: float | None = Field(examples=[5400.0])
    stale_after_s: float | None = Field(
        description="How long it may be silent; null: it reports on change only.", examples=[2700.0]
    )
    readings: int = Field(description="Within the last day.", examples=[288])
    suspect: int = Field(description="Suspect ones among these.", examples=[3])
    suspect_share: float | None = Field(examples=[0.0104])
    clock_faults: int = Field(description="Messages refused for their time.", examples=[0])
    ahead_s: float | None = Field(
        description="How far a reading's time was ahead of its arrival, at most.", examples=[0.0]
    )
    delay_s: float | None = Field(description="From measurement to arrival.", examples=[2.5])
    battery: float | None = Field(description="In %.", examples=[79.0])
    battery_at: datetime | None


class DeviceBody(BaseModel):
    """A device and its health."""

    name: str = Field(description="Also its account at the broker.", examples=["yvette-gif"])
    site: str = Field(examples=["yvette-gif"])
    site_title: str = Field(examples=["L'Yvette à Gif-sur-Yvette"])
    domain: str = Field(examples=["flood"])
    model: str | None = Field(examples=["rated-gauge"])
    commissioned: datetime
    retired: datetime | None
    in_service: bool = Field(description="False: taken out of service.", examples=[True])
    gateway: str | None = Field(description="That publishes for it; null: it does so itself.")
    address: str | None = Field(description="Its address at its gateway.")
    codec: str | None
    groups: list[str] = Field(examples=[["cab-orsay-1"]])
    lon: float | None = Field(examples=[2.1341])
    lat: float | None = Field(examples=[48.6994])
    health: HealthFigures


class DevicesBody(Body):
    """A page of devices, by name."""

    devices: list[DeviceBody]
    next: Next = None


class DeviceDetailBody(Body):
    """One device with its series."""

    device: DeviceBody
    series: list[SeriesBody]


def make_feature(located: Site | DeviceBody) -> Feature:
    """A site or device as GeoJSON."""
    return Feature(
        id=located.name,
        geometry=point(located.lon, located.lat),
        properties=located.model_dump(mode="json", exclude={"lon", "lat"}),
    )


class Post(BaseModel):
    """A request's body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ObservationPost(Post):
    """A manual reading."""

    value: FiniteFloat = Field(examples=[1.34])
    unit: Annotated[str, Field(min_length=1, max_length=40, description="UCUM", examples=["m"])]
    time: Instant = Field(description="When it was read.")
    reason: _Reason
    force: bool = Field(
        default=False, description="Store it although it is out of range; no rule uses it then."
    )


class InvalidationPost(Post):
    """A span of readings to invalidate; both ends are included."""

    first: Instant = Field(alias="from")
    last: Instant = Field(alias="to")
    reason: _Reason


class UndoPost(Post):
    """The reason to undo an act."""

    reason: _Reason


class ReadingActBody(Body):
    """The result of a correction. The audit has it under the number `act`."""

    act: int = Field(description="Its number, needed to undo it.", examples=[12])
    rows: int = Field(description="Readings changed.", examples=[5])
    skipped: int = Field(
        description="Readings that were so already, or replaced since.", examples=[0]
    )


class LetterBody(BaseModel):
    """A message that ingest refused, and why."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(examples=[31])
    topic: str = Field(examples=["devices/yvette-gif/readings"])
    size: int = Field(description="Of its payload, in bytes.", examples=[48])
    reason: str = Field(examples=["unknown-quantity"])
    detail: str = Field(
        description="What to fix, in a sentence.",
        examples=["'levle' is no quantity of 'yvette-gif', which has level, battery"],
    )
    received_at: datetime
    worker: str = Field(examples=["ingest-1"])
    replayed_at: datetime | None = Field(description="When it was accepted; null: it waits.")
    outcome: str | None = Field(description="The outcome of the last replay.")
    redriven_at = old_key("replayed_at", datetime | None)


class LettersBody(Body):
    """A page of dead letters, the latest first."""

    letters: list[LetterBody]
    next: Next = None


class ReasonBody(BaseModel):
    """The letters of one reason."""

    model_config = ConfigDict(from_attributes=True)

    reason: str = Field(examples=["unknown-device"])
    waiting: int = Field(examples=[12])
    replayed: int = Field(examples=[3])
    redriven = old_key("replayed", int)


class ReasonsBody(Body):
    """The reasons, the one with the most waiting letters first."""

    reasons: list[ReasonBody]


class LetterDetailBody(Body):
    """One letter with its payload, as bytes and as text."""

    letter: LetterBody
    base64: str = Field(description="The bytes.", examples=["eyJ0IjogMX0="])
    text: str | None = Field(description="As UTF-8; null: it is not text.", examples=['{"t": 1}'])


class ReplayPost(Post):
    """The letters to replay: these, or all that wait for a reason or on a topic."""

    ids: Annotated[list[_Number], Field(max_length=1_000, examples=[[31, 32]])] = []
    reason: Annotated[str | None, Field(max_length=100)] = None
    topic: Annotated[str | None, Field(max_length=1_000)] = None
    shift: Annotated[
        str,
        Field(
            max_length=40,
            description="Shift the readings' times, for a wrong clock: -1h, +30min.",
            examples=["-1h"],
        ),
    ] = "0s"
    why: Annotated[
        str,
        Field(min_length=1, max_length=4_000, description="Kept in the audit.", examples=["fixed"]),
    ]


class ReplayedBody(BaseModel):
    """The outcome of one letter."""

    id: int = Field(examples=[31])
    readings: int = Field(description="Stored now.", examples=[2])
    done: bool = Field(description="Nothing is left to replay.")
    outcome: str = Field(examples=["2 readings stored"])


class ReplayBody(Body):
    """The outcomes of a replay, which handles a limited number of letters."""

    letters: list[ReplayedBody]
    readings: int = Field(examples=[2])
    left: int = Field(description="Letters left for another replay.", examples=[0])
