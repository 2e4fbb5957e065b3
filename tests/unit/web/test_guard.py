"""Bodies are bounded together, not only each: who sends none to its end fills no memory."""

import asyncio
import json
from collections.abc import Callable
from http import HTTPStatus
from random import Random

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from starlette.types import Message, Receive, Scope, Send

from hypervisor.web import guard, problems
from hypervisor.web.budget import WORK, costs
from hypervisor.web.guard import LARGEST, PLAIN, SMALL, TOGETHER, RequestGuard

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


APP = FastAPI()
problems.install(APP)


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    count: int


class Order(Part):
    parts: list[Part] = []
    words: dict[str, str] = {}


@APP.post("/order")
def order(order: Order) -> str:
    return order.name


@APP.post("/")
@costs(WORK)
def count(words: list[str]) -> int:
    return len(words)


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
        "app": APP,
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


def unknown_keys(dice: Random, size: int) -> bytes:
    return json.dumps({f"{dice.random()}": 0 for _ in range(size // 24)}).encode()


def repeated(item: str, *, within: str = "parts") -> Callable[[Random, int], bytes]:
    def make(_: Random, size: int) -> bytes:
        items = ",".join([item] * (size // (len(item) + 1)))
        return f'{{"name": "a", "count": 1, "{within}": [{items}]}}'.encode()

    return make


BODIES: dict[str, Callable[[Random, int], bytes]] = {
    "unknown keys": unknown_keys,
    "numbers": repeated("0"),
    "objects": repeated("{}"),
    "objects with a key": repeated('{"x":{}}'),
    "lists": repeated("[]"),
    "nulls": repeated("null"),
    "texts": repeated('""'),
    "pairs": repeated('["a",1]', within="words"),
    "halves": repeated('"\\ud83d\\ude00"'),
    "deep lists": lambda _dice, size: b"[" * size,
    "deep objects": lambda _dice, size: b'{"parts":' * (size // 9),
    "a number": lambda _dice, size: b'{"count":' + b"9" * size + b"}",
    "a fraction": lambda _dice, size: b'{"count":0.' + b"1" * size + b"}",
    "blanks": lambda _dice, size: b" " * size,
    "backslashes": lambda _dice, size: b'{"name":"' + b"\\" * (size & ~1) + b'"}',
    "no JSON": lambda dice, size: dice.randbytes(size),
}


@pytest.mark.parametrize("size", [SMALL, PLAIN - SMALL, PLAIN + 1, LARGEST - SMALL])
@pytest.mark.parametrize("kind", BODIES)
def test_no_body_is_answered_at_length(kind: str, size: int) -> None:
    """What is wrong with it costs memory, too: a kilobyte for each of its values."""
    body = BODIES[kind](Random(f"{kind} {size}"), size)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=APP, raise_app_exceptions=False)
        transport.app = lambda scope, receive, send: RequestGuard(APP)(
            {**scope, "app": APP}, receive, send
        )
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            json_body = {"Content-Type": "application/json"}
            return await client.post("/order", content=body, headers=json_body)

    answer = asyncio.run(send())
    assert answer.is_client_error
    assert len(answer.content) < SMALL
    if len(body) > PLAIN or body.count(b",") > guard.VALUES:
        assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_a_form_of_many_fields_is_not_read() -> None:
    for body in (b"&" * SMALL, b"a&" * (guard.FIELDS + 1), b"a=1&" * SMALL):
        refusal = guard._judge(body, "application/x-www-form-urlencoded", costly=True)  # noqa: SLF001
        assert refusal is not None
        assert refusal[0] == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.parametrize("seed", range(20))
def test_bad_characters_are_those_that_json_reads(seed: int) -> None:
    dice = Random(seed)
    pieces = (
        "\\\\",
        "\\ud83d",
        "\\ude00",
        "\\uDBFF",
        "\\udfff",
        "a",
        "\\n",
        "\\u00e9",
        '\\"',
        "ud83d",
    )
    for _ in range(500):
        text = "".join(
            dice.choices((*pieces, "\\ud7ff", "\\u0000", "u0000", "é"), k=dice.randint(0, 7))
        )
        words = json.loads(f'"{text}"')
        lone = any("\ud800" <= letter <= "\udfff" for letter in words)
        refusal = guard._judge(f'["{text}"]'.encode(), "application/json", costly=False)  # noqa: SLF001
        assert (refusal is not None) == (lone or "\0" in words), text


FORM = "multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        *((json.dumps(["é"]).encode(code), "application/json") for code in ("utf-16", "utf-32-le")),
        ('["\ud800"]'.encode("utf-8", "surrogatepass"), "application/json"),
        (b'["\xff"]', "application/geo+json"),
        *(
            (b"--b--", f"{FORM}; {charset}")
            for charset in (
                *("charset=punycode", 'CHARSET="unicode_escape"', "charset=undefined"),
                *("charset=utf-8; charset=idna", "charset=utf-8-sig", "charset =utf-7"),
            )
        ),
    ],
)
def test_a_body_is_utf_8_whatever_python_could_read(body: bytes, kind: str) -> None:
    assert guard._judge(body, kind, costly=False) is not None  # noqa: SLF001


def test_a_form_may_say_that_it_is_utf_8() -> None:
    for charset in ("", "; charset=utf-8", '; charset="UTF-8"; x=1'):
        assert guard._judge(b"--b--", FORM + charset, costly=False) is None  # noqa: SLF001
