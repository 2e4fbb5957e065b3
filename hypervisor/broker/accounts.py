"""Accounts of devices and gateways, and changes of accounts on a running broker."""

import os
import signal
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from hypervisor.base.process import lock_file
from hypervisor.base.settings import Settings
from hypervisor.broker import binaries, password_file, passwords, queries_accounts
from hypervisor.broker.child import find_processes, wait_until
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import DataFolder
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.password_hash import hash_password
from hypervisor.broker.probe import ACCEPTED, connack
from hypervisor.broker.server_account import server_account
from hypervisor.database.connect import connect, store_errors

_CHANGE_SECONDS = 20.0  # that another change may take


def change(
    broker: Broker, *, put: Mapping[str, str] | None = None, drop: frozenset[str] = frozenset()
) -> bool:
    """Set and remove accounts; whether a running broker reloaded (False: none runs).

    On reload the broker closes the connections of accounts that were removed or whose password
    changed. Raises StackError: we may not signal the broker, or it did not reload.
    """
    with _exclusive(broker):
        proof = passwords.new_password()
        passwords.change(
            broker.folder, broker.programs, put={**(put or {}), passwords.PROBE: proof}, drop=drop
        )
        reloaded = _reload(broker)
        login = (broker.own_host, broker.parts_port, passwords.PROBE, proof)
        if reloaded and not wait_until(lambda: connack(*login) == ACCEPTED, seconds=10):
            raise StackError(
                "the broker did not reload its accounts within 10 s; see {file}",
                broker.folder.log("broker"),
            )
        return reloaded


def pause(broker: Broker, names: frozenset[str]) -> None:
    """Refuse these accounts and admit all others; a running broker reloads at once."""
    with _exclusive(broker):
        password_file.pause(broker.folder, names)
        _reload(broker)


@contextmanager
def _exclusive(broker: Broker) -> Iterator[None]:
    """One change at a time: the file is read, changed and replaced. Raises StackError: too long."""
    descriptor = os.open(broker.folder.broker, os.O_RDONLY)
    try:
        if not lock_file(descriptor, seconds=_CHANGE_SECONDS):
            raise StackError(
                "another process has been changing the accounts in {folder} for {seconds} s:"
                " nothing was changed; try again when it has ended",
                broker.folder.broker,
                f"{_CHANGE_SECONDS:.0f}",
            )
        yield
    finally:
        os.close(descriptor)


def _reload(broker: Broker) -> bool:
    """Signal the running broker; False: none runs."""
    pids = find_processes(broker.is_mine)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGHUP)
        except ProcessLookupError:  # it has just ended; its next start reads the file
            continue
        except PermissionError as error:
            raise StackError(
                "the broker (pid {number}) is not yours to reload; act as root or as its owner", pid
            ) from error
    return bool(pids)


# Devices in service and gateways, each with the gateway that publishes for it; None: it has its own
# account.
Speakers = Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class DeviceAccountRow:
    """`through`: the gateway that publishes for it."""

    name: str
    registered: bool
    account: bool
    through: str | None = None


@dataclass(frozen=True, kw_only=True)
class FileAccounts:
    """Of devices, gateways and listeners, in mosquitto's password file."""

    broker: Broker

    def names(self) -> Collection[str]:
        """Of every account. Raises StackError: they cannot be read from here."""
        return password_file.read(self.broker.folder)

    def change(
        self,
        *,
        put: Mapping[str, str] | None = None,
        drop: frozenset[str] = frozenset(),
        topics: Mapping[str, Sequence[str]] | None = None,
    ) -> bool:
        """Set passwords and remove accounts; `topics`: what a listener in `put` may read.

        Connections of accounts that changed are closed. False: no broker runs yet that could know.
        """
        for name, own in (topics or {}).items():
            passwords.write_topics(self.broker.folder, name, own)
        return change(self.broker, put=put, drop=drop)


