"""The settings of a private instance: chosen at its first `up`, kept in its folder's one file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from hypervisor.stack import database, passwords, ports
from hypervisor.stack.errors import StackError
from hypervisor.stack.folder import DataFolder
from hypervisor.stack.ports import LOOPBACK

FIRST_WEB_PORT = 8000
_PREFIX = "HYPERVISOR_"


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What `up` decides; everything else in the file is the person's and is kept."""

    database_port: int
    database_password: str
    broker_port: int
    broker_password: str
    player_password: str
    web_port: int
    worker: str  # only read: the person may have named it

    def lines(self) -> dict[str, str]:
        """As they stand in the file."""
        user, name = database.USER, database.DATABASE
        return {
            "DATABASE_URL": f"postgresql://{user}:{self.database_password}"
            f"@{LOOPBACK}:{self.database_port}/{name}",
            "BROKER_HOST": LOOPBACK,
            "BROKER_PORT": str(self.broker_port),
            "BROKER_PASSWORD": self.broker_password,
            "PLAYER_PASSWORD": self.player_password,
            "WEB_PORT": str(self.web_port),
        }


def settle(folder: DataFolder, web_port: int | None, say: Callable[[str], None]) -> Settled:
    """Read or choose the settings, free ports included, and write them to the folder's file.

    Raises:
        StackError: the wished web port is taken, or a database is there whose settings are lost.
    """
    found = _read(folder)
    if not found and folder.database.exists():
        raise StackError(
            f"{folder.settings_file} is gone, and with it the password of the database in"
            f" {folder.database}; put the file back from a backup, or start in an empty --data"
        )
    taken: set[int] = set()
    address = urlsplit(found.get("DATABASE_URL", ""))

    def private(what: str, port: int | None) -> int:
        chosen = _private_port(what, port, frozenset(taken), say)
        taken.add(chosen)
        return chosen

    recorded_web = int(found["WEB_PORT"]) if "WEB_PORT" in found else None
    settled = Settled(
        database_port=private("database", address.port),
        database_password=address.password or passwords.new_password(),
        broker_port=private("broker", int(found.get("BROKER_PORT", 0)) or None),
        broker_password=found.get("BROKER_PASSWORD") or passwords.new_password(),
        player_password=found.get("PLAYER_PASSWORD") or passwords.new_password(),
        web_port=_web_port(web_port, recorded_web, say),
        worker=found.get("WORKER", "ingest-1"),
    )
    write(folder, settled)
    return settled


def write(folder: DataFolder, settled: Settled) -> None:
    """Put them into the file, leaving the person's own lines as they are."""
    ours = {f"{_PREFIX}{key}": value for key, value in settled.lines().items()}
    before = folder.settings_file.read_text().splitlines() if folder.settings_file.exists() else []
    theirs = [line for line in before if line.partition("=")[0].strip() not in ours]
    head = [] if before else ["# This instance's settings; `hypervisor up` keeps its own lines."]
    text = [*head, *theirs, *(f"{key}={value}" for key, value in ours.items())]
    folder.write(folder.settings_file, "\n".join(text) + "\n")


def _read(folder: DataFolder) -> Mapping[str, str]:
    if not folder.settings_file.exists():
        return {}
    pairs = (line.partition("=") for line in folder.settings_file.read_text().splitlines())
    return {
        key.strip().removeprefix(_PREFIX): value.strip()
        for key, _, value in pairs
        if key.strip().startswith(_PREFIX)
    }


def _private_port(
    what: str, recorded: int | None, avoid: frozenset[int], say: Callable[[str], None]
) -> int:
    if recorded is not None and recorded not in avoid and ports.is_free(recorded):
        return recorded
    chosen = ports.free_port(avoid=avoid)
    if recorded is not None:
        say(f"the {what}'s port {recorded} is taken{_by(recorded)}: it is {chosen} from now on")
    return chosen


def _web_port(wished: int | None, recorded: int | None, say: Callable[[str], None]) -> int:
    if wished is not None:
        if not ports.is_free(wished):
            raise StackError(
                f"port {wished} is taken{_by(wished)}; choose another --web-port, or leave it out"
            )
        return wished
    preferred = recorded or FIRST_WEB_PORT
    chosen = (
        next((port for port in range(preferred, preferred + 200) if ports.is_free(port)), None)
        or ports.free_port()
    )
    if chosen != preferred:
        say(f"port {preferred} is taken{_by(preferred)}: the web is on {chosen} from now on")
    return chosen


def _by(port: int) -> str:
    name = ports.holder(port)
    return f" by {name}" if name else ""
