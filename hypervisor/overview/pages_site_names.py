"""GET /site-names: suggestions for a site field."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from hypervisor.access.context import Context
from hypervisor.registry import queries_site
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment

router = APIRouter()
PAGE: Page | None = None
Typed = Annotated[str, Query(max_length=5_000)]


@router.get("/site-names")
def list_names(
    context: Context, *, site: Typed = "", places: Typed = "", device: Typed = ""
) -> HTMLResponse:
    """The matching sites as options; each form names the field in its own way."""
    typed = (site or places or device).strip()
    return fragment(
        context, "site_names.html", sites=queries_site.suggest_sites(context.connection, typed)
    )
