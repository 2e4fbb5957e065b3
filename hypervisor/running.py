"""What every part that runs until told has in common: its log and its end."""

import logging
import signal
import sys
import threading
from collections.abc import Callable


def log_to_stderr() -> None:
    """One line an event; who supervises adds what it needs."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")


def stopping() -> Callable[[], bool]:
    """Whether SIGTERM or SIGINT has asked us to end."""
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    return asked.is_set
