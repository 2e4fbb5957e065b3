"""How commands reach the devices of an order: directly, or by way of network servers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypervisor.commands import queries_gateways
from hypervisor.commands.gateways import GatewayDevice, find_wait, usual_rate
from hypervisor.commands.model import NewCommand
from hypervisor.database.connect import Connection
from hypervisor.registry.queries_devices import DeviceRow
from sensors._command import CommandError
from sensors._domain import Catalogue
from sensors._errors import Message


@dataclass(frozen=True, kw_only=True)
class Ways:
    """By device: those behind a gateway; how long each may keep a command waiting.

    `rates`: commands a second, by gateway.
    """

    behind: Mapping[str, GatewayDevice] = field(default_factory=dict)
    waits: Mapping[str, timedelta] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)

    def wait(self, device: str) -> timedelta:
        return self.waits.get(device, timedelta())

    @property
    def longest_wait(self) -> timedelta:
        return max(self.waits.values(), default=timedelta())

    def list_notes(self) -> tuple[Message, ...]:
        """What the author of an order should know of gateways and sleeping devices."""
        notes = []
        for gateway, count in sorted(self._count().items()):
            seconds = count / self.rates[gateway]
            if count > 1 and seconds >= 1:
                notes.append(
                    Message(
                        "{count} devices by way of {gateway}, one after another: the last after"
                        " {seconds} s",
                        *(count, gateway, f"{seconds:.0f}"),
                    )
                )
        if self.longest_wait:
            minutes = self.longest_wait.total_seconds() / 60
            notes.append(
                Message(
                    "LoRaWAN class A: the device listens only after a message of its own, within"
                    " {minutes} min; it is valid that much longer",
                    f"{minutes:.0f}",
                )
            )
        return tuple(notes)

    def check_pace(self, commands: Iterable[NewCommand]) -> None:
        """Raises CommandError: a gateway cannot be given all of them while they are valid."""
        shortest: dict[str, timedelta] = {}
        for command in commands:
            if command.device in self.behind:
                gateway = self.behind[command.device].gateway
                valid_for = command.valid_until - command.drafted_at
                shortest[gateway] = min(valid_for, shortest.get(gateway, valid_for))
        for gateway, count in self._count().items():
            seconds, rate = count / self.rates[gateway], self.rates[gateway]
            if count > 1 and seconds > shortest[gateway].total_seconds():
                raise CommandError(
                    "{count} devices by way of {gateway} at {rate} a second take {minutes} min; the"
                    " command is valid for {number} min: command smaller groups, or give the"
                    " gateway the pace that its radio allows",
                    *(count, gateway, f"{rate:g}", f"{seconds / 60:.0f}"),
                    f"{shortest[gateway].total_seconds() / 60:.0f}",
                )

    def _count(self) -> Counter[str]:
        return Counter(device.gateway for device in self.behind.values())


def load_gateway_devices(
    connection: Connection, devices: Iterable[DeviceRow]
) -> Mapping[str, GatewayDevice]:
    """Those that are behind a gateway, by name."""
    names = [device.name for device in devices if device.gateway is not None]
    return queries_gateways.list_gateway_devices(connection, names) if names else {}


def find_ways(
    connection: Connection, catalogue: Catalogue, devices: Sequence[DeviceRow], now: datetime
) -> Ways:
    """How commands reach these devices."""
    behind = load_gateway_devices(connection, devices)
    if not behind:
        return Ways()
    models = {name: catalogue.models.get(each.model or "") for name, each in behind.items()}
    asleep = [name for name, each in behind.items() if each.class_of(models[name]) == "A"]
    intervals = (
        queries_gateways.list_intervals(connection, catalogue, asleep, now) if asleep else {}
    )
    rate = usual_rate(queries_gateways.read_rate(connection))
    return Ways(
        behind=behind,
        waits={name: find_wait(behind[name], models[name], intervals.get(name)) for name in asleep},
        rates={each.gateway: each.rate(rate) for each in behind.values()},
    )
