"""A command as a device or its network server receives it: topic and message (docs/actuators.md).

ChirpStack v4: its integration.DownlinkCommand in JSON; the queue item's id is the command's key.
The Things Stack v3: its DownlinkQueueRequest; a correlation id holds the key.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hypervisor.base.instance import Mode
from hypervisor.commands.gateways import CHIRPSTACK, GatewayDevice
from ingest.downlink import Downlink
from ingest.downlink_events import CORRELATION
from ingest.topics import COMMAND_FENCE, PLAYED
from sensors._command import Value


@dataclass(frozen=True, kw_only=True)
class OutgoingCommand:
    """A command that is to be sent now. `remaining`: s of its validity. `grouped`: to a group."""

    id: UUID
    device: str
    kind: str
    parameters: Mapping[str, Value]
    valid_until: datetime
    remaining: float
    grouped: bool = False

    def write(self) -> bytes:
        """The message for a device that has an account of its own."""
        body = {
            "key": str(self.id),
            "command": self.kind,
            "parameters": self.parameters,
            "valid_until": _write_time(self.valid_until),
        }
        return json.dumps(body, ensure_ascii=False).encode()


@dataclass(frozen=True, kw_only=True)
class Message:
    """What is published."""

    key: UUID
    topic: str
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Topics:
    """Where an instance sends commands; an exercise below `exercise/`, where no device listens."""

    prefix: str

    def of_device(self, name: str) -> str:
        return f"{self.prefix}devices/{name}/commands"

    def of_gateway(self, device: GatewayDevice) -> str:
        """Where its network server takes commands to a device."""
        if device.protocol == CHIRPSTACK:
            rest = f"application/{device.application}/device/{device.server_id}/command/down"
        else:
            rest = f"v3/{device.application}/devices/{device.server_id}/down/push"
        return f"{self.prefix}gateways/{device.gateway}/{rest}"

    def of_queue(self, device: GatewayDevice) -> str:
        """Where The Things Stack takes all that is to be in a device's queue."""
        return f"{self.of_gateway(device).removesuffix('push')}replace"

    @property
    def filters(self) -> tuple[str, ...]:
        """Of all of them: what the sender hears of itself."""
        return (
            self.of_device("+"),
            f"{self.prefix}gateways/+/application/+/device/+/command/down",
            f"{self.prefix}gateways/+/v3/+/devices/+/down/push",
            f"{self.prefix}gateways/+/v3/+/devices/+/down/replace",
        )

    @property
    def fence(self) -> str:
        return f"{self.prefix}{COMMAND_FENCE}"

    def write(self, command: OutgoingCommand) -> Message:
        """A command to a device that has an account of its own."""
        return Message(key=command.id, topic=self.of_device(command.device), body=command.write())

    def write_downlink(
        self,
        command: OutgoingCommand,
        device: GatewayDevice,
        downlink: Downlink,
        *,
        alone: bool = False,
    ) -> Message:
        """A command for the network server of a device. `alone`: none before it is valid still."""
        is_chirpstack = device.protocol == CHIRPSTACK
        write = _write_chirpstack if is_chirpstack else _write_the_things_stack
        body = json.dumps(write(command, device, downlink), ensure_ascii=False).encode()
        topic = self.of_queue(device) if alone and not is_chirpstack else self.of_gateway(device)
        return Message(key=command.id, topic=topic, body=body)

    def write_clearance(self, key: UUID, device: GatewayDevice) -> Message:
        """Takes what is over out of a device's queue. `key`: of one of these commands."""
        return Message(key=key, topic=self.of_queue(device), body=b'{"downlinks": []}')


def _write_chirpstack(
    command: OutgoingCommand, device: GatewayDevice, downlink: Downlink
) -> dict[str, Any]:
    return {
        "id": str(command.id),
        "devEui": device.server_id,
        "confirmed": True,
        "fPort": downlink.port,
        "expiresAt": _write_time(command.valid_until),
        **_write_payload(downlink, "data", "object"),
    }


def _write_the_things_stack(
    command: OutgoingCommand, device: GatewayDevice, downlink: Downlink
) -> dict[str, Any]:
    del device
    item = {
        "f_port": downlink.port,
        "confirmed": True,
        "confirmed_retry": {"max_attempts": 1},  # what is sent again would be obeyed again
        "priority": "NORMAL" if command.grouped else "HIGH",
        "correlation_ids": [f"{CORRELATION}{command.id}"],
        **_write_payload(downlink, "frm_payload", "decoded_payload"),
    }
    return {"downlinks": [item]}


def _write_payload(downlink: Downlink, bytes_name: str, object_name: str) -> dict[str, Any]:
    if downlink.object_ is not None:
        return {object_name: downlink.object_}
    return {bytes_name: base64.b64encode(downlink.payload).decode()}


def _write_time(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def topics_of(mode: Mode) -> Topics:
    return Topics(prefix="" if mode is Mode.LIVE else PLAYED)


def read_key(payload: bytes) -> UUID | None:
    """The key of a message that the sender wrote; None: it is none of its messages."""
    try:
        body = json.loads(payload)
        if "downlinks" in body:
            body = {"key": body["downlinks"][0]["correlation_ids"][0].removeprefix(CORRELATION)}
        return UUID(body["key"] if "key" in body else body["id"])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return None
