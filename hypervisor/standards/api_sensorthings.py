"""Routes of OGC SensorThings 1.1, to read: /sensorthings/v1.1."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from http import HTTPStatus
from itertools import chain
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse

from hypervisor.access.context import RequestContext
from hypervisor.base.settings import Settings
from hypervisor.standards import access, sensorthings
from hypervisor.standards import queries_sensorthings as store
from hypervisor.standards.access import open_output
from hypervisor.standards.model import NoResourceError
from hypervisor.standards.options import Options, parse_options, parse_path
from hypervisor.standards.queries_entities import ENTITY_SETS, describe_catalogue
from hypervisor.standards.queries_sensorthings import Row, Selection
from hypervisor.standards.resources import (
    Resource,
    Source,
    bind_datastream,
    resolve,
)
from hypervisor.web.budget import FILE, costs

PREFIX = "/sensorthings/v1.1"
_JSON = "application/json"
_REQUIREMENT = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
_CONFORMANCE = (
    *(f"datamodel/{name}" for name in (
        "thing", "location", "historical-location", "datastream", "sensor", "observed-property",
        "observation", "feature-of-interest", "entity-control-information",
    )),
    *(f"resource-path/{name}" for name in ("resource-path-to-entities",)),
    *(f"request-data/{name}" for name in (
        "order", "expand", "select", "status-code", "query-status-code", "orderby", "top", "skip",
        "count", "filter", "built-in-filter-operations", "built-in-query-functions", "pagination",
    )),
    "data-array/data-array",
)  # fmt: skip
Context = Annotated[RequestContext, Depends(open_output("sensorthings"))]
router = APIRouter(prefix=PREFIX, include_in_schema=False)


def install(app: FastAPI) -> None:
    """Serve it beside the API."""
    access.install(app, PREFIX, answer_error)
    app.include_router(router)


def answer_error(_: Request, status: HTTPStatus, detail: str) -> Response:
    """An error as OData writes it."""
    body = {"error": {"code": str(status.value), "message": detail}}
    return JSONResponse(body, status_code=status.value)


@router.get("")
@router.get("/")
def get_service(context: Context, request: Request) -> Response:
    """The entity sets, and what the service does of the standard."""
    source = _open_source(context, request)
    body = {
        "value": [{"name": name, "url": f"{source.base}/{name}"} for name in ENTITY_SETS],
        "serverSettings": {
            "conformance": [_REQUIREMENT + name for name in _CONFORMANCE],
            "mode": source.mode,
            "licence": source.licence,
            **_describe_mqtt(request),
        },
    }
    return _finish(request, Response(msgspec.json.encode(body), media_type=_JSON))


def _describe_mqtt(request: Request) -> dict[str, Any]:
    """The MQTT address of new observations, if they are published."""
    settings: Settings = request.app.state.settings
    if not settings.sensorthings_mqtt:
        return {}
    place = f"mqtt://{request.url.hostname}:{settings.broker_port}"
    if settings.broker_tls_cert is not None:
        place = f"mqtts://{request.url.hostname}:{settings.broker_tls_port}"
    return {f"{_REQUIREMENT}receive-updates-via-mqtt/receive-updates": {"endpoints": [place]}}


@router.get("/{path:path}")
@costs(FILE)
def get_resource(context: Context, request: Request, path: str) -> Response:
    """Entities, one of them, its properties, links or a count."""
    source = _open_source(context, request)
    options = parse_options(request.query_params.multi_items())
    segments = parse_path(path.strip("/"))
    if not segments:
        raise NoResourceError("there is no resource at {path!r}", path)
    resource = resolve(source, segments)
    if resource.entity.name == "Observations" and not resource.conditions:
        identifier, options = bind_datastream(options)
        if identifier is not None:
            resource = resolve(source, parse_path(_path_of(identifier)))
    sensorthings.check(resource.entity, options)
    if resource.form == "count":
        selection = Selection(
            entity=resource.entity,
            options=replace(options, skiptoken=None),
            needed=(),
            conditions=resource.conditions,
        )
        number = store.count_rows(source.connection, source.catalogue, selection)
        response: Response = PlainTextResponse(str(number))
    elif resource.single:
        response = _answer_entity(source, resource, options)
    else:
        response = _answer_page(source, resource, options, request)
    return _finish(request, response)


def _path_of(datastream: str) -> str:
    key = datastream.replace("'", "''")
    return f"Datastreams('{key}')/Observations"


def _open_source(context: RequestContext, request: Request) -> Source:
    base = str(request.base_url).rstrip("/") + PREFIX
    store.prepare(context.connection)
    return Source(
        connection=context.connection,
        catalogue=describe_catalogue(context.catalogue, base),
        base=base,
        mode=context.mode,
        licence=request.app.state.settings.licence,
    )


def _finish(request: Request, response: Response) -> Response:
    access.describe(request, response, "sensorthings")
    return response


def _answer_entity(source: Source, resource: Resource, options: Options) -> Response:
    part = resource.part
    if part is not None:
        options = Options(select=(part,))
    elif resource.form == "links":
        options = Options(select=("@iot.selfLink",))
    selection = _select(resource, replace(options, top=1, skip=0), alone=True)
    rows, _ = store.fetch_page(source.connection, source.catalogue, selection)
    if not rows:
        raise NoResourceError("there is no such entity of {entity}", resource.entity.name)
    (body,) = sensorthings.build_entities(source, resource.entity, rows, options)
    if resource.form == "value":
        value = body.get(part or "")
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        return PlainTextResponse(text)
    return Response(msgspec.json.encode(body), media_type=_JSON)


def _select(resource: Resource, options: Options, *, alone: bool = False) -> Selection:
    return Selection(
        entity=resource.entity,
        options=options,
        needed=store.select_columns(resource.entity, options, alone=alone),
        conditions=resource.conditions,
    )


def _answer_page(
    source: Source, resource: Resource, options: Options, request: Request
) -> Response:
    """A page, streamed: what it expands is read in portions while it is sent."""
    if resource.form == "links":
        options = replace(options, select=("@iot.selfLink",), expand={})
    selection = _select(resource, options)
    rows, token = store.fetch_page(source.connection, source.catalogue, selection)
    head: dict[str, Any] = {}
    if options.count:
        counted = replace(selection, options=replace(options, skiptoken=None))
        head["@iot.count"] = store.count_rows(source.connection, source.catalogue, counted)
    if token is not None:
        address = str(request.url).partition("?")[0]
        pairs = request.query_params.multi_items()
        head["@iot.nextLink"] = f"{address}{sensorthings.next_query(pairs)}{token}"
    portions = sensorthings.stream_entities(source, resource.entity, rows, options)
    if options.data_array and resource.entity.name == "Observations":
        return _answer_arrays(source, resource, rows, options, head)
    first = next(portions, [])  # what can fail, fails before the answer begins
    return StreamingResponse(_write(head, chain([first], portions)), media_type=_JSON)


def _write(head: dict[str, Any], portions: Iterable[Sequence[dict[str, Any]]]) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    begun = encoder.encode({**head, "value": []})
    yield begun[:-2]
    separator = b""
    for portion in portions:
        if portion:
            yield separator + encoder.encode(portion)[1:-1]
            separator = b","
    yield b"]}"


def _answer_arrays(
    source: Source,
    resource: Resource,
    rows: Sequence[Row],
    options: Options,
    head: dict[str, Any],
) -> Response:
    """Observations as data arrays, by Datastream."""
    bodies = sensorthings.build_entities(
        source, resource.entity, rows, Options(select=(*resource.entity.properties, "id"))
    )
    names = [
        name
        for name in resource.entity.properties
        if options.select is None or name in options.select
    ]
    keys = ["@iot.id" if name == "id" else name for name in names]
    arrays: dict[str, list[list[Any]]] = {}
    for body in bodies:
        datastream = body["@iot.id"].partition("@")[0]
        arrays.setdefault(datastream, []).append([body.get(key) for key in keys])
    datastreams = ENTITY_SETS["Datastreams"]
    value = [
        {
            "Datastream@iot.navigationLink": sensorthings.address(source, datastreams, datastream),
            "components": names,
            "dataArray@iot.count": len(array),
            "dataArray": array,
        }
        for datastream, array in arrays.items()
    ]
    return Response(msgspec.json.encode({**head, "value": value}), media_type=_JSON)
