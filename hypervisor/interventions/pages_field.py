"""The page of agents in the field, its service worker, and maps of their orders."""

import json
from typing import Annotated

from fastapi import APIRouter, Path, Response

from hypervisor.access.context import FieldContext
from hypervisor.interventions import service_field, views
from hypervisor.interventions.model import NoInterventionError
from hypervisor.interventions.views_map import draw_map
from hypervisor.web.rendering import fragment
from hypervisor.web.static_files import ROOT, asset, stamp

router = APIRouter()
PAGE = None
_FILES = (
    *("css/tokens.css", "css/parts.css", "css/field.css", "favicon.svg"),
    *("js/field.js", "js/fieldqueue.js"),
    *("vendor/plex-sans-400.woff2", "vendor/plex-sans-600.woff2", "vendor/plex-mono-400.woff2"),
)


@router.get("/field")
def show_field(context: FieldContext) -> Response:
    """The agent's orders, which its script draws."""
    return fragment(context, "field.html", v=views)


@router.get("/field/worker.js")
def get_worker() -> Response:
    """The service worker of that page; it holds no personal data."""
    script = (ROOT / "js" / "fieldworker.js").read_text()
    files = [asset(name) for name in _FILES]
    script = script.replace("__STAMP__", stamp()).replace("__FILES__", json.dumps(files))
    headers = {"Service-Worker-Allowed": "/field", "Cache-Control": "no-cache"}
    return Response(script, media_type="text/javascript", headers=headers)


@router.get("/field/orders/{number}/map.svg")
def get_map(context: FieldContext, number: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> Response:
    """A map around an order of the agent's teams."""
    with context.owning() as owner:
        order, _ = service_field.find_order_of(owner, context, number)
        if order.lon is None or order.lat is None:
            raise NoInterventionError("there is no place of order {number}", number)
        drawn = draw_map(owner, order.lon, order.lat)
    return Response(drawn, media_type="image/svg+xml")
