"""One `up` a data folder: a lock that the kernel frees even after a kill -9."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hypervisor.broker.errors import StackError


@contextmanager
def hold(file: Path) -> Iterator[None]:
    """Hold the lock of this folder until the end of the block.

    Raises StackError: another `up` holds it.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError(
                f"the instance in {file.parent} is already up (pid {_pid(file) or 'unknown'});"
                " `hypervisor down` stops it"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def find_holder(file: Path) -> int | None:
    """The pid of the running `up` of this folder, or None where there is none.

    Raises StackError: the folder is another user's.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise StackError(f"{file} is not yours to read; act as root or as its owner") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid(file)
    finally:
        os.close(descriptor)
    return None


def _pid(file: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(file.read_text())
    return None
