"""The sender's connection to the broker: publishes commands, and hears what the broker took.

The sender's session is kept by the broker and subscribed to the sender's own topics, so that all
that the broker took comes back as an echo, if need be after a restart of the sender. On connecting
it publishes a fence and reads up to its echo: what was not echoed before it was never taken, since
a new connection of the account ends the old one. That holds as long as the broker has not been
started again, which the word tells that each of its starts has for itself.

Of a cluster's broker nothing follows from an echo that is missing: another machine may still pass
on what it took. It has no such word, and an echo that comes late settles a doubt all the same.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hypervisor.commands.wire import Message, Topics, read_key
from ingest.loop import Address as BrokerAddress
from ingest.topics import BROKER_START

PATIENCE = 15.0  # s for an answer of the broker
_FOREVER = 0xFFFFFFFF
_CLOSED = "the broker has closed the connection"
_START_SECONDS = 2.0  # for the word of the broker's start; a foreign broker has none


@dataclass(frozen=True, kw_only=True)
class Address(BrokerAddress):
    """Where the sender's broker is. `clustered`: it is of a cluster."""

    clustered: bool = False


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The broker's answer to a command. `refusal`: why it refuses it; empty: it took it."""

    key: UUID
    refusal: str = ""


class Link:
    """One connection without a thread; a lost one is never used again.

    `start`: the word of the broker's start; empty: it has none, so that nothing can be concluded
    from the absence of an echo. `echoed`: the keys that came back before the fence, and later those
    of `doubtful`.
    """

    def __init__(self, address: Address, topics: Topics) -> None:
        self.start = ""
        self.echoed: set[UUID] = set()
        self.doubtful: set[UUID] = set()
        self._topics = topics
        self._address = address
        self._refused: str | None = None
        self._connected = self._subscribed = self._fenced = False
        self._fence = secrets.token_hex(8).encode()
        self._keys: dict[int, UUID] = {}  # of what was published and is not answered
        self._verdicts: list[Verdict] = []
        self._echoes: list[int] = []  # message identifiers, not acknowledged yet
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=address.user,
            protocol=MQTTv5,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.username_pw_set(address.user, address.password)
        client.max_inflight_messages_set(0)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = lambda _client, _data, message: self._on_message(message)
        self._client = client

    def open(self) -> None:
        """Connect, and read what the broker took before. Raises OSError: it does not answer."""
        options = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        options.SessionExpiryInterval = _FOREVER
        self._client.connect(
            self._address.host, self._address.port, clean_start=False, properties=options
        )
        self._until(lambda: self._connected, "did not let us in")
        self._client.subscribe(
            [(each, 1) for each in (*self._topics.filters, self._topics.fence, BROKER_START)]
        )
        self._until(lambda: self._subscribed, "did not take the subscription")
        self._client.publish(self._topics.fence, self._fence, qos=1)
        self._until(lambda: self._fenced, "did not return the fence")
        end = time.monotonic() + (0 if self._address.clustered else _START_SECONDS)
        while not self.start and time.monotonic() < end:
            self.turn(0.02)

    def close(self) -> None:
        """Leave the broker, which keeps the session."""
        options = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
        options.SessionExpiryInterval = _FOREVER
        self._client.disconnect(properties=options)
        self._client.loop(0.05)

    def fileno(self) -> int:
        """Of its socket, to wait for the broker. Raises OSError: the connection is lost."""
        opened = self._client.socket()
        if opened is None:
            raise ConnectionError(_CLOSED)
        return int(opened.fileno())

    def publish(self, message: Message, *, seconds: float) -> None:
        """Hand a command to the broker, which drops it after `seconds`.

        Raises OSError: the connection is lost, and nothing of it was sent.
        """
        options = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        options.MessageExpiryInterval = max(1, int(seconds))
        sent = self._client.publish(message.topic, message.body, qos=1, properties=options)
        if sent.rc == MQTTErrorCode.MQTT_ERR_NO_CONN:
            raise ConnectionError(_CLOSED)
        self._keys[sent.mid] = message.key

    def await_verdicts(self) -> list[Verdict]:
        """The answers to all that was published. Raises OSError: the connection is lost."""
        self._until(lambda: not self._keys, "did not take the commands")
        return self.take_verdicts()

    def take_verdicts(self) -> list[Verdict]:
        """The answers that came."""
        verdicts, self._verdicts = self._verdicts, []
        return verdicts

    def settle(self) -> None:
        """Acknowledge the echoes that came: what they tell is recorded."""
        for mid in self._echoes:
            self._client.ack(mid, 1)
        self._echoes = []

    def turn(self, seconds: float) -> None:
        """Read and write what there is. Raises OSError: the connection is lost."""
        code = self._client.loop(seconds)
        if self._refused is not None:
            raise ConnectionError(f"the broker refuses {self._address.user!r}: {self._refused}")
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ConnectionError(f"the connection to the broker is lost ({code.name})")

    def _until(self, done: Callable[[], bool], problem: str) -> None:
        end = time.monotonic() + PATIENCE
        while not done():
            self.turn(0.05)
            if time.monotonic() > end:
                raise ConnectionError(f"the broker {problem} within {PATIENCE:.0f} s")

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _: Any) -> None:
        if reason.is_failure:
            self._refused = str(reason)
        self._connected = not reason.is_failure

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, reasons: Any, _: Any) -> None:
        self._subscribed = not any(reason.is_failure for reason in reasons)

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _: Any) -> None:
        key = self._keys.pop(mid, None)
        if key is not None:
            refusal = str(reason) if reason.is_failure else ""
            self._verdicts.append(Verdict(key=key, refusal=refusal))

    def _on_message(self, message: MQTTMessage) -> None:
        if message.topic == BROKER_START:
            self.start = bytes(message.payload).decode(errors="replace")
            self._client.ack(message.mid, message.qos)
        elif message.topic == self._topics.fence:
            self._fenced = self._fenced or message.payload == self._fence
            self._client.ack(message.mid, message.qos)
        else:
            key = read_key(bytes(message.payload))
            self._echoes.append(message.mid)
            if key is not None and (not self._fenced or key in self.doubtful):
                self.echoed.add(key)
