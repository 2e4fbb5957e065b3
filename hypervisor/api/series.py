"""Series: each quantity of each device, with its unit, range and interval."""

from typing import Annotated

from fastapi import APIRouter, Query

from hypervisor.api.access import Access, Asked
from hypervisor.api.device_shapes import SeriesBody, SeriesDetailBody, SeriesListBody
from hypervisor.api.paging import Page
from hypervisor.api.problems import NotFoundError, responses
from hypervisor.fleet import health
from hypervisor.store.registry import fleet
from hypervisor.store.registry.fleet import SeriesRow

router = APIRouter(prefix="/series", tags=["series"])


@router.get("", responses=responses())
def every(
    asked: Asked,
    page: Page,
    *,
    device: Annotated[str | None, Query(examples=["yvette-gif"])] = None,
    site: Annotated[str | None, Query(examples=["yvette-gif"])] = None,
    quantity: Annotated[str | None, Query(examples=["level"])] = None,
) -> SeriesListBody:
    """Series by device and quantity."""
    rows = fleet.series(
        asked.connection,
        asked.now(),
        devices=None if device is None else [device],
        site=site,
        quantity=quantity,
    )
    some, following = page.cut(rows, lambda row: (row.device, row.quantity))
    return SeriesListBody(
        mode=asked.mode, series=[body(asked, row) for row in some], next=following
    )


@router.get("/{device}/{quantity}", responses=responses(404))
def one(asked: Asked, device: str, quantity: str) -> SeriesDetailBody:
    """One series; its readings stand below it."""
    return SeriesDetailBody(mode=asked.mode, series=body(asked, found(asked, device, quantity)))


def found(asked: Access, device: str, quantity: str) -> SeriesRow:
    """The series of that name.

    Raises:
        NotFoundError: there is none.
    """
    rows = fleet.series(asked.connection, asked.now(), devices=[device], quantity=quantity)
    if not rows:
        raise NotFoundError(f"device {device!r} has no series {quantity!r}")
    return rows[0]


def body(asked: Access, row: SeriesRow) -> SeriesBody:
    """A series with what the catalogue says of its quantity."""
    known = asked.catalogue.quantities.get(row.quantity)
    interval = health.interval_of(row, asked.catalogue)
    stale = health.stale_after(row, asked.catalogue)
    usual = known.reporting.value if known else None
    return SeriesBody(
        device=row.device,
        quantity=row.quantity,
        label=known.label_en if known else row.quantity,
        label_fr=known.label_fr if known else row.quantity,
        unit=known.unit if known else "",
        site=row.site,
        domain=row.domain,
        kind=known.kind.value if known else None,
        reporting=row.reporting or usual,  # type: ignore[arg-type]  # the registry knows these two
        interval_s=interval.total_seconds() if interval else None,
        stale_after_s=stale.total_seconds() if stale else None,
        low=row.low if row.low is not None or known is None else known.low,
        high=row.high if row.high is not None or known is None else known.high,
        saturates=row.saturates,
        in_use=row.in_use,
    )
