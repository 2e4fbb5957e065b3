"""The API reference for people, made of the OpenAPI document; it needs no account."""

from fastapi import APIRouter, Request, Response

from hypervisor.app import views_docs
from hypervisor.web.plain import plain

router = APIRouter()


@router.get("/docs")
def show_docs(request: Request) -> Response:
    """Every operation with its parameters and examples."""
    described = request.app.openapi()
    return plain(
        request,
        "docs.html",
        title=described["info"]["title"],
        about=described["info"]["description"].split("\n\n"),
        subjects=views_docs.group_by_tag(described),
        docs=views_docs,
    )
