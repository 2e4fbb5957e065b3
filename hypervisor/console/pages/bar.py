"""GET /bar: the bar alone, for pages that stand open."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from hypervisor.api.access import Asked
from hypervisor.console import bar as _bar
from hypervisor.console.rendering import fragment

router = APIRouter()


@router.get("/bar")
def bar(asked: Asked) -> HTMLResponse:
    """The moving parts of the bar."""
    return fragment(asked, "parts/bar.html", bar=_bar.look(asked))
