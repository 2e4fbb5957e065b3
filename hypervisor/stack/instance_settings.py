"""The settings of a private instance: chosen at its first `up`, kept in a file of its folder."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from hypervisor.broker import passwords, ports
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import DataFolder
from hypervisor.broker.ports import LOOPBACK
from hypervisor.stack import postgres

FIRST_WEB_PORT = 8000
_PREFIX = "HYPERVISOR_"
_PORTS = ("BROKER_PORT", "BROKER_PARTS_PORT", "WEB_PORT")
_SECRETS = ("BROKER_PASSWORD", "PLAYER_PASSWORD")
_TLS = ("BROKER_TLS_CERT", "BROKER_TLS_KEY", "BROKER_TLS_HOST", "BROKER_TLS_PORT")
_NAMES = ("WEB_HOST", "WORKER", *_TLS)
_NOT_OURS = ("DATABASE_URL", "BROKER_HOST", "BROKER_USER")  # a private instance has its own
_WORD = re.compile(r"[A-Za-z0-9_.:~+/=@%^&*,;!?-]+")  # needs no quotes in the settings file


@dataclass(frozen=True, kw_only=True)
class InstanceSettings:
    """What `up` decides; every other line of the file is the user's and stays."""

    database_port: int
    database_password: str
    broker_port: int
    broker_parts_port: int
    broker_password: str
    player_password: str
    web_host: str
    web_port: int
    worker: str
    extra: Mapping[str, str]  # further settings from the environment

    def lines(self) -> dict[str, str]:
        """Key -> value, as in the file."""
        user, name = postgres.USER, postgres.DATABASE
        return {
            "DATABASE_URL": f"postgresql://{user}:{self.database_password}"
            f"@{LOOPBACK}:{self.database_port}/{name}",
            "BROKER_HOST": LOOPBACK,
            "BROKER_PORT": str(self.broker_port),
            "BROKER_PARTS_PORT": str(self.broker_parts_port),
            "BROKER_PASSWORD": self.broker_password,
            "PLAYER_PASSWORD": self.player_password,
            "WEB_PORT": str(self.web_port),
            **self.extra,
        }


