"""Layout of an instance's data folder, and the checks that it is usable."""

import os
import pwd
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hypervisor.base.settings import SETTINGS_FILE
from hypervisor.broker.errors import StackError
from hypervisor.broker.server_account import Account

LEAST_FREE_BYTES = 512 * 1024**2  # a fresh database and its first write-ahead log take some 200 MB
SCARCE_BYTES = 256 * 1024**2  # below this `up` warns that the disk is filling up
LOCK_FILE = "up.lock"  # of each `up`; it stays
STATE_FILE = "up.json"  # of the running `up`; it removes it when it ends
PLAN_FILE = "cluster.yml"  # of a machine of a cluster
GAP_NOTES = "gaps.noted"  # what the broker may have lost, until the database has it
_OURS = {
    SETTINGS_FILE,
    f".{SETTINGS_FILE}.new",
    "broker",
    "cluster",
    PLAN_FILE,
    "database",
    "database.new",
    "log",
    "sparkplug",
}
_OURS |= {LOCK_FILE, STATE_FILE, f".{STATE_FILE}.new", GAP_NOTES, f".{GAP_NOTES}.new"}


@dataclass(frozen=True, kw_only=True)
class DataFolder:
    """The layout. The servers write below it as `account`."""

    root: Path
    account: Account

    @property
    def settings_file(self) -> Path:
        return self.root / SETTINGS_FILE

    @property
    def broker(self) -> Path:
        return self.root / "broker"

    @property
    def database(self) -> Path:
        return self.root / "database"

    @property
    def lock(self) -> Path:
        return self.root / LOCK_FILE

    def log(self, part: str) -> Path:
        return self.root / "log" / f"{part}.log"

    def folder(self, path: Path) -> Path:
        """Make `path` a folder that only its account can enter, and what is missing above it."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.account.own(path)
        return path

    def write(self, path: Path, text: str) -> None:
        """Replace a file that only its account may read, all at once."""
        fresh = path.with_name(f".{path.name}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self.account.own(fresh)
        fresh.replace(path)

    def write_settings(self, ours: Mapping[str, str], *, head: str) -> None:
        """Replace our lines of the settings file; the user's stay. `head`: of a new file."""
        file = self.settings_file
        before = file.read_text().splitlines() if file.exists() else []
        theirs = [line for line in before if line.partition("=")[0].strip() not in ours]
        text = [*(theirs if before else [head]), *(f"{key}={value}" for key, value in ours.items())]
        self.write(file, "\n".join(text) + "\n")


def open_folder(root: Path, account: Account, *, least_free: int = LEAST_FREE_BYTES) -> DataFolder:
    """Make the data folder if needed, and check that the servers can use it.

    Raises StackError: it is another's, cannot be reached or written, or its disk is full.
    """
    root = root.absolute()
    _refuse_unreachable(root, account)
    try:
        _make(root)
        _refuse_foreign(root, account)
        _refuse_full(root, least_free)
        folder = DataFolder(root=root, account=account)
        root.chmod(0o700)
        account.own(root)
        folder.folder(root / "log")
    except OSError as error:
        raise StackError(f"cannot use the data folder {root}: {error.strerror}") from error
    return folder


def _make(root: Path) -> None:
    """Make it and what is missing above it; the latter open to enter, whatever our umask is."""
    above = [parent for parent in root.parents if not parent.exists()]
    root.mkdir(parents=True, exist_ok=True)
    for parent in above:
        parent.chmod(0o755)


def _refuse_full(root: Path, least_free: int) -> None:
    free = shutil.disk_usage(root).free
    if free < least_free:
        raise StackError(
            f"the disk of {root} is full: {free // 1024**2} MB free,"
            f" at least {least_free // 1024**2} MB needed; make room or choose another --data"
        )


def _refuse_unreachable(root: Path, account: Account) -> None:
    barred = account.unreachable(root.parent)
    if barred is not None:
        raise StackError(
            f"the user {account.name!r} who runs the servers cannot enter {barred},"
            f" on the way to the data folder {root}; choose another --data,"
            " such as /var/lib/territory-hypervisor/live"
        )


def _refuse_foreign(root: Path, account: Account) -> None:
    """The folder will belong to the account, so it must hold nothing else: not /var, not a home."""
    held = {entry.name for entry in root.iterdir()}
    if SETTINGS_FILE not in held and held - _OURS:
        raise StackError(
            f"the folder {root} holds other things than an instance (such as"
            f" {min(held - _OURS)!r}); choose another --data: an empty folder, or a new one"
        )
    owner = root.stat().st_uid
    if owner == account.uid or (account.demotes and owner == 0 and not held):
        return
    raise StackError(
        f"the data folder {root} belongs to {_name(owner)}, not to {account.name!r};"
        f" start as {_name(owner)}, or choose another --data"
    )


def _name(uid: int) -> str:
    try:
        return repr(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return f"user number {uid}"
