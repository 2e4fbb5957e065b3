"""The territory: départements, EPCI and communes with their sites and alarms; zones; rivers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.errors import NotFoundError
from hypervisor.geography import queries as geography_queries
from hypervisor.geography.queries import Line
from hypervisor.overview import queries
from hypervisor.readings import queries_territory
from hypervisor.readings.queries_territory import CommuneCounts
from hypervisor.registry import queries_site, queries_tables
from hypervisor.registry.model import Area, Zone
from hypervisor.registry.schemas_territory import (
    AreaBody,
    AreaDetailBody,
    GaugeBody,
    LinkBody,
    RiverBody,
    RiversBody,
    TerritoryBody,
    ZoneBody,
    ZonesBody,
)
from hypervisor.web import formats
from hypervisor.web.budget import ROWS, costs
from hypervisor.web.formats import AnswerFormat, Feature, point
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses
from hypervisor.web.schemas import Commune
from rules._rule import SEVERITIES
from sensors._nearest import did_you_mean

router = APIRouter(tags=["territory"])


@router.get(
    "/territory", response_model=TerritoryBody, responses=responses() | formats.also("geojson")
)
def get_territory(
    context: Context,
    answer_format: AnswerFormat,
    *,
    depth: Annotated[int, Query(ge=1, le=3, description="1: départements, 3: communes, too.")] = 3,
) -> TerritoryBody | Response:
    """The area tree; each area with its sites, active alarms and worst severity.

    As GeoJSON: one point per area that has coordinates.
    """
    tree = Tree.read(context)
    if answer_format.among("json", "geojson") == "geojson":
        return formats.geojson(context.mode, tree.features(depth))
    return TerritoryBody(
        mode=context.mode,
        areas=[tree.body(code, depth - 1) for code in tree.roots],
        unplaced_sites=tree.counts[None].sites if None in tree.counts else 0,
    )


@router.get("/territory/{code}", responses=responses(404))
def get_area(context: Context, code: str) -> AreaDetailBody:
    """One area, its direct children and the areas above it."""
    tree = Tree.read(context)
    if code not in tree.areas:
        raise NotFoundError(
            "no area has the code {code!r}{hint}", code, did_you_mean(code, tree.areas)
        )
    around: list[Commune] = []
    above = tree.areas[code].parent
    while above is not None and above in tree.areas:
        around.append(Commune(code=above, name=tree.areas[above].name))
        above = tree.areas[above].parent
    return AreaDetailBody(mode=context.mode, area=tree.body(code, 1), within=around)


@router.get("/zones", response_model=ZonesBody, responses=responses() | formats.also("geojson"))
@costs(ROWS)
def list_zones(context: Context, page: Page, answer_format: AnswerFormat) -> ZonesBody | Response:
    """Zones of a domain, such as flood zones, and others, with their outlines."""
    rows = list(queries_tables.list_things(context.connection, Zone))
    some, following = page.cut(rows, lambda row: (row.name,))
    bodies = [ZoneBody.model_validate(row, from_attributes=True) for row in some]
    if answer_format.among("json", "geojson") == "geojson":
        features = (
            Feature(
                id=zone.name,
                geometry=zone.geometry,
                properties=zone.model_dump(exclude={"geometry"}),
            )
            for zone in bodies
        )
        return formats.geojson(context.mode, features, following)
    return ZonesBody(mode=context.mode, zones=bodies, next=following)


@router.get("/rivers", response_model=RiversBody, responses=responses() | formats.also("geojson"))
def list_rivers(context: Context, answer_format: AnswerFormat) -> RiversBody | Response:
    """Each river with its sites from the source down and the travel times between them.

    As GeoJSON: its course, or a schematic line through the sites.
    """
    river_bodies = list(_rivers(context))
    if answer_format.among("json", "geojson") == "geojson":
        courses = {
            course.river: course.lines
            for course in geography_queries.list_courses(context.connection)
        }
        lines = [_line(river, courses.get(river.name)) for river in river_bodies]
        return formats.geojson(context.mode, lines)
    return RiversBody(mode=context.mode, rivers=river_bodies)


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The areas that the account may see; `counts` by commune."""

    areas: Mapping[str, Area]
    below: Mapping[str | None, list[str]]
    counts: Mapping[str | None, CommuneCounts]

    @classmethod
    def read(cls, context: RequestContext) -> "Tree":
        areas = {area.code: area for area in queries_tables.list_things(context.connection, Area)}
        below: dict[str | None, list[str]] = {}
        for area in sorted(areas.values(), key=lambda area: (area.name, area.code)):
            parent = area.parent if area.parent in areas else None
            below.setdefault(parent, []).append(area.code)
        counts = queries_territory.count_by_commune(context.connection)
        return cls(areas=areas, below=below, counts={count.commune: count for count in counts})

    @property
    def roots(self) -> list[str]:
        return self.below.get(None, [])

    def body(self, code: str, depth: int) -> AreaBody:
        """An area with its descendants down to `depth` levels."""
        area = self.areas[code]
        inside = [self.counts[each] for each in self._within(code) if each in self.counts]
        return AreaBody(
            code=code,
            kind=area.kind,  # type: ignore[arg-type]  # the table holds no other
            name=area.name,
            population=area.population,
            lon=area.lon,
            lat=area.lat,
            sites=sum(count.sites for count in inside),
            alarms=sum(count.alarms for count in inside),
            unacknowledged=sum(count.unacknowledged for count in inside),
            worst=worst_severity(count.worst for count in inside),  # type: ignore[arg-type]
            children=[self.body(each, depth - 1) for each in self.below.get(code, [])]
            if depth > 0
            else [],
        )

    def _within(self, code: str) -> Iterable[str]:
        yield code
        for each in self.below.get(code, ()):
            yield from self._within(each)

    def features(self, depth: int) -> Iterable[Feature]:
        """The areas of the upper levels as points."""
        level = self.roots
        for _ in range(depth):
            for code in level:
                body = self.body(code, 0)
                yield Feature(
                    id=code,
                    geometry=point(body.lon, body.lat),
                    properties=body.model_dump(exclude={"lon", "lat", "children"}),
                )
            level = [each for code in level for each in self.below.get(code, ())]


