"""The one file of a backup: a tar of a manifest and its members, each with size and checksum."""

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

import msgspec

from hypervisor.broker import password_file
from hypervisor.stack.manifest import (
    ACCOUNTS,
    MANIFEST,
    SETTINGS,
    BackupError,
    Manifest,
    Member,
    read_manifest,
)
from sensors._foreign import ForeignError, make_excerpt, read_exact_text

_BLOCK = 1024**2
_LARGEST_TEXT = 16 * 1024**2  # bytes of the manifest, and of a part that is text
# What tarfile raises, too, where a header says something impossible.
_TAR_ERRORS = (
    tarfile.TarError,
    ValueError,
    LookupError,
    ArithmeticError,
    EOFError,
    RecursionError,
)
_LARGEST_HEADER = 65_536  # bytes of what a member's header cannot hold: the size of a large one


class _PlainEntry(tarfile.TarInfo):
    """A header of what `pack` writes; links, sparse files and long headers are refused."""

    @classmethod
    def frombuf(cls, *args: Any, **options: Any) -> Self:
        entry = super().frombuf(*args, **options)
        extended = entry.type == tarfile.XHDTYPE and entry.size <= _LARGEST_HEADER
        if entry.type not in tarfile.REGULAR_TYPES[:2] and not extended:
            raise tarfile.ReadError("it holds something else than plain files")
        return entry


def measure_member(name: str, file: Path) -> Member:
    """A file as a member."""
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256")
    return Member(name=name, size=file.stat().st_size, sha256=digest.hexdigest())


def pack(target: Path, manifest: Manifest, parts: Mapping[str, Path]) -> Manifest:
    """Write the file from its parts: readable by its owner only, complete or not there at all.

    Raises BackupError: a file of that name exists already.
    """
    members = tuple(measure_member(name, file) for name, file in parts.items())
    full = msgspec.structs.replace(manifest, members=members)
    unfinished = target.with_name(f".{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    try:
        with tarfile.open(unfinished, "w") as tar:
            text = msgspec.json.format(msgspec.json.encode(full), indent=1)
            tar.addfile(_entry(MANIFEST, len(text), full), io.BytesIO(text))
            for member in members:
                with parts[member.name].open("rb") as file:
                    tar.addfile(_entry(member.name, member.size, full), file)
        target.hardlink_to(unfinished)  # unlike a rename it replaces nothing
    except FileExistsError as error:
        raise BackupError(f"{target} exists already; choose another name") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return full


def _entry(name: str, size: int, manifest: Manifest) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(manifest.made_at.timestamp())
    return entry


def verify(file: Path) -> Manifest:
    """Check every byte of a backup; its manifest.

    Raises BackupError: it is no backup, is damaged, or has an unknown format.
    """
    with _open_tar(file) as tar:
        manifest = _read_manifest(file, tar)
        if sum(member.size for member in manifest.members) > file.stat().st_size:
            raise BackupError(f"{file} is damaged: its members have more bytes than it has")
        for member in manifest.members:
            with _open_part(file, tar, member.name) as part:
                digest = hashlib.sha256()
                size = 0
                while size <= member.size and (block := part.read(_BLOCK)):
                    digest.update(block)
                    size += len(block)
            if (size, digest.hexdigest()) != (member.size, member.sha256):
                raise BackupError(f"{file} is damaged: its {member.name} is not what was written")
    accounts = password_file.parse_accounts(read_text(file, ACCOUNTS).encode())
    if accounts.damaged or len(accounts.accounts) != manifest.accounts:
        raise BackupError(
            f"{file} is damaged: its {ACCOUNTS} are not {manifest.accounts} lines NAME:HASH"
        )
    read_text(file, SETTINGS)
    return manifest


def read_text(file: Path, name: str) -> str:
    """A part that is lines of text. Raises BackupError: it is none, or has control characters."""
    with open_member(file, name) as part:
        content = part.read(_LARGEST_TEXT + 1)
    if len(content) > _LARGEST_TEXT:
        raise BackupError(f"{file} is damaged: its {name} has more than {_LARGEST_TEXT} bytes")
    try:
        text = content.decode()
        for line in filter(None, text.split("\n")):
            read_exact_text(line, longest=_LARGEST_TEXT)
    except (ForeignError, UnicodeDecodeError) as error:
        raise BackupError(f"{file} is damaged: its {name} is no text: {error}") from error
    return text


@contextmanager
def open_member(file: Path, name: str) -> Iterator[IO[bytes]]:
    """One part of a backup, to be read."""
    with _open_tar(file) as tar, _open_part(file, tar, name) as part:
        yield part


@contextmanager
def _open_tar(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(file, "r:", tarinfo=_PlainEntry) as tar:
            yield tar
    except _TAR_ERRORS as error:
        reason = make_excerpt(str(error), 200)
        raise BackupError(f"{file} is no backup, or a damaged one: {reason}") from error
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror or error}") from error


def _read_manifest(file: Path, tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    if first is None or first.name != MANIFEST or first.size > _LARGEST_TEXT:
        raise BackupError(f"{file} is no backup of ours: it does not begin with a {MANIFEST}")
    with _open_part(file, tar, MANIFEST) as part:
        return read_manifest(file, part.read(_LARGEST_TEXT))


@contextmanager
def _open_part(file: Path, tar: tarfile.TarFile, name: str) -> Iterator[IO[bytes]]:
    try:
        part = tar.extractfile(name)
    except KeyError:
        part = None
    if part is None:
        raise BackupError(f"{file} is damaged: it lacks its {name}")
    with part:
        yield part
