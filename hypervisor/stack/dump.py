"""pg_dump and pg_restore."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from hypervisor.broker import binaries
from hypervisor.stack import queries_backup as store
from hypervisor.stack.archive import BackupError


def dump_database(url: str, target: Path, *, snapshot: str, readings: bool) -> None:
    """Write the database, as the snapshot sees it, into a file.

    Raises BackupError: the program failed; with its own message.
    """
    words, secret = store.connection_options(url)
    done = subprocess.run(
        [
            str(binaries.find_tool("pg_dump")),
            *("--format", "custom", "--compress", "zstd:3", "--no-owner", "--no-privileges"),
            *("--snapshot", snapshot, "--file", str(target)),
            *([] if readings else store.exclude_readings()),
            *words,
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **secret},
    )
    if done.returncode:
        raise BackupError(f"the database could not be dumped: {done.stderr.strip()}")


def restore_dump(url: str, source: IO[bytes]) -> None:
    """Read a dump into an empty, prepared database.

    Raises BackupError: the program failed; with its own message.
    """
    words, secret = store.connection_options(url)
    command = [
        str(binaries.find_tool("pg_restore")),
        "--no-owner",
        "--no-privileges",
        "--exit-on-error",
    ]
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            [*command, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, **secret},
        ) as child:
            try:
                if child.stdin is not None:
                    shutil.copyfileobj(source, child.stdin, 1024**2)
                    child.stdin.close()
            except BrokenPipeError:
                pass  # it has ended; its message says why
        errors.seek(0)
        if child.returncode:
            reason = errors.read().decode(errors="replace").strip()
            raise BackupError(f"the database could not be restored: {reason}")
