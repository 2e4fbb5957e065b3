"""How long an instance keeps what: every hour what the settings no longer keep goes, audited.

A setting that was made shorter is asked for first: until somebody agrees, things are kept as long
as they were before, and it is said what would go.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.accounts import reader_guard
from hypervisor.base.settings import Settings
from hypervisor.database import audit, events
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, StoreError, connect
from hypervisor.database.listener import translated
from hypervisor.evaluation import rollup as rollups
from hypervisor.readings import queries_columnar, queries_compression, queries_retention
from hypervisor.readings.queries_retention import Bounds, Chunk

EVERY_SECONDS = 3600.0
_TRY_AGAIN_SECONDS = 10.0
_TICK_SECONDS = 0.2  # so soon it hears that it is to stop
_HAPPENINGS = timedelta(hours=6)  # a console that was away longer asks for everything anew
_AUTHOR = "housekeeping"
_SETTINGS = {
    "readings": "raw_retention_days",
    "dead_letters": "dead_letter_retention_days",
    "imported": "imported_retention_days",
}

Say = Callable[[str], None]
Days = Mapping[str, int | None]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What goes, or went. `shorter`: settings that nobody has agreed to yet, in words."""

    bounds: Bounds
    chunks: tuple[Chunk, ...]
    dead_letters: int
    shorter: tuple[str, ...] = ()

    @property
    def readings(self) -> int:
        return sum(chunk.going for chunk in self.chunks)

    def text(self) -> str:
        """In a person's words."""
        if not self.readings and not self.dead_letters:
            return "nothing is older than what is kept"
        before = "" if self.bounds.readings is None else f" before {self.bounds.readings:%Y-%m-%d}"
        kept = sum(chunk.kept for chunk in self.chunks)
        beside = f" ({kept:,} beside them stay: imported, or the last of a series)" if kept else ""
        return f"{self.readings:,} readings{before}{beside}, {self.dead_letters:,} dead letters"


def wanted(settings: Settings) -> dict[str, int | None]:
    """For how many days each thing is kept by the settings."""
    return {what: getattr(settings, name) for what, name in _SETTINGS.items()}


def look(connection: Connection, days: Days) -> Sweep:
    """What would go."""
    bounds = queries_retention.bounds(connection, days)
    return Sweep(
        bounds=bounds,
        chunks=tuple(queries_retention.expired(connection, bounds)),
        dead_letters=queries_retention.letters_going(connection, bounds),
    )


def sweep(connection: Connection, wish: Days, *, agree: bool = False) -> Sweep:
    """Let go what nobody keeps any more; each chunk a transaction, audited as a whole.

    `wish`: the settings. What is shorter there than agreed waits for `agree`.
    """
    days, shorter = _agreed(connection, wish, agree=agree)
    found = look(connection, days)
    for chunk in found.chunks:
        with connection.transaction():
            rollups.keep(connection, chunk.first, chunk.last)
            versions = queries_retention.let_go(connection, chunk)
            _record(connection, chunk, versions)
    if found.dead_letters:
        with connection.transaction():
            gone = queries_retention.let_letters_go(connection, found.bounds)
            _record_letters(connection, found.bounds.dead_letters, gone)
    return Sweep(
        bounds=found.bounds,
        chunks=found.chunks,
        dead_letters=found.dead_letters,
        shorter=shorter,
    )


def _agreed(
    connection: Connection, wish: Days, *, agree: bool
) -> tuple[dict[str, int | None], tuple[str, ...]]:
    """The days that hold now, and what is shorter by the settings and not agreed to."""
    with connection.transaction():
        before = queries_retention.agreed(connection)
        waiting = {
            what
            for what, days in wish.items()
            if what in before and not agree and _is_shorter(days, before[what])
        }
        days = {what: before[what] if what in waiting else wish[what] for what in wish}
        queries_retention.agree(connection, days)
    words = tuple(
        f"{_SETTINGS[what]} is {wish[what]} now and was {_words(before[what])}"
        for what in sorted(waiting)
    )
    return days, words


def _is_shorter(days: int | None, before: int | None) -> bool:
    return days is not None and (before is None or days < before)


def _words(days: int | None) -> str:
    return "for good" if days is None else str(days)


def _record(connection: Connection, chunk: Chunk, versions: int) -> None:
    audit.record(
        connection,
        kind="retention",
        subject="readings",
        reason="older than the settings keep",
        author=_AUTHOR,
        details={
            "from": chunk.first.isoformat(),
            "to": chunk.last.isoformat(),
            "readings": chunk.going,
            "kept": chunk.kept,
            "versions": versions,
        },
    )


def _record_letters(connection: Connection, before: datetime | None, gone: int) -> None:
    audit.record(
        connection,
        kind="retention",
        subject="dead letters",
        reason="older than the settings keep",
        author=_AUTHOR,
        details={"before": None if before is None else before.isoformat(), "dead_letters": gone},
    )


def copy(connection: Connection, settings: Settings) -> str:
    """Keep the columnar copy of readings; what is to be said where that cannot be."""
    try:
        queries_columnar.refresh(connection, settings.data / queries_columnar.FOLDER)
    except OSError as error:
        return f"; readings cannot be copied for fast backtests: {error}"
    return ""


def compress(connection: Connection, settings: Settings) -> str:
    """Compress old readings where that can be done; what is to be said of it."""
    before = queries_retention.compressed_before(connection, settings.compress_after_days)
    done = queries_compression.keep(connection, before)
    return f"; {done} weeks of readings compressed" if done else ""


def run(settings: Settings, *, stopping: Callable[[], bool], say: Say) -> None:
    """Keep house every hour until told to stop. A lost database is waited for."""
    reader_guard.start(settings, stopping=stopping, say=say)
    said = ""
    due = time.monotonic()
    while not stopping():
        time.sleep(_TICK_SECONDS)
        if time.monotonic() < due:
            continue
        due = time.monotonic() + EVERY_SECONDS
        try:
            with translated(), connect(settings.database_url, autocommit=True) as connection:
                text = _once(connection, settings)
        except StoreError as error:
            text, due = f"{error}; trying again", time.monotonic() + _TRY_AGAIN_SECONDS
        if text != said:
            say(text)
        said = text


def _once(connection: Connection, settings: Settings) -> str:
    """One sweep, and what is to be said of it."""
    if instance_store.read(connection) is None:
        raise StoreError("this database has not been said to be live or an exercise")
    if not queries_retention.take(connection):
        return "another housekeeping is at work on this database"
    done = sweep(connection, wanted(settings))
    text = f"gone: {done.text()}" if done.readings or done.dead_letters else done.text()
    text += copy(connection, settings) + compress(connection, settings)
    events.forget(connection, _HAPPENINGS)
    if not done.shorter:
        return text
    more = look(connection, wanted(settings))
    return (
        f"{text}. {', '.join(done.shorter)}: {more.text()} would go; `hypervisor housekeeping"
        " --once --agree` lets them go"
    )
