"""The file of a backup: complete or not there; what was changed, cut or never ours is refused."""

import hashlib
import io
import json
import random
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from hypervisor.database.connect import migration_files
from hypervisor.stack import archive
from hypervisor.stack.manifest import ACCOUNTS, DATABASE, MANIFEST, SETTINGS, BackupError, Manifest
from hypervisor.stack.restore import refuse_newer
from tests import command_line

STATED = Manifest(
    version="1",
    made_at=datetime(2026, 1, 1, tzinfo=UTC),
    mode="live",
    name="town",
    timezone="Europe/Paris",
    migrations=("0001_spine.sql",),
    timescaledb="2.19.3",
    with_readings=True,
    counts={"reading": 3, "alarm": 0},
    accounts=1,
)


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, Path]:
    files = {name: tmp_path / f"part-{name}" for name in (SETTINGS, ACCOUNTS, DATABASE)}
    files[SETTINGS].write_text("# ours\nHYPERVISOR_WEB_PORT=8000\n")
    files[DATABASE].write_bytes(b"dump" * 1000)
    files[ACCOUNTS].write_text("gauge:$9$hash\n")
    return files


@pytest.fixture
def file(tmp_path: Path, parts: dict[str, Path]) -> Path:
    target = tmp_path / "town.backup"
    archive.pack(target, STATED, parts)
    return target


