"""Map: the sites by domain and alarm state, and a list of what is in view beside it."""

import gzip
import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response

from hypervisor.access.context import Context, SignedIn
from hypervisor.base.errors import NotFoundError
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.commands.views import can_command
from hypervisor.feeds import views_official
from hypervisor.overview import (
    queries,
    queries_places,
    search,
    views_map_warnings,
    views_roads,
    views_site,
)
from hypervisor.overview import views_map as view
from hypervisor.overview.map_lines import load_lines
from hypervisor.overview.views_map_picture import draw_picture
from hypervisor.overview.views_map_sites import load_sites
from hypervisor.overview.views_site_alarms import list_history
from hypervisor.overview.views_site_facts import load_facts
from hypervisor.web import basemap
from hypervisor.web.conditional_get import fresh
from hypervisor.web.page import Page
from hypervisor.web.pmtiles import read_pmtiles
from hypervisor.web.rendering import fragment, reader_of, render
from hypervisor.web.request import current_request, get_settings

router = APIRouter()
_FOR_GOOD = "private, max-age=31536000, immutable"
_ASK_AGAIN = "private, no-cache"
PAGE = Page(key="map", title=mark("Map"), address="/map", order=12, shortcut="c")


@router.get("/map")
def show_map(context: Context) -> HTMLResponse:
    """The map with the list of sites in view; without JavaScript, the area tree only."""
    sites = load_sites(context, context.now())
    areas = queries.list_areas(context.connection)
    with context.owning() as owner:  # they are public
        roads = views_roads.load_roads(owner, context.now())
    lines = load_lines(context)
    query = current_request().query_params
    settings = get_settings()
    chosen = basemap.describe(settings.basemap, settings.data)
    with reading(reader_of(context)):
        return render(
            context,
            "map.html",
            bounds=view.compute_bounds(sites),
            total=len(sites),
            tree=view.build_tree(areas),
            picture=None
            if "at" in query
            else draw_picture(sites, view.filter_sites(sites, areas, query), lines),
            domains=sorted({site.domain for site in sites}),
            legend=view.list_marks(),
            lines_address=f"/map/lines?v={lines.mark}",
            courses=lines.source,
            schematic=sorted(set(view.river_lines(sites)) - lines.rivers),
            vigilance=views_official.load_vigilance(context),
            look={"roads": roads},
            **views_roads.road_words(),
            basemap=chosen,
        )


@router.get("/map/sites")
def list_sites(context: Context, request: Request) -> Response:
    """All sites in columns."""
    with reading(reader_of(context)):
        columns = view.list_columns(load_sites(context, context.now()))
    return _send_json(request, columns)


@router.get("/map/states")
def list_states(context: Context) -> Response:
    """The alarm state of each site, fetched again after every event."""
    return JSONResponse(view.list_states(load_sites(context, context.now())))


@router.get("/map/ground")
def list_layers(context: Context, request: Request) -> Response:
    """Communes, zones, assets and rivers without a course, as GeoJSON by layer."""
    with reading(reader_of(context)):
        return _send_json(request, view.build_layers(context, load_lines(context).rivers))


@router.get("/map/lines")
def list_lines(context: Context, request: Request, v: str = "") -> Response:
    """Borders and courses of rivers as GeoJSON by layer; kept where `v` is their mark."""
    lines = load_lines(context)
    kept = v == lines.mark
    return _send(
        request, lines.body, lines.packed, tag=lines.mark, keep=_FOR_GOOD if kept else _ASK_AGAIN
    )


@router.get("/map/warnings")
def list_warnings(context: Context, request: Request) -> Response:
    """Areas of critical and major alarms, and rivers in an official colour, as GeoJSON by layer."""
    with reading(reader_of(context)):
        return _send_json(request, views_map_warnings.list_warnings(context))


@router.get("/map/basemap.pmtiles")
def read_basemap(_person: SignedIn) -> Response:
    """The basemap's file, of which browsers ask for parts."""
    settings = get_settings()
    if not basemap.is_file(settings.basemap):
        raise NotFoundError("no file is set as basemap")
    file = read_pmtiles(settings.data, settings.basemap.strip())
    return FileResponse(
        file.path, media_type="application/vnd.pmtiles", headers={"Cache-Control": _FOR_GOOD}
    )


def _send_json(request: Request, content: Any) -> Response:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    tag = hashlib.blake2b(body, digest_size=12).hexdigest()
    return _send(request, body, gzip.compress(body, 4, mtime=0), tag=tag, keep=_ASK_AGAIN)


def _send(request: Request, body: bytes, packed: bytes, *, tag: str, keep: str) -> Response:
    """Packed for clients that accept it; nothing where the browser has it already."""
    headers = {"ETag": f'W/"{tag}"', "Cache-Control": keep, "Vary": "Accept-Encoding, Cookie"}
    if fresh(request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = packed
    return Response(body, media_type="application/json", headers=headers)


@router.get("/map/find")
def find_places(
    context: Context, q: Annotated[str, Query(max_length=search.LONGEST)] = ""
) -> HTMLResponse:
    """What lies on the map and fits the words, each with its extent."""
    with reading(reader_of(context)):
        groups = search.search_places(context, q)
        places = {
            (group.kind, name): place
            for group in groups
            for name, place in queries_places.locate(
                context.connection, group.kind, [hit.name for hit in group.hits]
            ).items()
        }
    return fragment(context, "map_hits.html", groups=groups, places=places, searched=q)


@router.get("/map/card/{name}")
def show_card(context: Context, name: str) -> HTMLResponse:
    """A short summary of a site."""
    with reading(reader_of(context)):
        facts = load_facts(context, name)
        head = views_site.build_head(context, facts)
        rows = list_history(facts.alarms, facts.place.title, facts.now)
        values = {"worse": view.find_next(context, facts), **view.card_words(context)}
    return fragment(
        context,
        "map_card.html",
        facts=facts,
        head=head,
        lasting=[row for row in rows if row["active"]][:5],
        commands=can_command(context, site=name),
        **values,
    )
