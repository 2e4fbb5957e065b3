"""The readings of one series, page by page."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query

from hypervisor.access.context import Context, list_quality_flags
from hypervisor.base.errors import NotFoundError
from hypervisor.readings import queries_latest
from hypervisor.web.problems import responses
from hypervisor.web.schemas import Reading, ReadingsBody
from hypervisor.web.times import Instant

router = APIRouter(prefix="/series", tags=["readings"])

_INSTANT = timedelta(microseconds=1)


@router.get("/{device}/{quantity}/readings", responses=responses(404, 422))
def list_series_readings(  # noqa: PLR0913  what a page is made of
    context: Context,
    device: str,
    quantity: str,
    *,
    since: Annotated[
        Instant | None,
        Query(
            alias="from", description="First time, inclusive.", examples=["2022-01-10T00:00:00Z"]
        ),
    ] = None,
    until: Annotated[Instant | None, Query(alias="to", description="Last time, exclusive.")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
    order: Annotated[
        Literal["asc", "desc"], Query(description="`desc`: the newest first.")
    ] = "asc",
) -> ReadingsBody:
    """Stored readings by time, suspect ones among them; follow `next` for more."""
    series = queries_latest.get_series_id(context.connection, device, quantity)
    if series is None:
        raise NotFoundError(f"device {device!r} has no series {quantity!r}")
    rows = queries_latest.list_readings(
        context.connection, series, since=since, until=until, limit=limit + 1, order=order
    )
    page, more = rows[:limit], len(rows) > limit
    definition = context.catalogue.quantities.get(quantity)
    return ReadingsBody(
        mode=context.mode,
        device=device,
        quantity=quantity,
        unit=definition.unit if definition else "",
        readings=[
            Reading(
                time=row.time,
                value=row.value,
                quality=list_quality_flags(row.quality),
                received_at=row.received_at,
            )
            for row in page
        ],
        next=_next_page_url(device, quantity, page[-1].time, since, until, limit, order)
        if more
        else None,
    )


def _next_page_url(  # noqa: PLR0913, PLR0917  what a page is made of
    device: str,
    quantity: str,
    last: datetime,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    order: str,
) -> str:
    since, until = (last + _INSTANT, until) if order == "asc" else (since, last)
    parameters = {"from": since, "to": until, "limit": limit, "order": order}
    words = {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in parameters.items()
        if value is not None
    }
    return f"/api/v1/series/{device}/{quantity}/readings?{urlencode(words)}"
