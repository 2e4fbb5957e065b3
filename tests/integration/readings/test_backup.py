"""The database part of a backup: out while it is used, into another cluster's numbers, and on."""

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hypervisor.base.instance import Mode
from hypervisor.base.instants import moment
from hypervisor.base.settings import Settings
from hypervisor.database import audit, databases, feed, reader_functions, tenancy
from hypervisor.database.connect import StoreError, connect, export_snapshot
from hypervisor.database.progress import get_progress
from hypervisor.stack import backup, database_programs, queries_backup, restore
from hypervisor.stack.archive import verify
from hypervisor.stack.backup import back_up
from hypervisor.stack.manifest import MANIFEST, BackupError, Manifest
from tests.conftest import Stack
from tests.integration.evaluation.world import Sent, World, make_world, us

pytestmark = pytest.mark.integration

PHOTO = bytes(range(256))
FAR = 10**9  # transactions that the old cluster had counted and the new one has not


@pytest.fixture
def fresh_url(stack: Stack) -> Iterator[str]:
    """A database without anything in it."""
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name)
    yield stack.database.url(name)
    databases.drop(stack.maintenance_url, name)


def high(world: World, first: int, last: int) -> None:
    world.store(Sent(site="mill", at=minute, value=3.5) for minute in range(first, last, 5))


@pytest.fixture
def mode() -> Mode:
    return Mode.EXERCISE


@pytest.fixture
def watched(mode: Mode, database_url: str) -> Iterator[World]:
    """An alarm that lasts, five minutes unread by the watch, in a cluster that has counted far."""
    world = make_world(database_url, connect(database_url), mode=mode)
    world.register(["mill"])
    world.record_rules()
    world.join()
    if mode is Mode.LIVE:  # as if it had listened on that day
        world.connection.execute("UPDATE worker SET joined_at = %s", [moment(us(0))])
        world.connection.execute("DELETE FROM ingest_gap")
        world.connection.commit()
    high(world, 0, 65)
    world.beat(60)
    world.settle()
    high(world, 65, 70)
    world.beat(65)
    with world.connection.transaction():
        world.connection.execute(
            "UPDATE feed SET xid = (xid::text::bigint + %s)::text::xid8", [FAR]
        )
        world.connection.execute(
            "UPDATE evaluation_state SET cursor = (cursor::text::bigint + %s)::text::xid8", [FAR]
        )
    yield world
    world.close()


def settings_of(url: str, folder: Path) -> Settings:
    return Settings(data=folder, database_url=url)


def put_back(url: str, file: Path, folder: Path) -> Manifest:
    manifest = verify(file)
    restore.fill_database(url, restore.RestoreOptions(file=file, data=folder), manifest)
    return manifest


def other(world: World, url: str) -> World:
    """The same territory on another database."""
    return World(url=url, connection=connect(url), numbers=world.numbers, mode=world.mode)


def test_it_goes_on_as_if_nothing_had_been(watched: World, fresh_url: str, tmp_path: Path) -> None:
    made = back_up(settings_of(watched.url, tmp_path), tmp_path / "one.backup")
    put_back(fresh_url, tmp_path / "one.backup", tmp_path)
    restored = other(watched, fresh_url)
    try:
        assert made.counts["reading"] == 14
        assert get_progress(restored.connection).unread == 2  # not lost, nothing twice
        _go_back(watched)
        for world in (watched, restored):
            world.settle()
            high(world, 70, 95)
            world.store([Sent(site="mill", at=95, value=2.0), Sent(site="mill", at=110, value=2.0)])
            world.beat(110)
            world.settle()
        assert restored.log() == watched.log()
        (alarm,) = [one for one in restored.alarms() if one.episode.rule == "flood-high"]
        assert alarm.episode.ended == us(110)
    finally:
        restored.close()


def _go_back(world: World) -> None:
    """Let the old cluster read its feed again, which counts ahead of its transactions."""
    with world.connection.transaction():
        world.connection.execute(
            "UPDATE feed SET xid = (xid::text::bigint - %s)::text::xid8", [FAR]
        )
        world.connection.execute(
            "UPDATE evaluation_state SET cursor = (cursor::text::bigint - %s)::text::xid8", [FAR]
        )


def test_readings_come_back_as_chunks_and_the_act_is_audited(
    watched: World, fresh_url: str, tmp_path: Path
) -> None:
    back_up(settings_of(watched.url, tmp_path), tmp_path / "one.backup")
    put_back(fresh_url, tmp_path / "one.backup", tmp_path)
    with connect(fresh_url) as connection:
        (chunks,) = connection.execute(
            "SELECT count(*) FROM show_chunks('reading')"
        ).fetchone() or (0,)
        (act,) = audit.list_acts(connection)
        assert chunks == 1
        assert (act.kind, act.subject, act.reason) == (
            "restore",
            "test",
            "restored from one.backup",
        )
        assert reader_functions.excess(connection) == [], "a dump holds no grants"
        assert connection.execute(
            "SELECT DISTINCT proowner::regrole::text FROM pg_proc"
            " WHERE pronamespace = 'shown'::regnamespace"
        ).fetchall() == [(tenancy.TENANT,)], "nor owners, as whom a reader's views read"


