"""Who reads a page: in which language, where and when. Formats and templates depend on it."""

from collections.abc import Iterator
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
        return at.astimezone(self.zone)


_PLAIN = Reader(language="fr", zone=ZoneInfo("Europe/Paris"), now=datetime(2000, 1, 1, tzinfo=UTC))
_CURRENT: ContextVar[Reader] = ContextVar("reader", default=_PLAIN)


def current() -> Reader:
    """The reader of the page that is being made."""
    return _CURRENT.get()


@contextmanager
def reading(reader: Reader) -> Iterator[None]:
    """Make what is inside for this reader."""
    token = _CURRENT.set(reader)
    try:
        yield
    finally:
        _CURRENT.reset(token)
