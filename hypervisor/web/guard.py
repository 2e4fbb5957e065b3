"""What no request may hold: too much, or characters that no text in the database can be."""

import asyncio
import re
from http import HTTPStatus
from time import perf_counter

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as AsgiMessage

from hypervisor.web.budget_guard import find_costly_route
from hypervisor.web.problems import answer
from sensors._errors import Message

PLAIN = 512 * 1024  # bytes of a body that the web itself reads; a value may cost it a kilobyte
VALUES = 10_000  # of JSON, likewise; commas in texts count, too
FIELDS = 1_000  # of a form
LARGEST = 4 * 1024 * 1024  # bytes where a route has a budget: a year's rules stay far below
LARGEST_FILES = 10 * 1024 * 1024  # where such a form brings files
RAW = (
    "/api/v1/hooks/"  # other systems' bodies: the route judges them, so that nothing is lost unsaid
)
LARGEST_RAW = 16 * 1024 * 1024  # of them; one byte more is handed on, the rest is not read
SMALL = 64 * 1024  # bytes of a body that is always let in
TOGETHER = 64 * 1024 * 1024  # bytes of the larger ones at once, of all clients
PATIENCE = 60.0  # s until a body is complete
_TOO_MANY = Message("too many large requests at once: try again in a moment")
_TOO_SLOW = Message("the body did not come within {count} s", round(PATIENCE))
# Whatever is no such escape, then the escape: possessive, so that each byte is read once.
_NUL = re.compile(rb"(?:[^\\]++|\\(?!u0000).)*+\\u0000", re.DOTALL)
_HALF = re.compile(
    rb"(?:[^\\]++|\\[^u]|\\u(?![dD][89a-fA-F])|\\u[dD][89abAB]..\\u[dD][c-fC-F]..)*+\\u[dD]",
    re.DOTALL,
)
_FORM = "application/x-www-form-urlencoded"
_FILES = "multipart/form-data"
_UTF_8 = re.compile(r"charset=(utf-?8|\"utf-?8\")(?=\s*(?:;|$))")
Refusal = tuple[HTTPStatus, Message]


class RequestGuard:
    """Around the whole application: reads a body once, hands it on only where it is sound."""

    def __init__(self, app: ASGIApp) -> None:
        """Serve what `app` serves."""
        self._app = app
        self._held = 0  # bytes of larger bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            problem = Message("the address holds the character NUL, which no name holds")
            await _refuse(scope, receive, send, HTTPStatus.BAD_REQUEST, problem)
            return
        headers = Headers(scope=scope)
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["begun"] = perf_counter()  # before its body arrives
        body = bytearray()
        try:
            raw = scope["path"].startswith(RAW)
            files = headers.get("content-type", "").startswith(_FILES)
            costly = find_costly_route(scope) is not None
            budgeted = LARGEST_FILES if files else LARGEST
            largest = LARGEST_RAW if raw else budgeted if costly else PLAIN
            refusal = await self._read(receive, body, largest)
            if raw and refusal == _too_large(largest):
                del body[largest + 1 :]
                refusal = None
            if not raw and refusal is None:
                refusal = _judge(bytes(body), headers.get("content-type", ""), costly=costly)
            if refusal is not None:
                await _refuse(scope, receive, send, *refusal)
            else:
                await self._app(scope, _replay_body(bytes(body), receive), send)
        finally:
            self._held -= _beyond_small(body)

    async def _read(self, receive: Receive, body: bytearray, largest: int) -> Refusal | None:
        """Read all of `body`, unless it is too large, or too much beside others, or too slow."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return None  # the client went away: no answer can reach it
                    before = _beyond_small(body)
                    body += message.get("body", b"")
                    self._held += _beyond_small(body) - before
                    if len(body) > largest:
                        return _too_large(largest)
                    if len(body) > SMALL and self._held > TOGETHER:
                        return HTTPStatus.SERVICE_UNAVAILABLE, _TOO_MANY
                    if not message.get("more_body"):
                        return None
        except TimeoutError:
            return HTTPStatus.REQUEST_TIMEOUT, _TOO_SLOW


def _too_large(largest: int) -> Refusal:
    problem = Message("the body is larger than {count} KiB", largest // 1024)
    return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, problem


def _judge(body: bytes, kind: str, *, costly: bool) -> Refusal | None:
    """What is wrong with a body; None: nothing, or it is no text of ours."""
    named = "charset" in _UTF_8.sub("", kind.lower(), count=1)
    kind = kind.partition(";")[0].strip().lower()
    problem: Message | None = None
    if kind == _FILES and named:  # Python knows codecs that take hours, or raise what they like
        problem = Message("the body's charset: a form is UTF-8")
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, problem
    if kind == _FORM:
        if body.count(b"&") > FIELDS:
            problem = Message("a form has at most {count} fields", FIELDS)
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, problem
        problem = Message("body: a field holds the character NUL") if b"%00" in body else None
    elif kind == "application/json" or kind.endswith("+json"):
        if not costly and body.count(b",") > VALUES:
            problem = Message("a body has at most {count} values", VALUES)
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, problem
        problem = _find_bad_character(body)
    return None if problem is None else (HTTPStatus.UNPROCESSABLE_ENTITY, problem)


def _find_bad_character(body: bytes) -> Message | None:
    try:
        text = body.decode()  # Python's reader would take other encodings, and halves of characters
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return Message("body: JSON is UTF-8")
    if rb"\u0000" in body and _NUL.match(body):
        return Message("body: a text holds the character NUL (\\u0000), which no text here holds")
    if rb"\ud" in body.lower() and _HALF.match(body):
        return Message("body: a text holds half a character (a lone surrogate, \\ud800 … \\udfff)")
    return None


def _beyond_small(body: bytearray) -> int:
    return max(0, len(body) - SMALL)


def _replay_body(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> AsgiMessage:
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
