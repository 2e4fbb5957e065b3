"""A private mosquitto: its settings, its process."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from hypervisor.stack import password_file, passwords
from hypervisor.stack.binaries import BrokerPrograms
from hypervisor.stack.folder import DataFolder
from hypervisor.stack.ports import LOOPBACK
from hypervisor.stack.probe import SILENT, connack
from hypervisor.stack.process import last_lines, spawn
from hypervisor.stack.tls import Secured

# Without the raised queue QoS 1 is dropped in silence for a slow worker; without the byte bound one
# that stays away fills the memory; without autosave a kill loses what was acknowledged long ago.
DEMANDS = {
    "allow_anonymous": "false",
    "persistence": "true",
    "autosave_interval": "1",
    "max_queued_messages": "2000000",
    "max_queued_bytes": str(1024**3),
    "max_inflight_messages": "0",
}
_LOG = {
    "log_dest": "stdout",
    "log_type": "error\nlog_type warning\nlog_type notice",
    "log_timestamp_format": "%Y-%m-%dT%H:%M:%S",
}


@dataclass(frozen=True, kw_only=True)
class Broker:
    """One broker in a data folder and how it is reached."""

    folder: DataFolder
    programs: BrokerPrograms
    port: int
    host: str = LOOPBACK  # where it listens; beyond this machine only in a container
    secured: Secured | None = None  # where it listens by TLS as well

    @property
    def settings_file(self) -> Path:
        return self.folder.broker / "mosquitto.conf"

    def create(self) -> None:
        """Write its settings and access list; make its password file if there is none.

        Raises:
            StackError: the password file is damaged (`password_file.restore` mends it first).
        """
        self.folder.folder(self.folder.broker)
        self.folder.write(passwords.access_file(self.folder), passwords.ACCESS)
        if not password_file.read(self.folder):
            password_file.write(self.folder, {})
        pairs = {
            "listener": f"{self.port} {self.host}",
            "password_file": password_file.path_of(self.folder),
            "acl_file": passwords.access_file(self.folder),
            "persistence_location": f"{self.folder.broker}/",
            **DEMANDS,
            **_LOG,
        }
        lines = [f"{key} {value}" for key, value in pairs.items()]
        lines += self.secured.lines() if self.secured else []
        text = "\n".join(["# Written by `hypervisor up`; changes are lost.", *lines, ""])
        self.folder.write(self.settings_file, text)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server; it answers a moment later."""
        return spawn(
            [self.programs.mosquitto, "-c", self.settings_file],
            account=self.folder.account,
            log=self.folder.log("broker"),
        )

    def answers(self) -> bool:
        return connack(LOOPBACK, self.port) != SILENT

    def is_mine(self, words: list[str]) -> bool:
        """Whether a command line is this folder's broker."""
        return str(self.settings_file) in words and words[0].endswith("mosquitto")

    def last_words(self) -> str:
        return last_lines(self.folder.log("broker"))
