"""The description of the API for people, made of the OpenAPI document; it needs nobody."""

from fastapi import APIRouter, Request, Response

from hypervisor.app.views_docs import subjects
from hypervisor.web.plain import plain

router = APIRouter()


@router.get("/docs")
def docs(request: Request) -> Response:
    """Every operation with its parameters and examples."""
    described = request.app.openapi()
    return plain(
        request,
        "docs.html",
        title=described["info"]["title"],
        about=described["info"]["description"].split("\n\n"),
        subjects=subjects(described),
    )