def worst_severity(severities: Iterable[str | None]) -> str | None:
    """The highest severity; None if there is none."""
    ranks = [SEVERITIES.index(severity) for severity in severities if severity in SEVERITIES]
    return SEVERITIES[max(ranks)] if ranks else None


def _rivers(context: RequestContext) -> Iterable[RiverBody]:
    worst = queries_territory.find_worst_by_site(context.connection)
    feeding: dict[str, list[LinkBody]] = {}
    links = queries_site.list_links(context.connection, context.now())
    for upstream, downstream, travel in links:
        feeding.setdefault(downstream, []).append(LinkBody(site=upstream, travel_s=travel))
    along: dict[str, list[GaugeBody]] = {}
    for site in queries.list_river_sites(context.connection):
        gauge = GaugeBody(
            site=site.name,
            title=site.title,
            lon=site.lon,
            lat=site.lat,
            worst=worst[site.name][0] if site.name in worst else None,  # type: ignore[arg-type]
            fed_by=feeding.get(site.name, []),
        )
        along.setdefault(site.river or "", []).append(gauge)
    for name, gauges in sorted(along.items()):
        severity = worst_severity(gauge.worst for gauge in gauges)
        yield RiverBody(name=name, worst=severity, sites=gauges)  # type: ignore[arg-type]


def _line(river: RiverBody, course: Sequence[Line] | None) -> Feature:
    places = [[site.lon, site.lat] for site in river.sites if None not in {site.lon, site.lat}]
    geometry: dict[str, Any] | None = None
    if course is not None:
        geometry = {"type": "MultiLineString", "coordinates": list(course)}
    elif len(places) > 1:
        geometry = {"type": "LineString", "coordinates": places}
    return Feature(
        id=river.name,
        geometry=geometry,
        properties={
            "name": river.name,
            "worst": river.worst,
            "schematic": course is None,
            "sites": [site.site for site in river.sites],
        },
    )
