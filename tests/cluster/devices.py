"""Devices that publish numbered messages by MQTT to whichever of three brokers takes them."""

import os
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

SECRET = "of-the-device"
DEVICES = [f"pump-{number}" for number in range(1, 13)]
_WAIT = 5.0  # s for an acknowledgement; then the device turns to another machine


def connect_client(  # noqa: PLR0913, PLR0917  who, where, and what is different
    name: str,
    password: str,
    address: str,
    port: int,
    on_message: Callable[[MQTTMessage], None] = lambda _message: None,
    kept_seconds: int = 0,
) -> Client | None:
    """A device that was let in, in a thread of its own; None: it was not.

    `kept_seconds`: how long the broker keeps its session.
    """
    client = Client(
        CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5, reconnect_on_failure=False
    )
    client.username_pw_set(name, password)
    client.connect_timeout = 2.0
    entered: list[bool] = []

    def on_connect(_client: Any, _data: Any, _flags: Any, reason: Any, _: Any) -> None:
        entered.append(not reason.is_failure)

    client.on_connect = on_connect
    client.on_message = lambda _client, _data, message: on_message(message)
    options = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    options.SessionExpiryInterval = kept_seconds
    try:
        client.connect(address, port, keepalive=5, clean_start=not kept_seconds, properties=options)
    except OSError:
        time.sleep(0.2)
        return None
    client.loop_start()
    end = time.monotonic() + _WAIT
    while not entered and time.monotonic() < end:
        time.sleep(0.01)
    if entered and entered[0]:
        return client
    abandon(client)
    time.sleep(0.2)
    return None


def abandon(client: Client) -> None:
    """End its thread, whatever it still had to send."""
    opened = client.socket()
    if opened is not None:
        with suppress(OSError), socket.socket(fileno=os.dup(opened.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)
    client.loop_stop()


@dataclass(kw_only=True)
class Device:
    """Sends one message after the other, each until a broker has acknowledged it."""

    name: str
    password: str
    addresses: Sequence[str]
    port: int
    acknowledged: list[bytes] = field(default_factory=list)
    longest: float = 0.0  # s from a message's first publication to its acknowledgement
    _stopping: Event = field(default_factory=Event)
    _thread: Thread | None = None
    _taken: set[int] = field(default_factory=set)  # messages that the broker acknowledged

    def start(self) -> None:
        """Its sockets are where the caller's are."""
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        assert self._thread
        self._thread.join(60)

    def _run(self) -> None:
        number, turn = 0, hash(self.name)
        client: Client | None = None
        while not self._stopping.is_set():
            body = f"{self.name} {number}".encode()
            began = time.monotonic()
            while True:
                client = client or self._connect(self.addresses[turn % len(self.addresses)])
                if client is not None and self._deliver(client, body):
                    break
                if client is not None:
                    abandon(client)
                client, turn = None, turn + 1
                if self._stopping.is_set() and time.monotonic() - began > 30:
                    return
            self.longest = max(self.longest, time.monotonic() - began)
            self.acknowledged.append(body)
            number += 1
            time.sleep(0.02)
        if client is not None:
            client.disconnect()
            abandon(client)

    def _connect(self, address: str) -> Client | None:
        self._taken.clear()

        def on_publish(_client: Any, _data: Any, mid: int, reason: Any, _: Any) -> None:
            if not reason.is_failure:
                self._taken.add(mid)

        client = connect_client(self.name, self.password, address, self.port)
        if client is not None:
            client.on_publish = on_publish
        return client

    def _deliver(self, client: Client, body: bytes) -> bool:
        message = client.publish(f"devices/{self.name}/readings", body, qos=1)
        end = time.monotonic() + _WAIT
        while time.monotonic() < end and client.is_connected():
            if message.mid in self._taken:
                return True
            time.sleep(0.002)
        return message.mid in self._taken
