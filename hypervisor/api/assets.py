"""Assets: what water reaches, at which level of which gauge, and when at the present rate."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Response

from hypervisor.api import formats
from hypervisor.api.access import Access, Asked
from hypervisor.api.formats import Feature, Wished
from hypervisor.api.paging import Page
from hypervisor.api.problems import NotFoundError, responses
from hypervisor.api.shapes import Commune
from hypervisor.api.territory_shapes import AssetBody, AssetDetailBody, AssetsBody, OutlookBody
from hypervisor.outlook import reaching
from hypervisor.outlook.reaching import Reach
from hypervisor.registry.model import Asset
from hypervisor.registry.problems import nearest
from hypervisor.store.registry import registered

router = APIRouter(prefix="/assets", tags=["assets"])


@router.get("", response_model=AssetsBody, responses=responses() | formats.also("geojson"))
def every(
    asked: Asked,
    page: Page,
    wished: Wished,
    *,
    kind: Annotated[str | None, Query(examples=["school"])] = None,
    gauge: Annotated[str | None, Query(description="A site.", examples=["yvette-gif"])] = None,
) -> AssetsBody | Response:
    """Assets: first those in the water, then by the time that is left, then the others by name."""
    bodies = [
        one
        for one in _bodies(asked)
        if kind in {None, one.kind}
        and (gauge is None or (one.outlook is not None and one.outlook.gauge == gauge))
    ]
    # The order moves with the water: a page goes on behind a rank and a name, as they were then.
    some, following = page.cut(bodies, _order)
    if wished.among("json", "geojson") == "geojson":
        return formats.geojson(asked.mode, [_feature(one) for one in some], following)
    return AssetsBody(mode=asked.mode, assets=some, next=following)


@router.get("/{name}", responses=responses(404))
def one(asked: Asked, name: str) -> AssetDetailBody:
    """One asset with its outlook."""
    found = {one.name: one for one in _bodies(asked)}
    if name not in found:
        raise NotFoundError(f"no asset is named {name!r}{nearest(name, found)}")
    return AssetDetailBody(mode=asked.mode, asset=found[name])


def _bodies(asked: Access) -> list[AssetBody]:
    reaches = {
        one.asset: one
        for one in reaching.reaches(asked.connection, asked.catalogue, now=asked.now())
    }
    names = {area.code: area.name for area in registered.areas(asked.connection)}
    found = [
        _body(one, reaches.get(one.name), names) for one in registered.assets(asked.connection)
    ]
    return sorted(found, key=_order)


def _order(one: AssetBody) -> tuple[int, float, str]:
    outlook = one.outlook
    if outlook is not None and outlook.state == "reached":
        return (0, -(outlook.margin or 0.0), one.name)
    if outlook is not None and outlook.reached_at is not None:
        return (1, outlook.reached_at.timestamp(), one.name)
    return (2, 0.0, one.name)


def _body(asset: Asset, reach: Reach | None, names: Mapping[str, str]) -> AssetBody:
    commune = asset.commune
    return AssetBody(
        name=asset.name,
        title=asset.title,
        kind=asset.kind,
        commune=Commune(code=commune, name=names.get(commune, commune)) if commune else None,
        site=asset.site,
        illustrative=asset.illustrative,
        geometry=None if asset.geometry is None else dict(asset.geometry),
        outlook=None if reach is None else outlook(reach),
    )


def outlook(reach: Reach) -> OutlookBody:
    """An asset's outlook as a body."""
    course, arrival = reach.course, reach.arrival
    rate = course.rate if course else None
    return OutlookBody(
        gauge=reach.gauge,
        gauge_title=reach.gauge_title,
        level=reach.level,
        unit=reach.unit,
        illustrative=reach.illustrative,
        value=course.value if course else None,
        time=course.time if course else None,
        margin=None if reach.margin is None else round(reach.margin, 6),
        per_hour=round(rate.per_hour, 6) if rate else None,
        per_hour_error=round(rate.error, 6) if rate else None,
        state=reach.state,
        reached_at=arrival.at if arrival else None,
        earliest=arrival.earliest if arrival else None,
        latest=arrival.latest if arrival else None,
    )


def _feature(one: AssetBody) -> Feature:
    properties = one.model_dump(mode="json", exclude={"geometry"})
    return Feature(id=one.name, geometry=one.geometry, properties=properties)
