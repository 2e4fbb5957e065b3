"""Who reads a page: in which language, where and when. Formats and templates depend on it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

LANGUAGES = ("fr", "en")
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, kw_only=True)
class Reader:
    """`now` is the instance's clock: the scenario's in an exercise."""

    language: str
    zone: ZoneInfo
    now: datetime
    theme: str = "auto"

    def local(self, at: datetime) -> datetime:
        """On the reader's clock; at the ends of the calendar, where there is none, in UTC."""
        try:
            return at.astimezone(self.zone)
        except OverflowError:
            return at.replace(tzinfo=UTC)


_PLAIN = Reader(language="fr", zone=ZoneInfo("Europe/Paris"), now=datetime(2000, 1, 1, tzinfo=UTC))
_CURRENT: ContextVar[Reader | None] = ContextVar("reader", default=None)
_ASKING: ContextVar[Callable[[], Reader | None]] = ContextVar("asking", default=lambda: None)


def current() -> Reader:
    """The reader of the page that is being made, else of the current request."""
    return _CURRENT.get() or _ASKING.get()() or _PLAIN


@contextmanager
def asked_by(reader: Callable[[], Reader | None]) -> Iterator[None]:
    """Answer a request of this reader, who is known while it is answered."""
    token = _ASKING.set(reader)
    try:
        yield
    finally:
        _ASKING.reset(token)


@contextmanager
def reading(reader: Reader) -> Iterator[None]:
    """Make what is inside for this reader."""
    token = _CURRENT.set(reader)
    try:
        yield
    finally:
        _CURRENT.reset(token)
