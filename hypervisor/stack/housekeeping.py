"""Retention: every hour, data that the settings no longer keep is deleted and audited.

A shortened setting takes effect after `--agree`; until then the longer one holds, and the log says
what would be deleted.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from hypervisor.accounts import reader_guard
from hypervisor.base.settings import Settings
from hypervisor.database import audit, events
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, StoreError, connect, store_errors
from hypervisor.external import queries as external_queries
from hypervisor.feeds import queries_bulletins, queries_events
from hypervisor.forecast import queries_experts
from hypervisor.interventions import queries_photos
from hypervisor.readings import queries_columnar, queries_compression, queries_retention
from hypervisor.readings import rollup as rollups
from hypervisor.readings.queries_retention import Bounds, Chunk
from hypervisor.stack import personal_data

EVERY_SECONDS = 3600.0
_TRY_AGAIN_SECONDS = 10.0
_TICK_SECONDS = 0.2  # the delay in noticing a stop
_EVENT_RETENTION = timedelta(hours=6)  # a console that was away longer reloads everything
_SETTINGS = {
    "readings": "raw_retention_days",
    "dead_letters": "dead_letter_retention_days",
    "imported": "imported_retention_days",
    "official": "official_retention_days",
    "photographs": "photo_retention_days",
}

Say = Callable[[str], None]
Days = Mapping[str, int | None]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What is deleted. `shorter`: shortened settings that are not accepted yet, as text."""

    bounds: Bounds
    chunks: tuple[Chunk, ...]
    dead_letters: int
    shorter: tuple[str, ...] = ()

    @property
    def readings(self) -> int:
        return sum(chunk.expired for chunk in self.chunks)

    def text(self) -> str:
        """One sentence."""
        if not self.readings and not self.dead_letters:
            return "nothing is past its retention"
        before = "" if self.bounds.readings is None else f" before {self.bounds.readings:%Y-%m-%d}"
        kept = sum(chunk.kept for chunk in self.chunks)
        beside = f" ({kept:,} beside them stay: imported, or the last of a series)" if kept else ""
        return f"{self.readings:,} readings{before}{beside}, {self.dead_letters:,} dead letters"


def configured_days(settings: Settings) -> dict[str, int | None]:
    """Days of retention by kind of data, from the settings."""
    return {what: getattr(settings, name) for what, name in _SETTINGS.items()}


def preview(connection: Connection, days: Days) -> Sweep:
    """What would be deleted."""
    bounds = queries_retention.read_bounds(connection, days)
    return Sweep(
        bounds=bounds,
        chunks=tuple(queries_retention.list_expired(connection, bounds)),
        dead_letters=queries_retention.count_expired_letters(connection, bounds),
    )


def sweep(connection: Connection, configured: Days, *, agree: bool = False) -> Sweep:
    """Delete what is past its retention; one audited transaction a chunk.

    `configured`: the settings. A shortened one waits for `agree`.
    """
    days, shorter = _apply_agreement(connection, configured, agree=agree)
    expired = preview(connection, days)
    for chunk in expired.chunks:
        with connection.transaction():
            rollups.freeze(connection, chunk.first, chunk.last)
            versions = queries_retention.drop_chunk(connection, chunk)
            span = {"from": chunk.first.isoformat(), "to": chunk.last.isoformat()}
            counts = {"readings": chunk.expired, "kept": chunk.kept, "versions": versions}
            _audit(connection, "readings", {**span, **counts})
    queries_retention.drop_forecasts(connection, expired.bounds)
    _delete_official(connection, expired.bounds)
    _delete_photographs(connection, expired.bounds)
    personal_data.sweep(connection)
    if expired.bounds.dead_letters is not None:  # as long as what sources sent and was refused
        external_queries.delete_details(connection, expired.bounds.dead_letters)
    if expired.dead_letters:
        with connection.transaction():
            gone = queries_retention.delete_expired_letters(connection, expired.bounds)
            before = expired.bounds.dead_letters
            details = {"before": before and before.isoformat(), "dead_letters": gone}
            _audit(connection, "dead letters", details)
    return replace(expired, shorter=shorter)


