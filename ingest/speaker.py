"""Who a message is of: a device by its topic, or by what its gateway calls it."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from ingest.message import Reason
from ingest.ports import Inventory
from ingest.reply import unusable

_SEPARATORS = "/:._-"


@dataclass(frozen=True)
class Senders:
    """Finds devices by address among all that is known."""

    inventory: Inventory

    def of_gateway(self, gateway: str, addresses: tuple[str, ...]) -> str:
        """The device of this gateway that has one of these addresses: the first that is known.

        Raises:
            UnusableError: there is none, or it is not this gateway's.
        """
        devices = self.devices(gateway)
        for address in addresses:
            if address.lower() in devices:
                return devices[address.lower()]
        for address in addresses:
            self._refuse_others(gateway, address)
        raise unusable(
            Reason.UNKNOWN_DEVICE,
            "no device of address {code_addresses} is registered under the gateway {gateway!r}",
            ", ".join(repr(address[:80]) for address in addresses),
            gateway,
        )

    def devices(self, gateway: str) -> Mapping[str, str]:
        """A gateway's devices by address.

        Raises:
            UnusableError: there is no such gateway.
        """
        devices = self.inventory.gateways.get(gateway)
        if devices is None:
            raise unusable(
                Reason.UNKNOWN_GATEWAY, "no gateway {gateway!r} in the inventory", gateway
            )
        return devices

    def of_name(self, gateway: str, name: str) -> tuple[str, str]:
        """The device that a SenML name begins with, and what the rest of it names.

        Raises:
            UnusableError: no device of this gateway has an address with which it begins.
        """
        devices = self.devices(gateway)
        for stop in range(min(len(name), self._longest), 0, -1):
            address = name[:stop].lower()
            if address in devices and _is_boundary(name, stop):
                return devices[address], name[stop:].lstrip(_SEPARATORS)
        for stop in range(min(len(name), self._longest), 0, -1):
            if _is_boundary(name, stop):
                self._refuse_others(gateway, name[:stop])
        raise unusable(
            Reason.UNKNOWN_DEVICE,
            "{name!r} begins with no address of a device under the gateway {gateway!r}",
            name[:80],
            gateway,
        )

    def fields(self, device: str, name: str) -> tuple[str, ...]:
        """What a SenML name of a device's own account may name: all of it, or without the device.

        All of it first: `air_temperature` of a device `air` is no `temperature`.
        """
        names = [name]
        for prefix in (self.inventory.addresses.get(device), device):
            if (
                prefix
                and name.lower().startswith(prefix.lower())
                and _is_boundary(name, len(prefix))
            ):
                rest = name[len(prefix) :].lstrip(_SEPARATORS)
                if rest:
                    names.append(rest)
        return tuple(names)

    @functools.cached_property
    def _longest(self) -> int:
        """Characters of the longest address or name: no longer part of a name need be tried."""
        return max(map(len, self._everywhere), default=0)

    def _refuse_others(self, gateway: str, address: str) -> None:
        other = self._everywhere.get(address.lower())
        if other is not None:
            device, of = other
            if not of:
                raise unusable(
                    Reason.NOT_ITS_GATEWAY,
                    "{gateway!r} wrote for {address!r}, but the device {device!r} publishes by"
                    " itself",
                    gateway,
                    address[:80],
                    device,
                )
            raise unusable(
                Reason.NOT_ITS_GATEWAY,
                "{gateway!r} wrote for {address!r}, but the device {device!r} belongs to the"
                " gateway {other!r}",
                gateway,
                address[:80],
                device,
                of,
            )

    @functools.cached_property
    def _everywhere(self) -> Mapping[str, tuple[str, str]]:
        """Every address and name, with its device and that one's gateway ("" for none)."""
        owners = {name.lower(): (name, "") for name in self.inventory.devices}
        owners |= {
            address.lower(): (name, "") for name, address in self.inventory.addresses.items()
        }
        for gateway, devices in self.inventory.gateways.items():
            owners |= {address: (device, gateway) for address, device in devices.items()}
        return owners


def _is_boundary(name: str, stop: int) -> bool:
    """Whether an address may end there: at the name's end, or at a separator."""
    return stop == len(name) or name[stop] in _SEPARATORS or name[stop - 1] in _SEPARATORS
