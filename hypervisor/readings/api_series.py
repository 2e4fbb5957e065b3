"""Series: each quantity of each device, with its unit, range and interval."""

from typing import Annotated

from fastapi import APIRouter, Query

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.errors import NotFoundError
from hypervisor.readings import device_health
from hypervisor.readings.schemas_devices import SeriesBody, SeriesDetailBody, SeriesListBody
from hypervisor.registry import queries_devices
from hypervisor.registry.queries_devices import SeriesRow
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses

router = APIRouter(prefix="/series", tags=["series"])


@router.get("", responses=responses())
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
    return SeriesListBody(
        mode=context.mode, series=[make_body(context, row) for row in some], next=following
    )


@router.get("/{device}/{quantity}", responses=responses(404))
def get_series(context: Context, device: str, quantity: str) -> SeriesDetailBody:
    """One series; its readings stand below it."""
    return SeriesDetailBody(
        mode=context.mode, series=make_body(context, find_series(context, device, quantity))
    )


def find_series(context: RequestContext, device: str, quantity: str) -> SeriesRow:
    """The series of that name.

    Raises:
        NotFoundError: there is none.
    """
    rows = queries_devices.list_series(
        context.connection, context.now(), devices=[device], quantity=quantity
    )
    if not rows:
        raise NotFoundError(f"device {device!r} has no series {quantity!r}")
    return rows[0]


def make_body(context: RequestContext, row: SeriesRow) -> SeriesBody:
    """A series with what the catalogue says of its quantity."""
    definition = context.catalogue.quantities.get(row.quantity)
    interval = device_health.expected_interval(row, context.catalogue)
    stale = device_health.stale_after(row, context.catalogue)
    usual = definition.reporting.value if definition else None
    return SeriesBody(
        device=row.device,
        quantity=row.quantity,
        label=definition.label_en if definition else row.quantity,
        label_fr=definition.label_fr if definition else row.quantity,
        unit=definition.unit if definition else "",
        site=row.site,
        domain=row.domain,
        kind=definition.kind.value if definition else None,
        reporting=row.reporting or usual,  # type: ignore[arg-type]  # the registry knows these two
        interval_s=interval.total_seconds() if interval else None,
        stale_after_s=stale.total_seconds() if stale else None,
        low=row.low if row.low is not None or definition is None else definition.low,
        high=row.high if row.high is not None or definition is None else definition.high,
        saturates=row.saturates,
        in_use=row.in_use,
    )
