"""The readings of several series at once, raw or rolled up, as JSON, CSV or GeoJSON."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from hypervisor.access.context import Context, RequestContext, list_quality_flags
from hypervisor.base.errors import NotFoundError
from hypervisor.readings import queries_latest, queries_pieces
from hypervisor.readings.queries_pieces import Bucket, RawReading
from hypervisor.readings.schemas import (
    MarkedReading,
    NamedSeries,
    RolledReading,
    SeveralReadingsBody,
    Span,
)
from hypervisor.registry import queries_devices
from hypervisor.registry.queries_devices import SeriesRow
from hypervisor.web import formats
from hypervisor.web.formats import AnswerFormat, Feature, point
from hypervisor.web.paging import Page, Paging
from hypervisor.web.problems import responses
from hypervisor.web.times import Instant, text
from sensors._errors import TerritoryError

router = APIRouter(prefix="/readings", tags=["readings"])

_SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_RAW_UNTIL, _HOURS_UNTIL = timedelta(days=4), timedelta(days=120)
_MOST_SERIES = 20


class SpanError(TerritoryError):
    """A question about readings that has no answer."""


Names = Annotated[
    list[str],
    Query(
        alias="series",
        min_length=1,
        max_length=_MOST_SERIES,
        description="DEVICE/QUANTITY; as often as wanted.",
        examples=[["yvette-gif/level"]],
    ),
]


@router.get(
    "",
    response_model=SeveralReadingsBody,
    responses=responses(404, 422) | formats.also("csv", "geojson"),
)
def list_readings(  # noqa: PLR0913  what a page is made of
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
    """Readings by time. As CSV all of them at once, streamed; else page by page.

    As GeoJSON: a point a series with what it said.
    """
    question = _make_request(context, names, since, until, span)
    form = answer_format.among("json", "csv", "geojson")
    if form == "csv":
        return formats.table(_HEAD[question.kind], _format_rows(context, question), name="readings")
    rows, following = _read_page(context, page, question)
    if form == "geojson":
        return formats.geojson(context.mode, _make_features(context, question, rows), following)
    return SeveralReadingsBody(
        mode=context.mode,
        span=question.kind,
        series=[_make_series(context, row) for row in question.series],
        raw=[_make_reading(question, row) for row in rows if isinstance(row, RawReading)],
        rolled=[_make_rollup(question, row) for row in rows if isinstance(row, Bucket)],
        next=following,
    )


@dataclass(frozen=True, kw_only=True)
class _Request:
    series: Sequence[SeriesRow]
    kind: Span
    query: queries_pieces.BucketQuery

    @property
    def places(self) -> dict[int, int]:
        return {row.id: place for place, row in enumerate(self.series)}


def _make_request(
    context: RequestContext,
    names: Sequence[str],
    since: datetime | None,
    until: datetime | None,
    span: Span | None,
) -> _Request:
    until = until or context.now() + timedelta(microseconds=1)
    since = since or until - timedelta(days=1)
    if until <= since:
        raise SpanError(f"to: {text(until)} is not after {text(since)}")
    length = until - since
    kind: Span = "raw" if length <= _RAW_UNTIL else "hour" if length <= _HOURS_UNTIL else "day"
    series_rows = _find_series(context, list(dict.fromkeys(names)))
    return _Request(
        series=series_rows,
        kind=span or kind,
        query=queries_pieces.BucketQuery(
            series=[row.id for row in series_rows], since=since, until=until
        ),
    )


def _find_series(context: RequestContext, names: Sequence[str]) -> list[SeriesRow]:
    pairs = [tuple(name.rpartition("/")[::2]) for name in names]
    rows = queries_devices.list_series(
        context.connection, context.now(), devices=[device for device, _ in pairs]
    )
    series_by_name = {(row.device, row.quantity): row for row in rows}
    for device, quantity in pairs:
        if (device, quantity) not in series_by_name:
            raise NotFoundError(f"device {device!r} has no series {quantity!r}")
    return [series_by_name[device, quantity] for device, quantity in pairs]


def _read_rows(context: RequestContext, question: _Request) -> Iterator[RawReading | Bucket]:
    if question.kind == "raw":
        yield from queries_pieces.stream_readings(context.connection, question.query)
    else:
        yield from queries_pieces.stream_buckets(
            context.connection, question.query, _SPANS[question.kind]
        )


def _read_page(
    context: RequestContext, page: Paging, question: _Request
) -> tuple[list[RawReading | Bucket], str | None]:
    """From and to are said in full in `next`: now moves on while somebody reads."""
    page_query = replace(question.query, after=page.behind(), limit=page.limit + 1)
    question = replace(question, query=page_query)
    rows = list(islice(_read_rows(context, question), page.limit + 1))
    url = page.request.url.include_query_params(
        **{"from": text(question.query.since), "to": text(question.query.until)}
    )
    return page.take(rows, lambda row: (text(row.time), row.series), url=url)


def _make_series(context: RequestContext, row: SeriesRow) -> NamedSeries:
    definition = context.catalogue.quantities.get(row.quantity)
    return NamedSeries(
        device=row.device,
        quantity=row.quantity,
        label=definition.label_en if definition else row.quantity,
        unit=definition.unit if definition else "",
        site=row.site,
    )


def _make_reading(question: _Request, row: RawReading) -> MarkedReading:
    return MarkedReading(
        series=question.places[row.series],
        time=row.time,
        value=row.value,
        quality=list_quality_flags(row.quality),
        received_at=row.received_at,
    )


def _make_rollup(question: _Request, row: Bucket) -> RolledReading:
    return RolledReading(**{**asdict(row), "series": question.places[row.series]})


_NAMED = ("device", "quantity", "unit", "time")
_FIGURES = ("count", "suspect", "low", "high", "mean", "total", "last", "increase")
_HEAD = {
    "raw": (*_NAMED, "value", "quality", "received_at"),
    "hour": (*_NAMED, *_FIGURES),
    "day": (*_NAMED, *_FIGURES),
}


def _format_rows(context: RequestContext, question: _Request) -> Iterator[Sequence[Any]]:
    named = {row.id: _make_series(context, row) for row in question.series}
    for row in _read_rows(context, question):
        own = named[row.series]
        head = (own.device, own.quantity, own.unit, text(row.time))
        if isinstance(row, RawReading):
            received = None if row.received_at is None else text(row.received_at)
            yield (*head, row.value, " ".join(list_quality_flags(row.quality)), received)
        else:
            yield (*head, *(getattr(row, name) for name in _FIGURES))


def _make_features(
    context: RequestContext, question: _Request, rows: Iterable[RawReading | Bucket]
) -> Iterator[Feature]:
    places = {row.name: (row.lon, row.lat) for row in queries_latest.list_sites(context.connection)}
    readings_by_series: dict[int, list[dict[str, Any]]] = {row.id: [] for row in question.series}
    for row in rows:
        body = (
            _make_reading(question, row)
            if isinstance(row, RawReading)
            else _make_rollup(question, row)
        )
        readings_by_series[row.series].append(body.model_dump(mode="json", exclude={"series"}))
    for series_row in question.series:
        named = _make_series(context, series_row)
        yield Feature(
            id=f"{series_row.device}/{series_row.quantity}",
            geometry=point(*places.get(series_row.site, (None, None))),
            properties={
                **named.model_dump(),
                "span": question.kind,
                "readings": readings_by_series[series_row.id],
            },
        )
