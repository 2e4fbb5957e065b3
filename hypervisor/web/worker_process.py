"""A worker: answers one request after the other at a socket; ends with who asks."""

import asyncio
import json
import logging
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.types import Message, Scope

from hypervisor.web.frames import END, HELLO, MORE, ORDER, START, read_frame, write_frame

log = logging.getLogger(__name__)
_PIECE = 256 * 1024  # bytes of a frame
_NICE = 10  # everything else goes first
_FIRST_TO_GO = "800"  # where the memory of the machine is short


def serve_requests(app: FastAPI, channel: socket.socket) -> None:
    """Answer what comes at `channel`, in a process of its own."""
    os.nice(_NICE)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    app.state.is_worker = True
    app.state.pool.open()
    asyncio.run(_serve(app, channel))


async def _serve(app: FastAPI, channel: socket.socket) -> None:
    reader, writer = await asyncio.open_connection(sock=channel)
    await write_frame(writer, HELLO, str(os.getpid()).encode())
    while True:
        try:
            kind, order = await read_frame(reader)
            _, body = await read_frame(reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            os._exit(0)
        if kind != ORDER:
            os._exit(1)
        gone = asyncio.create_task(_end_with(reader))
        try:
            await _answer(app, json.loads(order), body, writer)
        except Exception:  # the application has answered it, and raises it for its server's log
            log.exception("a request failed")
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone
        await write_frame(writer, END)


async def _end_with(reader: asyncio.StreamReader) -> None:
    """End at once when the web does; a thread may still be computing."""
    if not await reader.read(1):
        os._exit(0)


async def _answer(
    app: FastAPI, order: dict[str, Any], body: bytes, writer: asyncio.StreamWriter
) -> None:
    received = False

    async def receive() -> Message:
        nonlocal received
        if received:
            await asyncio.Event().wait()  # the client's end is ours
        received = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [[_text(name), _text(value)] for name, value in message.get("headers", ())]
            head = json.dumps([message["status"], headers]).encode()
            await write_frame(writer, START, head)
        elif message["type"] == "http.response.body":
            content = memoryview(message.get("body", b""))
            for begin in range(0, len(content), _PIECE):
                await write_frame(writer, MORE, bytes(content[begin : begin + _PIECE]))

    await app(_build_scope(order), receive, send)


def _build_scope(order: dict[str, Any]) -> Scope:
    return {
        **order,
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "raw_path": order["raw_path"].encode("latin-1"),
        "query_string": order["query_string"].encode("latin-1"),
        "headers": [(a.encode("latin-1"), b.encode("latin-1")) for a, b in order["headers"]],
        "client": order["client"] and tuple(order["client"]),
        "server": order["server"] and tuple(order["server"]),
        "state": {"position": order["position"]},
    }


def _text(header: bytes) -> str:
    return header.decode("latin-1")
