"""Wait briefly for a command, so that the response shows its result."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from hypervisor.database.connect import Connection
from hypervisor.exercises import service


def wait_for(
    owning: Callable[[], AbstractContextManager[Connection]], command: int, *, seconds: float = 3.0
) -> bool:
    """Whether the command was executed in time.

    Raises:
        RunError: it was refused.
    """
    end = time.monotonic() + seconds
    while True:
        with owning() as connection:
            if service.get_outcome(connection, command) is not None:
                return True
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
