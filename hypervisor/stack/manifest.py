"""What a backup says of itself: read and checked as a whole before anything is restored."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from hypervisor.base.instance import InstanceError, Mode, require_timezone
from sensors._errors import TerritoryError
from sensors._foreign import ForeignError, make_excerpt, read_exact_text, read_json

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database.dump"
ACCOUNTS = "accounts"
SETTINGS = "settings.env"
WHAT = "territory-hypervisor backup"
_LONGEST_NAME = 500  # characters
_LARGEST_COUNT = 2**63
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_TABLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_MIGRATION = re.compile(r"[0-9]{4}_[a-z0-9_]{1,100}\.sql")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+!_-]{0,99}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class BackupError(TerritoryError):
    """A backup cannot be made or restored: says which file, and why."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the file."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds. `counts`: rows of each table, in the snapshot that was dumped."""

    what: str = WHAT
    format: int = FORMAT
    version: str
    made_at: datetime
    mode: str
    name: str
    timezone: str
    migrations: tuple[str, ...]
    timescaledb: str
    with_readings: bool
    counts: Mapping[str, int]
    accounts: int
    members: tuple[Member, ...] = ()


def read_manifest(file: Path, text: bytes) -> Manifest:
    """The manifest of a file. Raises BackupError: a field of it cannot be right."""
    try:
        stated = read_json(text)
        if not isinstance(stated, dict) or stated.get("what") != WHAT:
            excerpt = make_excerpt(text, 200)
            raise BackupError(f"{file} is no backup of ours: its {MANIFEST} says {excerpt}")
        if stated.get("format") != FORMAT:
            number = make_excerpt(str(stated.get("format")), 40)
            raise BackupError(
                f"{file} has the format {number}, this version knows {FORMAT}:"
                " restore it with the version that made it"
            )
        manifest = msgspec.convert(stated, Manifest)
    except (ForeignError, msgspec.MsgspecError) as error:
        reason = make_excerpt(str(error), 300)
        raise BackupError(f"{file} is damaged: its {MANIFEST} cannot be read: {reason}") from error
    wrong = _find_fault(manifest)
    if wrong:
        field, value = wrong
        excerpt = make_excerpt(str(value), 100)
        raise BackupError(f"{file} is damaged: the {field} of its {MANIFEST} cannot be {excerpt!r}")
    return manifest


def _find_fault(manifest: Manifest) -> tuple[str, object] | None:
    """A field that cannot be right, and its value; None: all can."""
    at = manifest.made_at
    if at.tzinfo is None or not _EARLIEST < at < _LATEST:
        return "made_at", at
    if manifest.mode not in set(Mode):
        return "mode", manifest.mode
    try:
        read_exact_text(manifest.name, longest=_LONGEST_NAME)
    except ForeignError:
        return "name", manifest.name
    try:
        require_timezone(manifest.timezone)
    except InstanceError:
        return "timezone", manifest.timezone
    for field, value in (("version", manifest.version), ("timescaledb", manifest.timescaledb)):
        if not _VERSION.fullmatch(value):
            return field, value
    return _find_fault_in_lists(manifest)


def _find_fault_in_lists(manifest: Manifest) -> tuple[str, object] | None:
    names = manifest.migrations
    wrong: list[object] = [name for name in names if not _MIGRATION.fullmatch(name)]
    if wrong or not names or len(set(names)) < len(names):
        return "migrations", wrong or names
    wrong = [
        f"{table}: {count}"
        for table, count in manifest.counts.items()
        if not _TABLE.fullmatch(table) or not 0 <= count < _LARGEST_COUNT
    ]
    if wrong or "alarm" not in manifest.counts:
        return "counts", wrong or dict(manifest.counts)
    if not 0 <= manifest.accounts < _LARGEST_COUNT:
        return "accounts", manifest.accounts
    wrong = [
        member
        for member in manifest.members
        if member.size < 0 or not _DIGEST.fullmatch(member.sha256)
    ]
    members = sorted(member.name for member in manifest.members)
    if wrong or members != sorted((ACCOUNTS, DATABASE, SETTINGS)):
        return "members", wrong or members
    return None
