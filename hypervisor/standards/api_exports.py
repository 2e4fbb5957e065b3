"""Routes of files: /exports, with the Frictionless data package that describes them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from hypervisor.access.context import NOBODY, RequestContext
from hypervisor.standards import access, counts, exports
from hypervisor.standards.access import open_output
from hypervisor.standards.exports import Source, Span
from hypervisor.standards.model import NoResourceError
from hypervisor.web import problems, table_files
from hypervisor.web.budget import FILE, costs
from hypervisor.web.table_files import Table
from hypervisor.web.times import Instant, text

PREFIX = "/exports"
_DAY, _MONTH, _YEAR = timedelta(days=1), timedelta(days=31), timedelta(days=366)
Context = Annotated[RequestContext, Depends(open_output("exports"))]
Form = Literal["csv", "parquet"]
_MEDIA: Mapping[Form, str] = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
router = APIRouter(prefix=PREFIX, include_in_schema=False)


class TimeFilter(BaseModel):
    """The span of a file; what is no filter is refused, not passed over."""

    model_config = ConfigDict(extra="forbid")
    since: Instant | None = Field(default=None, alias="from")
    until: Instant | None = Field(default=None, alias="to")


class ReadingFilter(TimeFilter):
    """Which series, too; each may be given several times."""

    site: list[str] = []
    device: list[str] = []
    quantity: list[str] = []
    domain: list[str] = []


def install(app: FastAPI) -> None:
    """Serve it beside the API."""
    access.install(app, PREFIX, problems.describe_problem)
    app.include_router(router)


@router.get("")
@router.get("/")
@router.get("/datapackage.json")
def get_data_package(context: Context, request: Request) -> Response:
    """What there is, as a Frictionless data package."""
    source = _open_source(context, request)
    tables = [
        ("readings.csv", exports.READINGS, "Readings of the last day; of others with from and to"),
        ("counts/sites.csv", counts.SITES, f"{counts.SCHEMA}site"),
        ("counts/channels.csv", counts.CHANNELS, f"{counts.SCHEMA}channel"),
        ("counts/measures.csv", counts.MEASURES, f"{counts.SCHEMA}measure"),
    ]
    if context.person.account != NOBODY:
        alarms = "Alarms that began in the last month; others with from and to"
        tables.insert(1, ("alarms.csv", exports.ALARMS, alarms))
    resources = [table_files.describe_csv(path, schema, about) for path, schema, about in tables]
    body = {
        "profile": "data-package",
        "name": "exports",
        "title": source.instance,
        "created": text(context.clock()),
        "mode": source.mode,
        "licenses": [{"path": source.licence}] if source.licence else [],
        "resources": resources,
    }
    response = JSONResponse({name: value for name, value in body.items() if value})
    access.describe(request, response, "exports")
    return response


@router.get("/readings.{form}")
@costs(FILE)
def get_readings(
    context: Context, request: Request, form: Form, query: Annotated[ReadingFilter, Query()]
) -> Response:
    """Readings of a span of time."""
    source = _open_source(context, request)
    span = _choose_span(source, query, most=_MONTH)
    series = exports.find_series(
        source,
        sites=query.site,
        devices=query.device,
        quantities=query.quantity,
        domains=query.domain,
    )
    return _stream(request, exports.tabulate_readings(source, series, span), form, span)


@router.get("/alarms.{form}")
@costs(FILE)
def get_alarms(
    context: Context, request: Request, form: Form, query: Annotated[TimeFilter, Query()]
) -> Response:
    """Alarms that began within a span of time."""
    if context.person.account == NOBODY:
        raise NoResourceError("alarms are not public")
    source = _open_source(context, request)
    span = _choose_span(source, query, usual=_MONTH, most=_YEAR)
    return _stream(request, exports.tabulate_alarms(source, span), form, span)


@router.get("/counts/sites.csv")
@costs(FILE)
def get_count_sites(context: Context, request: Request) -> Response:
    """Where road users are counted."""
    source = _open_source(context, request)
    return _stream(request, counts.tabulate_sites(source, counts.list_channels(source)), "csv")


@router.get("/counts/channels.csv")
@costs(FILE)
def get_count_channels(context: Context, request: Request) -> Response:
    """What counts them."""
    source = _open_source(context, request)
    return _stream(request, counts.tabulate_channels(source, counts.list_channels(source)), "csv")


@router.get("/counts/measures.csv")
@costs(FILE)
def get_count_measures(
    context: Context, request: Request, query: Annotated[TimeFilter, Query()]
) -> Response:
    """How many passed."""
    source = _open_source(context, request)
    span = _choose_span(source, query, most=_MONTH)
    table = counts.tabulate_measures(source, counts.list_channels(source), span)
    return _stream(request, table, "csv", span)


def _open_source(context: RequestContext, request: Request) -> Source:
    return Source(
        connection=context.connection,
        catalogue=context.catalogue,
        now=context.now(),
        mode=context.mode,
        licence=request.app.state.settings.licence,
        instance=context.instance.name,
    )


def _choose_span(
    source: Source, query: TimeFilter, *, usual: timedelta = _DAY, most: timedelta
) -> Span:
    return exports.choose_span(query.since, query.until, now=source.now, usual=usual, most=most)


def _stream(request: Request, table: Table, form: Form, span: Span | None = None) -> Response:
    """A file, sent while it is read; the link `next` leads to the span behind it."""
    content = table_files.write_csv(table) if form == "csv" else table_files.write_parquet(table)
    response = StreamingResponse(content, media_type=_MEDIA[form])
    mark = "" if table.facts["mode"] == "LIVE" else f"{table.facts['mode']}-"
    name = f"{mark}{table.name}{'' if span is None else f'-{span.since:%Y%m%dT%H%M%SZ}'}.{form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    access.describe(request, response, "exports")
    if span is not None:
        bounds = {"from": text(span.following.since), "to": text(span.following.until)}
        following = request.url.include_query_params(**bounds)
        response.headers.append("Link", f'<{following}>; rel="next"')
    return response
