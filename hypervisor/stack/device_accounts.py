"""Which accounts devices have, and what may be done with them."""

from collections.abc import Iterable
from dataclasses import dataclass

from hypervisor.settings import Settings
from hypervisor.stack import binaries, passwords
from hypervisor.stack.account import unprivileged
from hypervisor.stack.broker import Broker
from hypervisor.stack.errors import StackError
from hypervisor.stack.folder import DataFolder


@dataclass(frozen=True, kw_only=True)
class Row:
    name: str
    registered: bool
    account: bool


def broker_of(settings: Settings) -> Broker:
    """The broker whose accounts lie in the instance's data folder.

    Raises:
        StackError: no broker was made there, or the folder is another user's.
    """
    folder = DataFolder(root=settings.data.absolute(), account=unprivileged())
    try:
        made = passwords.password_file(folder).exists()
    except PermissionError as error:
        raise StackError(
            f"{folder.root} is not yours to read; act as root or as its owner"
        ) from error
    if not made:
        raise StackError(
            f"no broker was made in {folder.root}; `hypervisor up` makes one"
            " (with docker-compose.yml: `docker compose exec broker hypervisor device …`)"
        )
    return Broker(folder=folder, programs=binaries.broker(), port=settings.broker_port)


def first_password(broker: Broker, name: str, devices: Iterable[str]) -> dict[str, str]:
    """A password for a registered device that has no account yet.

    Raises:
        StackError: it has one, or nobody registered it.
    """
    passwords.check_name(name)
    if name not in set(devices):
        raise StackError(
            f"no device {name!r} in service is registered; `hypervisor inventory apply` registers"
        )
    if name in passwords.read(broker.folder):
        raise StackError(
            f"{name!r} has an account; `hypervisor device rotate {name}` gives a new password"
        )
    return {name: passwords.new_password()}


def lacking(broker: Broker, devices: Iterable[str]) -> dict[str, str]:
    """A password for each registered device that has no account yet."""
    there = passwords.read(broker.folder)
    names = sorted(name for name in devices if name not in there)
    for name in names:
        passwords.check_name(name)
    return {name: passwords.new_password() for name in names}


def next_password(broker: Broker, name: str) -> dict[str, str]:
    """Another password for a device that has an account."""
    require_account(broker, name)
    return {name: passwords.new_password()}


def require_account(broker: Broker, name: str) -> None:
    """Refuse a device without account.

    Raises:
        StackError: it has none.
    """
    passwords.check_name(name)
    if name not in passwords.read(broker.folder):
        raise StackError(f"{name!r} has no account; `hypervisor device list` shows who has")


def overview(broker: Broker, devices: Iterable[str]) -> list[Row]:
    """Every registered device and every account, by name."""
    registered = set(devices)
    there = set(passwords.read(broker.folder)) - passwords.RESERVED
    return [
        Row(name=name, registered=name in registered, account=name in there)
        for name in sorted(registered | there)
    ]
