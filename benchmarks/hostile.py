"""Hostile push subscriptions of many kinds, and a push service that misbehaves by path.

A kind is a row as an attacker, an older version or a damaged database may leave it.
"""

import asyncio
import json
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hypervisor.broker.child import wait_until
from hypervisor.broker.ports import LOOPBACK, free_port
from hypervisor.citizens.address_key import AddressKey

_LONG = 60.0  # s that a hanging answer takes
_ENDS = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError)
_HEAD = b"HTTP/1.1 201 Created\r\n"
_NUL = b"HTTP/1.1 500 No\r\nContent-Length: 6\r\nConnection: close\r\n\r\n\0\xed\xa0\x80\x1b["


@dataclass(kw_only=True)
class HostileService:
    """A push service (HTTPS) on loopback. `taken`: when (monotonic) each honest path came first."""

    port: int
    deaf: int  # a port that takes connections and never speaks
    closed: int
    taken: dict[str, float] = field(default_factory=dict)
    doubled: int = 0

    @property
    def hosts(self) -> str:
        """The setting that allows it."""
        ports = (self.port, self.deaf, self.closed)
        own = ", ".join(f"{LOOPBACK}:{port}" for port in ports)
        return f"usual, localhost:{self.port}, {own}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a request as its path says."""
        with suppress(*_ENDS):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            await reader.readexactly(length)
            path = head.split(b" ", 2)[1].decode()
            await self._behave(path, writer)
        writer.close()

    async def _behave(self, path: str, writer: asyncio.StreamWriter) -> None:
        kind = path.split("/")[1]
        if kind in _ANSWERS:
            writer.write(_ANSWERS[kind])
        elif kind == "hangs":
            await asyncio.sleep(_LONG)
        elif kind in _DROPS:
            drop, until = _DROPS[kind], time.monotonic() + _LONG
            while time.monotonic() < until:
                writer.write(drop)
                await writer.drain()
                await asyncio.sleep(0.3)
        else:
            self.doubled += path in self.taken
            self.taken.setdefault(path, time.monotonic())
            writer.write(_HEAD + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()


_ANSWERS = {
    "nul": _NUL,
    "redirects": b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
    "garbage": b"\0\1\2 what is this\r\n\r\n",
    "silent": b"",
    "huge": b"HTTP/1.1 400 No\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    "many": b"HTTP/1.1 429 No\r\nRetry-After: 86400\r\nContent-Length: 0\r\n\r\n",
    "broken": b"HTTP/1.1 500 No\r\nContent-Length: 99999\r\n\r\nshort",
}
_DROPS = {
    "drips": b"X",
    "continues": b"HTTP/1.1 100 Continue\r\n\r\n",
    "endless": b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n",
}


@contextmanager
def serve(certificate: Path, key: Path) -> Iterator[HostileService]:
    """The service while the block runs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server((LOOPBACK, 0), backlog=500) as deaf:
        made = HostileService(port=free_port(), deaf=deaf.getsockname()[1], closed=free_port())
        loop = asyncio.new_event_loop()
        started = loop.create_task(
            asyncio.start_server(made.answer, LOOPBACK, made.port, ssl=context, backlog=500)
        )
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        wait_until(started.done, seconds=10)
        try:
            yield made
        finally:
            asyncio.run_coroutine_threadsafe(_close(started.result()), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


async def _close(server: asyncio.Server) -> None:
    """Stop listening, and end answers that hang."""
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


Row = tuple[bytes, bytes]  # digest and encrypted address


@dataclass(frozen=True, kw_only=True)
class Attack:
    """Makes rows. `keys`: a browser's public key and secret that are valid (base64url)."""

    service: HostileService
    key: AddressKey
    keys: tuple[str, str]
    dice: random.Random

    def make_rows(self, count: int) -> list[Row]:
        """Rows of all kinds in turn."""
        kinds = [*self.list_endpoints(), *self._list_texts(), "wrong key", "no cipher"]
        self.dice.shuffle(kinds)
        return [self._make_row(kinds[number % len(kinds)], number) for number in range(count)]

    def _make_row(self, kind: str, number: int) -> Row:
        digest = self.key.digest(f"{kind} {number}")
        if kind == "no cipher":
            return digest, bytes(self.dice.randrange(256) for _ in range(40))
        if kind == "wrong key":
            other = AddressKey(secret="another secret of forty letters, not less")  # noqa: S106
            return digest, other.encrypt(self.write("https://fcm.googleapis.com/1"))
        texts, endpoints = self._list_texts(), self.list_endpoints()
        text = texts[kind]() if kind in texts else self.write(endpoints[kind](number))
        return digest, self.key.encrypt(text)

    def write(self, endpoint: str, keys: tuple[str, str] | None = None) -> str:
        return json.dumps([endpoint, *(keys or self.keys)])

    def _list_texts(self) -> dict[str, Callable[[], str]]:
        base = f"https://{LOOPBACK}:{self.service.port}"
        return {
            "no JSON": lambda: "nonsense",
            "no triple": lambda: '["https://fcm.googleapis.com/1"]',
            "numbers": lambda: "[1, 2, 3]",
            "null": lambda: "[null, null, null]",
            "nested": lambda: "[" * 5_000,
            "no point": lambda: self.write(f"{base}/p", ("BA" + "A" * 85, self.keys[1])),
            "no secret": lambda: self.write(f"{base}/p", (self.keys[0], "é")),
        }

    def list_endpoints(self) -> dict[str, Callable[[int], str]]:
        """Endpoints by kind, each from a number."""
        letters = "abcdefghijklmnopqrstuvwxyz"
        base = f"https://{LOOPBACK}:{self.service.port}"
        by_path = {
            kind: lambda number, kind=kind: f"{base}/{kind}/{number}"
            for kind in (*_ANSWERS, *_DROPS, "hangs")
        }
        return {
            **by_path,
            "label": lambda _n: f"https://{self.dice.choice(letters) * 64}.push.apple.com/x",
            "name": lambda _n: f"https://{'a.' * 130}push.apple.com/x",
            "empty label": lambda _n: "https://a..push.apple.com/x",
            "unknown": lambda n: f"https://no-such-{n}.push.apple.com/x",
            "private": lambda n: f"https://localhost:{self.service.port}/honest/{n}",
            "surrogate": lambda _n: "https://\ud800.push.apple.com/x",
            "deaf": lambda n: f"https://{LOOPBACK}:{self.service.deaf}/{n}",
            "closed": lambda n: f"https://{LOOPBACK}:{self.service.closed}/{n}",
            "port": lambda _n: "https://fcm.googleapis.com:99999/1",
            "host": lambda _n: "https://[/",
        }
