"""One MQTT 5 connection that publishes in order and loses nothing when the broker restarts.

One thread drives it: what is resent after a reconnection goes out before anything new, so the clock
never overtakes a reading.
"""

from collections.abc import Callable
from dataclasses import dataclass

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sensors._errors import TerritoryError

STAMP = "scenario-time"  # user property: scenario time of arrival
PLAYED = "exercise/"  # only the player may write below it
TAKEN_OVER = 0x8E
OFTEN = 64  # publications between two readings of acknowledgements


class PlayerError(TerritoryError):
    """The player cannot publish to the exercise's broker; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Broker:
    """Where to publish, and as whom."""

    host: str
    port: int
    user: str
    password: str


@dataclass(frozen=True, kw_only=True)
class WallClock:
    """The wall clock as an argument: monotonic seconds, and sleep."""

    now: Callable[[], float]
    sleep: Callable[[float], None]


class MqttConnection:
    """Publishes QoS 1, at most `window` publications unacknowledged.

    `patience`: seconds without a broker before it gives up.
    """

    def __init__(
        self, broker: Broker, *, wall: WallClock, window: int = 1000, patience: float = 60.0
    ) -> None:
        self.sent = 0
        self.acknowledged = 0
        self.reconnections = 0
        self._broker = broker
        self._wall = wall
        self._window = window
        self._patience = patience
        self._connected = False
        self._refusal: PlayerError | None = None
        self._flying: dict[int, str] = {}  # topic by message identifier
        self._properties: dict[str, Properties] = {}
        self._filter: str | None = None
        self._received: list[tuple[str, bytes]] = []
        self._client = self._made()

    def open(self) -> None:
        """Connect.

        Raises:
            PlayerError: no broker answers, or it refuses the account.
        """
        self._reach(self._dial)

    def listen(self, topic_filter: str) -> None:
        """Receive messages of these topics, on this connection and those that replace it."""
        self._filter = topic_filter

    def take_received(self) -> list[tuple[str, bytes]]:
        """Topic and payload of the messages that have come since the last call."""
        received, self._received = self._received, []
        return received

    def close(self) -> None:
        self._client.disconnect()
        self._connected = False

    def send(self, topic: str, payload: bytes, stamp: str | None = None) -> None:
        """Publish a message, waiting while the window is full or the broker is away.

        With a `stamp` it is a device's message, published below the player's own topic.

        Raises:
            PlayerError: the broker stays away, or refuses.
        """
        while len(self._flying) >= self._window:
            self.pump(0.05)
        topic = topic if stamp is None else f"{PLAYED}{topic}"
        info = self._client.publish(topic, payload, qos=1, properties=self._stamped(stamp))
        self.sent += 1
        self._flying[info.mid] = topic
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._keep_up()
        if self.sent % OFTEN == 0:
            self.pump(0)

    def pump(self, seconds: float) -> None:
        """Handle the broker's packets for about `seconds`.

        Raises:
            PlayerError: the broker stays away, or refuses.
        """
        self._client.loop(max(seconds, 0.0))
        self._keep_up()

    def settle(self) -> None:
        """Wait until everything sent is acknowledged.

        Raises:
            PlayerError: the broker stays away.
        """
        since, left = self._wall.now(), len(self._flying)
        while self._flying:
            self.pump(0.05)
            if len(self._flying) != left:
                since, left = self._wall.now(), len(self._flying)
            elif self._wall.now() - since > self._patience:
                raise PlayerError(
                    "the broker acknowledged nothing for {count:.0f} s", self._patience
                )

    def _stamped(self, stamp: str | None) -> Properties | None:
        if stamp is None:
            return None
        properties = self._properties.get(stamp)
        if properties is None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.UserProperty = [(STAMP, stamp)]
            self._properties = {stamp: properties}  # the devices of one instant share it
        return properties

    def _keep_up(self) -> None:
        if self._refusal is not None:
            raise self._refusal
        if not self._connected:
            self.reconnections += 1
            self._reach(self._client.reconnect)

    def _reach(self, dial: Callable[[], object]) -> None:
        since = self._wall.now()
        while not self._connected:
            try:
                dial()
                self._await_greeting()
            except OSError as error:
                if self._wall.now() - since > self._patience:
                    raise PlayerError(
                        "no broker answers at {address} ({problem}); is the instance up?",
                        f"{self._broker.host}:{self._broker.port}",
                        error,
                    ) from error
                self._wall.sleep(0.1)

    def _dial(self) -> None:
        self._client.connect(self._broker.host, self._broker.port, keepalive=30)

    def _await_greeting(self) -> None:
        since = self._wall.now()
        while not self._connected:
            answer = self._client.loop(0.1)
            if self._refusal is not None:
                raise self._refusal
            if answer != MQTTErrorCode.MQTT_ERR_SUCCESS or self._wall.now() - since > 5:
                raise ConnectionError("the broker went away before it greeted")

    def _made(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._broker.user,
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
        )
        client.username_pw_set(self._broker.user, self._broker.password)
        client.max_inflight_messages_set(0)  # the window here is the only bound
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _on_connect(
        self, client: paho.Client, _data: object, _flags: object, reason: ReasonCode, _more: object
    ) -> None:
        if reason.is_failure:
            self._refusal = PlayerError(
                "the broker refuses the account {account!r} ({code}); only an exercise has a"
                " player",
                self._broker.user,
                str(reason),
            )
        else:
            self._connected = True
            if self._filter is not None:
                client.subscribe(self._filter, qos=1)

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self._received.append((message.topic, bytes(message.payload)))

    def _on_disconnect(
        self, _client: object, _data: object, _flags: object, reason: ReasonCode, _more: object
    ) -> None:
        self._connected = False
        if reason.value == TAKEN_OVER:
            self._refusal = PlayerError(
                "another player has taken over this exercise; one plays at a time"
            )

    def _on_publish(
        self, _client: object, _data: object, mid: int, reason: ReasonCode, _more: object
    ) -> None:
        topic = self._flying.pop(mid, None)
        if topic is None:
            return
        if reason.is_failure:
            self._refusal = PlayerError(
                "the broker refuses a publication on {topic} ({code})", topic, str(reason)
            )
        else:
            self.acknowledged += 1
