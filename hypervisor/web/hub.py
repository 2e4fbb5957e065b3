"""One reader of what happens for a web process, and a queue for each of those who listen."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from hypervisor.base.failures import describe_failure
from hypervisor.database import events
from hypervisor.database.credentials import Credential
from hypervisor.database.events import LoggedEvent, News, Parts, Position, Valid

_GATHER = 0.2  # s: what happens meanwhile is sent together
_TICK = 2.0  # s: so soon it is noticed that a part is late
_BACK_OFF = 2.0  # s between two tries to reach the database
_WAITING = 64  # chunks that a slow listener may leave lying
_NAMES = 100  # more sites than these are not named in one event
_MANY = {"reading": 0, "rule": 100, "log": 100}  # up to this many of a kind are sent one by one
Sites = frozenset[str] | None  # what somebody may see; None: the whole territory


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a listener may hear of. `personal`: of homes, too, where its sites are not named."""

    sites: Sites = None
    personal: bool = False

    def filter(self, event: LoggedEvent) -> Sites:
        """The sites of an event that it may hear of; None: the event is everybody's."""
        if event.sites is None:
            return None
        if self.sites is not None:
            return event.sites & self.sites
        return event.sites if self.personal else event.sites - event.personal


class Listener:
    """Somebody who listens. A chunk is some events as they are sent."""

    def __init__(self, sight: Sight, credential: Credential) -> None:
        self.sight = sight
        self.credential = credential
        self.over = False  # is to come again: what it may see, or whether it may, has changed
        self.missed = False  # was too slow, or asked for what is forgotten
        self._chunks: deque[bytes] = deque()
        self._woken = asyncio.Event()

    def put(self, chunk: bytes) -> None:
        """Never waits: a slow client loses what waits, and gets a notice of it."""
        if len(self._chunks) >= _WAITING:
            self.miss()
        if not self.missed:
            self._chunks.append(chunk)
        self._woken.set()

    def miss(self) -> None:
        self._chunks.clear()
        self.missed = True
        self._woken.set()

    def end(self) -> None:
        self.over = True
        self._woken.set()

    async def take(self, seconds: float) -> bytes | None:
        """What waits; None where nothing came in so long, or nothing will."""
        if not self._chunks and not (self.missed or self.over):
            try:
                await asyncio.wait_for(self._woken.wait(), seconds)
            except TimeoutError:
                return None
        self._woken.clear()
        chunk = b"".join(self._chunks)
        self._chunks.clear()
        return chunk or None


