"""GET /api/v1/events: what happens, as it happens; nothing is missed by whoever comes again."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Annotated, NamedTuple

from fastapi import APIRouter, FastAPI, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from hypervisor.access.context import SignedIn
from hypervisor.access.errors import ForbiddenError
from hypervisor.base.duties import Duty
from hypervisor.base.person import Person
from hypervisor.database import events as happenings
from hypervisor.database.connect import StoreError
from hypervisor.database.credentials import Credential
from hypervisor.database.events import Happening, Position
from hypervisor.database.pool import Pool
from hypervisor.web.hub import Hub, Listener, Sites, chunk, merged
from hypervisor.web.problems import responses

router = APIRouter(tags=["events"])
log = logging.getLogger(__name__)

_RETRY = 2_000  # ms until a browser comes again
_AT_ONCE = 200
_BEAT = 15.0  # s of silence at most
_LIFE = 900.0  # s; then it comes again, and who it is is asked anew
_PATIENCE = 5.0  # s that the database may take at first
_MOST = 2_000  # missed events that are told one by one
_CROWD = 1_000  # listeners of one process
_OF_ONE = 50  # of one account: the screens of a room may share one
_EXAMPLE = (
    "retry: 2000\nid: 81273-0\n\n"
    "event: alarm\nid: 81280-512\n"
    'data: {"kind":"alarm","key":"12","site":"orge","domain":"flood","severity":"major",'
    '"state":"unacknowledged","version":1,"new":true}\n\n'
)
_STREAM = {
    "description": "Events, until you go.",
    "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
}


class Marking:
    """Around the application: each request knows where a page that it makes begins to listen."""

    def __init__(self, app: ASGIApp, hub: Hub) -> None:
        """Serve what `app` serves."""
        self._app = app
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            position = str(Position(xid=self._hub.upto)) if self._hub.upto else ""
            scope.setdefault("state", {})["position"] = position
        await self._app(scope, receive, send)


def mark_pages(app: FastAPI) -> None:
    """Let every page hear what happened since it was asked for."""
    app.add_middleware(Marking, hub=app.state.hub)


@asynccontextmanager
async def following(app: FastAPI) -> AsyncIterator[None]:
    """What happens is followed as long as the application runs."""
    task = asyncio.create_task(app.state.hub.run(log.warning))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: _STREAM, **responses(401, 403)},
)
def events(
    request: Request,
    person: SignedIn,
    *,
    last_event_id: Annotated[
        str | None, Header(description="The `id` of the last event that you heard.")
    ] = None,
    since: Annotated[
        str | None, Query(description="The same, for who cannot send a header.", max_length=40)
    ] = None,
    seconds: Annotated[float, Query(gt=0, le=_LIFE, description="Listen no longer.")] = _LIFE,
) -> StreamingResponse:
    """Server-sent events: `alarm`, `incident`, `reading`, `health`, `log`, `rule`, `exercise`.

    Each has an `id`, but those of `health`; whoever comes again with the last one hears what
    happened meanwhile, and is sent `resync` where that is forgotten: ask for everything anew.
    The stream ends within seconds when its session or token does, or when its account's roles
    change.
    """
    if not person.may(Duty.READ):
        raise ForbiddenError(f"{person.name} may look at nothing yet")
    sites = _visible_sites(request.app.state.pool, person)
    hub: Hub = request.app.state.hub
    if len(hub.listeners) >= _CROWD or hub.listens(person.account) >= _OF_ONE:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "too many listen already; come again")
    heard = last_event_id or since
    return StreamingResponse(
        _stream(hub, request.app.state.pool, _Subscription(person, sites, heard), seconds),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _visible_sites(pool: Pool, person: Person) -> Sites:
    """The sites that this person may see; None: the whole territory.

    As the registry now is: where it changes, they are sent away, and come again.
    """
    territory = person.territory()
    if territory.whole:
        return None
    with pool.connection() as connection:
        return happenings.sites_within(connection, territory.communes, unplaced=territory.unplaced)


class _Subscription(NamedTuple):
    """Who listens, what they may hear of, and what they heard last."""

    person: Person
    sites: Sites
    heard: str | None


async def _stream(hub: Hub, pool: Pool, ear: _Subscription, seconds: float) -> AsyncIterator[bytes]:
    yield f"retry: {_RETRY}\n".encode()
    if not await hub.ready(_PATIENCE):
        yield b": the database does not answer\n\n"
        return
    listener = hub.join(ear.sites, Credential.of(ear.person))
    upto = hub.upto
    try:
        missed = await _list_missed(pool, ear.heard, upto)
        if missed is None:
            yield _encode_resync(upto)
        else:
            yield chunk(merged(missed), ear.sites) + _encode_beat(upto)
        async for part in _stream_live(hub, listener, seconds):
            yield part
    finally:
        hub.leave(listener)


async def _stream_live(hub: Hub, listener: Listener, seconds: float) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    while loop.time() < ends and not (listener.over or listener.missed):
        upto = hub.upto
        part = await listener.take(min(_BEAT, ends - loop.time()))
        if part is not None:
            yield part
        elif not listener.missed:
            yield _encode_beat(upto)
    if listener.missed:
        yield _encode_resync(hub.upto)
    elif not hub.closing:
        yield f"retry: {_AT_ONCE}\n\n".encode()  # it ends as agreed: nobody is cut off


async def _list_missed(pool: Pool, heard: str | None, upto: int) -> list[Happening] | None:
    """What happened since; None: nobody knows any more."""
    if not heard:
        return []
    position = Position.parse(heard)
    if position is None:
        return None

    def ask() -> list[Happening] | None:
        with pool.connection() as connection:
            return happenings.between(connection, position, upto, most=_MOST)

    try:
        return await run_in_threadpool(ask)
    except StoreError:
        return None


def _encode_beat(upto: int) -> bytes:
    """Nothing happened; whoever comes again need not be told of the time before."""
    return f": \nid: {Position(xid=upto)}\n\n".encode()


def _encode_resync(upto: int) -> bytes:
    return f"event: resync\nid: {Position(xid=upto)}\ndata: {{}}\n\n".encode()
