"""An instance as a service of systemd: its unit, written, started at boot and removed."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hypervisor.broker import binaries
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import DataFolder, open_folder
from hypervisor.broker.server_account import Account, server_account
from hypervisor.stack.parts import interpreter_command, reaches_code
from hypervisor.stack.run_state import find_holder

USUAL_NAME = "territory-hypervisor"
_HEAD = "# Written by `hypervisor service install`; `hypervisor service remove` deletes it."
_BOOTED = Path("/run/systemd/system")
_SYSTEM = Path("/etc/systemd/system")
_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108  where a private one would hide data
_CONTROL_SECONDS = 20 * 60.0  # a start may take 15 min by the unit itself
_SERVICE = """\
{head}
[Unit]
Description=Territorial hypervisor, data in {data}
Wants=network-online.target time-sync.target
After=network-online.target time-sync.target
StartLimitIntervalSec=10min
StartLimitBurst=10

[Service]
Type=notify
ExecStart={command}
WorkingDirectory=/
# `up` stops its parts, then the broker, then the database; each may take a minute to save.
KillMode=mixed
TimeoutStartSec=15min
TimeoutStopSec=200
Restart=on-failure
RestartSec=5
LimitNOFILE=65536
UMask=0077
NoNewPrivileges=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native
"""
# What only the system's manager can give.
_GUARDED = """\
User={user}
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={data}
PrivateTmp={private}
PrivateDevices=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallFilter=@system-service
"""
_INSTALL = """
[Install]
WantedBy={target}
"""


@dataclass(frozen=True, kw_only=True)
class ServiceUnit:
    """The unit of one data folder. `account` None: of the person's own manager."""

    data: Path
    account: Account | None
    name: str = USUAL_NAME

    @property
    def file(self) -> Path:
        if self.account is not None:
            return _SYSTEM / f"{self.name}.service"
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        return base / "systemd" / "user" / f"{self.name}.service"

    @property
    def systemctl(self) -> tuple[str, ...]:
        return ("systemctl",) if self.account is not None else ("systemctl", "--user")

    def text(self) -> str:
        """The unit's file."""
        data = _quote(str(self.data))
        words = [*interpreter_command(), "--data", str(self.data), "up"]
        command = " ".join(_quote(word).replace("$", "$$") for word in words)
        described = str(self.data).replace("%", "%%")
        text = _SERVICE.format(head=_HEAD, data=described, command=command)
        if self.account is None:
            return text + _INSTALL.format(target="default.target")
        hides = any(self.data.is_relative_to(folder) for folder in _TEMPORARY)
        guarded = _GUARDED.format(
            user=self.account.name, data=data, private="no" if hides else "yes"
        )
        return text + guarded + _INSTALL.format(target="multi-user.target")


def _quote(word: str) -> str:
    """A word of a unit's file, whatever is in it."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def describe_service(data: Path, *, name: str, own: bool) -> ServiceUnit:
    """The unit of the data folder: the system's, or one's `own`.

    Raises StackError: the servers' user does not exist, or the name is none of a unit.
    """
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise StackError(f"{name!r} is no name of a service: expected letters, digits, - and _")
    return ServiceUnit(data=data.absolute(), account=None if own else server_account(), name=name)


def install(unit: ServiceUnit) -> None:
    """Write the unit, start it, and have it started with the machine (or by signing in).

    Raises StackError: systemd does not run here, a unit of that name is another's, the instance
    is up already, or the service would not be able to run.
    """
    _refuse_foreign(unit)
    _require_manager(unit)
    binaries.find_broker()
    binaries.find_database()
    account = server_account()
    if not reaches_code(account):
        raise StackError(
            f"the user {account.name!r}, as whom the service runs, cannot reach this Python or this"
            " code: put the checkout where it can, such as /opt/territory-hypervisor, and run"
            " `make setup` there with a Python that it can reach"
        )
    folder = open_folder(unit.data, account)
    if find_holder(folder.lock) is not None:
        raise StackError(f"the instance in {folder.root} is up: `hypervisor down` stops it first")
    _control(unit, "daemon-reload")  # if it cannot be reached, nothing is written
    _hand_over(folder)
    unit.file.parent.mkdir(parents=True, exist_ok=True)
    unit.file.write_text(unit.text(), encoding="utf-8")
    _control(unit, "daemon-reload")
    _control(unit, "enable", "--now", f"{unit.name}.service")


def remove(unit: ServiceUnit) -> bool:
    """Stop the service and delete its unit; the data stay. False: there is none.

    Raises StackError: the unit is another's, or systemd does not run here.
    """
    if not unit.file.exists():
        return False
    _refuse_foreign(unit)
    _require_manager(unit)
    _control(unit, "disable", "--now", f"{unit.name}.service")
    unit.file.unlink()
    _control(unit, "daemon-reload")
    return True


def _require_manager(unit: ServiceUnit) -> None:
    if not _BOOTED.exists():
        raise StackError(
            "systemd does not run this machine: have it start `hypervisor up` by its own means"
        )
    root = os.geteuid() == 0
    if unit.account is not None and not root:
        raise StackError("a service of the system needs root; --user makes one of your own")
    if unit.account is None and root:
        raise StackError("root has no service of its own: leave --user out")


def _refuse_foreign(unit: ServiceUnit) -> None:
    if unit.file.exists() and not unit.file.read_text(encoding="utf-8").startswith(_HEAD):
        raise StackError(f"{unit.file} was not written by us: choose another --name")


def _hand_over(folder: DataFolder) -> None:
    """Give what root wrote there to the account that reads it from now on."""
    for path in folder.root.rglob("*"):
        if not path.is_symlink() and path.stat().st_uid != folder.account.uid:
            folder.account.own(path)


def _control(unit: ServiceUnit, *words: str) -> None:
    """Raises StackError: systemd refuses, or does not answer in time."""
    try:
        done = subprocess.run(
            [*unit.systemctl, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_CONTROL_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(
            f"systemctl {' '.join(words)} did not end within {_CONTROL_SECONDS / 60:.0f} min:"
            f" `{' '.join(unit.systemctl)} status {unit.name}` says where it stands"
        ) from error
    if done.returncode:
        raise StackError(f"systemctl {' '.join(words)}: {done.stderr.strip()}")
