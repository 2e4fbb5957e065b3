"""Answers citizens before the application: from memory, without a database or a middleware.

What is public is read again when somebody publishes, and every half minute.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, lru_cache
from threading import Lock
from urllib.parse import parse_qsl

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from hypervisor.access.errors import TooManyAttemptsError
from hypervisor.access.throttle import network
from hypervisor.base.failures import describe_failure
from hypervisor.base.instance import Mode
from hypervisor.base.reader import LANGUAGES
from hypervisor.base.settings import Settings
from hypervisor.citizens import views
from hypervisor.citizens.answers import Answer, encode, make_answer
from hypervisor.citizens.model import Situation
from hypervisor.citizens.situation import load_situation
from hypervisor.citizens.views import PageRequest
from hypervisor.database.connect import StoreError
from hypervisor.database.pool import Pool
from hypervisor.publications.model import PublishedMessage
from hypervisor.standards.access import RequestRate
from hypervisor.web.hub import Hub
from hypervisor.web.request_metrics import Meter
from hypervisor.web.static_files import ROOT, stamp

PREFIX = "/public"
_REREAD = 30.0  # s
_REQUESTS = 20  # to subscribe a minute, of an address
_QUERY = 2_000  # bytes of a query that are read: the answers to the latest are remembered
_KEPT = 31_536_000  # s, of the style sheet: its address changes with it
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PublicRequest:
    """A request as far as its answer depends on it. `commune`: as it was entered."""

    path: str
    language: str = LANGUAGES[0]
    commune: str = ""
    secure: bool = False


class CitizenPages:
    """What is public, and the answers made of it."""

    def __init__(self, settings: Settings, pool: Pool, clock: Callable[[], datetime]) -> None:
        """Read from `pool`; nothing is read yet."""
        self._settings, self._pool, self._clock = settings, pool, clock
        self._situation: Situation | None = None
        self._answers: dict[PublicRequest, Answer] = {}
        self._loading, self._first = Lock(), Lock()
        self.rate = RequestRate(settings.public_page_requests_per_minute)
        self.request_rate = RequestRate(_REQUESTS)  # of subscriptions

    @property
    def is_open(self) -> bool:
        """Whether it may be read without an account: it is public, and no exercise."""
        situation = self._situation
        return (
            self._settings.public_page == "public"
            and situation is not None
            and situation.instance.mode is Mode.LIVE
        )

    def load(self) -> Situation:
        """Read what is public; blocks. Raises StoreError: the database does not answer."""
        with self._loading, self._pool.owning() as connection:
            situation = load_situation(connection, self._settings, self._clock)
            self._replace(situation)
        return situation

    def get_situation(self) -> Situation:
        """What is public as it was last read, without what is over. May block the first time."""
        situation = self._situation
        if situation is None:
            with self._first:
                situation = self._situation or self.load()
        ends = situation.ends
        if ends is not None and situation.instance.mode is Mode.LIVE and ends <= self._clock():
            situation = situation.drop_past(self._clock())
            self._replace(situation)
        if not situation.is_outdated and situation.goes_old <= self._clock():
            situation = replace(situation, is_outdated=True)
            self._replace(situation)
        return situation

    def _replace(self, situation: Situation) -> None:
        self._situation = situation
        self._answers = {}

    async def read_first(self) -> None:
        """Read what is public before the first answer, unless the database is away."""
        if self._situation is None and self._settings.public_page == "public":
            with suppress(StoreError):
                await asyncio.to_thread(self.get_situation)

    def find(self, request: PublicRequest) -> Answer | None:
        """The answer; None: this address is the application's."""
        situation = self.get_situation()
        answers = self._answers
        answer = answers.get(request)
        if answer is None:
            answer = _make(situation, request)
            # Only of our own addresses there is a limited number.
            cacheable = not request.commune or request.commune in situation.communes
            if answer is not None and answer.status == 200 and cacheable:
                answers[request] = answer
        return answer

    async def follow(self, hub: Hub) -> None:
        """Keep it up to date until cancelled; what cannot be read leaves what was last read."""
        changed = asyncio.Event()

        def watch(kinds: frozenset[str]) -> None:
            if "publication" in kinds:
                changed.set()

        hub.watchers.append(watch)
        reported = ""
        try:
            await hub.ready(_REREAD)  # from here on it tells what is published after we read
            while True:
                changed.clear()
                try:
                    await asyncio.to_thread(self.load)
                    reported = ""
                except Exception as error:  # noqa: BLE001  a loop outlives any of them
                    problem = describe_failure(error)
                    if problem != reported:
                        log.warning("the public page stays as it was: %s", problem)
                    reported = problem
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), _REREAD)
        finally:
            hub.watchers.remove(watch)


