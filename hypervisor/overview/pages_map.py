"""Map: the sites by domain and alarm state, and a list of what is in view beside it."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse, Response

from hypervisor.access.context import Context
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.overview import queries, views_official, views_site
from hypervisor.overview import views_map as view
from hypervisor.overview.views_map_picture import draw_picture
from hypervisor.overview.views_site_alarms import list_history
from hypervisor.overview.views_site_facts import load_facts
from hypervisor.web import basemap
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, reader_of, render
from hypervisor.web.request import current_request, get_settings

router = APIRouter()
PAGE = Page(key="map", title=mark("Map"), address="/map", order=12, shortcut="c")


@router.get("/map")
def show_map(context: Context) -> HTMLResponse:
    """The map with the list of sites in view; without JavaScript, the area tree only."""
    sites = queries.list_sites(context.connection, context.now())
    areas = queries.list_areas(context.connection)
    colours = views_official.load_official(context)
    query = current_request().query_params
    chosen = get_settings().basemap
    with reading(reader_of(context)):
        return render(
            context,
            "map.html",
            bounds=view.compute_bounds(sites),
            total=len(sites),
            tree=view.build_tree(areas),
            picture=None
            if "at" in query
            else draw_picture(sites, view.filter_sites(sites, areas, query)),
            domains=sorted({site.domain for site in sites}),
            legend=view.list_marks(),
            layers=view.LAYERS,
            colours=colours,
            notable=[colour for colour in colours if views_official.is_notable(colour)],
            basemap=basemap.template(chosen),
            basemap_words=basemap.words(chosen),
        )


@router.get("/map/sites")
def list_sites(context: Context) -> Response:
    """All sites in columns."""
    with reading(reader_of(context)):
        return JSONResponse(
            view.list_columns(queries.list_sites(context.connection, context.now()))
        )


@router.get("/map/states")
def list_states(context: Context) -> Response:
    """The alarm state of each site, fetched again after every event."""
    return JSONResponse(view.list_states(queries.list_sites(context.connection, context.now())))


@router.get("/map/ground")
def list_layers(context: Context) -> Response:
    """Rivers, communes, zones and assets as GeoJSON."""
    return JSONResponse(view.build_layers(context))


@router.get("/map/card/{name}")
def show_card(context: Context, name: str) -> HTMLResponse:
    """A short summary of a site."""
    with reading(reader_of(context)):
        facts = load_facts(context, name)
        head = views_site.build_head(context, facts)
        rows = list_history(facts.alarms, facts.place.title, facts.now)
        values = {"worse": view.find_next(context, facts), **view.card_words(context)}
    lasting = [row for row in rows if row["active"]][:5]
    return fragment(context, "map_card.html", facts=facts, head=head, lasting=lasting, **values)
