"""Readers looked after while the instance runs: none of them holds up ingest, watch or upkeep."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from threading import Event, Thread

from hypervisor.accounts import queries_reader_sessions, reader_processes
from hypervisor.accounts.queries_reader_sessions import EndedSession
from hypervisor.base.failures import describe_failure
from hypervisor.base.process import pause
from hypervisor.base.settings import Settings
from hypervisor.database import audit
from hypervisor.database.connect import Connection, StoreError, connect, guarded, store_errors

LONGEST_SECONDS = 300.0  # that a transaction of theirs lasts, whatever they set
STUCK_SECONDS = 60.0  # after which a session that was asked to end is killed
MAX_HOSTILE_SESSIONS = (
    5  # sessions of one reader that did what no dashboard does, and it is let in no more
)
RESTORED = "had changed its own settings; it has those of a reader again"
SUSPENDED = "did again what a reader has no use for; `hypervisor reader rotate` lets it in again"
UNENDING = (
    "computed what the database cannot interrupt; `hypervisor reader rotate` lets it in again"
)
# No two pauses are the same: a reader cannot time its queries between looks.
_LOOK_SECONDS = (0.5, 1.5)
_SETTINGS_SECONDS = 60.0
_END_SECONDS = 30.0  # that ending readers' processes may take
_AUTHOR = "housekeeping"
_PATIENCE_SECONDS = 2.0  # with what a reader may have locked
# On a server that is not ours to signal, the look goes on without: its plan, kept, needs no table.
_OPTIONS = "-c lock_timeout=5s -c statement_timeout=20s -c plan_cache_mode=force_generic_plan"

Say = Callable[[str], None]


class Guard:
    """What it saw of readers since it began."""

    def __init__(self, settings: Settings, say: Say) -> None:
        self._settings, self._say = settings, say
        self._readers: Mapping[int, str] = {}
        self._hostile: Counter[str] = Counter()
        self._ended: dict[tuple[int, datetime], float] = {}  # when each session was first told
        self._stuck: list[EndedSession] = []
        self._restored = float("-inf")

    def run(self, stopping: Callable[[], bool]) -> None:
        """Look about every second until stopped; a lost database is waited for."""
        url = guarded(self._settings.database_url, options=_OPTIONS)
        reported = ""
        while not stopping():
            try:
                with store_errors(), self._insisting():
                    connection = connect(url, autocommit=True)
                with store_errors(), connection:
                    while not stopping():
                        with self._insisting():
                            self.look(connection)
                        pause(random.uniform(*_LOOK_SECONDS), stopping)  # noqa: S311
            except Exception as error:  # noqa: BLE001  what one reader does must not end it
                problem = f"the guard of readers failed ({describe_failure(error)})"
                # Housekeeping itself says that the database is away.
                if problem != reported and not isinstance(error, StoreError):
                    self._say(problem)
                reported = problem
                pause(_LOOK_SECONDS[1], stopping)

    @contextmanager
    def _insisting(self) -> Iterator[None]:
        """End readers' processes where one makes us wait: our turn is then the next."""
        done = Event()

        def insist() -> None:
            while not done.wait(_PATIENCE_SECONDS):
                self._end_processes()

        thread = Thread(target=insist, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(_END_SECONDS)

    def look(self, connection: Connection) -> None:
        """End what blocks, then see to the rest; whatever must wait is tried at the next look."""
        settings = self._settings
        longest = max(LONGEST_SECONDS, 2 * settings.reader_timeout_seconds)
        self._note(
            queries_reader_sessions.end_blocking_sessions(connection, self._readers, longest)
        )
        try:
            for role, times in list(self._hostile.items()):
                if times < MAX_HOSTILE_SESSIONS:
                    continue
                queries_reader_sessions.suspend_role(connection, role)
                del self._hostile[role]
                self._record(connection, role, "reader-suspended", SUSPENDED)
            self._kill_stuck(connection)
            self._readers = queries_reader_sessions.list_readers(connection)
            if time.monotonic() - self._restored > _SETTINGS_SECONDS:
                timeout = settings.reader_timeout_seconds
                for role in queries_reader_sessions.restore_settings(connection, timeout):
                    self._record(connection, role, "reader-mended", RESTORED)
                self._restored = time.monotonic()
        except queries_reader_sessions.BLOCKED:
            return

    def _note(self, ended: list[EndedSession]) -> None:
        now, earlier = time.monotonic(), self._ended
        self._ended = {(it.pid, it.began): earlier.get((it.pid, it.began), now) for it in ended}
        for session in ended:
            if (session.pid, session.began) not in earlier:
                self._say(f"a session of {session.role} was ended: {session.reason}")
                self._hostile[session.role] += session.hostile
        self._stuck = [it for it in ended if now - self._ended[it.pid, it.began] > STUCK_SECONDS]

    def _kill_stuck(self, connection: Connection) -> None:
        """The server then ends all sessions, ours too, and starts again."""
        for session in self._stuck:
            queries_reader_sessions.suspend_role(connection, session.role)
            self._record(connection, session.role, "reader-suspended", UNENDING)
            reader_processes.kill(self._settings.data, session.pid, session.role)
            self._ended[session.pid, session.began] = float("inf")

    def _end_processes(self) -> None:
        for role in reader_processes.end_waiting(self._settings.data):
            self._say(f"sessions of readers were ended: {role} made the database wait")
            self._hostile[role] += 1

    def _record(self, connection: Connection, role: str, kind: str, reason: str) -> None:
        audit.record(
            connection,
            kind=kind,
            subject=role.removeprefix("reader_"),
            reason=reason,
            author=_AUTHOR,
        )
        self._say(f"{role} {reason}")
