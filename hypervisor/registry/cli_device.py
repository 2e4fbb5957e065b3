"""`hypervisor device`: broker accounts of devices and gateways."""

import csv
import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.database.command import (
    Author,
    Json,
    open_database,
    print_json,
    print_note,
    print_table,
)

if TYPE_CHECKING:
    from hypervisor.broker.accounts import AccountStore

Reason = Annotated[str, typer.Option(help="Why, for the audit.")]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Broker accounts of devices and gateways.")
    group.command()(add)
    group.command()(rotate)
    group.command()(remove)
    group.command("list")(list_)
    group.command()(publish)
    app.add_typer(group, name="device")


def add(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A registered device or gateway.")] = None,
    all_: Annotated[
        bool,
        typer.Option(
            "--all", help="All registered ones that need an account and have none, as CSV."
        ),
    ] = False,
    as_json: Json = False,
    author: Author = "",
    reason: Reason = "",
) -> None:
    """Create a device's or gateway's account; its password is shown once and not stored."""
    from hypervisor.broker import accounts
    from hypervisor.broker.errors import StackError

    store = _open_accounts(context)
    if all_ == (name is not None):
        raise StackError("device add: expected the name of one device or gateway, or --all")
    connected = _load_gateways(context)
    if name is not None:
        passwords = accounts.first_password(store, name, connected)
    else:
        passwords = accounts.missing_passwords(store, connected)
    live = store.change(put=passwords) if passwords else True
    _print_passwords(passwords, as_json=as_json, table=all_)
    _record_audit(context, "device-add", passwords, reason or "first password", author)
    print_note(
        f"{len(passwords)} account{'s' if len(passwords) != 1 else ''} made{_format_effect(live)}"
    )


def rotate(
    context: typer.Context,
    name: str,
    as_json: Json = False,
    author: Author = "",
    reason: Reason = "",
) -> None:
    """Give a device a new password; a connection made with the old one is closed."""
    from hypervisor.broker import accounts

    store = _open_accounts(context)
    passwords = accounts.next_password(store, name)
    live = store.change(put=passwords)
    _print_passwords(passwords, as_json=as_json)
    _record_audit(context, "device-rotate", passwords, reason or "new password", author)
    print_note(f"the old password of {name!r} is no longer valid{_format_effect(live)}")


def remove(context: typer.Context, name: str, author: Author = "", reason: Reason = "") -> None:
    """Delete a device's account; its connection is closed."""
    from hypervisor.broker import accounts

    store = _open_accounts(context)
    accounts.require_account(store, name)
    live = store.change(drop=frozenset({name}))
    _record_audit(context, "device-remove", [name], reason or "account taken away", author)
    print_note(f"the account of {name!r} is deleted{_format_effect(live)}")


def list_(context: typer.Context, as_json: Json = False) -> None:
    """List devices and gateways with their accounts, and accounts of unregistered names."""
    from hypervisor.broker import accounts

    rows = accounts.list_accounts(_open_accounts(context), _load_gateways(context))
    if as_json:
        print_json(
            {"device": row.name, "registered": row.registered, "account": row.account}
            | ({"through": row.through} if row.through else {})
            for row in rows
        )
        return
    words = {True: "yes", False: "no"}
    table = [
        (
            row.name,
            words[row.registered],
            f"publishes through {row.through}"
            if row.through is not None and not row.account
            else words[row.account],
        )
        for row in rows
    ]
    print_table(("device", "registered", "account"), table)


def publish(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The device.")],
    values: Annotated[
        list[str], typer.Argument(metavar="QUANTITY=VALUE…", help="In the catalogue's units.")
    ],
    password: Annotated[
        str,
        typer.Option(
            prompt=True, hide_input=True, envvar="HYPERVISOR_DEVICE_PASSWORD", help="Its password."
        ),
    ],
) -> None:
    """Send one message as a device, measured now, as the device itself would."""
    from hypervisor.base.settings import load_settings
    from hypervisor.broker.device_message import send_reading

    measured: dict[str, float] = {}
    for text in values:
        quantity, _, value = text.partition("=")
        try:
            measured[quantity] = json.loads(value)
        except ValueError as error:
            raise typer.BadParameter(f"{text!r}: expected such as level=1.25") from error
    send_reading(load_settings(context.obj), name, password, measured)
    print_note("the broker has it; see the console or `hypervisor readings`")


def _record_audit(
    context: typer.Context, kind: str, names: Iterable[str], reason: str, author: str
) -> None:
    """Record in the audit; passwords can be revoked even while the database is away."""
    from hypervisor.database import audit
    from hypervisor.database.connect import StoreError

    try:
        with open_database(context) as connection:
            for name in names:
                audit.record(connection, kind=kind, subject=name, reason=reason, author=author)
    except StoreError as error:
        print_note(f"done, but not recorded in the audit: {error}")


def _open_accounts(context: typer.Context) -> "AccountStore":
    from hypervisor.base.settings import load_settings
    from hypervisor.broker import accounts

    return accounts.open_accounts(load_settings(context.obj))


def _load_gateways(context: typer.Context) -> dict[str, str | None]:
    """Gateways and devices in use -> the gateway that publishes for a device."""
    from hypervisor.registry import queries

    with open_database(context) as connection:
        registry = queries.load(connection)
    return dict.fromkeys(registry.gateways) | {
        device.name: device.gateway
        for device in registry.devices.values()
        if device.retired is None
    }


def _print_passwords(passwords: dict[str, str], *, as_json: bool, table: bool = False) -> None:
    if as_json:
        print_json({"device": name, "password": each} for name, each in passwords.items())
    elif table:
        csv.writer(sys.stdout, lineterminator="\n").writerows(
            [("device", "password"), *passwords.items()]
        )
    else:
        print(*passwords.values(), sep="\n")


def _format_effect(live: bool) -> str:
    return "; the broker has reloaded" if live else "; the broker reads it when it starts"
