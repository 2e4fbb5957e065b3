"""Now: the first thirty seconds of a shift."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse

from hypervisor.api.access import Asked
from hypervisor.console.page import Page
from hypervisor.console.rendering import render
from hypervisor.console.words import mark

router = APIRouter()
PAGE = Page(key="now", title=mark("Now"), address="/now", order=10, shortcut="m")


@router.get("/")
def root() -> RedirectResponse:
    return RedirectResponse("/now", status_code=303)


@router.get("/now")
def now(asked: Asked) -> HTMLResponse:
    """What worsens, what waits, what is blind."""
    return render(asked, "now.html")
