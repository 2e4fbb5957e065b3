"""The web application: the API under /api/v1, the console, the API reference; its server."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cache
from types import FrameType

import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.routing import BaseRoute

from hypervisor.access.identity import is_secure
from hypervisor.access.looks import LookRecorder
from hypervisor.app import api_events, navigation, openapi
from hypervisor.base import rooms
from hypervisor.base.process import RUN_HEADER, RUN_ID
from hypervisor.base.settings import Settings
from hypervisor.citizens import front
from hypervisor.database.pool import Pool
from hypervisor.publications import hazards
from hypervisor.web import access_errors, content_policy, plain, problems, static_files
from hypervisor.web.budget_guard import BudgetGuard
from hypervisor.web.conditional_get import ConditionalGetMiddleware
from hypervisor.web.guard import RequestGuard
from hypervisor.web.hub import Hub
from sensors._domain import Catalogue

_ABOUT = """The readings of a territory's sensors, and the alarms that rules raise on them.

The field `mode` and the header `X-Hypervisor-Mode` of every answer are `LIVE` or `EXERCICE`. Times
are RFC 3339 in UTC. Errors are `application/problem+json`.

Programs send an API token, `Authorization: Bearer …`. Browsers send their session, and the
session's token in `X-CSRF-Token` with every write. An account sees its own territory; anything
outside is answered as if it did not exist."""


def create_app(settings: Settings, catalogue: Catalogue, clock: Callable[[], datetime]) -> FastAPI:
    """Build the application; it connects to the database when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.pool.open()
        async with api_events.following(app), front.following(app):
            yield
        if hasattr(app.state, "workers"):
            app.state.workers.close()
        app.state.pool.close()

    app = FastAPI(
        title="Territorial hypervisor",
        version="1",
        description=_ABOUT,
        license_info={"name": "Apache-2.0"},
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own page loads its scripts from a CDN
        redoc_url=None,
        openapi_url=None,  # built in a thread: openapi.install
        generate_unique_id_function=openapi.name_operation,
    )
    app.state.pool = Pool(settings.database_url)
    app.state.hub = Hub(settings.database_url, clock)
    app.state.settings = settings
    hazards.use_file(hazards.find_file(settings))
    app.state.run_id = os.environ.get(RUN_ID, "")
    app.state.catalogue = catalogue
    app.state.clock = clock
    problems.install(app)
    access_errors.install(app)
    app.middleware("http")(_headers)
    for module in rooms.modules("api"):
        if hasattr(module, "install"):
            module.install(app)
    app.router.routes.extend(_list_routes())
    navigation.install(app)
    app.state.trouble = plain.trouble
    openapi.install(app)
    app.add_middleware(LookRecorder)
    app.add_middleware(ConditionalGetMiddleware)
    app.add_middleware(BudgetGuard)
    app.add_middleware(RequestGuard)
    api_events.mark_pages(app)
    front.install(app)
    return app


@cache
def _list_routes() -> tuple[BaseRoute, ...]:
    """The routes of all rooms, the API's first; what each takes is worked out once a process."""
    every = APIRouter(generate_unique_id_function=openapi.name_operation)
    for module in rooms.modules("api"):
        if hasattr(module, "router") and not hasattr(module, "install"):
            every.include_router(module.router, prefix="/api/v1")
    every.include_router(static_files.router)
    for module in navigation.modules():
        every.include_router(module.router, include_in_schema=False)
    return tuple(every.routes)


async def _headers(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    banner = getattr(request.app.state, "banner", None)
    if banner:
        response.headers["X-Hypervisor-Mode"] = banner
    if request.app.state.run_id:
        response.headers[RUN_HEADER] = request.app.state.run_id
    response.headers["Content-Security-Policy"] = content_policy.of(request.app)
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Not no-referrer: browsers would then omit the origin of a form.
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(self), microphone=()"
    if is_secure(request):
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if "cache-control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


class Server(uvicorn.Server):
    """Uvicorn that ends event streams when it stops; they would never end by themselves."""

    def __init__(
        self, config: uvicorn.Config, hub: Hub, turn: Callable[[], None] = lambda: None
    ) -> None:
        """`turn` is called ten times a second by the event loop."""
        super().__init__(config)
        self._hub, self._turn = hub, turn

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn's main loop."""
        self._turn()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by a signal."""
        self._hub.close()
        super().handle_exit(sig, frame)
