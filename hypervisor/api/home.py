"""The description of the API for people: plain HTML, nothing from elsewhere."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from hypervisor.api.html import STYLE, link, page, paragraph, table, text

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """Every endpoint with its parameters, from the OpenAPI description."""
    description: dict[str, Any] = request.app.openapi()
    rows = [
        (
            text(f"{method.upper()} {address}"),
            text(one.get("description", "")),
            ", ".join(text(_parameter(p)) for p in one.get("parameters", [])),
        )
        for address, methods in description["paths"].items()
        for method, one in methods.items()
    ]
    banner = getattr(request.app.state, "banner", None) or "API"
    return HTMLResponse(
        page(
            "The API",
            banner,
            [
                *(
                    paragraph(text(part))
                    for part in description["info"]["description"].split("\n\n")
                ),
                table("Endpoints", ("address", "answers", "parameters"), rows),
                paragraph(link("/openapi.json", "OpenAPI 3.1 description"), link("/", "home")),
            ],
        )
    )


@router.get("/style.css")
def style() -> Response:
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


def _parameter(one: dict[str, Any]) -> str:
    said = one.get("description", "")
    return f"{one['name']} ({said})" if said else str(one["name"])
