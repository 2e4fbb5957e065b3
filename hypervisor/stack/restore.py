"""`hypervisor restore`: an instance made again out of its backup, in a folder that holds none."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hypervisor.broker import binaries, password_file
from hypervisor.broker.folder import DataFolder, open_folder
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.unprivileged import unprivileged
from hypervisor.database import audit, databases
from hypervisor.database.connect import connect, migrate, migration_files
from hypervisor.stack import archive, dump, lock, postgres, settled
from hypervisor.stack import queries_backup as store
from hypervisor.stack.archive import ACCOUNTS, DATABASE, SETTINGS, BackupError, Manifest
from hypervisor.stack.postgres import Database
from hypervisor.stack.servers import start_database

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class RestoreOptions:
    """What is restored where, by whom and why."""

    file: Path
    data: Path
    reason: str = ""
    author: str = ""


def restore(wish: RestoreOptions, say: Say) -> Manifest:
    """Make the instance again in its own cluster; `hypervisor up` then goes on with it.

    Raises:
        BackupError: the file is none of ours, damaged or too new; or the folder holds an instance.
        StackError: the folder cannot be used, or the servers are not installed.
    """
    _refuse_instance(wish.data)
    found = archive.verified(wish.file)
    refuse_newer(wish.file, found)
    programs, brokers = binaries.database(), binaries.broker()
    folder = open_folder(wish.data, unprivileged())
    with lock.hold(folder.lock):
        _refuse_instance(wish.data)
        try:
            _settings(wish, folder)
            chosen = settled.settle(folder, None, say)
            broker = Broker(
                folder=folder,
                programs=brokers,
                port=chosen.broker_port,
                parts_port=chosen.broker_parts_port,
            )
            _accounts(wish, broker, say)
            cluster = Database(
                folder=folder,
                programs=programs,
                port=chosen.database_port,
                password=chosen.database_password,
            )
            _database(wish, found, cluster)
        except BaseException:
            _take_away(folder)
            raise
    return found


def refuse_newer(file: Path, manifest: Manifest) -> None:
    """A database that knows more than we do would be misread.

    Raises:
        BackupError: it has migrations that this version lacks.
    """
    unknown = sorted(set(manifest.migrations) - set(migration_files()))
    if unknown:
        raise BackupError(
            f"{file} was made by a newer version ({manifest.version}): this one lacks"
            f" {', '.join(unknown)}; restore with that version or a later one"
        )


def _refuse_instance(data: Path) -> None:
    folder = DataFolder(root=data.absolute(), account=unprivileged())
    for held in (folder.settings_file, folder.database, folder.broker):
        if held.exists():
            raise BackupError(
                f"{folder.root} holds an instance already ({held.name}); restore into an empty"
                " folder, nothing is ever restored over what is there"
            )


def _settings(wish: RestoreOptions, folder: DataFolder) -> None:
    with archive.member(wish.file, SETTINGS) as part:
        text = part.read().decode()
    folder.write(folder.settings_file, text)


def _accounts(wish: RestoreOptions, broker: Broker, say: Say) -> None:
    """The devices' passwords as they were; those of our own parts `up` sets by itself."""
    broker.create()
    with archive.member(wish.file, ACCOUNTS) as part:
        text = part.read().decode()
    broker.folder.write(password_file.path_of(broker.folder), text)
    mended = password_file.restore(broker.folder)
    if mended:
        say(mended)


def _database(wish: RestoreOptions, found: Manifest, cluster: Database) -> None:
    running = start_database(cluster)
    try:
        databases.create(cluster.url("postgres"), postgres.DATABASE)
        fill(cluster.url(), wish, found)
    finally:
        running.halt()


def fill(url: str, wish: RestoreOptions, found: Manifest) -> None:
    """Put the backup's database into an empty one, and let it go on from where it stood.

    Raises:
        BackupError: what was read in is not what was dumped.
        StoreError: the database is not empty, or lacks the right TimescaleDB.
    """
    store.make_ready(url, timescaledb=found.timescaledb)
    with archive.member(wish.file, DATABASE) as part:
        dump.read_in(url, part)
    store.make_whole(url)
    counts = store.counts(url)
    wrong = [
        f"{table} {counts.get(table, 0)} instead of {count}"
        for table, count in found.counts.items()
        if counts.get(table) != count
    ]
    if wrong:
        raise BackupError(f"not all rows came back: {', '.join(wrong)}")
    with connect(url) as connection:
        migrate(connection)
        store.go_on(connection, datetime.now(UTC))
        audit.record(
            connection,
            kind="restore",
            subject=found.name,
            reason=wish.reason or f"restored from {wish.file.name}",
            author=wish.author,
            details={
                "file": wish.file.name,
                "made_at": found.made_at.isoformat(),
                "version": found.version,
                "with_readings": found.with_readings,
                "counts": dict(found.counts),
            },
        )


def _take_away(folder: DataFolder) -> None:
    """Half an instance is none: leave the folder as empty as it was found."""
    for made in (folder.database, folder.database.with_name("database.new"), folder.broker):
        shutil.rmtree(made, ignore_errors=True)
    folder.settings_file.unlink(missing_ok=True)
