"""GET /api/v1/events: live events; a client that reconnects misses none."""

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
from hypervisor.database import events as event_log
from hypervisor.database.connect import StoreError
from hypervisor.database.credentials import Credential
from hypervisor.database.events import LoggedEvent, Position
from hypervisor.database.pool import Pool
from hypervisor.web.hub import Hub, Listener, Sight, chunk, merged
from hypervisor.web.problems import responses

router = APIRouter(tags=["events"])
log = logging.getLogger(__name__)

_RETRY = 2_000  # ms until a browser reconnects
_AT_ONCE = 200
_BEAT = 15.0  # s between keep-alives
_LIFE = 900.0  # s; then the client reconnects and is authenticated again
_PATIENCE = 5.0  # s to wait for the database at the start
_MOST = 2_000  # missed events that are sent again
_CROWD = 1_000  # streams of one process
_OF_ONE = 50  # streams of one account: the screens of a room may share one
_EXAMPLE = (
    "retry: 2000\nid: 81273-0\n\n"
    "event: alarm\nid: 81280-512\n"
    'data: {"kind":"alarm","key":"12","site":"orge","domain":"flood","severity":"major",'
    '"state":"unacknowledged","version":1,"new":true}\n\n'
)
_STREAM = {
    "description": "Events, until the client disconnects.",
    "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
}


class Marking:
    """Middleware: gives each request the position from which its page listens."""

    def __init__(self, app: ASGIApp, hub: Hub) -> None:
        """Wrap `app`."""
        self._app = app
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            position = str(Position(xid=self._hub.upto)) if self._hub.upto else ""
            scope.setdefault("state", {}).setdefault("position", position)
        await self._app(scope, receive, send)


def mark_pages(app: FastAPI) -> None:
    """Give pages the position of their request in the event log."""
    app.add_middleware(Marking, hub=app.state.hub)


@asynccontextmanager
async def following(app: FastAPI) -> AsyncIterator[None]:
    """Read the event log as long as the application runs."""
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
        str | None, Header(description="The `id` of the last event received.")
    ] = None,
    since: Annotated[
        str | None,
        Query(description="The same, without a header.", max_length=40),
    ] = None,
    seconds: Annotated[float, Query(gt=0, le=_LIFE, description="Duration of the stream.")] = _LIFE,
) -> StreamingResponse:
    """Server-sent events: `alarm`, `incident`, `reading`, `health`, `log`, `rule`, `exercise`.

    Each event except `health` has an `id`. A client that reconnects with the last `id` receives
    the events it missed, or `resync` if they are no longer kept: then reload everything. The
    stream ends within seconds of the end of its session or token, or a change of the account's
    roles.
    """
    if not person.may(Duty.READ):
        raise ForbiddenError("{person} has no permission to read", person.name)
    sight = _find_sight(request.app.state.pool, person)
    hub: Hub = request.app.state.hub
    if _is_full(hub, person):
        raise HTTPException(
            HTTPStatus.SERVICE_UNAVAILABLE, "too many open streams; try again later"
        )
    heard = last_event_id or since
    return StreamingResponse(
        _stream(hub, request.app.state.pool, _Subscription(person, sight, heard), seconds),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _is_full(hub: Hub, person: Person) -> bool:
    return len(hub.listeners) >= _CROWD or hub.listens(person.account) >= _OF_ONE


def _find_sight(pool: Pool, person: Person) -> Sight:
    """What this person may hear of.

    Read once: when the registry changes, a stream of named sites ends and the client reconnects.
    """
    territory = person.territory()
    personal = territory.personal
    if territory.whole and (personal is None or personal.whole):
        return Sight(personal=personal is not None)
    with pool.seeing(lambda _: territory) as connection:
        return Sight(sites=event_log.list_sites(connection))


class _Subscription(NamedTuple):
    """A client: its person, what it may hear of, the last event it received."""

    person: Person
    sight: Sight
    heard: str | None


async def _stream(
    hub: Hub, pool: Pool, client: _Subscription, seconds: float
) -> AsyncIterator[bytes]:
    yield f"retry: {_RETRY}\n".encode()
    if not await hub.ready(_PATIENCE):
        yield b": the database does not answer\n\n"
        return
    if _is_full(hub, client.person):  # many came at once, before any of them was counted
        yield b": too many open streams\n\n"
        return
    listener = hub.join(client.sight, Credential.of(client.person))
    upto = hub.upto
    try:
        missed = await _list_missed(pool, client.heard, upto)
        if missed is None:
            yield _encode_resync(upto)
        else:
            yield chunk(merged(missed), client.sight) + _encode_beat(upto)
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
        yield f"retry: {_AT_ONCE}\n\n".encode()  # a regular end: reconnect at once


async def _list_missed(pool: Pool, heard: str | None, upto: int) -> list[LoggedEvent] | None:
    """The events since then; None: they are no longer kept."""
    if not heard:
        return []
    position = Position.parse(heard)
    if position is None:
        return None

    def ask() -> list[LoggedEvent] | None:
        with pool.connection() as connection:
            return event_log.list_between(connection, position, upto, most=_MOST)

    try:
        return await run_in_threadpool(ask)
    except StoreError:
        return None


def _encode_beat(upto: int) -> bytes:
    """A keep-alive with the current position."""
    return f": \nid: {Position(xid=upto)}\n\n".encode()


def _encode_resync(upto: int) -> bytes:
    return f"event: resync\nid: {Position(xid=upto)}\ndata: {{}}\n\n".encode()
