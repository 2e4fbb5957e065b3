"""The broker's accounts and what each may read and write."""

import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hypervisor.broker import password_file
from hypervisor.broker.binaries import BrokerPrograms
from hypervisor.broker.child import as_account
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import DataFolder
from ingest.topics import DROPPED

INGEST = "ingest"  # for people and tools who look: it may hear what the session hears
SESSION = "ingest.session"  # ingest itself; whoever connects as it takes ingest's queue over
NOTIFY = "ingest.notify"  # publishes notifications
KEEPER = "ingest.keeper"  # of the broker itself: hears whom ingest asks it to put out
PLAYER = "player"
READER = "alarms"  # may only hear what notifications tell on the broker; has no password at first
READERS = f"{READER}."  # and a name: further ones, since an account is connected once
PROBE = "probe"  # may do nothing; its changing password proves that the broker has reloaded
PARTS = (INGEST, SESSION, NOTIFY, KEEPER)  # one password; no device's name has a dot
RESERVED = frozenset({*PARTS, PLAYER, PROBE, READER})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

# Whoever is not named here may do nothing but what the pattern says: write as itself.
ACCESS = f"""\
# Written by `hypervisor up`; changes are lost.
pattern write devices/%u/readings
pattern write devices/%u/senml
pattern write gateways/%u/#

user {INGEST}
topic read devices/+/readings
topic read devices/+/senml
topic read gateways/#
topic read exercise/#
topic readwrite hypervisor/heartbeat/#

user {SESSION}
topic read devices/+/readings
topic read devices/+/senml
topic read gateways/#
topic read exercise/#
topic readwrite hypervisor/heartbeat/#
topic read hypervisor/session
topic read {DROPPED}
topic write hypervisor/pause/#
topic write hypervisor/ingest

user {KEEPER}
topic read hypervisor/pause/#
topic read hypervisor/ingest

user {NOTIFY}
topic write hypervisor/alarms/#

user {PLAYER}
topic write devices/+/readings
topic write devices/+/senml
topic write gateways/#
topic write exercise/#
"""


def reader(name: str) -> str:
    """The account by which one more listener hears notifications.

    Raises:
        StackError: `name` cannot be a part of it.
    """
    if name and not _NAME.fullmatch(name):
        raise StackError(f"{name!r} cannot be a listener's name: letters, digits, '-' and '_'")
    return f"{READERS}{name}" if name else READER


def is_own(account: str) -> bool:
    """Whether it is the hypervisor's, and no device's."""
    return account in RESERVED or account.startswith(READERS)


def write_access(folder: DataFolder) -> None:
    """Write who may do what, by the accounts that there are."""
    readers = {READER, *(name for name in password_file.read(folder) if name.startswith(READERS))}
    listen = "".join(f"\nuser {name}\ntopic read hypervisor/alarms/#\n" for name in sorted(readers))
    folder.write(access_file(folder), ACCESS + listen)


def new_password() -> str:
    """A password nobody has to remember."""
    return secrets.token_urlsafe(24)


def check_name(name: str) -> None:
    """Refuse what cannot be a device's account.

    Raises:
        StackError: `name` would not be one level of a topic, or belongs to the hypervisor itself.
    """
    if not _NAME.fullmatch(name):
        raise StackError(
            f"{name!r} cannot be a device's account: expected letters, digits, '-' and '_'"
        )
    if name in RESERVED:
        raise StackError(f"the account {name!r} is the hypervisor's own, no device may have it")


def access_file(folder: DataFolder) -> Path:
    return folder.broker / "access"


def change(
    folder: DataFolder,
    programs: BrokerPrograms,
    *,
    put: Mapping[str, str] | None = None,
    drop: frozenset[str] = frozenset(),
) -> None:
    """Set the passwords of `put` and remove `drop`, as one replacement of the file.

    Raises:
        StackError: the file is damaged (nothing is changed), or a password cannot be hashed.
    """
    accounts = password_file.read(folder)
    kept = {name: hashed for name, hashed in accounts.items() if name not in drop}
    password_file.write(folder, {**kept, **_hashed(folder, programs, put or {})})
    password_file.admit(folder)
    write_access(folder)


def _hashed(
    folder: DataFolder, programs: BrokerPrograms, clear: Mapping[str, str]
) -> dict[str, str]:
    """Let the broker's own tool hash them; a file, for a command line is seen by everybody."""
    if not clear:
        return {}
    with tempfile.NamedTemporaryFile("w", dir=folder.broker) as file:
        file.writelines(f"{name}:{password}\n" for name, password in clear.items())
        file.flush()
        folder.account.own(Path(file.name))
        done = as_account([programs.mosquitto_passwd, "-U", file.name], folder.account)
        if done.returncode:
            raise StackError(f"mosquitto_passwd failed: {(done.stderr or done.stdout).strip()}")
        lines = Path(file.name).read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)
