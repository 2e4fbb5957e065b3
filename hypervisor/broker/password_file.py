"""The broker's password file, kept twice: damage to one copy loses no account."""

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import DataFolder
from sensors._errors import Message, listed

_LINE = re.compile(r"([^:\s]+):(\$[0-9a-z]+\$\S+)")
_DIGEST_BYTES = {"6": 64, "7": 64}  # SHA-512 and PBKDF2-SHA512, as mosquitto_passwd writes them


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Accounts (name -> hash) and damaged lines (number -> name)."""

    accounts: Mapping[str, str]
    damaged: Mapping[int, str]


def path_of(folder: DataFolder) -> Path:
    """The file of all accounts."""
    return folder.broker / "passwords"


def admitted_of(folder: DataFolder) -> Path:
    """The file the broker reads: the admitted accounts."""
    return folder.broker / "admitted"


def _paused_of(folder: DataFolder) -> Path:
    return folder.broker / "paused"


def pause(folder: DataFolder, names: Collection[str]) -> None:
    """Refuse these accounts and admit all others from the broker's next reload on."""
    folder.write(_paused_of(folder), "".join(f"{name}\n" for name in sorted(names)))
    admit(folder)


def paused(folder: DataFolder) -> set[str]:
    """The accounts refused for now."""
    path = _paused_of(folder)
    return set(path.read_text().splitlines()) if path.exists() else set()


def admit(folder: DataFolder) -> None:
    """Rewrite the admitted accounts."""
    contents, out = _contents(path_of(folder)), paused(folder)
    accounts = contents.accounts if contents else {}
    admitted = {name: hashed for name, hashed in accounts.items() if name not in out}
    folder.write(admitted_of(folder), format_accounts(admitted))


def backup_of(folder: DataFolder) -> Path:
    """The copy of what we last wrote."""
    return folder.broker / "passwords.backup"


def read(folder: DataFolder) -> dict[str, str]:
    """Return name -> hash of every account.

    Raises StackError: the file is damaged or lacks accounts of its backup, or is another user's.
    """
    contents, backup = _contents(path_of(folder)), _contents(backup_of(folder))
    damage = _describe_damage(contents, backup)
    if damage:
        raise StackError(
            "{file} is damaged ({damage}) and nothing was changed;"
            " `hypervisor down` and `hypervisor up` restore it from its backup",
            path_of(folder),
            damage,
        )
    return dict(contents.accounts) if contents else {}


def write(folder: DataFolder, accounts: Mapping[str, str]) -> None:
    """Replace the file and its backup, each atomically."""
    text = format_accounts(accounts)
    for path in (backup_of(folder), path_of(folder)):
        folder.write(path, text)


def restore(folder: DataFolder) -> str:
    """Repair the file before a broker reads it; "" or a sentence about what was done.

    A damaged file is kept beside it, and so are accounts that another program added or changed.
    Raises StackError: the file is damaged and there is no backup.
    """
    path = path_of(folder)
    contents, backup = _contents(path), _contents(backup_of(folder))
    damage = _describe_damage(contents, backup)
    if not damage:
        if contents and (backup is None or backup.damaged or backup.accounts != contents.accounts):
            write(folder, contents.accounts)
        return ""
    if backup is None:
        raise StackError(
            f"{path} is damaged ({damage}) and has no backup: expected NAME:HASH on each line, as"
            " mosquitto_passwd writes it. Put the file back, or remove these lines and give the"
            " devices new passwords (`hypervisor device add NAME`)"
        )
    kept = ""
    if contents is not None:
        aside = path.with_name(f"passwords.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}")
        path.replace(aside)
        kept = f"; the damaged file is kept as {aside}"
    accounts = {**backup.accounts, **(contents.accounts if contents else {})}
    write(folder, accounts)
    lost = sorted(set(contents.damaged.values()) - accounts.keys()) if contents else []
    without = f"; not in the backup: {', '.join(lost)}" if lost else ""
    return (
        f"{path} was damaged ({damage}) and is restored from its backup,"
        f" {len(accounts)} accounts{without}{kept}"
    )


def _describe_damage(contents: Contents | None, backup: Contents | None) -> Message:
    """What is wrong with the file; empty if nothing is."""
    if contents is None:
        return Message("it is missing" if backup and backup.accounts else "")
    wrong = []
    if contents.damaged:
        numbers = ", ".join(map(str, contents.damaged))
        wrong.append(Message("no account on line {numbers}", numbers))
    missing = sorted(backup.accounts.keys() - contents.accounts.keys()) if backup else []
    if missing:
        wrong.append(
            Message(
                "without {count} accounts of the backup, such as {name!r}", len(missing), missing[0]
            )
        )
    return listed(wrong, "; ")


def _contents(path: Path) -> Contents | None:
    """None where there is no such file."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise StackError(
            "{file} is not yours to read; act as root or as its owner", path
        ) from error
    return parse_accounts(raw)


def format_accounts(accounts: Mapping[str, str]) -> str:
    """NAME:HASH on each line, by name."""
    return "".join(f"{name}:{hashed}\n" for name, hashed in sorted(accounts.items()))


def parse_accounts(raw: bytes) -> Contents:
    """The lines of `format_accounts` or of mosquitto_passwd; comments are left out."""
    accounts: dict[str, str] = {}
    damaged: dict[int, str] = {}
    for number, line in enumerate(raw.split(b"\n"), start=1):
        text = line.decode(errors="replace").removesuffix("\r")
        match = _LINE.fullmatch(text)
        if match and _is_hash(match[2]) and match[1] not in accounts:
            accounts[match[1]] = match[2]
        elif text and not text.startswith("#"):
            damaged[number] = text.partition(":")[0]
    return Contents(accounts=accounts, damaged=damaged)


def _is_hash(text: str) -> bool:
    """Whether the hash is complete; the length is checked for mosquitto_passwd's kinds."""
    kind = text.split("$")[1]
    if kind not in _DIGEST_BYTES:
        return True
    try:
        digest = base64.b64decode(text.rpartition("$")[2], validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(digest) == _DIGEST_BYTES[kind]
