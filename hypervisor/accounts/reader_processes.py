"""Sessions of readers as processes of the private server: ended without asking the database.

A reader can make the database itself wait (a lock that logging in needs), and can compute what
PostgreSQL never interrupts (`strpos` of two long texts).
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

from hypervisor.broker.child import command_line, descendants

_PID_FILE = Path("database", "postmaster.pid")
_TITLE = "postgres: "
_QUERYING = {"SELECT", "PARSE", "BIND"}  # as the server's titles say it


def list_processes(data: Path) -> dict[int, list[str]]:
    """Pid → title from the role on, in words; empty where the server is not this folder's."""
    try:
        server = int((data / _PID_FILE).read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return {}
    titles = {pid: " ".join(command_line(pid)) for pid in descendants(server)}
    return {
        pid: title.removeprefix(_TITLE).split()
        for pid, title in titles.items()
        if title.startswith(f"{_TITLE}reader_")
    }


def end_waiting(data: Path) -> list[str]:
    """End all if some wait for a lock that queries do not need; the roles of those."""
    processes = list_processes(data)
    waiting = [
        words[0]
        for words in processes.values()
        if words[-1] == "waiting" and not _QUERYING.intersection(words)
    ]
    for pid in processes if waiting else ():
        _signal(pid, signal.SIGTERM)
    return waiting


def kill(data: Path, pid: int, role: str) -> bool:
    """Kill a session that does not end; the server then ends all others and starts again."""
    words = list_processes(data).get(pid)
    return words is not None and words[0] == role and _signal(pid, signal.SIGKILL)


def _signal(pid: int, by: signal.Signals) -> bool:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, by)
        return True
    return False
