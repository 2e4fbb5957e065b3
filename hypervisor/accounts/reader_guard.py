"""Readers looked after while the instance runs: none of them holds up ingest, watch or upkeep."""

import time
from collections import Counter
from collections.abc import Callable
from threading import Thread

from hypervisor.accounts import queries_reader_sessions
from hypervisor.base.settings import Settings
from hypervisor.database import audit
from hypervisor.database.connect import Connection, StoreError, connect, store_errors

LONGEST_SECONDS = 300.0  # that a transaction of theirs lasts, whatever they set
MAX_HOSTILE_SESSIONS = (
    5  # sessions of one reader that did what no dashboard does, and it is let in no more
)
RESTORED = "had changed its own settings; it has those of a reader again"
SUSPENDED = "did again what a reader has no use for; `hypervisor reader rotate` lets it in again"
_EVERY_SECONDS = 5.0
_SETTINGS_SECONDS = 60.0
_TICK_SECONDS = 0.2
_AUTHOR = "housekeeping"

Say = Callable[[str], None]


def start(settings: Settings, *, stopping: Callable[[], bool], say: Say) -> Thread:
    """Look after them beside what the caller does, until told to stop."""
    thread = Thread(target=run, args=(settings,), kwargs={"stopping": stopping, "say": say})
    thread.daemon = True
    thread.start()
    return thread


def run(settings: Settings, *, stopping: Callable[[], bool], say: Say) -> None:
    """Look every few seconds until told to stop; a lost database is waited for."""
    while not stopping():
        try:
            with store_errors(), connect(settings.database_url, autocommit=True) as connection:
                _watch(connection, settings.reader_timeout_seconds, stopping, say)
        except StoreError:
            _wait(_EVERY_SECONDS, stopping)  # housekeeping itself says that it is away


def _watch(connection: Connection, timeout: float, stopping: Callable[[], bool], say: Say) -> None:
    mended = float("-inf")
    hostile: Counter[str] = Counter()
    while not stopping():
        for ended in queries_reader_sessions.end_blocking_sessions(
            connection, max(LONGEST_SECONDS, 2 * timeout)
        ):
            say(f"a session of {ended.role} was ended: {ended.reason}")
            hostile[ended.role] += ended.hostile
        for role in [role for role, times in hostile.items() if times >= MAX_HOSTILE_SESSIONS]:
            del hostile[role]
            queries_reader_sessions.suspend_role(connection, role)
            _record(connection, role, "reader-suspended", SUSPENDED, say)
        if time.monotonic() - mended > _SETTINGS_SECONDS:
            mended = time.monotonic()
            for role in queries_reader_sessions.restore_settings(connection, timeout):
                _record(connection, role, "reader-mended", RESTORED, say)
        _wait(_EVERY_SECONDS, stopping)


def _record(connection: Connection, role: str, kind: str, reason: str, say: Say) -> None:
    audit.record(
        connection,
        kind=kind,
        subject=role.removeprefix("reader_"),
        reason=reason,
        author=_AUTHOR,
    )
    say(f"{role} {reason}")


def _wait(seconds: float, stopping: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not stopping():
        time.sleep(_TICK_SECONDS)
