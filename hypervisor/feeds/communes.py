"""A département's communes with outlines, population and EPCI, from the official service."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from hypervisor.feeds.model import Feed, FeedError
from hypervisor.feeds.poll import PollContext, read_parts
from hypervisor.registry.departements import NAMES
from ingest.message import Reason

FEED = Feed(
    name="communes",
    title="geo.api.gouv.fr",
    address="https://geo.api.gouv.fr",
    path="communes",
    source="API Découpage administratif (IGN Admin Express, INSEE)",
    licence="Licence Ouverte 2.0",
    every=timedelta(days=365),
    largest=64 * 2**20,
)
_FIELDS = "nom,code,population,codeEpci,epci,centre,contour"
_DECIMALS = 5  # of a degree: a metre


class Epci(msgspec.Struct, frozen=True):
    code: str
    nom: str


class Point(msgspec.Struct, frozen=True):
    coordinates: tuple[float, float]


class Properties(msgspec.Struct, frozen=True):
    code: str
    nom: str
    population: int | None = None
    epci: Epci | None = None
    centre: Point | None = None


class Commune(msgspec.Struct, frozen=True):
    """A commune; its geometry is its outline, or a point."""

    properties: Properties
    geometry: dict[str, Any] | None = None

    @property
    def outline(self) -> Mapping[str, Any] | None:
        """GeoJSON, if it is an area."""
        geometry = self.geometry or {}
        return geometry if geometry.get("type") in {"Polygon", "MultiPolygon"} else None

    @property
    def point(self) -> tuple[float, float] | None:
        """Longitude and latitude: as given, else the middle of its outline's corners."""
        if self.properties.centre is not None:
            return self.properties.centre.coordinates
        corners = [corner for ring in list_rings(self.outline or {}) for corner in ring]
        if not corners:
            return None
        lons, lats = zip(*(corner[:2] for corner in corners), strict=True)
        return (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2


def fetch_communes(context: PollContext, departement: str) -> list[Commune]:
    """The communes, by code. Raises FeedError: the service has none, or answers otherwise."""
    answer = context.ask(
        f"departements/{departement}/communes",
        {"fields": _FIELDS, "format": "geojson", "geometry": "contour"},
    )
    features = answer.content.get("features") if isinstance(answer.content, dict) else None
    communes, unusable = read_parts(features or (), Commune)
    if not communes:
        raise FeedError(
            "no commune of {name} in the answer of {host}",
            NAMES.get(departement, departement),
            FEED.title,
            reason=Reason.WRONG_SHAPE,
            body=answer.body,
        )
    if unusable:
        raise FeedError(
            "{count} communes have another shape than expected: {problem}",
            len(unusable),
            unusable[0].detail,
            reason=Reason.WRONG_SHAPE,
            body=answer.body,
        )
    return sorted(communes, key=lambda commune: commune.properties.code)


def list_rings(geometry: Mapping[str, Any]) -> list[Sequence[Sequence[float]]]:
    """The outer rings of a Polygon or MultiPolygon."""
    if geometry.get("type") == "Polygon":
        return list(geometry["coordinates"][:1])
    if geometry.get("type") == "MultiPolygon":
        return [polygon[0] for polygon in geometry["coordinates"] if polygon]
    return []


def contains(geometry: Mapping[str, Any], lon: float, lat: float) -> bool:
    """Whether an outline contains a point (its holes are not looked at)."""
    return any(_is_inside(ring, lon, lat) for ring in list_rings(geometry))


def _is_inside(ring: Sequence[Sequence[float]], lon: float, lat: float) -> bool:
    inside = False
    for (x, y, *_), (x2, y2, *_) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (y > lat) != (y2 > lat) and lon < x + (lat - y) / (y2 - y) * (x2 - x):
            inside = not inside
    return inside


def round_outline(geometry: Mapping[str, Any]) -> dict[str, Any]:
    """An outline to a metre."""

    def shorten(part: Any) -> Any:
        if isinstance(part, list):
            return [shorten(each) for each in part]
        return round(part, _DECIMALS)

    return {"type": geometry["type"], "coordinates": shorten(geometry["coordinates"])}
