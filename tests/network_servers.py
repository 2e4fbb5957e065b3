"""LoRaWAN network servers over MQTT, as strict as the real ones: what they are sent they check.

ChirpStack v4 reads integration.DownlinkCommand in JSON on its command topic; a queue item's id is
there once. The Things Stack v3 reads a DownlinkQueueRequest and refuses fields that it has not.
"""

import base64
import json
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

RETRY = 0.2  # s
_ITEM = {"f_port", "frm_payload", "decoded_payload", "confirmed", "confirmed_retry", "priority"} | {
    "correlation_ids"
}


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A downlink that the network server took into its queue."""

    key: UUID
    device: str
    port: int
    payload: bytes
    object_: Any
    item: dict[str, Any]
    at: float = field(default_factory=time.monotonic)


@dataclass(kw_only=True)
class NetworkServer:
    """One with its account and a session that the broker keeps.

    `answers`: the events that it sends for each downlink, in order. `frames`: what it took;
    `repeated`: how often a queue item came again; `problems`: what it could not read.
    """

    name: str
    password: str
    port: int
    answers: tuple[str, ...]
    frames: list[Frame] = field(default_factory=list)
    repeated: int = 0
    problems: list[str] = field(default_factory=list)
    _next_try: float = 0.0

    def __post_init__(self) -> None:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.name,
            protocol=MQTTv5,
            reconnect_on_failure=False,
        )
        client.username_pw_set(self.name, self.password)
        client.on_connect = self._on_connect
        client.on_message = lambda _client, _data, message: self._take(message)
        self._client = client

    @property
    def topic(self) -> str:
        """What it subscribes to."""
        raise NotImplementedError

    def read(self, topic: list[str], body: dict[str, Any]) -> Frame | None:
        """The downlink of a message, if it has one. Raises ValueError, KeyError: it is none."""
        raise NotImplementedError

    def describe(self, event: str, frame: Frame) -> tuple[str, dict[str, Any]]:
        """An event of a downlink: its topic below the gateway's, and its message."""
        raise NotImplementedError

    def turn(self) -> None:
        """Read and write what there is; connect where it is not."""
        if self._client.loop(0.0) == MQTTErrorCode.MQTT_ERR_SUCCESS:
            return
        if time.monotonic() >= self._next_try:
            self._next_try = time.monotonic() + RETRY
            options = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            options.SessionExpiryInterval = 3600
            with suppress(OSError):
                self._client.connect("127.0.0.1", self.port, clean_start=False, properties=options)

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop(0.01)

    def publish(self, topic: str, body: object) -> None:
        """Say something below the gateway's topics."""
        self._client.publish(f"gateways/{self.name}/{topic}", json.dumps(body).encode(), qos=1)

    def say(self, event: str, frame: Frame) -> None:
        self.publish(*self.describe(event, frame))

    def _on_connect(self, client: Client, *_: Any) -> None:
        client.subscribe(self.topic, 1)

    def _take(self, message: MQTTMessage) -> None:
        try:
            frame = self.read(message.topic.split("/")[2:], json.loads(message.payload))
        except (ValueError, KeyError, IndexError) as error:
            self.problems.append(f"{message.topic}: {error!r}")
            return
        if frame is None:
            return
        if any(frame.key == other.key for other in self.frames):
            self.repeated += 1
            if not message.dup:
                self.problems.append(f"{frame.key} came twice")
            return
        self.frames.append(frame)
        for event in self.answers:
            self.say(event, frame)


