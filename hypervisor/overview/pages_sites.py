"""The list of sites, and the page of a site with its chart."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.overview import views_site_page
from hypervisor.overview.views_site_facts import Facts
from hypervisor.overview.views_site_list import SiteFilter, search_sites
from hypervisor.overview.views_site_page import ChartQuery, parse_chart_query
from hypervisor.overview.views_site_table import build_table
from hypervisor.registry import queries_site
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment

router = APIRouter()
Typed = Annotated[str, Query(max_length=5_000)]
PAGE = Page(key="sites", title=mark("Sites"), address="/sites", order=13, shortcut="s")


@router.get("/sites")
def list_sites(  # noqa: PLR0913  one argument a filter
    context: Context,
    *,
    q: str = "",
    domain: str = "",
    area: str = "",
    river: str = "",
    state: str = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> HTMLResponse:
    """All sites, filtered and paged."""
    site_filter = SiteFilter(
        q=q.strip(), domain=domain, area=area, river=river, state=state, page=page
    )
    with reading(reader_of(context)):
        results = search_sites(context, site_filter)
    make = fragment if wants_fragment() else render
    name = "sites_rows.html" if wants_fragment() else "sites.html"
    return make(context, name, results=results, site_filter=site_filter)


@router.get("/sites/{name}")
def show_site(
    context: Context, name: str, look: Annotated[ChartQuery, Depends(parse_chart_query)]
) -> HTMLResponse:
    """The page of a site."""
    return views_site_page.render_page(context, name, look)


@router.get("/sites/{name}/head")
def show_head(context: Context, name: str) -> HTMLResponse:
    return _part(context, name, "site_head.html")


@router.get("/sites/{name}/chart")
def show_chart(
    context: Context, name: str, look: Annotated[ChartQuery, Depends(parse_chart_query)]
) -> HTMLResponse:
    """The chart and the upstream gauges, drawn for a width in pixels."""
    return _part(
        context,
        name,
        "site_chart.html",
        lambda request_context, site_facts: views_site_page.chart_values(
            request_context, site_facts, look
        ),
    )


@router.get("/sites/{name}/table")
def show_table(
    context: Context, name: str, look: Annotated[ChartQuery, Depends(parse_chart_query)]
) -> HTMLResponse:
    """The data of the chart as a table."""
    with views_site_page.facts_for_reader(context, name) as site_facts:
        values = {
            **views_site_page.head_values(context, site_facts),
            **views_site_page.chart_values(context, site_facts, look),
        }
        columns, rows = build_table(values["chart"])
    make = fragment if wants_fragment() else render
    template = "site_table.html" if wants_fragment() else "site_table_page.html"
    return make(context, template, columns=columns, rows=rows, **values)


@router.get("/sites/{name}/side")
def show_side(context: Context, name: str) -> HTMLResponse:
    return _part(context, name, "site_side.html", views_site_page.side_values)


@router.get("/sites/{name}/history")
def show_history(context: Context, name: str) -> HTMLResponse:
    return _part(context, name, "site_history.html", views_site_page.history_values)


@router.get("/site-names")
def list_names(
    context: Context, *, site: Typed = "", places: Typed = "", device: Typed = ""
) -> HTMLResponse:
    """Suggestions for a site field; each form names the field in its own way."""
    typed = (site or places or device).strip()
    return fragment(
        context, "site_names.html", sites=queries_site.suggest_sites(context.connection, typed)
    )


def _part(
    context: RequestContext,
    name: str,
    template: str,
    values: Callable[[RequestContext, Facts], dict[str, Any]] = lambda _context, _facts: {},
) -> HTMLResponse:
    """A part of the page of a site."""
    with views_site_page.facts_for_reader(context, name) as site_facts:
        parts = {
            **views_site_page.head_values(context, site_facts),
            **values(context, site_facts),
        }
    return fragment(context, template, **parts)
