"""The administration page of devices: service and broker accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from hypervisor.access.context import RequestContext
from hypervisor.base.settings import Settings
from hypervisor.broker import accounts
from hypervisor.broker.errors import StackError
from hypervisor.broker.mosquitto import Broker
from hypervisor.registry import queries_devices
from hypervisor.registry.inventory import Fact, Inventory
from hypervisor.registry.queries_devices import DeviceRow
from hypervisor.registry.tree import Where
from hypervisor.web.refusals import refusal

SHOWN = 100
Narrowed = Literal["", "lacking", "out"]


@dataclass(frozen=True, kw_only=True)
class DeviceWithAccount:
    """`account` None: the broker's accounts cannot be read from here."""

    device: DeviceRow
    account: bool | None


@dataclass(frozen=True, kw_only=True)
class DevicesPage:
    """`of`: how many match before the cut. `unreachable`: why accounts cannot be read."""

    rows: list[DeviceWithAccount]
    of: int
    lacking: int
    out: int
    unreachable: str


def load_page(
    context: RequestContext, settings: Settings | None, *, words: str, narrowed: str
) -> DevicesPage:
    """The devices in use that match the search, with their accounts."""
    names, unreachable = _load_accounts(settings)
    rows = [
        DeviceWithAccount(device=device, account=None if names is None else device.name in names)
        for device in queries_devices.list_devices_in_use(context.connection, context.now())
    ]
    lacking = [row for row in rows if row.account is False and row.device.gateway is None]
    out = [row for row in rows if not row.device.in_service]
    selected = {"lacking": lacking, "out": out}.get(narrowed, rows)
    search = words.lower().split()
    fits = [
        row
        for row in selected
        if all(
            word in f"{row.device.name} {row.device.site_title} {row.device.model or ''}".lower()
            for word in search
        )
    ]
    return DevicesPage(
        rows=fits[:SHOWN],
        of=len(fits),
        lacking=len(lacking),
        out=len(out),
        unreachable=unreachable,
    )


def _load_accounts(settings: Settings | None) -> tuple[frozenset[str] | None, str]:
    try:
        local = require_broker(settings)
        rows = accounts.list_accounts(local, {})
    except (StackError, OSError) as error:
        return None, refusal(error)
    return frozenset(row.name for row in rows if row.account), ""


def require_broker(settings: Settings | None) -> Broker:
    """The broker whose accounts are stored on this machine.

    Raises:
        StackError: they are kept elsewhere.
    """
    if settings is None:
        raise StackError("this process does not know where the broker's accounts are kept")
    return accounts.local_broker(settings)


def load_gateways(context: RequestContext) -> Mapping[str, str | None]:
    """Devices in use -> the gateway that publishes for them."""
    return {
        device.name: device.gateway
        for device in queries_devices.list_devices_in_use(context.connection, context.now())
    }


def service_change(name: str, *, back: bool, at: datetime | None) -> Inventory:
    """The change that takes a device out of service or back."""
    where = Where(file="administration", line=0)
    fact = Fact(kind="device", key=name, value={"in_service": back}, where=where, effective=at)
    return Inventory(facts=(fact,))
