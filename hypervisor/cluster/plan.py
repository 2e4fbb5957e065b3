"""The plan of a cluster: its machines, ports and secrets, the same file on every machine.

Everything else is rendered from it at each start: it is the one file to keep.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from hypervisor.broker.folder import PLAN_FILE, DataFolder
from hypervisor.broker.passwords import new_password
from hypervisor.cluster.authority import Certificate, make_authority
from sensors._errors import TerritoryError
from sensors._foreign import ForeignError, read_text_file

MACHINES = 3  # a majority of three survives the loss of any one
DATABASE = "hypervisor"
USER = "hypervisor"
# "read-write" would refuse sessions that are read-only by choice, as the web's readers are. The
# channel binding proves to the client that the server knows its password, without certificates.
_SESSION = "target_session_attrs=primary&sslmode=require&channel_binding=require"


class PlanError(TerritoryError):
    """The plan cannot be used: says what is wrong in which file."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ports(_Part):
    """Of the servers, on every machine. Web, devices' and TLS ports are settings as ever."""

    etcd: int = 2379
    etcd_peers: int = 2380
    database: int = 5432
    patroni: int = 8008
    amqp: int = 5672
    mqtt: int = 1883
    mqtt_parts: int = 1884  # on the loopback address
    management: int = 15672  # of the broker, on the loopback address
    accounts: int = 15670  # there the broker asks whom to let in; on the loopback address
    epmd: int = 4369
    brokers: int = 25672  # between brokers
    clock: int = 8007  # UDP: the machines compare their clocks


class Machine(_Part):
    """One machine: its number, its address for the other two, its certificate (PEM)."""

    number: int = Field(ge=1, le=MACHINES)
    address: str
    certificate: str
    key: str

    @field_validator("address")
    @classmethod
    def _check_address(cls, text: str) -> str:
        return str(ipaddress.ip_address(text))


class Secrets(_Part):
    """Passwords between servers and parts; `cookie` is the brokers' of Erlang."""

    database: str = Field(default_factory=new_password)
    replication: str = Field(default_factory=new_password)
    patroni: str = Field(default_factory=new_password)
    broker: str = Field(default_factory=new_password)
    cookie: str = Field(default_factory=new_password)


class Plan(_Part):
    """What the three machines agree on. `authority`: the certificate that signed theirs (PEM)."""

    name: str
    restored: bool = False  # its database is filled from a backup before anything starts
    parts: int = Field(default=6, ge=1, le=64)  # queues of ingest, for good
    machines: tuple[Machine, ...]
    ports: Ports = Ports()
    authority: str
    secrets: Secrets

    @field_validator("machines")
    @classmethod
    def _check_machines(cls, machines: tuple[Machine, ...]) -> tuple[Machine, ...]:
        if [machine.number for machine in machines] != [1, 2, 3]:
            raise ValueError("expected machines number 1, 2 and 3, in this order")
        if len({machine.address for machine in machines}) != MACHINES:
            raise ValueError("two machines have the same address")
        return machines

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(machine.address for machine in self.machines)

    def database_url(self, database: str = DATABASE) -> str:
        """The database, wherever its primary is."""
        hosts = ",".join(f"{host(address)}:{self.ports.database}" for address in self.addresses)
        password = quote(self.secrets.database, safe="")
        return f"postgresql://{USER}:{password}@{hosts}/{database}?{_SESSION}"

    def text(self) -> str:
        """The file."""
        head = "# The plan of a cluster. It holds every secret: keep it as you keep a key.\n"
        return head + yaml.safe_dump(self.model_dump(), sort_keys=False, allow_unicode=True)


def host(address: str) -> str:
    """As it stands in a URL."""
    return f"[{address}]" if ":" in address else address


@dataclass(frozen=True, kw_only=True)
class Member:
    """A machine of a cluster: the plan, which machine this is, and its data folder."""

    plan: Plan
    machine: Machine
    folder: DataFolder

    @property
    def others(self) -> tuple[Machine, ...]:
        return tuple(each for each in self.plan.machines if each != self.machine)

    def find_secret_files(self) -> "SecretFiles":
        """Where this machine's key and certificates lie since its last start."""
        folder = self.folder.root / "cluster"
        return SecretFiles(
            authority=folder / "authority.pem",
            certificate=folder / "machine.pem",
            key=folder / "machine.key",
        )

    def secret_files(self) -> "SecretFiles":
        """The same, written again."""
        self.folder.folder(self.folder.root / "cluster")
        files = self.find_secret_files()
        self.folder.write(files.authority, self.plan.authority)
        self.folder.write(files.certificate, self.machine.certificate)
        self.folder.write(files.key, self.machine.key)
        return files


@dataclass(frozen=True, kw_only=True)
class SecretFiles:
    """PEM files that the servers' account alone may read."""

    authority: Path
    certificate: Path
    key: Path


def make_plan(
    name: str, addresses: Sequence[str], *, ports: Ports | None = None, restored: bool = False
) -> Plan:
    """A new plan with new secrets for three machines.

    Raises PlanError: other than three addresses, or one is none.
    """
    if len(addresses) != MACHINES:
        raise PlanError(
            "a cluster has three machines, whose majority is two; {number} addresses were given",
            len(addresses),
        )
    try:
        for address in addresses:
            ipaddress.ip_address(address)
    except ValueError as error:
        raise PlanError(
            "{error}: expected the machine's IP address; names would need a name server that"
            " outlives every machine",
            error,
        ) from error
    authority = make_authority(name)
    signed: list[Certificate] = [authority.sign(address) for address in addresses]
    try:
        return Plan(
            name=name,
            restored=restored,
            machines=tuple(
                Machine(number=number, address=address, certificate=each.certificate, key=each.key)
                for number, (address, each) in enumerate(zip(addresses, signed, strict=True), 1)
            ),
            ports=ports or Ports(),
            authority=authority.certificate,
            secrets=Secrets(),
        )
    except ValidationError as error:
        raise PlanError("{problem}", _problem(error)) from error


def read_plan(file: Path) -> Plan:
    """Raises PlanError: it cannot be read, or something in it is not as it must be."""
    try:
        with file.open("rb") as opened:
            return Plan.model_validate(yaml.safe_load(read_text_file(opened)))
    except OSError as error:
        raise PlanError("{file} cannot be read: {error}", file, error.strerror) from error
    except (UnicodeDecodeError, ForeignError, yaml.YAMLError) as error:
        raise PlanError("{file} is no YAML: {error}", file, error) from error
    except ValidationError as error:
        raise PlanError("{file}: {problem}", file, _problem(error)) from error


def read_member(folder: DataFolder, number: int) -> Member:
    """This machine, as its data folder says. Raises PlanError: see `read_plan`; no such machine."""
    plan = read_plan(folder.root / PLAN_FILE)
    if not 1 <= number <= MACHINES:
        raise PlanError("machine {number}: the plan has machines 1, 2 and 3", number)
    return Member(plan=plan, machine=plan.machines[number - 1], folder=folder)


def _problem(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}"
        for each in error.errors()
    )
