"""What every read owes HTTP: an ETag with 304, HEAD beside GET, an honest OPTIONS.

The tag of a JSON answer is a digest of its bytes: it costs the server the answer, but spares the
client and the line a body that it has. What names a revision in its own tag keeps that one.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TAGGED = ("application/json", "application/geo+json")
_API_PREFIX = "/api/"


class ConditionalGetMiddleware:
    """Around the whole application: it sees each answer as it leaves."""

    def __init__(self, app: ASGIApp) -> None:
        """Serve what `app` serves."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and scope["path"].startswith(_API_PREFIX):
            allowed = await _find_methods(scope)
            if allowed:
                await _send_empty(send, {"Allow": ", ".join(allowed)})
                return
        await self._read(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = scope["method"] == "HEAD"
        if head:
            scope = {**scope, "method": "GET"}
        if scope["method"] != "GET":
            await self._app(scope, receive, _with_full_allow(scope, send))
            return
        await self._app(scope, receive, _TaggedResponse(scope, send, head=head))


class _TaggedResponse:
    """An answer on its way out: tagged where complete, without its body where not needed."""

    def __init__(self, scope: Scope, send: Send, *, head: bool) -> None:
        self._asked = Headers(scope=scope).get("if-none-match", "")
        self._ours = scope["path"].startswith(_API_PREFIX)
        self._send = send
        self._head = head
        self._start: Message | None = None
        self._body: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._is_whole(message):
                self._start = message
                return
            await self._send(message)
            if self._head:  # what would follow may be a stream without an end
                await self._send({"type": "http.response.body", "body": b""})
        elif message["type"] != "http.response.body" or self._start is None:
            if not self._head:
                await self._send(message)
        else:
            self._body.append(message.get("body", b""))
            if not message.get("more_body"):
                await self._finish(self._start, b"".join(self._body))

    def _is_whole(self, start: Message) -> bool:
        """Told by its length: a stream has none, and must not wait for its end."""
        headers = Headers(raw=start["headers"])
        kind = headers.get("content-type", "").partition(";")[0]
        return (
            self._ours
            and start["status"] == HTTPStatus.OK
            and "content-length" in headers
            and kind in _TAGGED
        )

    async def _finish(self, start: Message, body: bytes) -> None:
        headers = MutableHeaders(raw=list(start["headers"]))
        if "etag" not in headers:
            headers["ETag"] = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        headers["Cache-Control"] = "private, no-cache"  # keep it, and ask whether it still holds
        headers.add_vary_header("Accept, Cookie, Authorization")
        status = start["status"]
        if fresh(self._asked, headers["etag"]):
            status, body = HTTPStatus.NOT_MODIFIED, b""
            for name in ("content-length", "content-type"):
                del headers[name]
        await self._send({**start, "status": int(status), "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": b"" if self._head else body})


def fresh(if_none_match: str, tag: str) -> bool:
    """Whether the client has what the tag names (RFC 9110, 13.1.2: compared weakly)."""
    tags = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return "*" in tags or tag.removeprefix("W/") in tags


async def _find_methods(scope: Scope) -> list[str]:
    described = await run_in_threadpool(scope["app"].openapi)
    return allow(described["paths"], scope["path"])


def allow(described: Mapping[str, Mapping[str, Any]], path: str) -> list[str]:
    """The methods that stand at an address, by the description's paths; none where nothing does."""
    fitting = [pattern for pattern in described if _regex(pattern).match(path)]
    if path in fitting:
        fitting = [path]  # a word of its own is none of those that a pattern stands for
    methods = {method.upper() for pattern in fitting for method in described[pattern]}
    if not methods:
        return []
    return sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))


@lru_cache(maxsize=1_000)
def _regex(pattern: str) -> re.Pattern[str]:
    return compile_path(pattern)[0]


def _with_full_allow(scope: Scope, send: Send) -> Send:
    """A refused method is answered with all of the address: a route knows only its own."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 405:
            allowed = await _find_methods(scope)
            if allowed:
                headers = MutableHeaders(raw=list(message["headers"]))
                headers["Allow"] = ", ".join(allowed)
                message = {**message, "headers": headers.raw}
        await send(message)

    return sent


async def _send_empty(send: Send, headers: dict[str, str]) -> None:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 204, "headers": raw})
    await send({"type": "http.response.body", "body": b""})