@pytest.mark.parametrize("mode", list(Mode))
def test_the_time_it_was_away_accuses_nobody(
    watched: World, fresh_url: str, tmp_path: Path
) -> None:
    back_up(settings_of(watched.url, tmp_path), tmp_path / "one.backup")
    put_back(fresh_url, tmp_path / "one.backup", tmp_path)
    restored = other(watched, fresh_url)
    try:
        restored.beat(600)
        restored.settle()
        silent = [alarm for alarm in restored.alarms() if alarm.episode.rule == "flood-silent"]
    finally:
        restored.close()
    assert bool(silent) is (watched.mode is Mode.EXERCISE)  # there only a scenario declares it


def make_order(world: World) -> None:
    """A work order with a photograph."""
    world.connection.execute(
        """
        WITH made AS (INSERT INTO intervention (title, priority, opened_at)
            VALUES ('Close the road', 'high', now()) RETURNING id)
        INSERT INTO intervention_event (intervention, number, act, state, at, noted_at, author)
        SELECT id, 1, 'create', '', now(), now(), 'tom' FROM made
        """
    )
    world.connection.execute(
        "INSERT INTO intervention_photo (intervention, number, taken_at, width, height, digest,"
        " content) SELECT id, 1, now(), 2, 2, 'x', %s FROM intervention",
        [PHOTO],
    )
    world.connection.commit()


def test_without_readings_the_registry_alarms_and_orders_come_back(
    watched: World, fresh_url: str, tmp_path: Path
) -> None:
    log = watched.log()
    make_order(watched)
    back_up(settings_of(watched.url, tmp_path), tmp_path / "one.backup", readings=False)
    found = put_back(fresh_url, tmp_path / "one.backup", tmp_path)
    restored = other(watched, fresh_url)
    try:
        assert not found.with_readings
        query = "SELECT title, state, content FROM intervention JOIN intervention_photo ON true"
        assert restored.connection.execute(query).fetchall() == [("Close the road", "open", PHOTO)]
        assert restored.log() == log
        high(restored, 70, 130)
        restored.beat(130)
        restored.settle()
        assert [one["began"] for one in restored.log()] == [one["began"] for one in log]
    finally:
        restored.close()


def test_it_is_one_state_whatever_is_committed_meanwhile(
    watched: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., None] = backup.dump_database

    def busy(*words: str, **more: object) -> None:
        high(watched, 70, 75)  # after the snapshot, before the dump
        real(*words, **more)

    monkeypatch.setattr(backup, "dump_database", busy)
    made = back_up(settings_of(watched.url, tmp_path), tmp_path / "one.backup")
    assert made.counts["reading"] == 14


def test_a_dump_that_stands_still_is_ended_with_a_sentence(
    watched: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_programs, "STANDSTILL_SECONDS", 1.0)
    monkeypatch.setattr(database_programs, "_LOOK_SECONDS", 0.2)
    with connect(watched.url) as holder:
        holder.execute("LOCK reading")  # pg_dump waits for it
        name = export_snapshot(holder)
        with pytest.raises(BackupError, match="pg_dump made no progress"):
            backup.dump_database(watched.url, tmp_path / "dump", snapshot=name, readings=True)


def test_nothing_is_restored_over_what_is_there(watched: World, tmp_path: Path) -> None:
    back_up(settings_of(watched.url, tmp_path), tmp_path / "one.backup")
    with pytest.raises(StoreError, match="not empty"):
        put_back(watched.url, tmp_path / "one.backup", tmp_path)
    with pytest.raises(BackupError, match="exists already"):
        back_up(settings_of(watched.url, tmp_path), tmp_path / "one.backup")


def restate(file: Path, target: Path, **changes: object) -> Path:
    """The same backup with other words in its manifest."""
    with tarfile.open(file) as given, tarfile.open(target, "w") as made:
        for entry in given.getmembers():
            part = given.extractfile(entry)
            assert part is not None
            content = part.read()
            if entry.name == MANIFEST:
                content = json.dumps({**json.loads(content), **changes}).encode()
                entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))
    return target


def test_a_manifest_that_says_otherwise_than_its_database_restores_nothing(
    watched: World, fresh_url: str, tmp_path: Path
) -> None:
    """A nonsense mode was restored with exit status 0."""
    right = tmp_path / "right.backup"
    counts = back_up(settings_of(watched.url, tmp_path), right).counts
    settings = settings_of(fresh_url, tmp_path)
    lies: tuple[tuple[dict[str, object], str], ...] = (
        ({"mode": "live"}, "its manifest says live"),
        ({"counts": {**counts, "no_such_table": 1}}, "no_such_table 0 instead of 1"),
    )
    for changes, words in lies:
        file = restate(right, tmp_path / "lie.backup", **changes)
        with pytest.raises(BackupError, match=words):
            restore.restore_into_database(
                restore.RestoreOptions(file=file, data=tmp_path), settings
            )
        queries_backup.require_empty(fresh_url)
    restore.restore_into_database(restore.RestoreOptions(file=right, data=tmp_path), settings)


def test_a_database_that_is_no_instance_is_refused(database_url: str, tmp_path: Path) -> None:
    with connect(database_url) as connection:
        feed.append(connection, "registry")
    with pytest.raises(StoreError, match="no instance yet"):
        back_up(settings_of(database_url, tmp_path), tmp_path / "one.backup")
    assert list(tmp_path.iterdir()) == []
