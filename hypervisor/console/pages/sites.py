"""Sites: the list of them, and the page of each with its chart."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse

from hypervisor.api.access import Asked
from hypervisor.console.page import Page
from hypervisor.console.reader import reading
from hypervisor.console.rendering import fragment, reader_of, render, wants_fragment
from hypervisor.console.views import site_page
from hypervisor.console.views.site_list import Wanted, listing
from hypervisor.console.views.site_page import Look, looked
from hypervisor.console.views.site_table import table
from hypervisor.console.words import mark

router = APIRouter()
PAGE = Page(key="sites", title=mark("Sites"), address="/sites", order=13, shortcut="s")


@router.get("/sites")
def every(  # noqa: PLR0913  one argument a filter
    asked: Asked,
    *,
    q: str = "",
    domain: str = "",
    area: str = "",
    river: str = "",
    state: str = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> HTMLResponse:
    """All sites, filtered and by pages; along rivers where a river is asked for."""
    wanted = Wanted(q=q.strip(), domain=domain, area=area, river=river, state=state, page=page)
    with reading(reader_of(asked)):
        found = listing(asked, wanted)
    make = fragment if wants_fragment() else render
    name = "sites_rows.html" if wants_fragment() else "sites.html"
    return make(asked, name, found=found, wanted=wanted)


@router.get("/sites/{name}")
def one(asked: Asked, name: str, look: Annotated[Look, Depends(looked)]) -> HTMLResponse:
    """One site, whole."""
    return site_page.page(asked, name, look)


@router.get("/sites/{name}/head")
def head(asked: Asked, name: str) -> HTMLResponse:
    with site_page.made(asked, name) as known:
        context = site_page.head(asked, known)
    return fragment(asked, "site_head.html", **context)


@router.get("/sites/{name}/chart")
def chart(asked: Asked, name: str, look: Annotated[Look, Depends(looked)]) -> HTMLResponse:
    """The chart and the gauges upstream, drawn for a width."""
    with site_page.made(asked, name) as known:
        context = {**site_page.head(asked, known), **site_page.chart(asked, known, look)}
    return fragment(asked, "site_chart.html", **context)


@router.get("/sites/{name}/table")
def data(asked: Asked, name: str, look: Annotated[Look, Depends(looked)]) -> HTMLResponse:
    """The chart as numbers."""
    with site_page.made(asked, name) as known:
        context = {**site_page.head(asked, known), **site_page.chart(asked, known, look)}
        columns, rows = table(context["chart"])
    make = fragment if wants_fragment() else render
    template = "site_table.html" if wants_fragment() else "site_table_page.html"
    return make(asked, template, columns=columns, rows=rows, **context)


@router.get("/sites/{name}/side")
def side(asked: Asked, name: str) -> HTMLResponse:
    with site_page.made(asked, name) as known:
        context = {**site_page.head(asked, known), **site_page.side(asked, known)}
    return fragment(asked, "site_side.html", **context)


@router.get("/sites/{name}/history")
def past(asked: Asked, name: str) -> HTMLResponse:
    with site_page.made(asked, name) as known:
        context = {**site_page.head(asked, known), **site_page.history(asked, known)}
    return fragment(asked, "site_history.html", **context)