def up_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that `up` takes settings from."""
    keys = {f"{_PREFIX}{key}" for key in (*_PORTS, *_SECRETS, *_NAMES, *_NOT_OURS)}
    return {key: value for key, value in environment.items() if key in keys and value}


def choose_settings(
    folder: DataFolder,
    web_port: int | None,
    say: Callable[[str], None],
    environment: Mapping[str, str] | None = None,
    *,
    held: frozenset[int] = frozenset(),
) -> InstanceSettings:
    """Read or choose the settings, free ports included, and write them to the folder's file.

    Settings of servers in `environment` override the file and are saved to it. `held`: ports that
    our own servers listen on already. Raises StackError: a requested port is taken, a value is
    invalid, or a database is there whose settings are lost.
    """
    recorded = _read(folder)
    requested = _read_requested(environment or {}, say)
    if web_port is not None:
        requested["WEB_PORT"] = str(web_port)
    if not recorded and folder.database.exists():
        raise StackError(
            f"{folder.settings_file} is gone, and with it the password of the database in"
            f" {folder.database}; put the file back from a backup, or start in an empty --data"
        )
    merged = {**recorded, **requested}
    address = urlsplit(merged.get("DATABASE_URL", ""))
    settled = InstanceSettings(
        database_password=address.password or passwords.new_password(),
        broker_password=merged.get("BROKER_PASSWORD") or passwords.new_password(),
        player_password=merged.get("PLAYER_PASSWORD") or passwords.new_password(),
        web_host=merged.get("WEB_HOST", LOOPBACK),
        worker=merged.get("WORKER", "ingest-1"),
        extra={key: requested[key] for key in _NAMES if key in requested},
        **_choose_ports(recorded, requested, held, say),
    )
    write(folder, settled)
    return settled


def _choose_ports(
    recorded: Mapping[str, str],
    requested: Mapping[str, str],
    held: frozenset[int],
    say: Callable[[str], None],
) -> dict[str, int]:
    """The ports by their field: as requested, else as recorded if free, else a free one."""
    merged = {**recorded, **requested}
    host = merged.get("WEB_HOST", LOOPBACK)

    def is_free(port: int, host: str = LOOPBACK) -> bool:
        """Whether our server can listen there, or does already."""
        return port in held or ports.is_free(port, host)

    def keep_or_replace(what: str, port: int | None) -> int:
        if port is not None and port not in taken and is_free(port):
            taken.add(port)
            return port
        chosen = ports.free_port(avoid=taken)
        taken.add(chosen)
        if port is not None:
            say(f"the {what}'s port {port} is taken{_format_holder(port)}: it is {chosen} now")
        return chosen

    _refuse_taken(requested, host, is_free)
    taken = {port for key in _PORTS if (port := _port(key, requested)) is not None}
    broker = _port("BROKER_PORT", requested)
    if broker is None:
        broker = keep_or_replace("broker", _port("BROKER_PORT", merged))
    parts = _port("BROKER_PARTS_PORT", requested)
    if parts is None:
        parts = keep_or_replace("broker's own", _port("BROKER_PARTS_PORT", merged))
    database = keep_or_replace("database", urlsplit(merged.get("DATABASE_URL", "")).port)
    web = _port("WEB_PORT", requested)
    if web is None:
        preferred = _port("WEB_PORT", merged) or FIRST_WEB_PORT
        candidates = (
            port
            for port in range(preferred, min(preferred + 200, 65536))
            if port not in taken and is_free(port, host)
        )
        web = next(candidates, None) or ports.free_port(avoid=taken)
        if web != preferred:
            holder = _format_holder(preferred)
            say(f"port {preferred} is taken{holder}: the web is on {web} now")
    return {
        "broker_port": broker,
        "broker_parts_port": parts,
        "database_port": database,
        "web_port": web,
    }


def _refuse_taken(
    requested: Mapping[str, str], host: str, is_free: Callable[[int, str], bool]
) -> None:
    for key in _PORTS:
        port = _port(key, requested)
        if port is not None and not is_free(port, host if key == "WEB_PORT" else LOOPBACK):
            raise StackError(
                f"port {port} is taken{_format_holder(port)}; choose another {_PREFIX}{key}"
                f"{' or --web-port' if key == 'WEB_PORT' else ''}, or leave it out"
            )


def _read_requested(environment: Mapping[str, str], say: Callable[[str], None]) -> dict[str, str]:
    """The settings of `up` in the environment, without the prefix.

    Raises StackError: a value cannot be written to the settings file.
    """
    requested = {}
    for name, value in up_settings(environment).items():
        key = name.removeprefix(_PREFIX)
        if key in _NOT_OURS:
            say(f"{name} is ignored: `hypervisor up` runs a database and a broker of its own")
        elif not _WORD.fullmatch(value):
            raise StackError(f"{name}: quotes, blanks, # and $ are not allowed")
        else:
            requested[key] = value
    return requested


def _port(key: str, settings: Mapping[str, str]) -> int | None:
    """The port of that name, None if unset. Raises StackError: it is no port."""
    text = settings.get(key)
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise StackError(f"{_PREFIX}{key}: expected a port from 1 to 65535, got {text!r}")
    return int(text)


def write(folder: DataFolder, settled: InstanceSettings) -> None:
    """Write them to the file; the user's own lines stay."""
    ours = {f"{_PREFIX}{key}": value for key, value in settled.lines().items()}
    head = "# This instance's settings; `hypervisor up` keeps its own lines."
    folder.write_settings(ours, head=head)


def _read(folder: DataFolder) -> Mapping[str, str]:
    if not folder.settings_file.exists():
        return {}
    pairs = (line.partition("=") for line in folder.settings_file.read_text().splitlines())
    return {
        key.strip().removeprefix(_PREFIX): value.strip()
        for key, _, value in pairs
        if key.strip().startswith(_PREFIX)
    }


def _format_holder(port: int) -> str:
    name = ports.find_holder(port)
    return f" by {name}" if name else ""
