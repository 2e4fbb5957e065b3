"""`hypervisor restore`: an instance restored from its backup, into a folder that holds none."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from hypervisor.base.settings import Settings
from hypervisor.broker import binaries, password_file, queries_accounts
from hypervisor.broker.folder import DataFolder, open_folder
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.server_account import server_account
from hypervisor.database import audit, databases
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect, migrate, migration_files
from hypervisor.stack import archive, instance_settings, postgres
from hypervisor.stack import queries_backup as store
from hypervisor.stack.database_programs import run_program
from hypervisor.stack.manifest import ACCOUNTS, DATABASE, SETTINGS, BackupError, Manifest
from hypervisor.stack.postgres import Database
from hypervisor.stack.run_state import hold_lock
from hypervisor.stack.servers import start_database
from sensors._errors import Message
from sensors._foreign import make_excerpt

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class RestoreOptions:
    """What is restored where, by whom and why."""

    file: Path
    data: Path
    reason: str = ""
    author: str = ""


def restore(options: RestoreOptions, say: Say) -> Manifest:
    """Restore the instance into its own cluster; `hypervisor up` then continues it.

    Raises BackupError: the file is no backup, damaged or too new; or the folder holds an instance;
    StackError: the folder cannot be used, or the servers are not installed.
    """
    _refuse_instance(options.data)
    manifest = archive.verify(options.file)
    refuse_newer(options.file, manifest)
    programs, brokers = binaries.find_database(), binaries.find_broker()
    folder = open_folder(options.data, server_account())
    with hold_lock(folder.lock):
        _refuse_instance(options.data)
        try:
            _restore_settings(options, folder)
            chosen = instance_settings.choose_settings(folder, None, say)
            broker = Broker(
                folder=folder,
                programs=brokers,
                port=chosen.broker_port,
                parts_port=chosen.broker_parts_port,
            )
            _restore_accounts(options, broker, say)
            cluster = Database(
                folder=folder,
                programs=programs,
                port=chosen.database_port,
                password=chosen.database_password,
            )
            _restore_database(options, manifest, cluster)
        except BaseException:
            _remove_partial(folder)
            raise
    return manifest


def refuse_newer(file: Path, manifest: Manifest) -> None:
    """Refuse a backup of a newer version.

    Raises BackupError: it has migrations that this version lacks.
    """
    unknown = sorted(set(manifest.migrations) - set(migration_files()))
    if unknown:
        raise BackupError(
            f"{file} was made by a newer version ({manifest.version}): this one lacks"
            f" {make_excerpt(', '.join(unknown), 300)}; restore with that version or a later one"
        )


def _refuse_instance(data: Path) -> None:
    folder = DataFolder(root=data.absolute(), account=server_account())
    for held in (folder.settings_file, folder.database, folder.broker):
        if held.exists():
            raise BackupError(
                f"{folder.root} holds an instance already ({held.name}); restore into an empty"
                " folder, nothing is restored over existing data"
            )


def _restore_settings(options: RestoreOptions, folder: DataFolder) -> None:
    folder.write(folder.settings_file, archive.read_text(options.file, SETTINGS))


def _restore_accounts(options: RestoreOptions, broker: Broker, say: Say) -> None:
    """The devices' passwords; `up` sets those of our own parts."""
    broker.create()
    text = archive.read_text(options.file, ACCOUNTS)
    broker.folder.write(password_file.path_of(broker.folder), text)
    repaired = password_file.restore(broker.folder)
    if repaired:
        say(repaired)


def restore_into_database(options: RestoreOptions, settings: Settings) -> Manifest:
    """Fill the empty database that the settings name; of a cluster, with the devices' accounts.

    Raises BackupError: as `restore`; StoreError: the database is not empty.
    """
    manifest = archive.verify(options.file)
    refuse_newer(options.file, manifest)
    url = settings.database_url
    if settings.machine is None:
        with _emptied_on_failure(url):
            fill_database(url, options, manifest)
        return manifest
    with store.keep_machines_waiting(url), _emptied_on_failure(url):
        fill_database(url, options, manifest)
        text = archive.read_text(options.file, ACCOUNTS)
        accounts = password_file.parse_accounts(text.encode()).accounts
        with connect(url) as connection:
            queries_accounts.change_accounts(connection, accounts)
    return manifest


def _restore_database(options: RestoreOptions, manifest: Manifest, cluster: Database) -> None:
    running = start_database(cluster)
    try:
        databases.create(cluster.url("postgres"), postgres.DATABASE)
        fill_database(cluster.url(), options, manifest)
    finally:
        running.halt()


def fill_database(url: str, options: RestoreOptions, manifest: Manifest) -> None:
    """Restore the backup's database into an empty one, and continue from where it stood.

    Raises BackupError: the restored rows are not those that were dumped; StoreError: the database
    is not empty, or lacks the right TimescaleDB.
    """
    store.prepare_restore(url, timescaledb=manifest.timescaledb)
    with archive.open_member(options.file, DATABASE) as part:
        restore_dump(url, part)
    store.finish_restore(url)
    counts = store.count_rows(url)
    wrong = [
        f"{table} {counts.get(table, 0)} instead of {count}"
        for table, count in manifest.counts.items()
        if counts.get(table) != count
    ]
    if wrong:
        raise BackupError(f"not all rows came back: {', '.join(wrong)}")
    with connect(url) as connection:
        migrate(connection)
        _require_same_instance(connection, options.file, manifest)
        store.resume(connection, datetime.now(UTC))
        audit.record(
            connection,
            kind="restore",
            subject=manifest.name,
            reason=options.reason or Message("restored from {file}", options.file.name),
            author=options.author,
            details={
                "file": options.file.name,
                "made_at": manifest.made_at.isoformat(),
                "version": manifest.version,
                "with_readings": manifest.with_readings,
                "counts": dict(manifest.counts),
            },
        )


def _require_same_instance(connection: Connection, file: Path, manifest: Manifest) -> None:
    """Refuse a backup whose database is another instance than its manifest says."""
    restored = instance_store.require(connection)
    held = (restored.mode.value, restored.name, restored.timezone)
    stated = (manifest.mode, manifest.name, manifest.timezone)
    if held != stated:
        raise BackupError(
            f"{file} is damaged: its manifest says {' '.join(stated)}, its database"
            f" {' '.join(held)}"
        )


@contextmanager
def _emptied_on_failure(url: str) -> Iterator[None]:
    """Leave the database as empty as it was where the restore fails half-way."""
    store.require_empty(url)
    try:
        yield
    except BaseException:
        store.empty(url)
        raise


def _remove_partial(folder: DataFolder) -> None:
    """Leave the folder as empty as it was."""
    for made in (folder.database, folder.database.with_name("database.new"), folder.broker):
        shutil.rmtree(made, ignore_errors=True)
    folder.settings_file.unlink(missing_ok=True)


def restore_dump(url: str, source: IO[bytes]) -> None:
    """Read a dump into an empty, prepared database.

    Raises BackupError: the program failed; with its own message.
    """

    def progress() -> tuple[int, int]:
        return source.tell(), store.measure_size(url)

    options = ["--no-owner", "--no-privileges", "--exit-on-error"]
    run_program("pg_restore", options, url, progress=progress, source=source)
