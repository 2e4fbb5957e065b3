"""The user the servers run as: never root."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from hypervisor.broker.errors import StackError

SYSTEM_USER = "hypervisor"


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user of this machine. `demotes`: we are root and become this user for a child."""

    name: str
    uid: int
    gid: int
    demotes: bool

    def own(self, path: Path) -> None:
        """Give `path` to this user (only root can, and only root needs to)."""
        if self.demotes:
            os.chown(path, self.uid, self.gid)

    def unreachable(self, path: Path) -> Path | None:
        """The first folder on the way to `path`, `path` included, that this user cannot enter."""
        for folder in [*reversed(path.absolute().parents), path.absolute()]:
            if folder.is_dir() and not self._may(folder, read=0, enter=1):
                return folder
        return None

    def reads(self, file: Path) -> bool:
        """Whether this user can open `file` (symbolic links followed)."""
        real = file.resolve()
        return (
            self.unreachable(file.parent) is None
            and self.unreachable(real.parent) is None
            and real.exists()
            and self._may(real, read=4, enter=0)
        )

    def _may(self, path: Path, *, read: int, enter: int) -> bool:
        if self.uid == 0:
            return True
        if not self.demotes:
            return os.access(path, (os.R_OK if read else 0) | (os.X_OK if enter else 0))
        status = path.stat()
        bits = read | enter
        if status.st_uid == self.uid:
            return status.st_mode >> 6 & bits == bits
        if status.st_gid == self.gid:
            return status.st_mode >> 3 & bits == bits
        return status.st_mode & bits == bits


def current_account() -> Account:
    """The user of this process."""
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # a container may run under a number without a name
        name = str(uid)
    return Account(name=name, uid=uid, gid=os.getegid(), demotes=False)


def server_account() -> Account:
    """The user the servers run as: our own, or the system user when we are root.

    Raises StackError: we are root and the system user does not exist.
    """
    if os.geteuid() != 0:
        return current_account()
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError as error:
        raise StackError(
            f"started by root, but the servers' user {SYSTEM_USER!r} does not exist;"
            f" run `make setup`, or `useradd --system {SYSTEM_USER}`"
        ) from error
    return Account(name=SYSTEM_USER, uid=entry.pw_uid, gid=entry.pw_gid, demotes=True)
