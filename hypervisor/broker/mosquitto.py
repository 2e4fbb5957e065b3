"""A private mosquitto: its settings, its process."""

import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hypervisor.base.instance import Mode
from hypervisor.broker import crash_notes, password_file, passwords, session
from hypervisor.broker.binaries import BrokerPrograms
from hypervisor.broker.child import last_lines, spawn, wait_until
from hypervisor.broker.folder import DataFolder
from hypervisor.broker.ports import LOOPBACK
from hypervisor.broker.probe import SILENT, connack
from hypervisor.broker.tls import TlsListener

# Ingest takes messages up to 1 MiB; somewhat larger ones become dead letters. For larger ones still
# the broker closes the connection: one of 250 MB delayed all clients for 15 s.
LARGEST_PACKET = 4 * 1024**2
# Without the long queue, QoS 1 messages to a slow worker are dropped silently; without the byte
# limit an absent worker fills the memory; without autosave a kill loses acknowledged messages.
DEMANDS = {
    "persistence": "true",
    "autosave_interval": "1",
    "max_queued_messages": "2000000",
    "max_queued_bytes": str(1024**3),
    "max_inflight_messages": "0",
    "max_packet_size": str(LARGEST_PACKET),
}
# On both listeners the client id is the account's name: no client takes over another's session, and
# an account is connected once. Devices have their own listener, so that they cannot use up the
# connections of our parts, whose accounts have names that no device can have.
# Not `per_listener_settings`: with it mosquitto 2.0.21 forgets on a restart what a persistent
# session may read, and drops what it should queue.
BOUND = "use_username_as_clientid true"
DEVICES, PARTS = 10_000, 100  # connections per listener
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
    port: int  # listener of devices
    parts_port: int  # listener of our own parts
    host: str = LOOPBACK  # where it listens for devices; beyond this machine only in a container
    parts_host: str = LOOPBACK
    secured: TlsListener | None = None  # where it listens to devices by TLS as well
    password: str = ""  # of our own parts; needed where it is started
    mode: Mode = Mode.LIVE  # which sender of commands has an account
    sparkplug: bool = False  # whether edge nodes may publish, and the bridge has a session
    former: str = "ingest-1"  # the client id of ingest's session in versions before this one

    @property
    def settings_file(self) -> Path:
        return self.folder.broker / "mosquitto.conf"

    def create(self) -> None:
        """Write its settings and access list; put our parts into its password file.

        Raises StackError: the password file is damaged (`password_file.restore` mends it first).
        """
        self.folder.folder(self.folder.broker)
        parts = dict.fromkeys(passwords.PARTS if self.password else (), self.password)
        if self.password:
            optional = [passwords.SPARKPLUG] if self.sparkplug else []
            parts |= dict.fromkeys([passwords.SENDERS[self.mode], *optional], self.password)
        if parts or not password_file.read(self.folder):
            drop = {passwords.SPARKPLUG, *passwords.SENDERS.values()} - parts.keys()
            passwords.change(self.folder, self.programs, put=parts, drop=frozenset(drop))
        passwords.write_access(self.folder)
        password_file.pause(self.folder, ())
        doors = [
            *(f"listener {self.parts_port} {self.parts_host}", BOUND, f"max_connections {PARTS}"),
            *(f"listener {self.port} {self.host}", *self._for_devices()),
        ]
        doors += [*self.secured.lines(), *self._for_devices()] if self.secured else []
        common = {
            "allow_anonymous": "false",
            "password_file": password_file.admitted_of(self.folder),
            "pid_file": crash_notes.pid_file(self.folder),
            "acl_file": passwords.access_file(self.folder),
        }
        text = "\n".join([self._kept(), *(f"{key} {what}" for key, what in common.items()), *doors])
        self.folder.write(self.settings_file, text + "\n")

    def _kept(self) -> str:
        """The settings of persistence and logging."""
        pairs = {"persistence_location": f"{self.folder.broker}/", **DEMANDS, **_LOG}
        head = "# Written by `hypervisor up`; changes are lost."
        return "\n".join([head, *(f"{key} {value}" for key, value in pairs.items())])

    @staticmethod
    def _for_devices() -> list[str]:
        return [BOUND, f"max_connections {min(DEVICES, _descriptors() - 2 * PARTS)}"]

    def start(self) -> subprocess.Popen[bytes]:
        """Ensure ingest's session, then start the server; it answers on return.

        Raises StackError: it cannot be started.
        """
        password_file.admit(self.folder)
        session.ensure(
            program=self.programs.mosquitto,
            folder=self.folder,
            settings=self._kept(),
            former=self.former,
            sparkplug=self.sparkplug,
        )
        most = _descriptors()
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the child's, too
        child = spawn(
            [self.programs.mosquitto, "-c", self.settings_file],
            account=self.folder.account,
            log=self.folder.log("broker"),
        )
        wait_until(lambda: child.poll() is not None or self._lets_session_in(), seconds=60)
        return child

    def _lets_session_in(self) -> bool:
        """Log in once as ingest's session, and as the bridge's.

        mosquitto forgets credentials over a restart, takes a session without them for a stranger's
        at its next reload, and queues nothing for it until it connects.
        """
        names = [passwords.SESSION, *([passwords.SPARKPLUG] if self.sparkplug else [])]
        port = self.parts_port
        return all(
            connack(self.own_host, port, name, self.password, session=name) != SILENT
            for name in names
        )

    @property
    def own_host(self) -> str:
        """Where our parts reach it from its own machine."""
        return LOOPBACK if self.parts_host == "0.0.0.0" else self.parts_host  # noqa: S104

    def answers(self) -> bool:
        """Whether it answers our parts: devices may hold every connection of their listener."""
        return connack(self.own_host, self.parts_port) != SILENT

    def is_mine(self, words: list[str]) -> bool:
        """Whether a command line is this folder's broker."""
        if not words or not words[0].endswith("mosquitto"):
            return False
        folder = f"{self.folder.broker}/"
        return any(word.startswith(folder) for word in words)

    def last_words(self) -> str:
        return last_lines(self.folder.log("broker"))


def _descriptors() -> int:
    """The hard limit of open files and connections."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 2**20 if most == resource.RLIM_INFINITY else most
