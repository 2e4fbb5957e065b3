"""What no request may hold: too much, or characters that no text in the database can be."""

import json
import re
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hypervisor.web.problems import answer

LARGEST = 4 * 1024 * 1024  # bytes of a body: a year's rules and events in text stay far below
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_FORM = "application/x-www-form-urlencoded"


class RequestGuard:
    """Around the whole application: reads a body once, hands it on only where it is sound."""

    def __init__(self, app: ASGIApp) -> None:
        """Serve what `app` serves."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            problem = "the address holds the character NUL, which no name holds"
            await _refuse(scope, receive, send, HTTPStatus.BAD_REQUEST, problem)
            return
        headers = Headers(scope=scope)
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            problem = f"the body is larger than {LARGEST // 1024**2} MiB"
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            await _refuse(scope, receive, send, status, problem)
            return
        bad_characters = unsound(body, headers.get("content-type", ""))
        if bad_characters is not None:
            await _refuse(scope, receive, send, HTTPStatus.UNPROCESSABLE_ENTITY, bad_characters)
            return
        await self._app(scope, _replay_body(body, receive), send)


def unsound(body: bytes, kind: str) -> str | None:
    """What is wrong with the characters of a body; None: nothing, or it is no text of ours."""
    kind = kind.partition(";")[0].strip().lower()
    if kind == _FORM:
        return "body: a field holds the character NUL" if b"%00" in body else None
    if kind != "application/json" and not kind.endswith("+json"):
        return None
    if _NUL.search(body):
        return "body: a text holds the character NUL (\\u0000), which no text here holds"
    if rb"\ud" in body.lower():
        try:
            json.dumps(json.loads(body), ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return "body: a text holds half a character (a lone surrogate, \\ud800 … \\udfff)"
        except (ValueError, RecursionError):
            return None  # no JSON: whoever reads it says so
    return None


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None: too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)  # the client went away: nobody reads what is answered
        part = message.get("body", b"")
        size += len(part)
        if size > LARGEST:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _replay_body(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(
    scope: Scope, receive: Receive, send: Send, status: HTTPStatus, problem: str
) -> None:
    await answer(Request(scope), status, problem)(scope, receive, send)
