"""Retention: every hour, data that the settings no longer keep is deleted and audited.

A shortened setting takes effect after `--agree`; until then the longer one holds, and the log says
what would be deleted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Protocol, TypeVar

from hypervisor.accounts import reader_guard
from hypervisor.base.process import pause
from hypervisor.base.settings import Settings
from hypervisor.database import audit, events
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection
from hypervisor.database.steps import Steps
from hypervisor.database.worker import Loops, keep_working
from hypervisor.external import queries as external_queries
from hypervisor.feeds import queries_bulletins, queries_events
from hypervisor.forecast import queries_experts
from hypervisor.interventions import queries_photos
from hypervisor.readings import queries_columnar, queries_compression, queries_retention
from hypervisor.readings import rollup as rollups
from hypervisor.readings.queries_retention import Bounds, Chunk
from hypervisor.stack import personal_data

EVERY_SECONDS = 3600.0
_TRY_AGAIN_SECONDS = 60.0  # where a step failed
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
_Result = TypeVar("_Result")


class RunStep(Protocol):
    """Runs a step by its name; None: it failed."""

    def __call__(self, name: str, work: Callable[[], _Result], /) -> _Result | None: ...


def _run_plainly(_name: str, work: Callable[[], _Result], /) -> _Result:
    return work()


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


def sweep(
    connection: Connection,
    configured: Days,
    *,
    agree: bool = False,
    run: RunStep = _run_plainly,
) -> Sweep:
    """Delete what is past its retention, kind by kind, each in a step that `run` runs.

    `configured`: the settings. A shortened one waits for `agree`. What a failed step should have
    deleted is not counted.
    """
    days, shorter = _apply_agreement(connection, configured, agree=agree)
    expired = preview(connection, days)
    bounds = expired.bounds
    run("deleting personal data", lambda: personal_data.sweep(connection))
    dropped = run("deleting readings", lambda: _drop_readings(connection, expired.chunks))
    run("deleting forecasts", lambda: queries_retention.drop_forecasts(connection, bounds))
    run("deleting official bulletins", lambda: _delete_official(connection, bounds))
    run("deleting photographs", lambda: _delete_photographs(connection, bounds))
    letters = run("deleting dead letters", lambda: _delete_refused(connection, expired))
    return replace(expired, chunks=dropped or (), dead_letters=letters or 0, shorter=shorter)


def _drop_readings(connection: Connection, chunks: tuple[Chunk, ...]) -> tuple[Chunk, ...]:
    """Drop chunks, one audited transaction each; those that were dropped."""
    for chunk in chunks:
        with connection.transaction():
            rollups.freeze(connection, chunk.first, chunk.last)
            versions = queries_retention.drop_chunk(connection, chunk)
            span = {"from": chunk.first.isoformat(), "to": chunk.last.isoformat()}
            counts = {"readings": chunk.expired, "kept": chunk.kept, "versions": versions}
            _audit(connection, "readings", {**span, **counts})
    return chunks


def _delete_refused(connection: Connection, expired: Sweep) -> int:
    """Delete dead letters, and what external systems sent; how many dead letters there were."""
    before = expired.bounds.dead_letters
    if before is not None:
        external_queries.delete_details(connection, before)
    if expired.dead_letters:
        with connection.transaction():
            gone = queries_retention.delete_expired_letters(connection, expired.bounds)
            details = {"before": before and before.isoformat(), "dead_letters": gone}
            _audit(connection, "dead letters", details)
    return expired.dead_letters


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
    """Delete what is past its retention, and watch what readers do, until stopped."""

    def sweep_hourly(is_over: Callable[[], bool]) -> None:
        keep_working(
            "housekeeping",
            settings.database_url,
            partial(_sweep_hourly, settings, stopping=is_over, say=say),
            stopping=is_over,
            say=say,
        )

    guard = reader_guard.Guard(settings, say)
    loops = {"housekeeping": sweep_hourly, "the guard of readers": guard.run}
    Loops(loops=loops, stopping=stopping, say=say).run()


def _sweep_hourly(
    settings: Settings, connection: Connection, *, stopping: Callable[[], bool], say: Say
) -> None:
    last_message, steps = "", Steps(say=say)
    while not stopping():
        message = _run_once(connection, settings, steps.run)
        if message != last_message:
            say(message)
        last_message = message
        pause(_TRY_AGAIN_SECONDS if steps.failing else EVERY_SECONDS, stopping)


def _run_once(connection: Connection, settings: Settings, run: RunStep) -> str:
    """One sweep; its log message."""
    instance_store.require(connection)
    if not queries_retention.lock_housekeeping(connection):
        return "another housekeeping is running on this database"
    done = sweep(connection, configured_days(settings), run=run)
    text = f"deleted: {done.text()}" if done.readings or done.dead_letters else done.text()
    run("deleting events", lambda: events.prune(connection, _EVENT_RETENTION))
    text += run("copying readings", lambda: refresh_columnar_copy(connection, settings)) or ""
    text += run("compressing", lambda: compress(connection, settings)) or ""
    if not done.shorter:
        return text
    more = preview(connection, configured_days(settings))
    return (
        f"{text}. {', '.join(done.shorter)}: {more.text()} would be deleted;"
        " `hypervisor housekeeping --once --agree` deletes them"
    )
