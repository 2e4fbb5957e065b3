"""GET /bar: the status bar alone, refreshed by open pages."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from hypervisor.access.context import Context
from hypervisor.overview import views_bar as _bar
from hypervisor.web.rendering import fragment

router = APIRouter()


@router.get("/bar")
def show_bar(context: Context) -> HTMLResponse:
    """The parts of the bar that change."""
    return fragment(context, "parts/bar.html", bar=_bar.build_bar(context))
