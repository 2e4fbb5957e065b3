"""GET /bar: the bar alone, for pages that stand open."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from hypervisor.access.context import Context
from hypervisor.overview import bar as _bar
from hypervisor.web.rendering import fragment

router = APIRouter()


@router.get("/bar")
def bar(context: Context) -> HTMLResponse:
    """The moving parts of the bar."""
    return fragment(context, "parts/bar.html", bar=_bar.look(context))
