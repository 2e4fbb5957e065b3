"""Broker deaths before a save: noted in a file at once, entered into the gap ledger later.

When the broker dies, the database may be down too, and we may die before it is back.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypervisor.broker.folder import GAP_NOTES, STATE_FILE, DataFolder
from hypervisor.database import gaps
from hypervisor.database.gaps import Cause, Gap

AUTOSAVE = timedelta(seconds=2)  # a second between the broker's saves, and one to write


def pid_file(folder: DataFolder) -> Path:
    """The broker removes it on an orderly exit, after its last save."""
    return folder.broker / "mosquitto.pid"


def note_death(folder: DataFolder, *, until: datetime | None = None) -> Gap | None:
    """Note a gap if the last broker did not exit in order: unsaved messages may be lost.

    `until`: when it was certainly dead; None: taken from the latest change of a file.
    Call it before anything else is written there.
    """
    if not pid_file(folder).exists():
        return None
    saved = folder.broker / "mosquitto.db"
    since = _changed(saved) if saved.exists() else _changed(pid_file(folder))
    cause: Cause = "broker-killed"
    if until is None:
        cause = "machine-died" if (folder.root / STATE_FILE).exists() else cause
        until = max(_last_sign(folder), since + AUTOSAVE)
    gap = Gap(cause=cause, worker="", begins=since, ends=max(since, min(until, datetime.now(UTC))))
    line = {"cause": cause, "begins": gap.begins.isoformat(), "ends": gap.ends.isoformat()}
    file = folder.root / GAP_NOTES
    earlier = file.read_text() if file.exists() else ""
    folder.write(file, f"{earlier}{json.dumps(line)}\n")
    pid_file(folder).unlink()
    return gap


def enter_gaps(folder: DataFolder, url: str) -> Sequence[Gap]:
    """Enter the notes into the ledger; they stay in the file while no database answers."""
    file = folder.root / GAP_NOTES
    if not file.exists():
        return []
    noted = [_read(line) for line in file.read_text().splitlines()]
    if not gaps.enter(url, noted):
        return []
    file.unlink()
    return noted


def _last_sign(folder: DataFolder) -> datetime:
    """When a part last wrote its log, or the database its journal."""
    logs = [log for log in (folder.root / "log").glob("*.log") if log.stem != "up"]  # ours by now
    signs = [*logs, *(folder.database / "pg_wal").glob("*"), pid_file(folder)]
    changes = []
    for sign in signs:
        with suppress(OSError):
            changes.append(_changed(sign))
    return max(changes)


def _read(line: str) -> Gap:
    fields = json.loads(line)
    begins, ends = (datetime.fromisoformat(fields[key]) for key in ("begins", "ends"))
    return Gap(cause=fields["cause"], worker="", begins=begins, ends=ends)


def _changed(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)
