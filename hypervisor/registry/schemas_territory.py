"""API bodies of areas, zones, rivers, assets and when water reaches them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from hypervisor.web.schemas import Body, Commune

SeverityWord = Literal["critical", "major", "minor", "info"]
_Worst = Field(description="The highest severity of the active alarms.", examples=["major"])
_Geometry = Field(
    description="GeoJSON, WGS 84; null: unknown.",
    examples=[{"type": "Point", "coordinates": [2.1893, 48.6979]}],
)


class AreaBody(BaseModel):
    """An area with its number of sites and alarms, those of areas inside it included."""

    code: str = Field(description="INSEE's; of an EPCI its SIREN.", examples=["91272"])
    kind: Literal["departement", "epci", "commune"] = Field(examples=["commune"])
    name: str = Field(examples=["Gif-sur-Yvette"])
    population: int | None = Field(examples=[22352])
    lon: float | None = Field(examples=[2.1341])
    lat: float | None = Field(examples=[48.6994])
    sites: int = Field(examples=[4])
    alarms: int = Field(description="Active ones.", examples=[2])
    unacknowledged: int = Field(examples=[1])
    worst: SeverityWord | None = _Worst
    children: list["AreaBody"] = Field(
        default_factory=list, description="Areas directly inside; empty unless requested."
    )


class TerritoryBody(Body):
    """Départements, in them EPCI, in these communes."""

    areas: list[AreaBody]
    unplaced_sites: int = Field(description="Sites without a known commune.", examples=[0])


class AreaDetailBody(Body):
    """One area."""

    area: AreaBody
    within: list[Commune] = Field(description="The areas around it, the smallest first.")


class ZoneBody(BaseModel):
    """An area on the ground that is not administrative."""

    name: str = Field(examples=["orge-meadows"])
    title: str = Field(examples=["Meadows of the Orge"])
    kind: str = Field(description="A domain, or other.", examples=["flood"])
    illustrative: bool
    geometry: dict[str, Any] = Field(
        examples=[{"type": "Polygon", "coordinates": [[[2, 48], [3, 48], [3, 49], [2, 48]]]}]
    )


class ZonesBody(Body):
    """A page of zones, by name."""

    zones: list[ZoneBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class LinkBody(BaseModel):
    """How long water takes from the gauge before."""

    site: str = Field(description="The gauge upstream.", examples=["yvette-gif"])
    travel_s: float = Field(examples=[10800.0])


class GaugeBody(BaseModel):
    """A site on a river."""

    site: str = Field(examples=["yvette-villebon"])
    title: str = Field(examples=["L'Yvette à Villebon-sur-Yvette"])
    lon: float | None = Field(examples=[2.2433])
    lat: float | None = Field(examples=[48.7012])
    worst: SeverityWord | None = _Worst
    fed_by: list[LinkBody]


class RiverBody(BaseModel):
    """A river as its sites from the source down."""

    name: str = Field(examples=["Yvette"])
    worst: SeverityWord | None = _Worst
    sites: list[GaugeBody]


class RiversBody(Body):
    """Rivers by name. Only sites are known: a line through them is schematic."""

    rivers: list[RiverBody]


class OutlookBody(BaseModel):
    """The water and an asset: the level of its gauge, and when water reaches it.

    `state` unknown: no reading, or too few for a rate. Times are by the gauge's current forecast
    (experimental: Vigicrues is the authority); where there is none, or beyond it, by the straight
    line; null where neither gets there within a day.
    """

    gauge: str = Field(examples=["yvette-gif"])
    gauge_title: str = Field(examples=["L'Yvette à Gif-sur-Yvette"])
    level: float = Field(description="The level that reaches the asset.", examples=[1.6])
    unit: str = Field(examples=["m"])
    illustrative: bool = Field(description="The level is an example, not surveyed.")
    value: float | None = Field(description="The gauge's last value.", examples=[1.32])
    time: datetime | None = Field(description="When it was measured.")
    margin: float | None = Field(
        description="Value minus level: from 0 on the asset is in the water.", examples=[-0.28]
    )
    per_hour: float | None = Field(
        description="The rate over the last three hours.", examples=[0.04]
    )
    per_hour_error: float | None = Field(description="Its standard error.", examples=[0.002])
    state: Literal["reached", "rising", "falling", "steady", "unknown"] = Field(examples=["rising"])
    reached_at: datetime | None = Field(
        description="By the forecast's median, or if the rate continues."
    )
    earliest: datetime | None = Field(
        description="By the 90 % quantile, or within two standard errors of the rate. Without "
        "`reached_at`: possible from then on."
    )
    latest: datetime | None = Field(
        description="By the 10 % quantile, or as above; null: perhaps never."
    )
    forecast_issued: datetime | None = Field(
        description="Of the forecast that says so; null: the straight line does."
    )
    forecast_until: datetime | None = Field(
        description="Without `reached_at`: the forecast's median stays below the level until then."
    )
    forecast_coverage: float | None = Field(
        description="The share of what came in past floods that lay within the forecast's 80 % "
        "range, that far ahead.",
        examples=[0.79],
    )


class AssetBody(BaseModel):
    """Something that water may reach."""

    name: str = Field(examples=["school-gif"])
    title: str = Field(examples=["School by the Yvette"])
    kind: str = Field(description="road, school, cabinet, hospital, …", examples=["school"])
    commune: Commune | None
    site: str | None = Field(description="If it is also a site.")
    illustrative: bool
    geometry: dict[str, Any] | None = _Geometry
    outlook: OutlookBody | None = Field(description="Null: it has no gauge that you may see.")


class AssetsBody(Body):
    """A page of assets: first those in the water, then by the time that is left."""

    assets: list[AssetBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class AssetDetailBody(Body):
    """One asset."""

    asset: AssetBody
