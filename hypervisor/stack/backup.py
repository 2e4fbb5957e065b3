"""`hypervisor backup`: an instance as one file, while it keeps running."""

import importlib.metadata
import tempfile
from pathlib import Path

from hypervisor.base.settings import SETTINGS_FILE, Settings
from hypervisor.broker import password_file, passwords
from hypervisor.broker.folder import DataFolder
from hypervisor.broker.server_account import server_account
from hypervisor.stack import archive
from hypervisor.stack import queries_backup as store
from hypervisor.stack.database_programs import run_program
from hypervisor.stack.manifest import ACCOUNTS, DATABASE, SETTINGS, BackupError, Manifest
from hypervisor.stack.queries_backup import Snapshot

_LOCK_MS = "300000"  # that a table may be held by what changes it
# Secrets of one machine's servers, generated again on restore.
_LEFT_OUT = ("DATABASE_URL", "BROKER_HOST", "BROKER_PASSWORD", "PLAYER_PASSWORD")


def back_up(settings: Settings, target: Path, *, readings: bool = True) -> Manifest:
    """Write one consistent state of the running instance into `target`.

    Raises BackupError: the file exists already, cannot be written, or the dump failed;
    StoreError: no database answers.
    """
    target = target.absolute()
    if target.exists():
        raise BackupError(f"{target} exists already; choose another name")
    try:
        # Beside the target, so that a full disk shows before the end.
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as below:
            return _write(settings, target, Path(below), readings=readings)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror or error}") from error


def _write(settings: Settings, target: Path, below: Path, *, readings: bool) -> Manifest:
    folder = DataFolder(root=settings.data.absolute(), account=server_account())
    hashes = {
        name: hashed
        for name, hashed in password_file.read(folder).items()
        if name not in passwords.RESERVED
    }
    parts = {name: below / name for name in (SETTINGS, ACCOUNTS, DATABASE)}
    parts[SETTINGS].write_text(portable_settings(folder))
    parts[ACCOUNTS].write_text(password_file.format_accounts(hashes))
    with store.open_snapshot(settings.database_url, readings=readings) as snapshot:
        dump_database(
            settings.database_url, parts[DATABASE], snapshot=snapshot.name, readings=readings
        )
        stated = _manifest(snapshot, accounts=len(hashes), readings=readings)
    return archive.pack(target, stated, parts)


def _manifest(snapshot: Snapshot, *, accounts: int, readings: bool) -> Manifest:
    return Manifest(
        version=importlib.metadata.version("territory-hypervisor"),
        made_at=snapshot.taken_at,
        mode=snapshot.instance.mode.value,
        name=snapshot.instance.name,
        timezone=snapshot.instance.timezone,
        migrations=snapshot.migrations,
        timescaledb=snapshot.timescaledb,
        with_readings=readings,
        counts=snapshot.counts,
        accounts=accounts,
    )


def portable_settings(folder: DataFolder) -> str:
    """The instance's settings that hold on any machine, ports included."""
    file = folder.root / SETTINGS_FILE
    if not file.exists():  # the environment names its servers
        return ""
    left_out = {f"HYPERVISOR_{name}" for name in _LEFT_OUT}
    try:
        lines = file.read_text().splitlines()
    except PermissionError as error:
        raise BackupError(f"{file} is not yours to read; act as root or as its owner") from error
    kept = [line for line in lines if line.partition("=")[0].strip() not in left_out]
    return "".join(f"{line}\n" for line in kept)


def dump_database(url: str, target: Path, *, snapshot: str, readings: bool) -> None:
    """Write the database, as the snapshot sees it, into a file.

    Raises BackupError: the program failed; with its own message.
    """
    options = ["--format", "custom", "--compress", "zstd:3", "--no-owner", "--no-privileges"]
    options += ["--snapshot", snapshot, "--file", str(target), "--lock-wait-timeout", _LOCK_MS]
    options += [] if readings else store.exclude_readings()

    def progress() -> int:
        return target.stat().st_size if target.exists() else 0

    run_program("pg_dump", options, url, progress=progress)
