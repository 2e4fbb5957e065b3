"""Map: the sites by domain and alarm state, and a list of what is in view beside it."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse, Response

from hypervisor.access.context import Context
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.overview import queries_map
from hypervisor.overview import views_map as view
from hypervisor.overview import views_site as site_view
from hypervisor.overview.views_site_facts import facts
from hypervisor.overview.views_site_past import history
from hypervisor.web import basemap
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, reader_of, render
from hypervisor.web.request import request

router = APIRouter()
PAGE = Page(key="map", title=mark("Map"), address="/map", order=12, shortcut="c")


@router.get("/map")
def map_page(context: Context) -> HTMLResponse:
    """The map, and what is in view as a list; without scripts the tree and the list of sites."""
    found = queries_map.sites(context.connection, context.now())
    chosen = getattr(request().app.state, "basemap", "")
    with reading(reader_of(context)):
        return render(
            context,
            "map.html",
            bounds=view.bounds(found),
            total=len(found),
            tree=view.tree(queries_map.areas(context.connection)),
            domains=sorted({map_site.domain for map_site in found}),
            legend=view.legend(),
            layers=view.LAYERS,
            basemap=basemap.template(chosen),
            basemap_words=basemap.words(chosen),
        )


@router.get("/map/sites")
def sites(context: Context) -> Response:
    """All sites in columns."""
    with reading(reader_of(context)):
        return JSONResponse(view.columns(queries_map.sites(context.connection, context.now())))


@router.get("/map/states")
def states(context: Context) -> Response:
    """Only the alarms, by site: what is fetched anew when something happens."""
    return JSONResponse(view.states(queries_map.sites(context.connection, context.now())))


@router.get("/map/ground")
def ground(context: Context) -> Response:
    """Rivers, communes, zones and assets as GeoJSON."""
    return JSONResponse(view.ground(context, context.now()))


@router.get("/map/card/{name}")
def card(context: Context, name: str) -> HTMLResponse:
    """A site in a few lines."""
    with reading(reader_of(context)):
        known = facts(context, name)
        head = site_view.head(context, known)
        rows = history(known)
    lasting = [row for row in rows if row["active"]][:5]
    return fragment(context, "map_card.html", facts=known, head=head, lasting=lasting)
