"""Whether an address leads to a page of the console."""

from functools import lru_cache

from fastapi import APIRouter
from starlette.routing import Match, Route

from hypervisor.base import rooms


@lru_cache(maxsize=1)
def _routes() -> tuple[Route, ...]:
    routers = (getattr(module, "router", None) for module in rooms.modules("pages"))
    return tuple(
        route
        for router in routers
        if isinstance(router, APIRouter)
        for route in router.routes
        if isinstance(route, Route) and "GET" in (route.methods or ())
    )


def leads_somewhere(path: str) -> bool:
    """Whether the console answers a GET of this path with a page."""
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    return any(route.matches(scope)[0] is Match.FULL for route in _routes())