class Hub:
    """Reads once what all listeners of this process hear."""

    def __init__(self, url: str, clock: Callable[[], datetime]) -> None:
        self._url = url
        self._clock = clock
        self._upto: int | None = None  # all before this transaction was told
        self._parts: Parts | None = None
        self._known = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closing = False
        self.listeners: set[Listener] = set()
        self.watchers: list[Callable[[frozenset[str]], None]] = []  # of the kinds of events
        self.lost = 0  # listeners that were too slow

    @property
    def upto(self) -> int:
        """Before which transaction all was told; once `ready`."""
        return self._upto or 0

    async def ready(self, seconds: float) -> bool:
        """Whether the database was reached."""
        try:
            await asyncio.wait_for(self._known.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def join(self, sight: Sight, credential: Credential) -> Listener:
        """Hear all from `upto` on, as long as the credential is good."""
        listener = Listener(sight, credential)
        listener.over = self.closing
        self.listeners.add(listener)
        return listener

    def listens(self, account: int) -> int:
        """How many listeners are this account's."""
        return sum(listener.credential.account == account for listener in self.listeners)

    def leave(self, listener: Listener) -> None:
        self.listeners.discard(listener)
        self.lost += listener.missed

    def close(self) -> None:
        """Send everybody away: the process is to end. May be called by a signal's handler."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self.closing = True
        for listener in self.listeners:
            listener.end()

    async def run(self, say: Callable[[str], None]) -> None:
        """Follow the database until cancelled; what fails is tried again, and said once."""
        self._loop = asyncio.get_running_loop()
        reported = ""
        while True:
            try:
                async with aclosing(
                    events.follow(
                        self._url, self._upto, patience=_TICK, shown=self._shown, clock=self._clock
                    )
                ) as stream:
                    async for news in stream:
                        reported = ""
                        await self._take(news)
            except Exception as error:  # noqa: BLE001  a loop outlives any of them
                problem = describe_failure(error)
                if problem != reported:
                    say(problem)
                reported = problem
            await asyncio.sleep(_BACK_OFF)

    def _shown(self) -> set[Credential]:
        return {listener.credential for listener in self.listeners}

    async def _take(self, news: News | Parts | Valid) -> None:
        if isinstance(news, Parts):
            self._compare(news)
            return
        if isinstance(news, Valid):
            for listener in self.listeners:
                if listener.credential in news.shown - news.good:
                    listener.end()
            return
        self._upto = news.upto
        self._known.set()
        if news.events:
            kinds = frozenset(event.kind for event in news.events)
            for watch in self.watchers:
                watch(kinds)
            self._tell(merged(news.events))
            await asyncio.sleep(_GATHER)

    def _tell(self, events: list[LoggedEvent]) -> None:
        """Encoded once for all who may see the same."""
        encoded: dict[Sight, bytes] = {}
        for listener in self.listeners:
            if listener.over:
                continue
            if listener.sight not in encoded:
                encoded[listener.sight] = chunk(events, listener.sight)
            if encoded[listener.sight]:
                listener.put(encoded[listener.sight])

    def _compare(self, parts: Parts) -> None:
        before, self._parts = self._parts, parts
        if before is None:
            return
        if before.registry != parts.registry:  # who sees what may have changed
            for listener in self.listeners:
                if listener.sight.sites is not None:
                    listener.end()
        if before.late != parts.late:
            chunk_of_health = health(parts.late)
            for listener in self.listeners:
                listener.put(chunk_of_health)


def merged(events: Sequence[LoggedEvent]) -> list[LoggedEvent]:
    """Readings are merged into one, where the last of them stood; so are many of another kind.

    An inventory changes thresholds by the thousand: pages then reload all of them.
    """
    kinds: dict[str, list[LoggedEvent]] = {}
    for event in events:
        kinds.setdefault(event.kind, []).append(event)
    combined = [
        event
        for kind, these in kinds.items()
        for event in ([_merge(these)] if kind in _MANY and len(these) > _MANY[kind] else these)
    ]
    return sorted(combined, key=lambda event: event.position)


def _merge(these: Sequence[LoggedEvent]) -> LoggedEvent:
    site_sets = [event.sites for event in these if event.sites is not None]
    return LoggedEvent(
        position=these[-1].position,
        kind=these[-1].kind,
        key="",
        sites=frozenset[str]().union(*site_sets) if len(site_sets) == len(these) else None,
        data={},
        personal=frozenset[str]().union(*(event.personal for event in these)),
    )


def chunk(events: Iterable[LoggedEvent], sight: Sight) -> bytes:
    """The events of it that somebody may hear of."""
    return b"".join(_encode_event(event, sight) for event in events if _is_visible(event, sight))


def health(late: tuple[str, ...]) -> bytes:
    """Has no position: it is sent now, and never again."""
    return _encode("health", {"kind": "health", "key": "", "ok": not late, "late": list(late)})


def _is_visible(event: LoggedEvent, sight: Sight) -> bool:
    seen = sight.filter(event)
    if sight.sites is None and not event.personal:
        return True  # also of what stands nowhere
    return seen is None or bool(seen)


def _encode_event(event: LoggedEvent, sight: Sight) -> bytes:
    data = {"kind": event.kind, "key": event.key, **event.data}
    if event.kind == "reading":
        seen = sight.filter(event)
        named = seen is not None and len(seen) <= _NAMES
        data["sites"] = sorted(seen) if named and seen is not None else None
    return _encode(event.kind, data, event.position)


def _encode(kind: str, data: dict[str, object], position: Position | None = None) -> bytes:
    number = "" if position is None else f"id: {position}\n"
    dumps = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {kind}\n{number}data: {dumps}\n\n".encode()