def _delete_official(connection: Connection, bounds: Bounds) -> None:
    """Delete official colours and bulletins before the bound, but for those in force."""
    if bounds.official is None:
        return
    with connection.transaction():
        gone = queries_bulletins.delete_old(connection, bounds.official)
        gone += queries_events.delete_old(connection, bounds.official)
        gone += queries_experts.delete_old(connection, bounds.official)
        if gone:
            details = {"before": bounds.official.isoformat(), "rows": gone}
            _audit(connection, "official colours and bulletins", details)


def _delete_photographs(connection: Connection, bounds: Bounds) -> None:
    """Delete photographs from the field; what was observed stays."""
    if bounds.photographs is None:
        return
    with connection.transaction():
        gone = queries_photos.delete_photos(connection, bounds.photographs)
        if gone:
            details = {"before": bounds.photographs.isoformat(), "photographs": gone}
            _audit(connection, "photographs", details)


def _apply_agreement(
    connection: Connection, configured: Days, *, agree: bool
) -> tuple[dict[str, int | None], tuple[str, ...]]:
    """The retention in force, and the shortened settings not accepted yet."""
    with connection.transaction():
        before = queries_retention.list_periods(connection)
        waiting = {
            what
            for what, days in configured.items()
            if what in before and not agree and _is_shorter(days, before[what])
        }
        days = {what: before[what] if what in waiting else configured[what] for what in configured}
        queries_retention.set_periods(connection, days)
    changes = (
        f"{_SETTINGS[what]} is {configured[what]} now and was"
        f" {'for good' if before[what] is None else before[what]}"
        for what in sorted(waiting)
    )
    return days, tuple(changes)


def _is_shorter(days: int | None, before: int | None) -> bool:
    return days is not None and (before is None or days < before)


def _audit(connection: Connection, subject: str, details: Mapping[str, object]) -> None:
    audit.record(
        connection,
        kind="retention",
        subject=subject,
        reason="older than the settings keep",
        author="housekeeping",
        details=details,
    )


def refresh_columnar_copy(connection: Connection, settings: Settings) -> str:
    """Refresh the columnar copy of readings; a message if it fails."""
    try:
        queries_columnar.refresh(connection, settings.data / queries_columnar.FOLDER)
    except OSError as error:
        return f"; readings cannot be copied for fast backtests: {error}"
    return ""


def compress(connection: Connection, settings: Settings) -> str:
    """Compress old readings and forecasts; a message if any readings were compressed."""
    before = queries_retention.compressed_before(connection, settings.compress_after_days)
    queries_compression.compress_chunks(connection, before, table="forecast")
    done = queries_compression.compress_chunks(connection, before)
    return f"; {done} weeks of readings compressed" if done else ""


def run(settings: Settings, *, stopping: Callable[[], bool], say: Say) -> None:
    """Run every hour until stopped; retry while the database is away."""
    reader_guard.start(settings, stopping=stopping, say=say)
    last_message = ""
    due = time.monotonic()
    while not stopping():
        time.sleep(_TICK_SECONDS)
        if time.monotonic() < due:
            continue
        due = time.monotonic() + EVERY_SECONDS
        try:
            with store_errors(), connect(settings.database_url, autocommit=True) as connection:
                message = _run_once(connection, settings)
        except StoreError as error:
            message, due = f"{error}; trying again", time.monotonic() + _TRY_AGAIN_SECONDS
        if message != last_message:
            say(message)
        last_message = message


def _run_once(connection: Connection, settings: Settings) -> str:
    """One sweep; its log message."""
    instance_store.require(connection)
    if not queries_retention.lock_housekeeping(connection):
        return "another housekeeping is running on this database"
    done = sweep(connection, configured_days(settings))
    text = f"deleted: {done.text()}" if done.readings or done.dead_letters else done.text()
    text += refresh_columnar_copy(connection, settings) + compress(connection, settings)
    events.prune(connection, _EVENT_RETENTION)
    if not done.shorter:
        return text
    more = preview(connection, configured_days(settings))
    return (
        f"{text}. {', '.join(done.shorter)}: {more.text()} would be deleted;"
        " `hypervisor housekeeping --once --agree` deletes them"
    )
