"""PostgreSQL's programs for a backup, which run as long as they get on."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

from hypervisor.broker import binaries
from hypervisor.stack import queries_backup as store
from hypervisor.stack.manifest import BackupError

STANDSTILL_SECONDS = 1_800.0  # an index of a large table shows no progress while it is sorted
_LOOK_SECONDS = 5.0
_END_SECONDS = 30.0  # that a look may take which was begun


def run_program(
    name: str,
    options: Sequence[str],
    url: str,
    *,
    progress: Callable[[], object],
    source: IO[bytes] | None = None,
) -> None:
    """Run one with a database, and `source` as its input, for as long as `progress` changes.

    Raises BackupError: it failed, with its own message, or it stood still and was killed.
    """
    words, secret = store.connection_options(url)
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [str(binaries.find_program(name)), *options, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, **secret},
        ) as child,
        _kill_at_standstill(child, progress) as stood,
    ):
        with suppress(BrokenPipeError):  # it has ended; its message says why
            if source is not None and child.stdin is not None:
                shutil.copyfileobj(source, child.stdin, 1024**2)
        child.communicate()
        if stood.is_set():
            raise BackupError(
                f"{name} made no progress for {STANDSTILL_SECONDS / 60:.0f} min and was ended:"
                " `hypervisor doctor` says how the database is; then do it again"
            )
        if child.returncode:
            errors.seek(0)
            reason = errors.read().decode(errors="replace").strip()
            raise BackupError(f"{name} failed: {reason}")


@contextmanager
def _kill_at_standstill(
    child: subprocess.Popen[bytes], progress: Callable[[], object]
) -> Iterator[threading.Event]:
    """Kill the child when `progress` no longer changes; whether that was done."""
    over, stood = threading.Event(), threading.Event()

    def watch() -> None:
        before, since = progress(), time.monotonic()
        while not over.wait(_LOOK_SECONDS):
            now = progress()
            if now != before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since > STANDSTILL_SECONDS:
                stood.set()
                child.kill()
                return

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield stood
    finally:
        over.set()
        child.kill()  # where what it was given could not be read; else it has ended
        watching.join(_END_SECONDS)
