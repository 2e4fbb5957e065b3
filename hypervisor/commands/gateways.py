"""A device behind a LoRaWAN network server: whether, where and when a command reaches it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypervisor.commands import pacing
from sensors._domain import DeviceModel
from sensors._errors import Message

CHIRPSTACK, THE_THINGS_STACK = "chirpstack", "the-things-stack"
RATE = "downlinks_per_second"  # of a gateway's properties
_EUI = re.compile(r"[0-9a-f]{16}")
_LEVEL = re.compile(r"[A-Za-z0-9._@-]{1,100}")  # of a topic
_CLASSES = ("A", "B", "C")


@dataclass(frozen=True, kw_only=True)
class GatewayDevice:
    """A device and its gateway, as the registry has them."""

    name: str
    model: str | None
    codec: str | None
    address: str | None
    properties: Mapping[str, Any]
    gateway: str
    protocol: str
    gateway_properties: Mapping[str, Any]

    @property
    def application(self) -> str:
        """Under which the network server takes commands; empty: the inventory does not say it."""
        name = "application"
        return str(self.properties.get(name) or self.gateway_properties.get(name) or "")

    @property
    def server_id(self) -> str:
        """What the network server calls it in a topic."""
        address = (self.address or self.name).lower()
        if self.protocol == CHIRPSTACK:
            return address
        usual = f"eui-{address}" if _EUI.fullmatch(address) else address
        return str(self.properties.get("device_id") or usual)

    def class_of(self, model: DeviceModel | None) -> str:
        """Its LoRaWAN class: its own `class`, or its model's."""
        own = self.properties.get("class")
        return str(own) if own else model.lorawan_class if model else "A"

    def rate(self, usual: float) -> float:
        """How many commands a second its gateway is given."""
        own = self.gateway_properties.get(RATE)
        is_rate = isinstance(own, int | float) and not isinstance(own, bool) and 0 < own <= 1_000
        return float(own) if is_rate else usual  # type: ignore[arg-type]

    def refuse(self, model: DeviceModel | None) -> Message | None:
        """Why no command can reach it; None: one can."""
        if self.protocol not in (CHIRPSTACK, THE_THINGS_STACK):
            return Message(
                "{device} is reached through the gateway {gateway}, which takes no commands;"
                " ChirpStack and The Things Stack do",
                *(self.name, self.gateway),
            )
        if not _LEVEL.fullmatch(self.application):
            return Message(
                "{device}: the inventory does not say under which application the gateway {gateway}"
                " takes commands; `properties` {example}",
                *(self.name, self.gateway, "{application: …}"),
            )
        if self.protocol == CHIRPSTACK and not _EUI.fullmatch(self.server_id):
            return Message(
                "{device}: its address {address!r} is no DevEUI of 16 hexadecimal digits",
                *(self.name, self.address or ""),
            )
        if not _LEVEL.fullmatch(self.server_id):
            return Message("{device}: {name!r} is no device id", self.name, self.server_id)
        if self.class_of(model) not in _CLASSES:
            return Message(
                "{device}: its class is {value!r}; expected A, B or C",
                *(self.name, self.class_of(model)),
            )
        return None


def find_wait(
    device: GatewayDevice, model: DeviceModel | None, interval: timedelta | None
) -> timedelta:
    """How long a command may wait for the device to listen. `interval`: between its messages.

    Class A listens after each message of its own; B and C listen while they are on.
    """
    if device.class_of(model) != "A" or interval is None:
        return timedelta()
    return interval


def usual_rate(sender: float | None) -> float:
    """What the sender keeps to where a gateway has no rate of its own; None: it never ran."""
    return pacing.PER_SECOND if sender is None else sender
