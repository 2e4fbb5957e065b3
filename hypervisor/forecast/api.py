"""Assets: what water reaches, at which level of which gauge, and when."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.errors import NotFoundError
from hypervisor.forecast import arrival as reaching
from hypervisor.forecast.arrival import Reach
from hypervisor.registry import queries_tables
from hypervisor.registry.model import Area, Asset
from hypervisor.registry.schemas_territory import (
    AssetBody,
    AssetDetailBody,
    AssetsBody,
    OutlookBody,
)
from hypervisor.web import formats
from hypervisor.web.budget import ROWS, costs
from hypervisor.web.formats import AnswerFormat, Feature
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses
from hypervisor.web.schemas import Commune
from sensors._nearest import did_you_mean

router = APIRouter(prefix="/assets", tags=["assets"])


@router.get("", response_model=AssetsBody, responses=responses() | formats.also("geojson"))
@costs(ROWS)
def list_assets(
    context: Context,
    page: Page,
    answer_format: AnswerFormat,
    *,
    kind: Annotated[str | None, Query(examples=["school"])] = None,
    gauge: Annotated[str | None, Query(description="A site.", examples=["yvette-gif"])] = None,
) -> AssetsBody | Response:
    """Assets: first those in the water, then by the time that is left, then the others by name."""
    bodies = [
        body
        for body in _bodies(context)
        if kind in {None, body.kind}
        and (gauge is None or (body.outlook is not None and body.outlook.gauge == gauge))
    ]
    # The order moves with the water: a page goes on behind a rank and a name, as they were then.
    some, following = page.cut(bodies, _order)
    if answer_format.among("json", "geojson") == "geojson":
        return formats.geojson(
            context.mode, [_feature(asset_body) for asset_body in some], following
        )
    return AssetsBody(mode=context.mode, assets=some, next=following)


@router.get("/{name}", responses=responses(404))
def get_asset(context: Context, name: str) -> AssetDetailBody:
    """One asset with its outlook."""
    bodies = {body.name: body for body in _bodies(context)}
    if name not in bodies:
        raise NotFoundError("no asset is named {name!r}{hint}", name, did_you_mean(name, bodies))
    return AssetDetailBody(mode=context.mode, asset=bodies[name])


def _bodies(context: RequestContext) -> list[AssetBody]:
    reaches = {
        reach.asset: reach
        for reach in reaching.list_reaches(context.connection, context.catalogue, now=context.now())
    }
    names = {area.code: area.name for area in queries_tables.list_things(context.connection, Area)}
    asset_bodies = [
        _body(asset, reaches.get(asset.name), names)
        for asset in queries_tables.list_things(context.connection, Asset)
    ]
    return sorted(asset_bodies, key=_order)


def _order(asset_body: AssetBody) -> tuple[int, float, str]:
    outlook = asset_body.outlook
    if outlook is not None and outlook.state == "reached":
        return (0, -(outlook.margin or 0.0), asset_body.name)
    due = None if outlook is None else outlook.reached_at or outlook.forecast_until
    if due is not None:
        return (1, due.timestamp(), asset_body.name)
    return (2, 0.0, asset_body.name)


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
        forecast_issued=arrival.issued if arrival else None,
        forecast_until=arrival.until if arrival else None,
        forecast_coverage=arrival.inside if arrival else None,
    )


def _feature(asset: AssetBody) -> Feature:
    properties = asset.model_dump(mode="json", exclude={"geometry"})
    return Feature(id=asset.name, geometry=asset.geometry, properties=properties)
