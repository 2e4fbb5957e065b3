"""Who looked at whose home: every part of an answer that names one is recorded before it leaves.

Answers are searched for the names of the homes and devices that the person may see, whatever route
made them. Only answers to people with the duty are searched; others cost nothing.
"""

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hypervisor.access import queries_looks
from hypervisor.base.duties import Duty
from hypervisor.base.person import Person
from hypervisor.database.connect import Connection

_STATE = "looker"  # of a request's state
_NAME = re.compile(rb"[a-z0-9][a-z0-9_-]*")  # of a site or device, in small letters
_LONGEST = 64  # letters of a name
_TEXTS = ("text", "json", "xml", "csv", "javascript", "yaml")
_API = "/api/v1"
_ERROR = 400  # statuses from here on tell of no home
_GZIP = 31  # zlib's window bits for it


@dataclass(frozen=True, kw_only=True)
class Looker:
    """Somebody who may see homes: these, by the names that an answer may contain."""

    name: str
    way: str
    homes: Mapping[bytes, str]


def mark_looker(state: Any, connection: Connection, person: Person, path: str) -> None:
    """Note for a request which homes its person may see. `connection`: the owner's."""
    territory = person.territory(Duty.PERSONAL)
    homes = {} if territory.empty else queries_looks.list_homes(connection, territory)
    if homes:
        page = person.session is not None and not path.startswith(_API)
        by_name = {name.encode(): site for name, site in homes.items()}
        looker = Looker(name=person.name, way="page" if page else "api", homes=by_name)
        setattr(state, _STATE, looker)


class LookRecorder:
    """Around the application: reads what leaves it."""

    def __init__(self, app: ASGIApp) -> None:
        """Serve what `app` serves."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        await self._app(scope, receive, _Answer(scope, send))


class _Answer:
    """One answer on its way out: the homes that it names."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._seen: set[str] = set()
        self._recorded: set[str] = set()
        self._tail = b""
        self._looker: Looker | None = None
        self._is_text = True
        self._unpack: Callable[[bytes], bytes] = bytes

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begin(message)
        elif message["type"] == "http.response.body" and self._looker is not None:
            self._read(self._looker, message.get("body", b""))
            if self._seen - self._recorded:  # before it leaves: more may follow, or nothing
                await run_in_threadpool(self._record, self._looker)
        await self._send(message)

    def _begin(self, start: Message) -> None:
        looker = self._scope["state"].get(_STATE)
        if not isinstance(looker, Looker) or start["status"] >= _ERROR:
            return
        self._looker = looker
        headers = Headers(raw=start["headers"])
        kind = headers.get("content-type", "text")
        self._is_text = any(part in kind for part in _TEXTS)
        if headers.get("content-encoding") == "gzip":
            self._unpack = zlib.decompressobj(_GZIP).decompress
        address = f"{self._scope['path']}?{self._scope['query_string'].decode('latin-1')}"
        self._search(looker, address.encode())

    def _read(self, looker: Looker, body: bytes) -> None:
        if self._is_text:
            text = self._tail + self._unpack(body)
            self._search(looker, text)
            self._tail = text[-_LONGEST:]
        elif body:
            self._seen.add(queries_looks.EVERY)

    def _search(self, looker: Looker, text: bytes) -> None:
        names = looker.homes.keys() & set(_NAME.findall(text.lower()))
        self._seen.update(looker.homes[name] for name in names)

    def _record(self, looker: Looker) -> None:
        path = self._scope["path"]
        route = getattr(self._scope.get("route"), "path", "") or path
        if path.startswith(_API) and not route.startswith(_API):
            route = f"{_API}{route}"
        with self._scope["app"].state.pool.writing() as connection:
            queries_looks.record_looks(
                connection,
                self._seen - self._recorded,
                author=looker.name,
                way=looker.way,
                route=f"{self._scope['method']} {route}"[:200],
                at=datetime.now(UTC),
            )
        self._recorded.update(self._seen)
