"""Where this machine keeps the servers' programs."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from hypervisor.broker.errors import StackError
from sensors._errors import Message

POSTGRES_MAJOR = 17
HOW_TO_MEND = Message("run `make setup` (Debian 13), or use docker-compose.yml elsewhere")
_FOLDERS = (
    Path(f"/usr/lib/postgresql/{POSTGRES_MAJOR}/bin"),
    Path("/usr/sbin"),  # not on every PATH
    Path("/usr/local/sbin"),
)


@dataclass(frozen=True, kw_only=True)
class BrokerPrograms:
    mosquitto: Path
    mosquitto_passwd: Path


@dataclass(frozen=True, kw_only=True)
class DatabasePrograms:
    postgres: Path
    initdb: Path


def _look(name: str) -> Path | None:
    for folder in _FOLDERS:
        if (folder / name).is_file():
            return folder / name
    on_path = shutil.which(name)
    return Path(on_path) if on_path else None


def find_program(name: str) -> Path:
    """A server's program, or one of PostgreSQL's tools. Raises StackError: it is not installed."""
    program = _look(name)
    if program is None:
        raise StackError("not installed: {code}; {remedy}", name, HOW_TO_MEND)
    return program


def find_broker() -> BrokerPrograms:
    """Mosquitto's programs. Raises StackError: they are not installed."""
    return BrokerPrograms(
        mosquitto=find_program("mosquitto"), mosquitto_passwd=find_program("mosquitto_passwd")
    )


def find_database() -> DatabasePrograms:
    """PostgreSQL's programs. Raises StackError: they, or TimescaleDB, are not installed."""
    database_programs = DatabasePrograms(
        postgres=find_program("postgres"), initdb=find_program("initdb")
    )
    if not _has_timescaledb(database_programs.postgres):
        raise StackError(
            f"not installed: timescaledb for {database_programs.postgres}; {HOW_TO_MEND}"
            " (package postgresql-17-timescaledb)"
        )
    return database_programs


def list_missing() -> list[str]:
    """The programs that are not installed, by name."""
    names = ("mosquitto", "mosquitto_passwd", "postgres", "initdb")
    absent = [name for name in names if _look(name) is None]
    postgres = _look("postgres")
    if postgres is not None and not _has_timescaledb(postgres):
        absent.append("timescaledb")
    return absent


def _has_timescaledb(postgres: Path) -> bool:
    library = postgres.resolve().parent.parent / "lib"
    names = ("timescaledb.so", "postgresql/timescaledb.so")
    return any((library / name).is_file() for name in names)
