"""The file of a backup: complete or not there; what was changed, cut or never ours is refused."""

import io
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from hypervisor.database.connect import migration_files
from hypervisor.stack import archive
from hypervisor.stack.archive import BackupError, Manifest
from hypervisor.stack.restore import refuse_newer

STATED = Manifest(
    version="1",
    made_at=datetime(2026, 1, 1, tzinfo=UTC),
    mode="live",
    name="town",
    timezone="Europe/Paris",
    migrations=("0001_spine.sql",),
    timescaledb="2.19.3",
    with_readings=True,
    counts={"reading": 3},
    accounts=1,
)


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / f"part-{name}" for name in (archive.DATABASE, archive.ACCOUNTS)}
    found[archive.DATABASE].write_bytes(b"dump" * 1000)
    found[archive.ACCOUNTS].write_text("gauge:hash\n")
    return found


@pytest.fixture
def file(tmp_path: Path, parts: dict[str, Path]) -> Path:
    target = tmp_path / "town.backup"
    archive.pack(target, STATED, parts)
    return target


def test_what_was_packed_is_read_again(file: Path) -> None:
    manifest = archive.verify(file)
    assert (manifest.name, manifest.counts, manifest.made_at) == (
        "town",
        {"reading": 3},
        STATED.made_at,
    )
    with archive.open_member(file, archive.ACCOUNTS) as part:
        assert part.read() == b"gauge:hash\n"


def test_only_its_owner_may_read_it(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600


def test_it_replaces_nothing_and_leaves_nothing_half_done(
    file: Path, parts: dict[str, Path]
) -> None:
    before = file.read_bytes()
    with pytest.raises(BackupError, match="exists already"):
        archive.pack(file, STATED, parts)
    assert file.read_bytes() == before
    assert not list(file.parent.glob("*unfinished*"))


@pytest.mark.parametrize("place", [0.02, 0.3, 0.6, 0.97])
def test_a_changed_byte_is_found(file: Path, place: float) -> None:
    data = bytearray(file.read_bytes())
    used = data.rstrip(b"\0")
    at = int(len(used) * place)
    at = next(i for i in range(at, len(used)) if data[i])  # not in a tar's padding
    data[at] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(BackupError):
        archive.verify(file)


@pytest.mark.parametrize("length", [0, 100, 700, 3000])
def test_a_file_that_was_cut_is_found(file: Path, length: int) -> None:
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(BackupError, match=r"town\.backup"):
        archive.verify(file)


def test_another_files_are_no_backups(tmp_path: Path, file: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no backup")
    with pytest.raises(BackupError, match="is no backup, or a damaged one"):
        archive.verify(text)
    other = tmp_path / "other.tar"
    with tarfile.open(other, "w") as tar:
        tar.add(file, "town.backup")
    with pytest.raises(BackupError, match="is no backup of ours"):
        archive.verify(other)
    with pytest.raises(BackupError, match="cannot be read: No such file"):
        archive.verify(tmp_path / "absent")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"format": 2}, "this version knows 1"),
        ({"what": "other"}, "is no backup of ours"),
        ({"counts": "many"}, "cannot be read"),
    ],
)
def test_another_manifest_is_refused(tmp_path: Path, change: dict[str, object], error: str) -> None:
    stated = msgspec.json.encode({**msgspec.to_builtins(STATED), **change})
    file = tmp_path / "one.backup"
    with tarfile.open(file, "w") as tar:
        entry = tarfile.TarInfo(archive.MANIFEST)
        entry.size = len(stated)
        tar.addfile(entry, io.BytesIO(stated))
    with pytest.raises(BackupError, match=error):
        archive.verify(file)


def test_a_newer_schema_is_refused_and_an_older_one_is_not(file: Path) -> None:
    refuse_newer(file, STATED)
    newer = msgspec.structs.replace(STATED, migrations=(*migration_files(), "9999_later.sql"))
    with pytest.raises(BackupError, match=r"newer version .* lacks 9999_later.sql"):
        refuse_newer(file, newer)
