"""Where this machine keeps the servers' programs."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from hypervisor.stack.errors import StackError

POSTGRES_MAJOR = 17
_POSTGRES_FOLDERS = (Path(f"/usr/lib/postgresql/{POSTGRES_MAJOR}/bin"),)
_SYSTEM_FOLDERS = (Path("/usr/sbin"), Path("/usr/bin"), Path("/usr/local/sbin"))
HOW_TO_MEND = "run `make setup` (Debian 13), or use docker-compose.yml elsewhere"


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """The programs a private instance runs."""

    mosquitto: Path
    mosquitto_passwd: Path
    postgres: Path
    initdb: Path


def _program(name: str, folders: tuple[Path, ...]) -> Path | None:
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    on_path = shutil.which(name)
    return Path(on_path) if on_path else None


def _has_timescaledb(postgres: Path) -> bool:
    """Whether this PostgreSQL has the extension's library beside it."""
    library = postgres.resolve().parent.parent / "lib"
    return any(
        (library / name).is_file() for name in ("timescaledb.so", "postgresql/timescaledb.so")
    )


def missing() -> list[str]:
    """What is not installed, by the name a person would ask their package manager for."""
    wanted = {
        "mosquitto": _program("mosquitto", _SYSTEM_FOLDERS),
        "mosquitto_passwd": _program("mosquitto_passwd", _SYSTEM_FOLDERS),
        f"postgresql {POSTGRES_MAJOR}": _program("postgres", _POSTGRES_FOLDERS),
        "initdb": _program("initdb", _POSTGRES_FOLDERS),
    }
    absent = [name for name, found in wanted.items() if found is None]
    postgres = wanted[f"postgresql {POSTGRES_MAJOR}"]
    if postgres is not None and not _has_timescaledb(postgres):
        absent.append(f"timescaledb for postgresql {POSTGRES_MAJOR}")
    return absent


def find() -> Binaries:
    """The programs.

    Raises:
        StackError: one of them is not installed.
    """
    absent = missing()
    if absent:
        raise StackError(f"not installed: {', '.join(absent)}; {HOW_TO_MEND}")

    def sure(name: str, folders: tuple[Path, ...]) -> Path:
        found = _program(name, folders)
        if found is None:  # removed between the two looks
            raise StackError(f"not installed: {name}; {HOW_TO_MEND}")
        return found

    return Binaries(
        mosquitto=sure("mosquitto", _SYSTEM_FOLDERS),
        mosquitto_passwd=sure("mosquitto_passwd", _SYSTEM_FOLDERS),
        postgres=sure("postgres", _POSTGRES_FOLDERS),
        initdb=sure("initdb", _POSTGRES_FOLDERS),
    )
