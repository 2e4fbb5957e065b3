"""What every part that runs until told has in common: its log, its pulse and its end."""

import fcntl
import logging
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PULSE = "HYPERVISOR_PULSE"  # a file that says by its age whether the part still goes round
LIFE = "HYPERVISOR_LIFE"  # the number of a pipe into which it writes that it runs at all
BEAT_SECONDS = 1.0
_DOZE = 0.1  # s
WEB_SOCKET = "HYPERVISOR_WEB_SOCKET"  # the descriptor of a listening socket that `up` hands over
RUN_ID = "HYPERVISOR_RUN_ID"  # of the `up` that started the part; the web answers with it
RUN_HEADER = "X-Hypervisor-Run"


@dataclass(kw_only=True)
class Life:
    """A thread that writes a byte a second into the pipe of the parent process.

    Whatever the part does meanwhile, a long statement or a long computation; only one that is
    stopped, or that holds the interpreter, is silent. `turn`: a loop that must not stand says that
    it goes round, and from then on its standing is silence, too.
    """

    pipe: int
    patience: float = 5.0  # s that the loop may stand
    _turned: float | None = None

    @classmethod
    def begin(cls) -> "Life | None":
        """Give signs from now on; None where no parent looks for any."""
        number = os.environ.pop(LIFE, "")  # not for what we start
        if not number.isdigit():
            return None
        life = cls(pipe=int(number))
        try:
            if not stat.S_ISFIFO(os.fstat(life.pipe).st_mode):
                return None
        except OSError:
            return None
        threading.Thread(target=life._beat, name="life", daemon=True).start()
        return life

    def turn(self) -> None:
        """The loop goes round."""
        self._turned = time.monotonic()

    def _beat(self) -> None:
        while True:
            turned = self._turned
            if turned is None or time.monotonic() - turned < self.patience:
                with suppress(OSError):  # full, or no longer read
                    os.write(self.pipe, b".")
            time.sleep(BEAT_SECONDS)


def log_to_stderr() -> None:
    """One line an event; who supervises adds what it needs."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    # It warns of a connection that is lost within a pipeline; we report that ourselves.
    logging.getLogger("psycopg").setLevel(logging.ERROR)


def stopping() -> Callable[[], bool]:
    """Whether SIGTERM or SIGINT has asked us to end."""
    return asked_to_end().is_set


def asked_to_end() -> threading.Event:
    """What SIGTERM and SIGINT set. Look at it every few seconds: that is the pulse."""
    file = os.environ.get(PULSE)
    event = _Pulse(Path(file)) if file else threading.Event()
    Life.begin()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: event.set())
    return event


def pause(seconds: float, stopping: Callable[[], bool]) -> None:
    """Wait, or until `stopping`, which is asked several times a second."""
    until = time.monotonic() + seconds
    while not stopping() and (left := until - time.monotonic()) > 0:
        time.sleep(min(_DOZE, left))


def lock_file(descriptor: int, *, shared: bool = False, seconds: float) -> bool:
    """Lock an open file, waiting so long at most; False: another process has it."""
    how, until = fcntl.LOCK_SH if shared else fcntl.LOCK_EX, time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(_DOZE)
        else:
            return True


class _Pulse(threading.Event):
    """An event that touches a file when it is looked at, once a second at most."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self._next = 0.0

    def is_set(self) -> bool:
        """Whether we were asked to end."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + BEAT_SECONDS
            with suppress(OSError):  # a full disk ends no part
                self._file.touch()
        return super().is_set()
