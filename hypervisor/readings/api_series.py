"""Routes of series: each quantity of each device, with unit, range and interval."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.errors import NotFoundError
from hypervisor.readings import device_health
from hypervisor.readings.schemas import NamedSeries, SeriesBody, SeriesDetailBody, SeriesListBody
from hypervisor.registry import queries_devices
from hypervisor.registry.queries_devices import SeriesRow
from hypervisor.web.budget import ROWS, costs
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses

router = APIRouter(prefix="/series", tags=["series"])


@router.get("", responses=responses())
@costs(ROWS)
def list_series(
    context: Context,
    page: Page,
    *,
    device: Annotated[str | None, Query(examples=["yvette-gif"])] = None,
    site: Annotated[str | None, Query(examples=["yvette-gif"])] = None,
    quantity: Annotated[str | None, Query(examples=["level"])] = None,
) -> SeriesListBody:
    """Series by device and quantity."""
    rows = queries_devices.list_series(
        context.connection,
        context.now(),
        devices=None if device is None else [device],
        site=site,
        quantity=quantity,
    )
    some, following = page.cut(rows, lambda row: (row.device, row.quantity))
    bodies = [make_body(context, row) for row in some]
    return SeriesListBody(mode=context.mode, series=bodies, next=following)


@router.get("/{device}/{quantity}", responses=responses(404))
def get_series(context: Context, device: str, quantity: str) -> SeriesDetailBody:
    """One series."""
    series = find_series(context, device, quantity)
    return SeriesDetailBody(mode=context.mode, series=make_body(context, series))


def find_series(context: RequestContext, device: str, quantity: str) -> SeriesRow:
    """The series of that name. Raises NotFoundError: there is none."""
    rows = queries_devices.list_series(
        context.connection, context.now(), devices=[device], quantity=quantity
    )
    if not rows:
        raise NotFoundError("device {device!r} has no series {quantity!r}", device, quantity)
    return rows[0]


def name_series(context: RequestContext, row: SeriesRow) -> NamedSeries:
    """A series with the label and unit of its quantity."""
    definition = context.catalogue.quantities.get(row.quantity)
    return NamedSeries(
        device=row.device,
        quantity=row.quantity,
        label=definition.label_en if definition else row.quantity,
        unit=definition.unit if definition else "",
        site=row.site,
    )


def make_body(context: RequestContext, row: SeriesRow) -> SeriesBody:
    """A series with what the catalogue defines of its quantity."""
    definition = context.catalogue.quantities.get(row.quantity)
    interval = device_health.expected_interval(row, context.catalogue)
    stale = device_health.stale_after(row, context.catalogue)
    values: dict[str, Any] = {
        **vars(row),
        **name_series(context, row).model_dump(),
        "label_fr": row.quantity,
        "kind": None,
        "interval_s": interval.total_seconds() if interval else None,
        "stale_after_s": stale.total_seconds() if stale else None,
    }
    if definition is not None:
        values |= {
            "label_fr": definition.label_fr,
            "kind": definition.kind.value,
            "reporting": row.reporting or definition.reporting.value,
            "low": definition.low if row.low is None else row.low,
            "high": definition.high if row.high is None else row.high,
        }
    return SeriesBody(**values)
