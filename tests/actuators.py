"""Actuators over MQTT, as the contract has them (docs/actuators.md): they obey each key once."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

RETRY = 0.2  # s


@dataclass(kw_only=True)
class Actuator:
    """One device with its account and a session that the broker keeps.

    `answer`: the acknowledgement that it gives; None: it gives none.
    """

    name: str
    password: str
    port: int
    answer: dict[str, str] | None = field(default_factory=lambda: {"state": "acknowledged"})
    received: list[dict[str, Any]] = field(default_factory=list)  # commands, first deliveries
    again: Counter[str] = field(default_factory=Counter)  # redeliveries that say so
    _next_try: float = 0.0

    def __post_init__(self) -> None:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.name,
            clean_session=False,
            protocol=MQTTv311,
            reconnect_on_failure=False,
        )
        client.username_pw_set(self.name, self.password)
        client.on_connect = self._on_connect
        client.on_message = lambda _client, _data, message: self._obey(message)
        self._client = client

    def turn(self) -> None:
        """Read and write what there is; connect where it is not."""
        if self._client.loop(0.0) == MQTTErrorCode.MQTT_ERR_SUCCESS:
            return
        if time.monotonic() >= self._next_try:
            self._next_try = time.monotonic() + RETRY
            with suppress(OSError):
                self._client.connect("127.0.0.1", self.port)

    def publish(self, rest: str, body: bytes) -> None:
        """Say something below the device's topics."""
        self._client.publish(f"devices/{self.name}/{rest}", body, qos=1)

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop(0.01)

    def _on_connect(self, client: Client, *_: Any) -> None:
        client.subscribe(f"devices/{self.name}/commands", 1)

    def _obey(self, message: MQTTMessage) -> None:
        command = json.loads(message.payload)
        if message.dup:
            self.again[command["key"]] += 1
        else:
            self.received.append(command)
        if self.answer is not None:
            self.publish(f"commands/{command['key']}/ack", json.dumps(self.answer).encode())


@contextmanager
def listening(actuators: Mapping[str, Actuator]) -> Iterator[None]:
    """All of them in one thread."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            for actuator in actuators.values():
                actuator.turn()
            time.sleep(0.001)
        for actuator in actuators.values():
            actuator.leave()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