@dataclass(frozen=True, kw_only=True)
class TableAccounts:
    """In the database of a cluster, whose brokers ask for them."""

    url: str

    def names(self) -> Collection[str]:
        with store_errors(), connect(self.url) as connection:
            return queries_accounts.load_accounts(connection)

    def change(
        self,
        *,
        put: Mapping[str, str] | None = None,
        drop: frozenset[str] = frozenset(),
        topics: Mapping[str, Sequence[str]] | None = None,
    ) -> bool:
        """As `FileAccounts.change`."""
        hashes = {name: hash_password(each) for name, each in (put or {}).items()}
        with store_errors(), connect(self.url) as connection:
            queries_accounts.change_accounts(connection, hashes, drop, topics)
        return True


AccountStore = FileAccounts | TableAccounts


def open_accounts(settings: Settings) -> AccountStore:
    """The accounts of the instance in the data folder.

    Raises StackError: no broker was made there, or the folder is another user's.
    """
    if settings.broker_amqp_port is not None:
        return TableAccounts(url=settings.database_url)
    return FileAccounts(broker=local_broker(settings))


def local_broker(settings: Settings) -> Broker:
    """The broker whose accounts lie in the instance's data folder.

    Raises StackError: no broker was made there, or the folder is another user's.
    """
    folder = DataFolder(root=settings.data.absolute(), account=server_account())
    try:
        made = password_file.backup_of(folder).exists() or password_file.path_of(folder).exists()
    except PermissionError as error:
        raise StackError(
            "{file} is not yours to read; act as root or as its owner", folder.root
        ) from error
    if not made:
        raise StackError(
            "no broker was made in {file}; `hypervisor up` makes one"
            " (with docker-compose.yml: `docker compose exec broker hypervisor device …`)",
            folder.root,
        )
    return Broker(
        folder=folder,
        programs=binaries.find_broker(),
        port=settings.broker_port,
        parts_port=settings.parts_port,
    )


def first_password(store: AccountStore, name: str, speaking: Speakers) -> dict[str, str]:
    """A first password for a registered device or gateway.

    Raises StackError: it has one, needs none, or is not registered.
    """
    passwords.check_name(name)
    if name not in speaking:
        raise StackError(
            "no device {name!r} in service and no such gateway is registered;"
            " `hypervisor inventory apply` registers",
            name,
        )
    through = speaking[name]
    if through is not None:
        raise StackError(
            "the gateway {gateway!r} publishes for {name!r}, which needs no account of its own;"
            " `hypervisor device add {code}` gives the gateway one",
            through,
            name,
            through,
        )
    if name in store.names():
        raise StackError(
            "{name!r} has an account; `hypervisor device rotate {code}` gives a new password",
            name,
            name,
        )
    return {name: passwords.new_password()}


def missing_passwords(store: AccountStore, speaking: Speakers) -> dict[str, str]:
    """A password for each registered device or gateway that needs an account and has none yet."""
    there = store.names()
    names = sorted(
        name for name, through in speaking.items() if through is None and name not in there
    )
    for name in names:
        passwords.check_name(name)
    return {name: passwords.new_password() for name in names}


def next_password(store: AccountStore, name: str) -> dict[str, str]:
    """A new password for an existing account."""
    require_account(store, name)
    return {name: passwords.new_password()}


def require_account(store: AccountStore, name: str) -> None:
    """Refuse a name without an account. Raises StackError: it has none."""
    passwords.check_name(name)
    if name not in store.names():
        raise StackError("{name!r} has no account; `hypervisor device list` shows who has", name)


def list_accounts(store: AccountStore, speaking: Speakers) -> list[DeviceAccountRow]:
    """Every registered device and gateway and every account, by name."""
    accounts = store.names()
    there = {name for name in accounts if not passwords.is_own(name)}
    return [
        DeviceAccountRow(
            name=name,
            registered=name in speaking,
            account=name in there,
            through=speaking.get(name),
        )
        for name in sorted({*speaking, *there})
    ]
