"""What every part that runs until told has in common: its log, its pulse and its end."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PULSE = "HYPERVISOR_PULSE"  # a file that says by its age whether the part still goes round
BEAT_SECONDS = 1.0
WEB_SOCKET = "HYPERVISOR_WEB_SOCKET"  # the descriptor of a listening socket that `up` hands over
RUN_ID = "HYPERVISOR_RUN_ID"  # of the `up` that started the part; the web answers with it
RUN_HEADER = "X-Hypervisor-Run"


def log_to_stderr() -> None:
    """One line an event; who supervises adds what it needs."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")


def stopping() -> Callable[[], bool]:
    """Whether SIGTERM or SIGINT has asked us to end."""
    return asked_to_end().is_set


def asked_to_end() -> threading.Event:
    """What SIGTERM and SIGINT set. To look at it is a sign of life, so look every few seconds."""
    file = os.environ.get(PULSE)
    asked = _Pulse(Path(file)) if file else threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    return asked


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
