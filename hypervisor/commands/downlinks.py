"""Commands for network servers, made ready by the sender: in their turn, and encoded."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from hypervisor.base.failures import describe_failure, make_storable
from hypervisor.commands import queries_gateways, queries_sending
from hypervisor.commands.gateways import GatewayDevice
from hypervisor.commands.pacing import Pacer
from hypervisor.commands.queries_gateways import WaitingCommand
from hypervisor.commands.wire import Message, Topics
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.readings import queries_codecs
from ingest.library import Library
from ingest.ports import CodecSource, Inventory
from ingest.reply import UnusableError
from sensors._command import CommandError
from sensors._domain import Catalogue
from sensors._errors import Message as TerritoryMessage

log = logging.getLogger("hypervisor.commands")
_AT_A_TIME = 20  # commands of a gateway looked at in a turn


@dataclass(frozen=True, kw_only=True)
class Ready:
    """What may go now, and what cannot be sent at all, with the reason."""

    messages: dict[UUID, Message] = field(default_factory=dict)
    gateways: dict[UUID, str] = field(default_factory=dict)
    refusals: dict[UUID, str] = field(default_factory=dict)


class Downlinks:
    """Encodes with the devices' codecs, each in the sandbox, and keeps to each gateway's pace."""

    def __init__(
        self,
        topics: Topics,
        catalogue: Catalogue,
        *,
        per_second: float,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topics, self._catalogue, self._per_second = topics, catalogue, per_second
        self._pacer = Pacer(ticks)
        self._library = Library()
        self._codecs: tuple[int, Mapping[str, CodecSource]] = (-1, {})

    def prepare(
        self,
        connection: Connection,
        *,
        guarded: Collection[str],
        passed: Collection[UUID],
        at: datetime,
    ) -> Ready:
        """The next commands of each gateway. Of the `guarded` kinds those that have `passed`."""
        ready = Ready()
        waiting = _list_waiting(connection, ready, guarded=guarded, passed=passed)
        if not waiting:
            return ready
        devices = queries_gateways.list_gateway_devices(
            connection, {command.device for command in waiting}
        )
        own = self._load_codecs(connection)
        occupied = queries_gateways.list_occupied(connection, devices)
        begun: set[str] = set()
        for command in waiting:
            device = devices.get(command.device)
            if device is None or command.device in begun:  # one after another to a device
                continue
            try:
                rate = device.rate(self._per_second)
                free = self._pacer.count_free(device.gateway, rate, grouped=command.grouped)
                if free <= list(ready.gateways.values()).count(device.gateway):
                    continue
                alone = command.device not in occupied
                message = self._write(command, device, own, at, alone=alone)
            except UnusableError as error:
                ready.refusals[command.id] = make_storable(error.refusal.detail)
            except CommandError as error:
                ready.refusals[command.id] = make_storable(str(error))
            except Exception as error:
                log.exception("command %s cannot be encoded", command.id)
                ready.refusals[command.id] = describe_failure(error)
            else:
                begun.add(command.device)
                ready.messages[command.id] = message
                ready.gateways[command.id] = device.gateway
        return ready

    def spend(self, ready: Ready, sent: Collection[UUID]) -> None:
        """These were given to their gateways."""
        for key in sent:
            if key in ready.gateways:
                self._pacer.spend(ready.gateways[key])

    def _write(
        self,
        command: WaitingCommand,
        device: GatewayDevice,
        own: Mapping[str, CodecSource],
        at: datetime,
        *,
        alone: bool,
    ) -> Message:
        refusal = self._refuse(device)
        if refusal is not None:
            raise CommandError("{problem}", refusal)
        inventory = Inventory(
            devices={},
            codecs={device.name: device.codec} if device.codec else {},
            models={device.name: device.model} if device.model else {},
            own=own,
        )
        variables = device.properties.get("variables")
        downlink = self._library.of_device(device.name, inventory).encode(
            command.kind,
            command.parameters,
            device=device.name,
            variables=variables if isinstance(variables, Mapping) else None,
            at=at,
        )
        return self._topics.write_downlink(command, device, downlink, alone=alone)

    def list_clearances(self, connection: Connection) -> list[Message]:
        """What takes commands that are over out of the queues of The Things Stack."""
        over = queries_gateways.list_over(connection)
        devices = (
            queries_gateways.list_gateway_devices(connection, {name for _, name in over})
            if over
            else {}
        )
        return [
            self._topics.write_clearance(key, devices[name])
            for key, name in over
            if name in devices and self._refuse(devices[name]) is None
        ]

    def _refuse(self, device: GatewayDevice) -> TerritoryMessage | None:
        return device.refuse(self._catalogue.models.get(device.model or ""))

    def _load_codecs(self, connection: Connection) -> Mapping[str, CodecSource]:
        """The instance's own codecs, read again after a change."""
        version = feed.registry_version(connection)
        if version != self._codecs[0]:
            self._codecs = version, queries_codecs.load_sources(connection)
        return self._codecs[1]


def _list_waiting(
    connection: Connection, ready: Ready, *, guarded: Collection[str], passed: Collection[UUID]
) -> list[WaitingCommand]:
    """What waits for a gateway; where a row cannot be read one by one, and it is refused."""
    try:
        return queries_gateways.list_waiting(
            connection, most=_AT_A_TIME, guarded=guarded, passed=passed
        )
    except Exception:
        if connection.closed:
            raise
        log.exception("commands for gateways are read one by one")
    waiting: list[WaitingCommand] = []
    for key in queries_sending.list_open(connection):
        try:
            waiting += queries_gateways.list_waiting(
                connection, most=1, guarded=guarded, passed=passed, only=key
            )
        except Exception as error:
            if connection.closed:
                raise
            ready.refusals[key] = describe_failure(error)
    return waiting
