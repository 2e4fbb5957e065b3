"""`hypervisor device`: who may publish, and with which password."""

import csv
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hypervisor.stack.broker import Broker

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Broker accounts of devices.")
    group.command()(add)
    group.command()(rotate)
    group.command()(remove)
    group.command("list")(list_)
    app.add_typer(group, name="device")


def add(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A device of the registry.")] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Every registered device without one: device,password.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Give a device its account; the password is shown once and kept nowhere."""
    from hypervisor.stack import accounts, device_accounts
    from hypervisor.stack.errors import StackError

    broker = _broker(context)
    if all_ == (name is not None):
        raise StackError("device add: expected the name of one device, or --all")
    devices = _devices(context)
    if name is not None:
        made = device_accounts.first_password(broker, name, devices)
    else:
        made = device_accounts.lacking(broker, devices)
    live = accounts.change(broker, put=made) if made else True
    _show(made, as_json=as_json, table=all_)
    _say(f"{len(made)} account{'s' if len(made) != 1 else ''} made{_when(live)}")


def rotate(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Give a device a new password; a connection made with the old one is closed."""
    from hypervisor.stack import accounts, device_accounts

    broker = _broker(context)
    made = device_accounts.next_password(broker, name)
    live = accounts.change(broker, put=made)
    _show(made, as_json=as_json)
    _say(f"the old password of {name!r} is void{_when(live)}")


def remove(context: typer.Context, name: str) -> None:
    """Take a device's account away; its connection is closed."""
    from hypervisor.stack import accounts, device_accounts

    broker = _broker(context)
    device_accounts.require_account(broker, name)
    live = accounts.change(broker, drop=frozenset({name}))
    _say(f"the account of {name!r} is gone{_when(live)}")


def list_(context: typer.Context, as_json: Json = False) -> None:
    """Registered devices and whether each has an account; accounts of nobody, too."""
    from hypervisor.stack import device_accounts

    rows = device_accounts.overview(_broker(context), _devices(context))
    if as_json:
        for row in rows:
            print(
                json.dumps(
                    {"device": row.name, "registered": row.registered, "account": row.account}
                )
            )
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("device", "registered", "account")
    for row in rows:
        table.add_row(
            row.name, *("yes" if fact else "no" for fact in (row.registered, row.account))
        )
    Console().print(table)


def _broker(context: typer.Context) -> "Broker":
    from hypervisor.settings import load_settings
    from hypervisor.stack import device_accounts

    return device_accounts.broker_of(load_settings(context.obj))


def _devices(context: typer.Context) -> list[str]:
    """The names of the devices in service, from the registry."""
    from hypervisor.settings import load_settings
    from hypervisor.store import registry
    from hypervisor.store.connect import connect

    with connect(load_settings(context.obj).database_url) as connection:
        found = registry.load(connection)
    return [device.name for device in found.devices.values() if device.retired is None]


def _show(made: dict[str, str], *, as_json: bool, table: bool = False) -> None:
    if as_json:
        for name, password in made.items():
            print(json.dumps({"device": name, "password": password}))
    elif table:
        csv.writer(sys.stdout, lineterminator="\n").writerows(
            [("device", "password"), *made.items()]
        )
    else:
        print(*made.values(), sep="\n")


def _when(live: bool) -> str:
    return "; the broker has taken it up" if live else "; the broker takes it up when it starts"


def _say(text: str) -> None:
    """Beside the passwords, which are all that stands on standard output."""
    print(text, file=sys.stderr)
