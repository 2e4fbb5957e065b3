"""Answers of OGC API Features 1.0: collections, features as GeoJSON, the description of the API."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from hypervisor.base.instance import Banner
from hypervisor.database.connect import Connection
from hypervisor.registry.geometry import orient_rings
from hypervisor.standards import queries_sensorthings as store
from hypervisor.standards.expressions import parse_time
from hypervisor.standards.model import QueryError
from hypervisor.standards.options import Options
from hypervisor.standards.queries_features import Collection, during, equal, within
from hypervisor.standards.queries_sensorthings import Condition, Row, Selection
from hypervisor.web import problems
from hypervisor.web.formats import GEOJSON
from hypervisor.web.times import text

USUAL, MOST = 100, 10_000  # features of a page
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
CONFORMANCE = tuple(
    f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}"
    for name in ("core", "geojson", "oas30")
)
_SCHEMAS = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "truth": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time"},
}


@dataclass(frozen=True, kw_only=True)
class Library:
    """What answers are made from. `anybody`: of a request of nobody in particular.

    `tables`: what a collection's rows are made from, by its name, beside the catalogue.
    """

    connection: Connection
    catalogue: Condition
    tables: Mapping[str, Callable[[], Condition]]
    base: str
    mode: Banner
    licence: str
    anybody: bool

    def describe(self, collection: Collection) -> Condition:
        tables = self.tables.get(collection.name)
        return self.catalogue if tables is None else self.catalogue + tables()


@dataclass(frozen=True, kw_only=True)
class ItemQuery:
    """Which features of a collection."""

    limit: int = USUAL
    cursor: str | None = None
    conditions: tuple[Condition, ...] = ()


def parse_query(collection: Collection, pairs: Iterable[tuple[str, str]]) -> ItemQuery:
    """What a request for features says.

    Raises QueryError: a parameter is unknown, or not what it must be.
    """
    limit, cursor = USUAL, None
    conditions: list[Condition] = []
    for name, value in pairs:
        match name:
            case "limit":
                limit = _parse_limit(value)
            case "cursor":
                cursor = value
            case "bbox":
                conditions.append(within(_parse_box(value)))
            case "bbox-crs" if value == CRS84:
                pass
            case "datetime":
                conditions.append(during(*_parse_span(value)))
            case "f" if value in {"json", "geojson"}:
                pass
            case _ if collection.properties.get(name) in _SCHEMAS:
                conditions.append(_compare(collection, name, value))
            case _:
                raise QueryError(
                    "{name}={value}: not offered; parameters are limit, bbox, datetime and {names}",
                    name,
                    value[:60],
                    ", ".join(list_filters(collection)),
                )
    return ItemQuery(limit=limit, cursor=cursor, conditions=tuple(conditions))


def list_filters(collection: Collection) -> list[str]:
    """The properties by which features can be chosen."""
    return [name for name, kind in collection.properties.items() if kind in _SCHEMAS]


def _compare(collection: Collection, name: str, value: str) -> Condition:
    kind = collection.properties[name]
    if kind == "number":
        try:
            return equal(name, float(value))
        except ValueError:
            raise QueryError("{name}: {value!r} is no number", name, value[:60]) from None
    if kind == "truth":
        if value not in {"true", "false"}:
            raise QueryError("{name}: {value!r} is neither true nor false", name, value[:60])
        return equal(name, value == "true")
    if kind == "time":
        return equal(name, parse_time(value))
    return equal(name, value)


def _parse_limit(value: str) -> int:
    if not value.isdecimal() or len(value) > 9 or int(value) == 0:
        raise QueryError("limit: {value!r} is no number from 1 on", value[:60])
    return min(int(value), MOST)


def _parse_box(value: str) -> tuple[float, float, float, float]:
    try:
        edges = [float(edge) for edge in value.split(",")]
    except ValueError:
        edges = []
    if len(edges) == 6:
        edges = [*edges[:2], *edges[3:5]]
    if len(edges) != 4 or not all(abs(edge) <= 1e6 for edge in edges) or edges[1] > edges[3]:
        raise QueryError("bbox: {value!r} is not west,south,east,north in degrees", value[:60])
    west, south, east, north = edges
    return west, south, east, north


def _parse_span(value: str) -> tuple[datetime | None, datetime | None]:
    begin, slash, end = value.partition("/")
    if not slash:
        at = parse_time(begin)
        return at, at
    edges = [None if edge in {"", ".."} else parse_time(edge) for edge in (begin, end)]
    if None not in edges and edges[0] > edges[1]:  # type: ignore[operator]
        raise QueryError("datetime: {value!r} ends before it begins", value[:60])
    return edges[0], edges[1]


def describe_collection(library: Library, collection: Collection) -> dict[str, Any]:
    """The description of a collection for clients."""
    address = f"{library.base}/collections/{collection.name}"
    body: dict[str, Any] = {
        "id": collection.name,
        "title": collection.title,
        "description": collection.description,
        "itemType": "feature",
        "crs": [CRS84],
        "links": [
            link(address, "self", "application/json", collection.title),
            link(f"{address}/items", "items", GEOJSON, collection.title),
            link(library.licence, "license", "text/html", "Licence"),
        ],
    }
    extent = _measure(library, collection)
    if extent is not None:
        body["extent"] = {"spatial": {"bbox": [extent], "crs": CRS84}}
    return body


def link(href: str, rel: str, kind: str, title: str) -> dict[str, str]:
    """A link of an answer."""
    return {"href": href, "rel": rel, "type": kind, "title": title}


def _measure(library: Library, collection: Collection) -> list[float] | None:
    return store.measure_extent(
        library.connection, library.describe(collection), _select(collection, ItemQuery())
    )


def _select(collection: Collection, query: ItemQuery) -> Selection:
    columns = (*collection.rows.key, "id", "geometry", *collection.properties)
    return Selection(
        entity=collection.rows,
        options=Options(top=query.limit, skiptoken=query.cursor),
        needed=tuple(dict.fromkeys(columns)),
        conditions=query.conditions,
    )


def read_features(
    library: Library, collection: Collection, query: ItemQuery
) -> tuple[list[dict[str, Any]], str | None, int]:
    """A page of features, where the next one begins, and how many there are on all pages."""
    selection, tables = _select(collection, query), library.describe(collection)
    rows, token = store.fetch_page(library.connection, tables, selection)
    counted = _select(collection, ItemQuery(conditions=query.conditions))
    number = store.count_rows(library.connection, tables, counted)
    return [_build(library, collection, row) for row in rows], token, number


def _build(library: Library, collection: Collection, row: Row) -> dict[str, Any]:
    withheld = collection.withheld if library.anybody else frozenset[str]()
    properties: dict[str, Any] = {
        name: text(value) if isinstance(value := row[name], datetime) else value
        for name in collection.properties
        if name not in withheld
    }
    return {
        "type": "Feature",
        "id": row["id"],
        "geometry": _orient(row["geometry"]),
        "properties": {**properties, "mode": library.mode},
    }


def _orient(geometry: msgspec.Raw | None) -> Any:
    """An area with its rings as RFC 7946 has them; other shapes pass through unread."""
    if geometry is None or b'Polygon"' not in bytes(geometry):
        return geometry
    return orient_rings(msgspec.json.decode(geometry))


def describe_api(library: Library, collections: Iterable[Collection]) -> Mapping[str, Any]:
    """The OpenAPI document: clients read in it by what features can be chosen."""
    paths: dict[str, Any] = {
        f"/{name}" if name else "/": {"get": _operation(name or "landing page")}
        for name in ("", "conformance", "collections")
    }
    for collection in collections:
        items = f"/collections/{collection.name}/items"
        paths[items.removesuffix("/items")] = {"get": _operation(collection.title)}
        parameters = _parameters(collection)
        paths[items] = {"get": _operation(collection.description, parameters, kind=GEOJSON)}
        identifier = {"name": "id", "in": "path", "required": True, "schema": _SCHEMAS["text"]}
        one_feature = _operation(f"{collection.title}: one feature", [identifier], kind=GEOJSON)
        paths[f"{items}/{{id}}"] = {"get": one_feature}
    for path, item in paths.items():
        item["get"]["operationId"] = re.sub(r"\W+", "_", f"get {path}".rstrip("/}"))
    return {
        "openapi": "3.0.3",
        "info": {"title": "Territorial hypervisor", "version": "1"},
        "servers": [{"url": library.base}],
        "paths": paths,
    }


def _operation(
    summary: str, parameters: Iterable[Mapping[str, Any]] = (), *, kind: str = "application/json"
) -> dict[str, Any]:
    responses = {
        "200": _describe_response("As OGC API Features 1.0 says", kind),
        "400": _describe_response("A parameter is unknown, or not what it must be", problems.MEDIA),
        "404": _describe_response("Nothing is here for this caller", problems.MEDIA),
    }
    return {"summary": summary, "parameters": list(parameters), "responses": responses}


def _describe_response(description: str, kind: str) -> dict[str, Any]:
    return {"description": description, "content": {kind: {"schema": {"type": "object"}}}}


def _parameters(collection: Collection) -> Iterable[Mapping[str, Any]]:
    limit = {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}
    box = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}
    yield _parameter("limit", limit)
    yield _parameter("bbox", box)
    yield _parameter("datetime", _SCHEMAS["text"])
    for name in list_filters(collection):
        yield _parameter(name, _SCHEMAS[collection.properties[name]])


def _parameter(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    form = {"required": False, "style": "form", "explode": False}
    return {"name": name, "in": "query", **form, "schema": schema}


def encode(body: Mapping[str, Any]) -> bytes:
    """As JSON."""
    return msgspec.json.encode(body)
