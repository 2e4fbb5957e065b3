"""A short wait for what was asked: so that whoever asked sees what came of it."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from hypervisor.database.connect import Connection
from hypervisor.exercises import service


def settled(
    owning: Callable[[], AbstractContextManager[Connection]], command: int, *, seconds: float = 3.0
) -> bool:
    """Whether it was done by then.

    Raises:
        RunError: it was refused.
    """
    end = time.monotonic() + seconds
    while True:
        with owning() as connection:
            if service.outcome(connection, command) is not None:
                return True
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
