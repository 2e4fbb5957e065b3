"""A private PostgreSQL with TimescaleDB: its cluster, its settings, its process."""

import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypervisor.broker.binaries import DatabasePrograms
from hypervisor.broker.child import last_lines, run_as, spawn
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import DataFolder
from hypervisor.broker.ports import LOOPBACK
from hypervisor.database.connect import ALONE

DATABASE = "hypervisor"
USER = "hypervisor"
STOP_SIGNAL = signal.SIGINT  # PostgreSQL's "fast": finish nothing more, shut down properly

_SETTINGS = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a socket's path may be too long, and TCP asks for a password
    "max_connections": "80",
    "superuser_reserved_connections": "40",  # our parts': readers cannot take them all
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",  # our queries are many and short: compiling them takes longer than running them
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "logging_collector": "off",  # the supervisor keeps the log
    **ALONE.server_settings(),
}
# Only for tests, whose data dies with them anyway.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, kw_only=True)
class Database:
    """One cluster in a data folder and how it is reached."""

    folder: DataFolder
    programs: DatabasePrograms
    port: int
    password: str
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def cluster(self) -> Path:
        return self.folder.database

    @property
    def exists(self) -> bool:
        return (self.cluster / "PG_VERSION").is_file()

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://{USER}:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def create(self) -> None:
        """Create the cluster, once; it accepts passwords, from this machine only.

        Raises StackError: initdb failed, with its message.
        """
        if self.exists:
            return
        half_made = self.cluster.with_name("database.new")  # of a start that was killed
        shutil.rmtree(half_made, ignore_errors=True)
        self.folder.folder(half_made)
        with tempfile.NamedTemporaryFile("w", dir=self.folder.root) as secret:
            secret.write(self.password + "\n")
            secret.flush()
            self.folder.account.own(Path(secret.name))
            done = run_as(
                [
                    self.programs.initdb,
                    *("--pgdata", half_made, "--username", USER, "--pwfile", secret.name),
                    *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"),
                    "--no-instructions",
                    *(["--no-sync"] if dict(self.extra).get("fsync") == "off" else []),
                ],
                self.folder.account,
            )
        if done.returncode:
            raise StackError(f"the database cluster could not be created: {done.stderr.strip()}")
        half_made.rename(self.cluster)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server; it answers a moment later."""
        options = {**_SETTINGS, "port": str(self.port), **dict(self.extra)}
        command: list[str | Path] = [self.programs.postgres, "-D", self.cluster]
        for key, value in options.items():
            command += ["-c", f"{key}={value}"]
        return spawn(
            command,
            account=self.folder.account,
            log=self.folder.log("database"),
            dies_by=STOP_SIGNAL,
        )

    def is_mine(self, words: list[str]) -> bool:
        """Whether a command line is this cluster's server."""
        return str(self.cluster) in words and words[0].endswith("postgres")

    def is_still_held(self) -> bool:
        """Whether processes of a killed server kept it from starting."""
        words = self.last_words()
        return "is still in use" in words or "postmaster.pid" in words

    def last_words(self) -> str:
        return last_lines(self.folder.log("database"))
