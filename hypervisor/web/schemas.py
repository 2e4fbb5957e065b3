"""The bodies that the API answers with. Times are RFC 3339 in UTC."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

from hypervisor.base.instance import Banner

LiveOrExercise = Annotated[
    Banner,
    Field(description="What this instance is, for good: real, or an exercise."),
]


def old_key(new: str, kind: Any) -> Any:
    """The value of the key `new` under an old name, for one version; `kind` is its type."""
    renamed = computed_field(
        return_type=kind,
        description=f"Deprecated: use `{new}`. The next version answers without it.",
        json_schema_extra={"deprecated": True},
    )
    return renamed(property(lambda body: getattr(body, new)))


class Body(BaseModel):
    """Every answer says whether it is real."""

    model_config = ConfigDict(frozen=True)

    mode: LiveOrExercise


class SystemPart(BaseModel):
    """One part of the running system."""

    name: str = Field(examples=["ingest ingest-1"])
    ok: bool
    detail: str = Field(examples=["heard 1 s ago"])


class HealthBody(Body):
    """How the system itself is."""

    instance: str = Field(examples=["essonne"])
    ok: bool = Field(description="False when a part needs a person.")
    clock: datetime = Field(description="Now; in an exercise the scenario's now.")
    evaluated_to: datetime | None = Field(description="Values are evaluated up to here.")
    watermark: datetime | None = Field(description="Silence is evaluated up to here.")
    unread: int = Field(description="Committed batches that are not yet evaluated.")
    parts: list[SystemPart]
    judged_to = old_key("evaluated_to", datetime | None)
    heard_to = old_key("watermark", datetime | None)


class Commune(BaseModel):
    """By its INSEE code."""

    code: str = Field(examples=["91174"])
    name: str = Field(examples=["Corbeil-Essonnes"])


class Value(BaseModel):
    """The newest stored row of a series, good or not."""

    device: str = Field(examples=["O200004001"])
    quantity: str = Field(examples=["level"])
    unit: str = Field(description="UCUM", examples=["m"])
    label: str = Field(examples=["Water level"])
    time: datetime | None = Field(description="When measured; null: nothing was ever stored.")
    value: float | None = Field(examples=[4.306])
    quality: list[str] = Field(
        description="Flags of this reading alone; empty is good.", examples=[["saturated"]]
    )
    received_at: datetime | None = Field(description="Arrival; null for imported history.")


class ThresholdBody(BaseModel):
    """A threshold in force now."""

    name: str = Field(examples=["alert"])
    value: float = Field(examples=[3.1])
    unit: str = Field(examples=["m"])
    illustrative: bool = Field(description="Chosen by us as an example; no authority's.")
    effective: datetime


class Site(BaseModel):
    """A place where things are measured, with what its series last said."""

    name: str = Field(description="Its key in files and addresses.", examples=["toulouse"])
    title: str = Field(examples=["Garonne at Toulouse (Pont-Neuf)"])
    domain: str = Field(examples=["flood"])
    commune: Commune | None
    lon: float | None
    lat: float | None
    river: str | None = Field(examples=["Garonne"])
    illustrative: bool = Field(description="Its place was chosen by us, not surveyed.")
    active_alarms: int = Field(examples=[2])
    worst: Literal["critical", "major", "minor", "info"] | None = Field(
        default=None, description="The highest severity of the active alarms.", examples=["major"]
    )
    latest: list[Value]


class SitesBody(Body):
    """All sites, along their rivers from the source down."""

    sites: list[Site]
    next: str | None = Field(default=None, description="The address of the next page.")


class SiteBody(Body):
    """One site."""

    site: Site
    thresholds: list[ThresholdBody]


class Reading(BaseModel):
    """One stored reading."""

    time: datetime
    value: float | None
    quality: list[str]
    received_at: datetime | None


class ReadingsBody(Body):
    """A page of a series."""

    device: str
    quantity: str
    unit: str
    readings: list[Reading]
    next: str | None = Field(
        description="The address of the next page; null on the last one.",
        examples=[
            "/api/v1/series/poyo/discharge/readings?from=2024-10-29T12%3A00%3A00Z&limit=1000"
        ],
    )


class RuleBody(BaseModel):
    """A rule in force, as its author wrote it."""

    id: str = Field(examples=["flood-above-alert"])
    effective: datetime
    written: dict[str, Any]


class RulesBody(Body):
    """All rules in force."""

    rules: list[RuleBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class Problem(BaseModel):
    """What went wrong, as RFC 9457 says it."""

    type: str = "about:blank"
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["no site is named 'tolouse'; did you mean 'toulouse'?"])
    instance: str = Field(examples=["/api/v1/sites/tolouse"])
    mode: LiveOrExercise | None = None
