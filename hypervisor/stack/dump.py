"""PostgreSQL's own programs that write a database into a file and read it back."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from hypervisor.broker import binaries
from hypervisor.stack import queries_backup as store
from hypervisor.stack.archive import BackupError


def dump(url: str, target: Path, *, snapshot: str, readings: bool) -> None:
    """Write the database, as the snapshot sees it, into a file.

    Raises:
        BackupError: it could not be done; in the program's own words.
    """
    words, secret = store.address(url)
    done = subprocess.run(
        [
            str(binaries.tool("pg_dump")),
            *("--format", "custom", "--compress", "zstd:3", "--no-owner", "--no-privileges"),
            *("--snapshot", snapshot, "--file", str(target)),
            *([] if readings else store.without_readings()),
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


def read_in(url: str, source: IO[bytes]) -> None:
    """Read a dump into an empty database that was made ready.

    Raises:
        BackupError: it could not be done; in the program's own words.
    """
    words, secret = store.address(url)
    command = [str(binaries.tool("pg_restore")), "--no-owner", "--no-privileges", "--exit-on-error"]
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(
            [*command, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env={**os.environ, **secret},
        ) as child:
            try:
                if child.stdin is not None:
                    shutil.copyfileobj(source, child.stdin, 1024**2)
                    child.stdin.close()
            except BrokenPipeError:
                pass  # it has ended; its words say why
        said.seek(0)
        if child.returncode:
            words_said = said.read().decode(errors="replace").strip()
            raise BackupError(f"the database could not be restored: {words_said}")
