"""Sites and what their series last said."""

from difflib import get_close_matches
from typing import Annotated

from fastapi import APIRouter, Query, Response

from hypervisor.access.context import Context, RequestContext, flags
from hypervisor.base.errors import NotFoundError
from hypervisor.readings import queries_latest, queries_territory
from hypervisor.readings.queries_latest import Latest, SiteRow
from hypervisor.readings.schemas_devices import standing
from hypervisor.web import formats
from hypervisor.web.formats import Wished
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses
from hypervisor.web.schemas import Commune, Site, SiteBody, SitesBody, ThresholdBody, Value
from sensors._quantity import CLOCK_FAULT

router = APIRouter(prefix="/sites", tags=["sites"])


@router.get("", response_model=SitesBody, responses=responses(404) | formats.also("geojson"))
def every(  # noqa: PLR0913  one argument a filter
    context: Context,
    page: Page,
    wished: Wished,
    *,
    domain: Annotated[str | None, Query(examples=["flood"])] = None,
    river: Annotated[str | None, Query(examples=["Yvette"])] = None,
    area: Annotated[
        str | None, Query(description="In this area, by its code.", examples=["91272"])
    ] = None,
    values: Annotated[bool, Query(description="False: without what its series last said.")] = True,
) -> SitesBody | Response:
    """All sites, along their rivers from the source down, with the newest row of each series.

    The lamps behind a cabinet are told with their site alone: there are too many of them.
    """
    communes = None if area is None else _communes(context, area)
    rows = [
        row
        for row in queries_latest.sites(context.connection)
        if domain in {None, row.domain}
        and river in {None, row.river}
        and (communes is None or (row.commune is not None and row.commune[0] in communes))
    ]
    some, following = page.cut(rows, _order)
    among = None if len(some) == len(rows) else [row.name for row in some]
    latest = queries_latest.latest(context.connection, among=among) if values else []
    bodies = _sites(context, some, latest)
    if wished.among("json", "geojson") == "geojson":
        return formats.geojson(context.mode, map(standing, bodies), following)
    return SitesBody(mode=context.mode, sites=bodies, next=following)


@router.get("/{name}", responses=responses(404))
def one(context: Context, name: str) -> SiteBody:
    """One site with its thresholds in force."""
    rows = queries_latest.sites(context.connection, name)
    if not rows:
        near = get_close_matches(
            name, [row.name for row in queries_latest.sites(context.connection)], 1
        )
        hint = f"; nearest: {near[0]!r}" if near else ""
        raise NotFoundError(f"no site is named {name!r}{hint}")
    thresholds = queries_latest.thresholds(context.connection, name, context.now())
    return SiteBody(
        mode=context.mode,
        site=_sites(context, rows, queries_latest.latest(context.connection, name))[0],
        thresholds=[
            ThresholdBody(
                name=row.name,
                value=row.value,
                unit=row.unit,
                illustrative=row.illustrative,
                effective=row.effective,
            )
            for row in thresholds
        ],
    )


def listing(context: RequestContext) -> list[Site]:
    """The same, for the page."""
    rows = queries_latest.sites(context.connection)
    return _sites(context, rows, queries_latest.latest(context.connection))


def _order(row: SiteRow) -> tuple[bool, str, bool, float, str]:
    """Along the rivers; what stands on none comes last."""
    order = row.river_order
    return (row.river is None, row.river or "", order is None, float(order or 0), row.name)


def _communes(context: RequestContext, area: str) -> set[str]:
    found = queries_territory.communes_of(context.connection, [area])
    if not found:
        raise NotFoundError(f"no area with communes has the code {area!r}")
    return set(found)


def _sites(context: RequestContext, rows: list[SiteRow], latest: list[Latest]) -> list[Site]:
    worst = queries_territory.worst(context.connection)
    values: dict[str, list[Value]] = {}
    for one_of in latest:
        if one_of.quantity == CLOCK_FAULT and one_of.time is None:
            continue  # a clock that was never wrong is no news
        values.setdefault(one_of.site, []).append(_value(context, one_of))
    return [
        Site(
            name=row.name,
            title=row.title,
            domain=row.domain,
            commune=Commune(code=row.commune[0], name=row.commune[1]) if row.commune else None,
            lon=row.lon,
            lat=row.lat,
            river=row.river,
            illustrative=row.illustrative,
            active_alarms=worst[row.name][1] if row.name in worst else 0,
            worst=worst[row.name][0] if row.name in worst else None,  # type: ignore[arg-type]
            latest=values.get(row.name, []),
        )
        for row in rows
    ]


def _value(context: RequestContext, row: Latest) -> Value:
    quantity = context.catalogue.quantities.get(row.quantity)
    return Value(
        device=row.device,
        quantity=row.quantity,
        unit=quantity.unit if quantity else "",
        label=quantity.label_en if quantity else row.quantity,
        time=row.time,
        value=row.value,
        quality=flags(row.quality),
        received_at=row.received_at,
    )