class CitizenFront:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, pages: CitizenPages, meter: Meter) -> None:
        """Answer from `pages` what they hold, and let `app` answer the rest; `meter` counts."""
        self._app, self._pages, self._meter = app, pages, meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        public = (
            scope["type"] == "http"
            and f"{scope['path']}/".startswith(f"{PREFIX}/")
            and scope["method"] in {"GET", "HEAD"}
        )
        if public:
            await self._pages.read_first()  # or the first answers would not count
        if not public or not self._pages.is_open:
            await self._app(scope, receive, send)
            return
        try:  # before a page is drawn: of communes that do not exist none is kept
            self._pages.rate.spend(_network(scope["client"][0] if scope["client"] else ""))
        except TooManyAttemptsError as error:
            await _refuse(error, send)
            self._count(scope, 429)
            return
        answer = self._pages.find(read_request(scope))
        if answer is None:
            await self._app(scope, receive, send)  # which counts it
            return
        status = await answer.send(scope["headers"], send, head=scope["method"] == "HEAD")
        self._count(scope, status)

    def _count(self, scope: Scope, status: int) -> None:
        path = scope["path"].rstrip("/")
        route = path if path in _DRAWN else f"{PREFIX}/{{name}}"
        self._meter.requests.labels(scope["method"], route, str(status)).inc()


def install(app: FastAPI) -> None:
    """Put it around the application."""
    state = app.state
    state.citizens = CitizenPages(state.settings, state.pool, state.clock)
    app.add_middleware(CitizenFront, pages=state.citizens, meter=state.meter)


@asynccontextmanager
async def following(app: FastAPI) -> AsyncIterator[None]:
    """Keep the pages up to date as long as the application runs."""
    if app.state.settings.public_page == "off":
        yield
        return
    task = asyncio.create_task(app.state.citizens.follow(app.state.hub))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def read_request(scope: Scope) -> PublicRequest:
    """What a request wants."""
    spoken = b""
    for name, value in scope["headers"]:
        if name == b"accept-language":
            spoken = value
    language, commune = _parse_query(scope["query_string"][:_QUERY])
    path = scope["path"]
    return PublicRequest(
        path=path.rstrip("/"),
        language=language or _choose_language(spoken[:200]),
        commune=commune,
        secure=scope["scheme"] == "https",
    )


@lru_cache(maxsize=2_000)
def _parse_query(query: bytes) -> tuple[str, str]:
    """Language and commune as they are named; empty: not at all."""
    try:
        given = dict(parse_qsl(query.decode("latin-1"), max_num_fields=20, errors="replace"))
    except ValueError:
        return "", ""
    language = given.get("lang", "")
    return language if language in LANGUAGES else "", given.get("commune", "").strip()[:80]


@lru_cache(maxsize=1_000)
def _choose_language(spoken: bytes) -> str:
    """The first of ours that a browser names."""
    words = spoken.decode("latin-1").lower().split(",")
    ours = (word.strip()[:2] for word in words if word.strip()[:2] in LANGUAGES)
    return next(ours, LANGUAGES[0])


