"""Bodies are bounded together, not only each: who sends none to its end fills no memory."""

import asyncio
from http import HTTPStatus

import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from hypervisor.web import guard
from hypervisor.web.guard import LARGEST, SMALL, TOGETHER, RequestGuard

PIECE = b"a" * SMALL
HEADERS = [(b"content-length", b"1"), (b"content-type", b"text/plain")]


class Exchange:
    """A request of which some pieces have come; `whole`: and no more will."""

    def __init__(self, pieces: int, *, whole: bool) -> None:
        self.answer: list[Message] = []
        self._pieces = [PIECE] * pieces
        self._whole = whole

    async def receive(self) -> Message:
        if not self._pieces:
            await asyncio.Event().wait()
        piece = self._pieces.pop()
        more = bool(self._pieces) or not self._whole
        return {"type": "http.request", "body": piece, "more_body": more}

    async def send(self, message: Message) -> None:
        self.answer.append(message)

    @property
    def status(self) -> int | None:
        return self.answer[0]["status"] if self.answer else None


async def echo(_scope: Scope, receive: Receive, send: Send) -> None:
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % len(body)})


async def ask(guarded: RequestGuard, exchange: Exchange) -> None:
    scope = {
        "type": "http",
        "path": "/",
        "query_string": b"",
        "headers": HEADERS,
        "method": "POST",
        "server": ("x", 80),
        "scheme": "http",
        "app": FastAPI(),
    }
    await guarded(scope, exchange.receive, exchange.send)


def test_large_bodies_share_what_there_is_and_small_ones_always_come_in() -> None:
    async def scenario() -> None:
        guarded = RequestGuard(echo)
        most = LARGEST // SMALL
        held = TOGETHER // (LARGEST - SMALL)
        stalled = [Exchange(most, whole=False) for _ in range(held)]
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(ask(guarded, exchange)) for exchange in stalled]
            await asyncio.sleep(0)
            for pieces, status in ((1, HTTPStatus.OK), (most, HTTPStatus.SERVICE_UNAVAILABLE)):
                exchange = Exchange(pieces, whole=True)
                await ask(guarded, exchange)
                assert exchange.status == status
            assert {exchange.status for exchange in stalled} == {None}
            for task in waiting:
                task.cancel()
        exchange = Exchange(most, whole=True)
        await ask(guarded, exchange)
        assert exchange.answer[1]["body"] == b"%d" % LARGEST, "and all is free again"

    asyncio.run(scenario())


def test_a_body_that_is_too_large_or_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "PATIENCE", 0.0)
    for exchange, status in (
        (Exchange(LARGEST // SMALL + 1, whole=True), HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        (Exchange(1, whole=False), HTTPStatus.REQUEST_TIMEOUT),
    ):
        asyncio.run(ask(RequestGuard(echo), exchange))
        assert exchange.status == status
