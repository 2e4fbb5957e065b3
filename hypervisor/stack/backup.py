"""`hypervisor backup`: an instance as one file, while it goes on."""

import importlib.metadata
import tempfile
from pathlib import Path

from hypervisor.base.settings import SETTINGS_FILE, Settings
from hypervisor.broker import password_file, passwords
from hypervisor.broker.folder import DataFolder
from hypervisor.broker.unprivileged import unprivileged
from hypervisor.stack import archive, dump
from hypervisor.stack import queries_backup as store
from hypervisor.stack.archive import ACCOUNTS, DATABASE, SETTINGS, BackupError, Manifest
from hypervisor.stack.queries_backup import Snapshot

# Secrets of one machine's servers, chosen anew where the instance is restored.
_LEFT_OUT = ("DATABASE_URL", "BROKER_HOST", "BROKER_PASSWORD", "PLAYER_PASSWORD")


def back_up(settings: Settings, target: Path, *, readings: bool = True) -> Manifest:
    """Write the instance into `target`; one consistent state, whatever goes on meanwhile.

    Raises:
        BackupError: the file is there already, cannot be written, or the dump failed.
        StoreError: no database answers.
    """
    target = target.absolute()
    if target.exists():
        raise BackupError(f"{target} is there already; choose another name")
    try:
        # Beside the target: what fits there twice over cannot fail at the end.
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as below:
            return _written(settings, target, Path(below), readings=readings)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror or error}") from error


def _written(settings: Settings, target: Path, below: Path, *, readings: bool) -> Manifest:
    folder = DataFolder(root=settings.data.absolute(), account=unprivileged())
    hashes = {
        name: hashed
        for name, hashed in password_file.read(folder).items()
        if name not in passwords.RESERVED
    }
    parts = {name: below / name for name in (SETTINGS, ACCOUNTS, DATABASE)}
    parts[SETTINGS].write_text(kept_settings(folder))
    parts[ACCOUNTS].write_text("".join(f"{name}:{hashed}\n" for name, hashed in hashes.items()))
    with store.snapshot(settings.database_url, readings=readings) as snapshot:
        dump.dump(settings.database_url, parts[DATABASE], snapshot=snapshot.name, readings=readings)
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


def kept_settings(folder: DataFolder) -> str:
    """The lines of the instance's settings that hold wherever it lives: ports among them."""
    file = folder.root / SETTINGS_FILE
    if not file.exists():  # its servers are named by the environment
        return ""
    left_out = {f"HYPERVISOR_{name}" for name in _LEFT_OUT}
    try:
        lines = file.read_text().splitlines()
    except PermissionError as error:
        raise BackupError(f"{file} is not yours to read; act as root or as its owner") from error
    kept = [line for line in lines if line.partition("=")[0].strip() not in left_out]
    return "".join(f"{line}\n" for line in kept)
