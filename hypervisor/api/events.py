"""GET /api/v1/events: what happens, as it happens; nothing is missed by whoever comes again."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager, suppress
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from hypervisor.api.access import access
from hypervisor.api.hub import Hub, Listener, Sites, chunk, merged
from hypervisor.api.problems import responses
from hypervisor.store import happenings
from hypervisor.store.connect import StoreError
from hypervisor.store.happenings import Happening, Position
from hypervisor.store.pool import Pool

router = APIRouter(tags=["events"])
log = logging.getLogger(__name__)

_RETRY = 2_000  # ms until a browser comes again
_BEAT = 15.0  # s of silence at most
_LIFE = 900.0  # s; then it comes again, and who it is is asked anew
_PATIENCE = 5.0  # s that the database may take at first
_MOST = 2_000  # missed events that are told one by one
_CROWD = 1_000  # listeners of one process
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


@asynccontextmanager
async def following(app: FastAPI, url: str) -> AsyncIterator[None]:
    """What happens is followed as long as the application runs."""
    app.state.hub = Hub(url)
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
    responses={200: _STREAM, **responses()},
)
def events(
    request: Request,
    *,
    last_event_id: Annotated[
        str | None, Header(description="The `id` of the last event that you heard.")
    ] = None,
    since: Annotated[
        str | None, Query(description="The same, for who cannot send a header.", max_length=40)
    ] = None,
) -> StreamingResponse:
    """Server-sent events: `alarm`, `incident`, `reading`, `health`, `log`, `rule`, `exercise`.

    Each has an `id`, but those of `health`; whoever comes again with the last one hears what
    happened meanwhile, and is sent `resync` where that is forgotten: ask for everything anew.
    """
    with contextmanager(access)(request) as asked:
        sites = visible(asked)
    hub: Hub = request.app.state.hub
    if len(hub.listeners) >= _CROWD:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "too many listen already; come again")
    heard = last_event_id or since
    return StreamingResponse(
        _stream(hub, request.app.state.pool, sites, heard),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def visible(asked: object) -> Sites:
    """The sites that this person may see; None: the whole territory."""
    _ = asked
    return None


async def _stream(hub: Hub, pool: Pool, sites: Sites, heard: str | None) -> AsyncIterator[bytes]:
    yield f"retry: {_RETRY}\n".encode()
    if not await hub.ready(_PATIENCE):
        yield b": the database does not answer\n\n"
        return
    listener = hub.join(sites)
    upto = hub.upto
    try:
        missed = await _missed(pool, heard, upto)
        if missed is None:
            yield _resync(upto)
        else:
            yield chunk(merged(missed), sites) + _beat(upto)
        async for one in _live(hub, listener):
            yield one
    finally:
        hub.leave(listener)


async def _live(hub: Hub, listener: Listener) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    ends = loop.time() + _LIFE
    while loop.time() < ends and not (listener.over or listener.missed):
        upto = hub.upto
        found = await listener.take(_BEAT)
        if found is not None:
            yield found
        elif not listener.missed:
            yield _beat(upto)
    if listener.missed:
        yield _resync(hub.upto)


async def _missed(pool: Pool, heard: str | None, upto: int) -> list[Happening] | None:
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


def _beat(upto: int) -> bytes:
    """Nothing happened; whoever comes again need not be told of the time before."""
    return f": \nid: {Position(xid=upto)}\n\n".encode()


def _resync(upto: int) -> bytes:
    return f"event: resync\nid: {Position(xid=upto)}\ndata: {{}}\n\n".encode()
