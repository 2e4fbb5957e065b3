"""API bodies of planned works and of the instance."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hypervisor.registry.works import Works
from hypervisor.web.schemas import Body
from hypervisor.web.times import Instant

_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Names = Annotated[list[_Name], Field(max_length=1_000)]
_Reason = Annotated[str, Field(min_length=1, max_length=4_000, description="What is done there.")]


class WorksListBody(Body):
    """A page of works, by their beginning."""

    works: list[Works]
    next: str | None = Field(default=None, description="The address of the next page.")


class WorksDetailBody(Body):
    """One window of works; its ETag is for If-Match."""

    works: Works


class WorksPut(BaseModel):
    """A request to announce or change works."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    begins: Instant | None = Field(default=None, description="Null: now.")
    ends: Instant = Field(examples=["2024-11-04T17:00:00+01:00"])
    sites: _Names = Field(default=[], examples=[["rd446-orsay"]])
    devices: _Names = []
    groups: _Names = []
    reason: _Reason = Field(examples=["resurfacing, loops cut"])

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if not (self.sites or self.devices or self.groups):
            raise ValueError("works are at some sites, devices or groups")
        return self


class WorksEndPost(BaseModel):
    """A request to end works."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: Instant | None = Field(default=None, description="Null: now.")
    reason: _Reason = Field(default="works end")


class InstanceBody(Body):
    """What runs here."""

    name: str = Field(examples=["essonne"])
    timezone: str = Field(description="Of those who look at it.", examples=["Europe/Paris"])
    version: str = Field(examples=["0.1.0"])
    engine: str | None = Field(description="Of the rules' engine.", examples=["1"])
    schema_version: str | None = Field(description="The last migration.", examples=["0013"])
    timescaledb: str | None = Field(examples=["2.19.3"])
    clock: datetime = Field(description="Now; in an exercise the scenario's now.")
    wall_clock: datetime
    domains: list[str] = Field(examples=[["flood", "lighting", "mobility", "weather"]])
