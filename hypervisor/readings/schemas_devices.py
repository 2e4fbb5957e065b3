"""The bodies about devices and series."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from hypervisor.readings.device_health import Issue
from hypervisor.web.formats import Feature, point
from hypervisor.web.schemas import Body, Site


class HealthFigures(BaseModel):
    """How a device is, by what was heard of it within the last day."""

    issues: list[Issue] = Field(
        description="silent: longer than it may be; suspect: too much of what it says is; skewed:"
        " its clock cannot be believed; battery: low. Empty: none of these.",
        examples=[["silent"]],
    )
    excused: str | None = Field(
        description="Why nobody needs to look: retired, out of service, works.", examples=["works"]
    )
    heard_at: datetime | None = Field(description="Its last arrival; null: never.")
    measured_at: datetime | None = Field(description="Its last reading's own time.")
    silent_for_s: float | None = Field(examples=[5400.0])
    stale_after_s: float | None = Field(
        description="How long it may be silent; null: it speaks on change only.", examples=[2700.0]
    )
    readings: int = Field(description="Of the last day.", examples=[288])
    suspect: int = Field(description="Of these.", examples=[3])
    suspect_share: float | None = Field(examples=[0.0104])
    clock_faults: int = Field(description="Messages whose time was refused.", examples=[0])
    ahead_s: float | None = Field(
        description="How far at most a reading's time lay after its arrival.", examples=[0.0]
    )
    delay_s: float | None = Field(description="From measuring to arrival.", examples=[2.5])
    battery: float | None = Field(description="In %.", examples=[79.0])
    battery_at: datetime | None


class DeviceBody(BaseModel):
    """Something that measures, and how it is."""

    name: str = Field(description="Also its account at the broker.", examples=["yvette-gif"])
    site: str = Field(examples=["yvette-gif"])
    site_title: str = Field(examples=["L'Yvette à Gif-sur-Yvette"])
    domain: str = Field(examples=["flood"])
    model: str | None = Field(examples=["rated-gauge"])
    commissioned: datetime
    retired: datetime | None
    in_service: bool = Field(description="False: nobody believes it by agreement.", examples=[True])
    gateway: str | None = Field(description="Who speaks for it; null: it does itself.")
    address: str | None = Field(description="What its gateway calls it.")
    codec: str | None
    groups: list[str] = Field(examples=[["cab-orsay-1"]])
    lon: float | None = Field(examples=[2.1341])
    lat: float | None = Field(examples=[48.6994])
    health: HealthFigures


class DevicesBody(Body):
    """A page of devices, by name."""

    devices: list[DeviceBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class SeriesBody(BaseModel):
    """One quantity of one device."""

    device: str = Field(examples=["yvette-gif"])
    quantity: str = Field(examples=["level"])
    label: str = Field(examples=["Water level"])
    label_fr: str = Field(examples=["Hauteur d'eau"])
    unit: str = Field(description="UCUM", examples=["m"])
    site: str = Field(examples=["yvette-gif"])
    domain: str = Field(examples=["flood"])
    kind: Literal["gauge", "increment", "counter", "state"] | None = Field(examples=["gauge"])
    reporting: Literal["periodic", "on_change"] | None = Field(examples=["periodic"])
    interval_s: float | None = Field(description="How often it is expected.", examples=[900.0])
    stale_after_s: float | None = Field(examples=[2700.0])
    low: float | None = Field(description="Below, a reading is suspect.", examples=[-5.0])
    high: float | None = Field(description="Above, a reading is suspect.", examples=[15.0])
    saturates: float | None = Field(description="From there on a lower bound.")
    in_use: bool = Field(examples=[True])


class SeriesListBody(Body):
    """A page of series, by device and quantity."""

    series: list[SeriesBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class SeriesDetailBody(Body):
    """One series."""

    series: SeriesBody


class DeviceDetailBody(Body):
    """One device with its series."""

    device: DeviceBody
    series: list[SeriesBody]


def make_feature(located: Site | DeviceBody) -> Feature:
    """A thing where it stands, with all that is told of it."""
    return Feature(
        id=located.name,
        geometry=point(located.lon, located.lat),
        properties=located.model_dump(mode="json", exclude={"lon", "lat"}),
    )
