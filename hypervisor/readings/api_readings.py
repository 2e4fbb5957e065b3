"""Routes of readings: of one series; of several, raw or rolled up, as JSON, CSV or GeoJSON."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.errors import NotFoundError
from hypervisor.readings import queries_buckets, queries_latest
from hypervisor.readings.api_series import find_series, name_series
from hypervisor.readings.queries_buckets import BucketQuery
from hypervisor.readings.schemas import Bucket, SeriesReading, SeveralReadingsBody, Span
from hypervisor.registry import queries_devices
from hypervisor.registry.queries_devices import SeriesRow
from hypervisor.web import formats
from hypervisor.web.budget import ROWS_OF_SPAN, costs
from hypervisor.web.formats import AnswerFormat, Feature, point
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses
from hypervisor.web.schemas import Reading, ReadingsBody
from hypervisor.web.times import FIRST, LAST, Instant, text
from sensors._errors import TerritoryError

router = APIRouter(tags=["readings"])

_INSTANT = timedelta(microseconds=1)
_SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_RAW_UNTIL, _HOURS_UNTIL = timedelta(days=4), timedelta(days=120)
_NAMED = ("device", "quantity", "unit", "time")
_FIGURES = ("count", "suspect", "low", "high", "mean", "total", "last", "increase")
_RAW_FIGURES = ("value", "quality", "received_at")


class SpanError(TerritoryError):
    """A span that ends before it begins."""


Names = Annotated[
    list[str],
    Query(
        alias="series",
        min_length=1,
        max_length=20,
        description="DEVICE/QUANTITY; may be given several times.",
        examples=[["yvette-gif/level"]],
    ),
]


@router.get("/series/{device}/{quantity}/readings", responses=responses(404, 422))
@costs(ROWS_OF_SPAN)
def list_series_readings(  # noqa: PLR0913  one argument a filter
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
    """Stored readings by time, including suspect ones; follow `next` for more."""
    series = find_series(context, device, quantity)
    query = BucketQuery(
        series=[series.id],
        since=since or FIRST,
        until=until or LAST,
        limit=limit + 1,
        newest_first=order == "desc",
    )
    rows = list(queries_buckets.stream_readings(context.connection, query))
    following = None
    if len(rows) > limit:
        last = rows[limit - 1].time
        since, until = (last + _INSTANT, until) if order == "asc" else (since, last)
        bounds = {"from": since and since.isoformat(), "to": until and until.isoformat()}
        words = {name: at for name, at in bounds.items() if at} | {"limit": limit, "order": order}
        following = f"/api/v1/series/{device}/{quantity}/readings?{urlencode(words)}"
    return ReadingsBody(
        mode=context.mode,
        device=device,
        quantity=quantity,
        unit=name_series(context, series).unit,
        readings=[Reading(**vars(row)) for row in rows[:limit]],
        next=following,
    )


@dataclass(frozen=True, kw_only=True)
class _Request:
    """A request for readings of series; `span` is chosen if none is requested."""

    series: Sequence[SeriesRow]
    span: Span
    query: BucketQuery


@router.get(
    "/readings",
    response_model=SeveralReadingsBody,
    responses=responses(404, 422) | formats.also("csv", "geojson"),
)
@costs(ROWS_OF_SPAN)
def list_readings(  # noqa: PLR0913  one argument a filter
    context: Context,
    page: Page,
    answer_format: AnswerFormat,
    names: Names,
    *,
    since: Annotated[
        Instant | None,
        Query(alias="from", description="First time, inclusive. Default: a day before the end."),
    ] = None,
    until: Annotated[
        Instant | None, Query(alias="to", description="Last time, exclusive. Default: now.")
    ] = None,
    span: Annotated[
        Span | None,
        Query(description="Default: raw up to four days, hours up to four months, then days."),
    ] = None,
) -> SeveralReadingsBody | Response:
    """Readings by time: as CSV all of them in one stream, otherwise page by page.

    As GeoJSON: a point a series with its readings.
    """
    request = _make_request(context, names, since, until, span)
    form = answer_format.among("json", "csv", "geojson")
    if form == "csv":
        figures = _RAW_FIGURES if request.span == "raw" else _FIGURES
        return formats.table((*_NAMED, *figures), _format_rows(context, request), name="readings")
    query = replace(request.query, after=page.behind(), limit=page.limit + 1)
    rows = list(islice(_read_rows(context, replace(request, query=query)), page.limit + 1))
    url = page.request.url.include_query_params(  # in full, since now advances
        **{"from": text(query.since), "to": text(query.until)}
    )
    some, following = page.take(rows, lambda row: (text(row.time), row.series), url=url)
    places = {row.id: place for place, row in enumerate(request.series)}
    placed = [row.model_copy(update={"series": places[row.series]}) for row in some]
    if form == "geojson":
        return formats.geojson(context.mode, _make_features(context, request, placed), following)
    return SeveralReadingsBody(
        mode=context.mode,
        span=request.span,
        series=[name_series(context, row) for row in request.series],
        raw=[row for row in placed if isinstance(row, SeriesReading)],
        rolled=[row for row in placed if isinstance(row, Bucket)],
        next=following,
    )


def _make_request(
    context: RequestContext,
    names: Sequence[str],
    since: datetime | None,
    until: datetime | None,
    span: Span | None,
) -> _Request:
    until = until or context.now() + _INSTANT
    since = since or until - timedelta(days=1)
    if until <= since:
        raise SpanError("to: {until} is not after {since}", text(until), text(since))
    length = until - since
    usual: Span = "raw" if length <= _RAW_UNTIL else "hour" if length <= _HOURS_UNTIL else "day"
    series = _find_series(context, list(dict.fromkeys(names)))
    query = BucketQuery(series=[row.id for row in series], since=since, until=until)
    return _Request(series=series, span=span or usual, query=query)


def _find_series(context: RequestContext, names: Sequence[str]) -> list[SeriesRow]:
    pairs = [tuple(name.rpartition("/")[::2]) for name in names]
    rows = queries_devices.list_series(
        context.connection, context.now(), devices=[device for device, _ in pairs]
    )
    series = {(row.device, row.quantity): row for row in rows}
    for device, quantity in pairs:
        if (device, quantity) not in series:
            raise NotFoundError("device {device!r} has no series {quantity!r}", device, quantity)
    return [series[device, quantity] for device, quantity in pairs]


def _read_rows(context: RequestContext, request: _Request) -> Iterator[SeriesReading | Bucket]:
    if request.span == "raw":
        yield from queries_buckets.stream_readings(context.connection, request.query)
    else:
        yield from queries_buckets.stream_buckets(
            context.connection, request.query, _SPANS[request.span]
        )


def _format_rows(context: RequestContext, request: _Request) -> Iterator[Sequence[Any]]:
    named = {row.id: name_series(context, row) for row in request.series}
    for row in _read_rows(context, request):
        own = named[row.series]
        head = (own.device, own.quantity, own.unit, text(row.time))
        if isinstance(row, SeriesReading):
            received = None if row.received_at is None else text(row.received_at)
            yield (*head, row.value, " ".join(row.quality), received)
        else:
            yield (*head, *(getattr(row, name) for name in _FIGURES))


def _make_features(
    context: RequestContext, request: _Request, rows: Iterable[SeriesReading | Bucket]
) -> Iterator[Feature]:
    sites = {
        site.name: (site.lon, site.lat) for site in queries_latest.list_sites(context.connection)
    }
    readings: list[list[dict[str, Any]]] = [[] for _ in request.series]
    for row in rows:
        readings[row.series].append(row.model_dump(mode="json", exclude={"series"}))
    for series, own in zip(request.series, readings, strict=True):
        yield Feature(
            id=f"{series.device}/{series.quantity}",
            geometry=point(*sites.get(series.site, (None, None))),
            properties={
                **name_series(context, series).model_dump(),
                "span": request.span,
                "readings": own,
            },
        )
