"""Names of sites for a field that proposes them: those that fit what was typed."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from hypervisor.api.access import Asked
from hypervisor.console.page import Page
from hypervisor.console.rendering import fragment
from hypervisor.store.registry import naming

router = APIRouter()
PAGE: Page | None = None
Typed = Annotated[str, Query(max_length=5_000)]


@router.get("/site-names")
def names(
    asked: Asked, *, site: Typed = "", places: Typed = "", device: Typed = ""
) -> HTMLResponse:
    """Options; the field calls itself as its form calls it."""
    typed = (site or places or device).strip()
    return fragment(asked, "site_names.html", sites=naming.sites(asked.connection, typed))