class ChirpStack(NetworkServer):
    """Events `txack`, `ack`, `nack`, `expired`."""

    @property
    def topic(self) -> str:
        return f"$share/chirpstack/gateways/{self.name}/application/+/device/+/command/+"

    def read(self, topic: list[str], body: dict[str, Any]) -> Frame:
        _, _, _, eui, _, command = topic
        if command != "down" or body["devEui"] != eui or len(bytes.fromhex(eui)) != 8:
            raise ValueError(f"{command} for {body['devEui']}")
        if datetime.fromisoformat(body["expiresAt"]) < datetime.now(UTC):
            raise ValueError("it has expired")
        if type(body["confirmed"]) is not bool or not 0 < body["fPort"] < 224:
            raise ValueError(f"{body}")
        return Frame(
            key=UUID(body["id"]),
            device=eui,
            port=body["fPort"],
            payload=base64.b64decode(body.get("data", ""), validate=True),
            object_=body.get("object"),
            item={"application": topic[1]},
        )

    def describe(self, event: str, frame: Frame) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(),
            "deviceInfo": {"applicationId": frame.item["application"], "devEui": frame.device},
            "queueItemId": str(frame.key),
        }
        if event == "ack":
            body |= {"acknowledged": True, "fCntDown": 7}
        elif event == "txack":
            body |= {"downlinkId": 4711, "gatewayId": "0016c001f153a14c", "txInfo": {}}
        elif event == "expired":
            body["context"] = {"queue_item_id": body.pop("queueItemId")}
            body |= {"level": "ERROR", "code": "EXPIRED", "description": "the item has expired"}
        kind = {"nack": "ack", "expired": "log"}.get(event, event)
        place = f"application/{frame.item['application']}/device/{frame.device}"
        return f"{place}/event/{kind}", body


class TheThingsStack(NetworkServer):
    """Events `queued`, `sent`, `ack`, `nack`, `failed`.

    `queues`: by device what is not sent yet; nothing leaves them by itself.
    """

    @property
    def topic(self) -> str:
        return f"gateways/{self.name}/v3/+/devices/+/down/+"

    @cached_property
    def queues(self) -> dict[str, list[UUID]]:
        return {}

    def read(self, topic: list[str], body: dict[str, Any]) -> Frame | None:
        _, application, _, device, _, way = topic
        queue = self.queues.setdefault(device, [])
        if way == "replace":
            queue.clear()
            if body == {"downlinks": []}:
                return None
        elif way != "push":
            raise ValueError(f"{way} is nothing to be read")
        frame = self._read_item(application, device, body)
        queue.append(frame.key)
        return frame

    def _read_item(self, application: str, device: str, body: dict[str, Any]) -> Frame:
        (item,) = body.pop("downlinks")
        if body or not item.keys() <= _ITEM:
            raise ValueError(f"unknown fields: {[*body, *(item.keys() - _ITEM)]}")
        (correlation,) = item["correlation_ids"]
        if len(correlation) > 100 or not 0 < item["f_port"] < 224:
            raise ValueError(f"{item}")
        if item["confirmed_retry"]["max_attempts"] < 1:
            raise ValueError("no attempt")
        return Frame(
            key=UUID(correlation.removeprefix("hypervisor:")),
            device=device,
            port=item["f_port"],
            payload=base64.b64decode(item.get("frm_payload", ""), validate=True),
            object_=item.get("decoded_payload"),
            item=item | {"application": application},
        )

    def describe(self, event: str, frame: Frame) -> tuple[str, dict[str, Any]]:
        downlink: dict[str, Any] = {
            "f_port": frame.port,
            "correlation_ids": ["as:downlink:01", *frame.item["correlation_ids"]],
            "session_key_id": "AXA50",
        }
        if event == "failed":
            error = {"name": "no_downlink_path", "message_format": "no path to the device"}
            downlink = {"downlink": downlink, "error": error}
        body = {
            "end_device_ids": {
                "device_id": frame.device,
                **({"dev_eui": frame.device[4:].upper()} if frame.device[:4] == "eui-" else {}),
                "application_ids": {"application_id": frame.item["application"]},
            },
            "correlation_ids": ["as:up:01"],
            "received_at": datetime.now(UTC).isoformat(),
            f"downlink_{event}": downlink,
        }
        return f"v3/{frame.item['application']}/devices/{frame.device}/down/{event}", body


@contextmanager
def serving(servers: Iterable[NetworkServer]) -> Iterator[None]:
    """All of them in one thread."""
    stop = threading.Event()
    working = list(servers)

    def work() -> None:
        while not stop.is_set():
            for server in working:
                server.turn()
            time.sleep(0.001)
        for server in working:
            server.leave()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
