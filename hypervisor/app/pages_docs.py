"""The API reference for people, made of the OpenAPI document; it needs no account."""

import math

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from hypervisor.app import views_docs
from hypervisor.web.plain import plain
from hypervisor.web.request import language, theme
from hypervisor.web.shared_render import Shared

router = APIRouter()


@router.get("/docs")
def show_docs(request: Request) -> Response:
    """Every operation with its parameters and examples; written once for all who look."""
    described = request.app.openapi()

    def write() -> bytes:
        page = plain(
            request,
            "docs.html",
            title=described["info"]["title"],
            about=described["info"]["description"].split("\n\n"),
            subjects=views_docs.group_by_tag(described),
            docs=views_docs,
        )
        return bytes(page.body)

    state = request.app.state
    if not hasattr(state, "docs"):
        state.docs = Shared(seconds=math.inf)
    written: Shared[bytes] = state.docs
    instance = getattr(state, "instance", None)  # unknown until the database answers
    return HTMLResponse(written.get((language(request), theme(request)), instance, write))
