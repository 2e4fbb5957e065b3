"""Routes of OGC API Features 1.0: /features."""

from dataclasses import replace
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from hypervisor.access.context import NOBODY, RequestContext
from hypervisor.feeds import queries as feed_queries
from hypervisor.feeds.vigicrues import FEED as VIGICRUES
from hypervisor.geography import queries as geography_queries
from hypervisor.geography.epci import load_epci_outlines
from hypervisor.geography.official import match_official_reaches
from hypervisor.standards import access, features
from hypervisor.standards import queries_sensorthings as store
from hypervisor.standards.access import open_output
from hypervisor.standards.features import ItemQuery, Library, link
from hypervisor.standards.model import NoResourceError
from hypervisor.standards.queries_entities import describe_catalogue
from hypervisor.standards.queries_features import COLLECTIONS, Collection, equal
from hypervisor.standards.queries_sensorthings import Condition
from hypervisor.standards.queries_shapes import describe, describe_epci, describe_official
from hypervisor.web import problems
from hypervisor.web.budget import FILE, costs
from hypervisor.web.formats import GEOJSON
from hypervisor.web.times import text

PREFIX = "/features"
_JSON = "application/json"
Context = Annotated[RequestContext, Depends(open_output("features"))]
router = APIRouter(prefix=PREFIX, include_in_schema=False)


def install(app: FastAPI) -> None:
    """Serve it beside the API."""
    access.install(app, PREFIX, problems.describe_problem)
    app.include_router(router)


@router.get("")
@router.get("/")
def get_landing_page(context: Context, request: Request) -> Response:
    """Where everything is."""
    library = _open_library(context, request)
    base = library.base
    links = [
        link(base, "self", _JSON, "This document"),
        link(f"{base}/api", "service-desc", features.OPENAPI, "Description of the API"),
        link(f"{base}/conformance", "conformance", _JSON, "Conformance classes"),
        link(f"{base}/collections", "data", _JSON, "Collections"),
        link(library.licence, "license", "text/html", "Licence"),
    ]
    about = f"Sites, alarms, rivers, works and zones of {context.instance.name}"
    return _answer(request, _mark(library, title="Territorial hypervisor", description=about,
                                  links=links))  # fmt: skip


@router.get("/conformance")
def get_conformance(context: Context, request: Request) -> Response:
    """What of the standard is offered."""
    _open_library(context, request)
    return _answer(request, {"conformsTo": features.CONFORMANCE})


@router.get("/api")
def get_description(context: Context, request: Request) -> Response:
    """The OpenAPI document."""
    library = _open_library(context, request)
    return _answer(
        request, features.describe_api(library, _list(library)), media_type=features.OPENAPI
    )


@router.get("/collections")
def list_collections(context: Context, request: Request) -> Response:
    """All collections that the caller may read."""
    library = _open_library(context, request)
    described = [features.describe_collection(library, each) for each in _list(library)]
    links = [link(f"{library.base}/collections", "self", _JSON, "Collections")]
    return _answer(request, _mark(library, links=links, collections=described))


@router.get("/collections/{name}")
def get_collection(context: Context, request: Request, name: str) -> Response:
    """One collection."""
    library = _open_library(context, request)
    return _answer(request, features.describe_collection(library, _require(library, name)))


@router.get("/collections/{name}/items")
@costs(FILE)
def list_items(context: Context, request: Request, name: str) -> Response:
    """A page of features."""
    library = _open_library(context, request)
    collection = _require(library, name)
    pairs = request.query_params.multi_items()
    query = features.parse_query(collection, pairs)
    page, token, number = features.read_features(library, collection, query)
    address = f"{library.base}/collections/{name}/items"
    following = [pair for pair in pairs if pair[0] != "cursor"]
    links = [link(f"{address}{_write(pairs)}", "self", GEOJSON, collection.title)]
    if token is not None:
        further = _write([*following, ("cursor", token)])
        links.append(link(f"{address}{further}", "next", GEOJSON, "The next page"))
    links.append(link(f"{library.base}/collections/{name}", "collection", _JSON, collection.title))
    body = _mark(
        library,
        type="FeatureCollection",
        timeStamp=text(context.clock()),
        numberMatched=number,
        numberReturned=len(page),
        links=links,
        features=page,
    )
    return _answer(request, body, media_type=GEOJSON)


@router.get("/collections/{name}/items/{identifier}")
def get_item(context: Context, request: Request, name: str, identifier: str) -> Response:
    """One feature."""
    library = _open_library(context, request)
    collection = _require(library, name)
    query = replace(ItemQuery(), limit=1, conditions=(equal("id", identifier),))
    page, _, _ = features.read_features(library, collection, query)
    if not page:
        raise NoResourceError("there is no {identifier!r} in {name}", identifier, name)
    address = f"{library.base}/collections/{name}"
    links = [
        link(f"{address}/items/{identifier}", "self", GEOJSON, str(identifier)),
        link(address, "collection", _JSON, collection.title),
    ]
    return _answer(request, _mark(library, **page[0], links=links), media_type=GEOJSON)


def _open_library(context: RequestContext, request: Request) -> Library:
    base = str(request.base_url).rstrip("/") + PREFIX
    store.prepare(context.connection)
    return Library(
        connection=context.connection,
        catalogue=describe(describe_catalogue(context.catalogue, base), context.now()),
        tables={
            "reaches": partial(_describe_official, context),
            "official-reaches": partial(_describe_official, context),
            "epci": partial(_describe_epci, context),
        },
        base=base,
        mode=context.mode,
        licence=request.app.state.settings.licence,
        anybody=context.person.account == NOBODY,
    )


def _describe_official(context: RequestContext) -> Condition:
    """Official colours and courses are public; the gauges are those that the caller sees."""
    with context.owning() as owner:
        colours = [
            row
            for row in feed_queries.list_colours(owner, context.now())
            if row.feed == VIGICRUES.name
        ]
        courses = geography_queries.list_official_reaches(owner)
    gauges = geography_queries.list_gauges(context.connection)
    titles = {row.area: row.title for row in colours}
    return describe_official(colours, match_official_reaches(gauges, courses, titles))


def _describe_epci(context: RequestContext) -> Condition:
    with context.owning() as owner:
        return describe_epci(load_epci_outlines(owner))


def _list(library: Library) -> list[Collection]:
    return [each for each in COLLECTIONS.values() if not (each.private and library.anybody)]


def _require(library: Library, name: str) -> Collection:
    for collection in _list(library):
        if collection.name == name:
            return collection
    raise NoResourceError("there is no collection {name!r}", name)


def _mark(library: Library, **body: Any) -> dict[str, Any]:
    return {**body, "mode": library.mode, "licence": library.licence}


def _write(pairs: list[tuple[str, str]]) -> str:
    return "?" + urlencode(pairs) if pairs else ""


def _answer(request: Request, body: Any, media_type: str = _JSON) -> Response:
    response = Response(features.encode(body), media_type=media_type)
    access.describe(request, response, "features")
    return response
