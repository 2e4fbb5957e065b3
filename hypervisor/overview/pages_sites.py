"""Sites: the list of them, and the page of each with its chart."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse

from hypervisor.access.context import Context
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.overview import views_site_page
from hypervisor.overview.views_site_list import SiteFilter, listing
from hypervisor.overview.views_site_page import Look, looked
from hypervisor.overview.views_site_table import table
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment

router = APIRouter()
PAGE = Page(key="sites", title=mark("Sites"), address="/sites", order=13, shortcut="s")


@router.get("/sites")
def every(  # noqa: PLR0913  one argument a filter
    context: Context,
    *,
    q: str = "",
    domain: str = "",
    area: str = "",
    river: str = "",
    state: str = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> HTMLResponse:
    """All sites, filtered and by pages; along rivers where a river is asked for."""
    wanted = SiteFilter(q=q.strip(), domain=domain, area=area, river=river, state=state, page=page)
    with reading(reader_of(context)):
        found = listing(context, wanted)
    make = fragment if wants_fragment() else render
    name = "sites_rows.html" if wants_fragment() else "sites.html"
    return make(context, name, found=found, wanted=wanted)


@router.get("/sites/{name}")
def one(context: Context, name: str, look: Annotated[Look, Depends(looked)]) -> HTMLResponse:
    """One site, whole."""
    return views_site_page.page(context, name, look)


@router.get("/sites/{name}/head")
def head(context: Context, name: str) -> HTMLResponse:
    with views_site_page.made(context, name) as known:
        values = views_site_page.head(context, known)
    return fragment(context, "site_head.html", **values)


@router.get("/sites/{name}/chart")
def chart(context: Context, name: str, look: Annotated[Look, Depends(looked)]) -> HTMLResponse:
    """The chart and the gauges upstream, drawn for a width."""
    with views_site_page.made(context, name) as known:
        values = {
            **views_site_page.head(context, known),
            **views_site_page.chart(context, known, look),
        }
    return fragment(context, "site_chart.html", **values)


@router.get("/sites/{name}/table")
def data(context: Context, name: str, look: Annotated[Look, Depends(looked)]) -> HTMLResponse:
    """The chart as numbers."""
    with views_site_page.made(context, name) as known:
        values = {
            **views_site_page.head(context, known),
            **views_site_page.chart(context, known, look),
        }
        columns, rows = table(values["chart"])
    make = fragment if wants_fragment() else render
    template = "site_table.html" if wants_fragment() else "site_table_page.html"
    return make(context, template, columns=columns, rows=rows, **values)


@router.get("/sites/{name}/side")
def side(context: Context, name: str) -> HTMLResponse:
    with views_site_page.made(context, name) as known:
        values = {**views_site_page.head(context, known), **views_site_page.side(context, known)}
    return fragment(context, "site_side.html", **values)


@router.get("/sites/{name}/history")
def past(context: Context, name: str) -> HTMLResponse:
    with views_site_page.made(context, name) as known:
        values = {**views_site_page.head(context, known), **views_site_page.history(context, known)}
    return fragment(context, "site_history.html", **values)
