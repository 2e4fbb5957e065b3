"""Routes of sites with the latest reading of each series."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.errors import NotFoundError
from hypervisor.readings import queries_latest, queries_territory
from hypervisor.readings.queries_latest import Latest, SiteRow
from hypervisor.readings.schemas import make_feature
from hypervisor.registry import queries_site
from hypervisor.web import formats
from hypervisor.web.budget import ROWS, costs
from hypervisor.web.formats import AnswerFormat
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses
from hypervisor.web.schemas import Commune, Site, SiteBody, SitesBody, ThresholdBody, Value
from sensors._nearest import did_you_mean
from sensors._quality import list_quality_flags
from sensors._quantity import CLOCK_FAULT

router = APIRouter(prefix="/sites", tags=["sites"])


@router.get("", response_model=SitesBody, responses=responses(404) | formats.also("geojson"))
@costs(ROWS)
def list_sites(  # noqa: PLR0913  one argument a filter
    context: Context,
    page: Page,
    answer_format: AnswerFormat,
    *,
    domain: Annotated[str | None, Query(examples=["flood"])] = None,
    river: Annotated[str | None, Query(examples=["Yvette"])] = None,
    area: Annotated[
        str | None, Query(description="In this area, by its code.", examples=["91272"])
    ] = None,
    values: Annotated[bool, Query(description="False: without the latest readings.")] = True,
) -> SitesBody | Response:
    """All sites, along their rivers from the source down, with the newest row of each series.

    The series of a cabinet's lamps are listed with their site only: there are too many of them.
    """
    communes = None if area is None else _find_communes(context, area)
    rows = [
        row
        for row in queries_latest.list_sites(context.connection)
        if domain in {None, row.domain}
        and river in {None, row.river}
        and (communes is None or (row.commune is not None and row.commune[0] in communes))
    ]
    some, following = page.cut(rows, _river_order)
    among = None if len(some) == len(rows) else [row.name for row in some]
    latest = queries_latest.list_latest(context.connection, among=among) if values else []
    bodies = _make_sites(context, some, latest)
    if answer_format.among("json", "geojson") == "geojson":
        return formats.geojson(context.mode, map(make_feature, bodies), following)
    return SitesBody(mode=context.mode, sites=bodies, next=following)


@router.get("/{name}", responses=responses(404))
def get_site(context: Context, name: str) -> SiteBody:
    """One site with its thresholds in force."""
    rows = queries_latest.list_sites(context.connection, name)
    if not rows:
        names = [row.name for row in queries_latest.list_sites(context.connection)]
        raise NotFoundError("no site is named {name!r}{hint}", name, did_you_mean(name, names))
    thresholds = queries_site.list_thresholds(context.connection, [name], context.now())
    return SiteBody(
        mode=context.mode,
        site=_make_sites(context, rows, queries_latest.list_latest(context.connection, name))[0],
        thresholds=sorted(
            (ThresholdBody(**vars(row)) for row in thresholds), key=lambda body: body.name
        ),
    )


def _river_order(row: SiteRow) -> tuple[bool, str, bool, float, str]:
    """Along the rivers; sites without one come last."""
    order = row.river_order
    return (row.river is None, row.river or "", order is None, float(order or 0), row.name)


def _find_communes(context: RequestContext, area: str) -> set[str]:
    communes = queries_territory.list_communes(context.connection, [area])
    if not communes:
        raise NotFoundError("no area with communes has the code {area!r}", area)
    return set(communes)


def _make_sites(context: RequestContext, rows: list[SiteRow], latest: list[Latest]) -> list[Site]:
    worst = queries_territory.find_worst_by_site(context.connection)
    values: dict[str, list[Value]] = {}
    for value_row in latest:
        if value_row.quantity == CLOCK_FAULT and value_row.time is None:
            continue  # its clock was never wrong
        values.setdefault(value_row.site, []).append(_make_value(context, value_row))
    return [
        Site(
            **{
                **vars(row),
                "commune": row.commune and Commune(code=row.commune[0], name=row.commune[1]),
                "worst": worst.get(row.name, (None, 0))[0],
                "active_alarms": worst.get(row.name, (None, 0))[1],
                "latest": values.get(row.name, []),
            }
        )
        for row in rows
    ]


def _make_value(context: RequestContext, row: Latest) -> Value:
    quantity = context.catalogue.quantities.get(row.quantity)
    return Value(
        **{
            **vars(row),
            "unit": quantity.unit if quantity else "",
            "label": quantity.label_en if quantity else row.quantity,
            "quality": list_quality_flags(row.quality),
        }
    )
