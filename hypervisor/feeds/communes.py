"""A département's communes with outlines, population and EPCI, from the official service."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Annotated, Any

import msgspec

from hypervisor.database.connect import Connection
from hypervisor.feeds.model import Feed, FeedError
from hypervisor.feeds.poll import Corner, Latitude, Longitude, PartFailures, PollContext, read_parts
from hypervisor.feeds.recordings import Recordings
from hypervisor.geography import queries
from hypervisor.geography.areas import list_rings, round_outline
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


_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Polygon = Annotated[
    list[Annotated[list[Corner], msgspec.Meta(min_length=4)]], msgspec.Meta(min_length=1)
]
_OUTLINES: Mapping[str, Any] = {"Polygon": _Polygon, "MultiPolygon": list[_Polygon]}


class Epci(msgspec.Struct, frozen=True):
    code: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{9}$")]
    nom: _Name


class Point(msgspec.Struct, frozen=True):
    coordinates: tuple[Longitude, Latitude]


class Properties(msgspec.Struct, frozen=True):
    code: Annotated[str, msgspec.Meta(pattern=r"^[0-9][0-9AB][0-9]{3}$")]
    nom: _Name
    population: Annotated[int, msgspec.Meta(ge=0, le=2_000_000_000)] | None = None
    epci: Epci | None = None
    centre: Point | None = None


class Commune(msgspec.Struct, frozen=True):
    """A commune; its geometry is its outline, or a point."""

    properties: Properties
    geometry: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        shape = _OUTLINES.get(str((self.geometry or {}).get("type")))
        if self.geometry is not None and shape is not None:
            msgspec.convert(self.geometry.get("coordinates"), shape)

    @property
    def outline(self) -> Mapping[str, Any] | None:
        """GeoJSON, if it is an area."""
        geometry = self.geometry or {}
        return geometry if str(geometry.get("type")) in _OUTLINES else None

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


def fetch_communes(context: PollContext, departement: str, failures: PartFailures) -> list[Commune]:
    """The communes, by code; `failures`: takes that some cannot be read.

    Raises FeedError: the service has none, or answers otherwise.
    """
    answer = context.ask(
        f"departements/{departement}/communes",
        {"fields": _FIELDS, "format": "geojson", "geometry": "contour"},
    )
    features = answer.content.get("features") if isinstance(answer.content, dict) else None
    communes, unusable = read_parts(features if isinstance(features, list) else (), Commune)
    communes = [c for c in communes if c.properties.code.startswith(departement)]
    if not communes:
        raise FeedError(
            "no commune of {name} in the answer of {host}",
            NAMES.get(departement, departement),
            FEED.title,
            reason=Reason.WRONG_SHAPE,
            body=answer.body,
        )
    failures.leave_out(unusable)
    by_code = {commune.properties.code: commune for commune in communes}
    return [by_code[code] for code in sorted(by_code)]


def read_recorded(departement: str) -> list[Commune]:
    """The same as shipped for trials; empty: of that département nothing is."""
    document = Recordings().document(f"communes-{departement}") or {}
    return read_parts(document.get("features") or (), Commune)[0]


def store_outlines(connection: Connection, communes: Iterable[Commune]) -> None:
    """Store the outlines of communes that are in the inventory."""
    queries.store_outlines(
        connection,
        {
            commune.properties.code: round_outline(commune.outline)
            for commune in communes
            if commune.outline
        },
        source=f"{FEED.source}, {FEED.licence}",
    )