@lru_cache(maxsize=10_000)
def _network(address: str) -> str:
    return network(address)


@dataclass(frozen=True, kw_only=True)
class _File:
    """A static file of the pages, as it is served. `kept`: s."""

    path: str
    media: str
    kept: int

    @cached_property
    def text(self) -> str:
        return (ROOT / self.path).read_text("utf-8")


WORKER_ADDRESS = f"{PREFIX}/sw.js"  # browsers keep its address, and look for a newer one


@lru_cache(maxsize=1)
def _list_files() -> Mapping[str, _File]:
    """The pages' files by their address, which but for the worker's changes with any file."""
    script = "text/javascript; charset=utf-8"
    return {
        style_address(): _File(path="css/citizens.css", media="text/css", kept=_KEPT),
        script_address(): _File(path="js/citizens_push.js", media=script, kept=_KEPT),
        WORKER_ADDRESS: _File(path="js/citizens_worker.js", media=script, kept=0),
    }


def style_address() -> str:
    """Of the pages' style sheet."""
    return f"{PREFIX}/{stamp()}.css"


def script_address() -> str:
    """Of the script that subscribes a browser."""
    return f"{PREFIX}/{stamp()}.js"


_DRAWN: Mapping[str, Callable[[Situation, PageRequest, str], str]] = {
    PREFIX: views.render_page,
    f"{PREFIX}/strip": views.render_strip,
    f"{PREFIX}/fragment": views.render_fragment,
}


def _make(situation: Situation, request: PublicRequest) -> Answer | None:
    """Write an answer; None: the application answers this address."""
    file = _list_files().get(request.path)
    if file is not None:
        return _make_file(situation, request, file)
    if request.path not in _DRAWN:
        return _make_message(situation, request)
    page, status = _read_page(situation, request)
    return make_answer(
        _DRAWN[request.path](situation, page, style_address()),
        modified=situation.modified,
        mode=situation.instance.mode.banner,
        language=page.language,
        status=status,
        framed=request.path.endswith("/strip"),
        scripted=request.path == PREFIX and bool(situation.push_key),
        shared=request.path.endswith("/fragment"),
        secure=request.secure,
    )


def _read_page(situation: Situation, request: PublicRequest) -> tuple[PageRequest, int]:
    """What is looked at, and the answer's status."""
    language, text = request.language, request.commune
    if not text:
        return PageRequest(language=language), 200
    matches = situation.search(text)
    if len(matches) == 1:
        return PageRequest(language=language, commune=matches[0]), 200
    return PageRequest(language=language, text=text, matches=matches), 404


def _make_file(situation: Situation, request: PublicRequest, file: _File) -> Answer:
    return make_answer(
        file.text,
        modified=situation.changed,
        mode=situation.instance.mode.banner,
        media=file.media,
        fresh_for=file.kept,
        shared=True,
        scripted=file.media != "text/css",
        secure=request.secure,
    )


def _make_message(situation: Situation, request: PublicRequest) -> Answer | None:
    """A message in force at its own address."""
    name = request.path.removeprefix(f"{PREFIX}/")
    message = next((each for each in situation.messages if each.identifier == name), None)
    return None if message is None else make_message_answer(situation, message, request)


def make_message_answer(
    situation: Situation, message: PublishedMessage, request: PublicRequest
) -> Answer:
    """A message, also one that is over."""
    return make_answer(
        views.render_message(situation, message, request.language, style_address()),
        modified=situation.modified,
        mode=situation.instance.mode.banner,
        language=request.language,
        secure=request.secure,
    )


async def _refuse(error: TooManyAttemptsError, send: Send) -> None:
    body = str(error).encode()
    headers = encode(
        {
            "content-type": "text/plain; charset=utf-8",
            "content-length": str(len(body)),
            "retry-after": str(max(1, round(error.seconds))),
        }
    )
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body})
