"""Map: the sites by domain and alarm state, and a list of what is in view beside it."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse, Response

from hypervisor import basemap
from hypervisor.api.access import Asked
from hypervisor.console.asking import request
from hypervisor.console.page import Page
from hypervisor.console.reader import reading
from hypervisor.console.rendering import fragment, reader_of, render
from hypervisor.console.views import map as view
from hypervisor.console.views import site as site_view
from hypervisor.console.views.site_facts import facts
from hypervisor.console.views.site_past import history
from hypervisor.console.words import mark
from hypervisor.store.pages import mapping

router = APIRouter()
PAGE = Page(key="map", title=mark("Map"), address="/map", order=12, shortcut="c")


@router.get("/map")
def map_page(asked: Asked) -> HTMLResponse:
    """The map, and what is in view as a list; without scripts the tree and the list of sites."""
    found = mapping.sites(asked.connection, asked.now())
    chosen = getattr(request().app.state, "basemap", "")
    with reading(reader_of(asked)):
        return render(
            asked,
            "map.html",
            bounds=view.bounds(found),
            total=len(found),
            tree=view.tree(mapping.areas(asked.connection)),
            domains=sorted({one.domain for one in found}),
            legend=view.legend(),
            layers=view.LAYERS,
            basemap=basemap.template(chosen),
            basemap_words=basemap.words(chosen),
        )


@router.get("/map/sites")
def sites(asked: Asked) -> Response:
    """All sites in columns."""
    with reading(reader_of(asked)):
        return JSONResponse(view.columns(mapping.sites(asked.connection, asked.now())))


@router.get("/map/states")
def states(asked: Asked) -> Response:
    """Only the alarms, by site: what is fetched anew when something happens."""
    return JSONResponse(view.states(mapping.sites(asked.connection, asked.now())))


@router.get("/map/ground")
def ground(asked: Asked) -> Response:
    """Rivers, communes, zones and assets as GeoJSON."""
    return JSONResponse(view.ground(asked, asked.now()))


@router.get("/map/card/{name}")
def card(asked: Asked, name: str) -> HTMLResponse:
    """A site in a few lines."""
    with reading(reader_of(asked)):
        known = facts(asked, name)
        head = site_view.head(asked, known)
        rows = history(known)
    lasting = [one for one in rows if one["active"]][:5]
    return fragment(asked, "map_card.html", facts=known, head=head, lasting=lasting)