def test_what_was_packed_is_read_again(file: Path) -> None:
    manifest = archive.verify(file)
    assert (manifest.name, manifest.counts, manifest.made_at) == (
        "town",
        STATED.counts,
        STATED.made_at,
    )
    with archive.open_member(file, ACCOUNTS) as part:
        assert part.read() == b"gauge:$9$hash\n"


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


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Writes backups whose manifest says what a test wants."""

    file: Path
    parts: Mapping[str, bytes]

    def write(self, changes: Mapping[str, object] | None = None, *, text: bytes = b"") -> Path:
        members = [
            {"name": name, "size": len(part), "sha256": hashlib.sha256(part).hexdigest()}
            for name, part in self.parts.items()
        ]
        stated = {**msgspec.to_builtins(STATED), "members": members, **(changes or {})}
        stated = {key: value for key, value in stated.items() if value is not ...}
        with tarfile.open(self.file, "w") as tar:
            for name, content in {MANIFEST: text or _encode(stated), **self.parts}.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        return self.file


def _encode(stated: object) -> bytes:
    return json.dumps(stated).encode()


@pytest.fixture
def maker(tmp_path: Path, parts: dict[str, Path]) -> Maker:
    content = {name: part.read_bytes() for name, part in parts.items()}
    return Maker(file=tmp_path / "town.backup", parts=content)


def refuse(file: Path, folder: Path) -> str:
    """Restore it by the command, which must refuse it; its sentence."""
    with pytest.raises(BackupError) as caught:  # the command line prints it and exits with 1
        command_line.run("restore", file, "--data", folder)
    words = str(caught.value)
    assert 10 < len(words) < 1_000, words
    assert words.isprintable(), repr(words)
    assert not folder.exists(), "nothing was restored"
    return words


# Of any field; then what only this field refuses. `...`: without the field.
ANYTHING: tuple[object, ...] = (
    ...,
    None,
    "\0",
    "a\0b",
    "\x1b[2J",
    "\u202e",
    "x" * 5_000,
    [],
    {},
    [[]],
    -1,
    1e308,
    True,
)
FIELDS: Mapping[str, tuple[object, ...]] = {
    "what": ("other", "territory-hypervisor"),
    "format": (0, 2, "1", 2**70),
    "version": ("", " ", "1 2", "é"),
    "made_at": ("yesterday", "2026-01-01T00:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    "mode": ("", "Live", "live ", "nonsense", "LIVE"),
    "name": ("",),
    "timezone": (
        "",
        "Mars/Olympus",
        "../../etc/passwd",
        "/etc/passwd",
        "Europe/Paris\n",
        "x" * 999,
    ),
    "migrations": ("0001_spine.sql", [""], ["../x.sql"], [5], ["0001_a.sql"] * 2, ["0001_a.sql\0"]),
    "timescaledb": ("", "2'; DROP TABLE alarm; --", "2 19"),
    "with_readings": ("yes", 1, 0),
    "counts": ({"alarm": -1}, {"alarm": "3"}, {"alarm": 2**70}, {"x; y": 1, "alarm": 0}, {"a": 1}),
    "accounts": ("1", 2, 0, 2**70, 1.5),
    "members": ([5], [{}], [{"name": "database.dump"}], "x"),
}
ALLOWED = {("with_readings", "True"), ("name", "'x'")}  # true says what it says


def list_hostile_fields() -> Iterator[tuple[str, object]]:
    for field, values in FIELDS.items():
        for value in (*ANYTHING, *values):
            if (field, repr(value)) not in ALLOWED and not (field == "counts" and value == {}):
                yield field, value
    yield "counts", {}


def test_every_field_of_a_manifest_is_checked_before_anything_is_touched(
    maker: Maker, tmp_path: Path
) -> None:
    """NUL ended in a traceback; a nonsense mode or time zone was restored with exit status 0."""
    archive.verify(maker.write())
    folder = tmp_path / "restored"
    for field, value in list_hostile_fields():
        words = refuse(maker.write({field: value}), folder)
        assert maker.file.name in words, (field, value, words)


TEXTS: Mapping[str, bytes] = {
    "no JSON": b"{",
    "deeply nested": b'{"what":' + b"[" * 100_000,
    "closed": b'{"what":' + b"[" * 900 + b"]" * 900 + b"}",
    "half a surrogate pair": rb'{"what": "territory-hypervisor backup", "name": "\ud800"}',
    "NaN": b'{"what": "territory-hypervisor backup", "accounts": NaN}',
    "UTF-16": '{"what": 1}'.encode("utf-16"),
    "a list": b"[]",
    "nothing": b" ",
    "raw NUL": b'{"what": "\0"}',
    "large": b" " * (17 * 2**20),
    "long digits": b'{"format": ' + b"9" * 9_000 + b"}",
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_manifest_that_is_none_is_refused(maker: Maker, tmp_path: Path, kind: str) -> None:
    refuse(maker.write(text=TEXTS[kind]), tmp_path / "restored")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (SETTINGS, b"HYPERVISOR_WEB_PORT=\xff"),
        (SETTINGS, b"HYPERVISOR_NAME=a\0b\n"),
        (SETTINGS, "A=\u202e\n".encode()),
        (SETTINGS, b"A=1\n" * (5 * 2**20)),
        (ACCOUNTS, b"gauge\n"),
        (ACCOUNTS, b"\xff:$9$hash\n"),
        (ACCOUNTS, b"gauge:$9$hash\ngauge:$9$hash\n"),
        (ACCOUNTS, b""),
        (ACCOUNTS, b"gauge:$9$hash\n\0"),
    ],
)
def test_parts_that_are_no_text_of_ours_are_refused(
    maker: Maker, tmp_path: Path, name: str, content: bytes
) -> None:
    hostile = replace(maker, parts={**maker.parts, name: content})
    assert name in refuse(hostile.write(), tmp_path / "restored")


ENTRIES: Mapping[str, tuple[bytes, str, int]] = {  # type, target and size
    "a link to itself": (tarfile.SYMTYPE, MANIFEST, 0),
    "a hard link": (tarfile.LNKTYPE, SETTINGS, 0),
    "a folder": (tarfile.DIRTYPE, "", 0),
    "a sparse file": (tarfile.GNUTYPE_SPARSE, "", 1),
    "a long name": (tarfile.GNUTYPE_LONGNAME, "", 2**31),
    "a long header": (tarfile.XHDTYPE, "", 2**31),
    "a header of all": (tarfile.XGLTYPE, "", 2**31),
    "a device": (tarfile.CHRTYPE, "", 0),
    "a manifest of a terabyte": (tarfile.REGTYPE, "", 2**40),
}


@pytest.mark.parametrize("kind", ENTRIES)
def test_an_entry_that_is_no_plain_file_is_refused(maker: Maker, tmp_path: Path, kind: str) -> None:
    """A link to itself ended in a traceback, a long header filled the memory."""
    entry = tarfile.TarInfo(MANIFEST)
    entry.type, entry.linkname, entry.size = ENTRIES[kind]
    right = maker.write().read_bytes()
    maker.file.write_bytes(entry.tobuf(tarfile.GNU_FORMAT) + right)
    refuse(maker.file, tmp_path / "restored")
    header = tarfile.TarInfo("x")
    header.type = tarfile.XHDTYPE
    maker.file.write_bytes(header.tobuf() * 2_000 + right)
    refuse(maker.file, tmp_path / "restored")


def test_members_larger_than_their_file_are_refused(maker: Maker, tmp_path: Path) -> None:
    members = [
        {"name": name, "size": 2**62, "sha256": "0" * 64} for name in (SETTINGS, ACCOUNTS, DATABASE)
    ]
    assert "more bytes" in refuse(maker.write({"members": members}), tmp_path / "restored")


def test_bytes_changed_at_random_are_never_a_traceback(maker: Maker) -> None:
    """Of the headers, too, in which tarfile reads numbers."""
    chance = random.Random(33)
    right = maker.write().read_bytes()
    for _ in range(60):
        data = bytearray(right)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(3_000)] = chance.randrange(256)
        maker.file.write_bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
        with suppress(BackupError):  # any other error fails
            archive.verify(maker.file)


def test_a_newer_schema_is_refused_and_an_older_one_is_not(file: Path) -> None:
    refuse_newer(file, STATED)
    newer = msgspec.structs.replace(STATED, migrations=(*migration_files(), "9999_later.sql"))
    with pytest.raises(BackupError, match=r"newer version .* lacks 9999_later.sql"):
        refuse_newer(file, newer)
