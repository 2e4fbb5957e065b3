"""Ingest's session at the broker, created before devices can connect.

The broker keeps acknowledged messages only for subscribed sessions. So before each start it runs
briefly with a private socket as its only listener, where we create the session. Sessions, queues
and plain subscriptions survive a restart; mosquitto 2.0 forgets shared subscriptions.
"""

import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hypervisor.broker.child import last_lines, spawn, stop
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import DataFolder
from hypervisor.broker.passwords import SESSION, SPARKPLUG, SPARKPLUG_TOPICS
from ingest.topics import BROKER_START, PRESENCE, SESSION_MADE, SUBSCRIPTIONS

_SECONDS = 120.0  # reading a long queue takes a while
_SAVE_SECONDS = 60.0  # and so does writing it
_FOREVER = 0xFFFFFFFF
_MARK = "hypervisor/moved"


def ensure(
    *, program: Path, folder: DataFolder, settings: str, former: str, sparkplug: bool = False
) -> bool:
    """Ensure ingest's session and its subscriptions; whether the session is new.

    `settings`: of the broker, without listeners. `former`: client id of the session in earlier
    versions, whose queue is moved into ours. `sparkplug`: so has the bridge.
    Raises StackError: the broker cannot be started, even without its saved state.
    """
    try:
        return _ensure(program, folder, settings, former, sparkplug=sparkplug)
    except _UnreadableError as error:
        kept = folder.broker / "mosquitto.db"
        if not kept.exists():
            raise StackError(
                f"the broker cannot be started; the end of its log:\n{error}"
            ) from error
        kept.rename(kept.with_name(f"mosquitto.db.unreadable-{datetime.now(UTC):%Y%m%dT%H%M%S}"))
        return _ensure(program, folder, settings, former, sparkplug=sparkplug)


class _UnreadableError(StackError):
    """The broker ended by itself."""


def _ensure(
    program: Path, folder: DataFolder, settings: str, former: str, *, sparkplug: bool
) -> bool:
    with tempfile.TemporaryDirectory(prefix="hypervisor-") as name:  # a socket's path is short
        private = Path(name)
        folder.account.own(private)
        door = private / "door"
        file = folder.broker / "session.conf"
        folder.write(file, f"{settings}\nlistener 0 {door}\nallow_anonymous true\n")
        log = folder.log("broker")
        child = spawn([program, "-c", file], account=folder.account, log=log)
        try:
            # One message at a time: else the whole queue would come before any answer.
            with _connect(door, SESSION, lambda: _check_running(child, log), at_once=1) as ingest:
                made = not ingest.session_kept
                ingest.subscribe(SUBSCRIPTIONS)
                ingest.publish(PRESENCE, b"", retain=True)  # clears what an earlier run retained
                ingest.publish(BROKER_START, secrets.token_hex(8).encode(), retain=True)
                if made:
                    ingest.publish(SESSION_MADE, datetime.now(UTC).isoformat().encode())
            with _connect(door, former, lambda: _check_running(child, log)) as old:
                old.move_on()
            if sparkplug:
                bridge = _connect(
                    door, SPARKPLUG, lambda: _check_running(child, log), at_once=1, user=SPARKPLUG
                )
                with bridge as connection:
                    connection.subscribe(SPARKPLUG_TOPICS)
        finally:
            saved = stop(child, seconds=_SAVE_SECONDS)
        if not saved:
            raise StackError(f"the broker did not save its queues within {_SAVE_SECONDS:.0f} s")
    return made


def _check_running(child: subprocess.Popen[bytes], log: Path) -> None:
    if child.poll() is not None:
        raise _UnreadableError(last_lines(log))


class _Connection:
    """A connection under the client id `name`, without a thread; its session outlives it."""

    def __init__(
        self, door: Path, name: str, check: Callable[[], None], *, at_once: int, user: str
    ) -> None:
        self._at_once = at_once
        self.session_kept = False
        self._check = check
        self._door = door
        self._connected = False
        self._forget = False
        self._answered: set[int] = set()
        self._moving: dict[int, int] = {}  # message identifier sent -> the one received
        self._received: list[MQTTMessage] = []
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            protocol=MQTTv5,
            transport="unix",
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.username_pw_set(user)  # whose access list applies to the session later
        client.max_inflight_messages_set(0)
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *event: self._answered.add(event[2])
        client.on_unsubscribe = lambda *event: self._answered.add(event[2])
        client.on_publish = lambda *event: self._on_publish(event[2])
        client.on_message = lambda *event: self._received.append(event[2])
        self._client = client

    def _on_connect(self, *event: object) -> None:
        self.session_kept = bool(getattr(event[2], "session_present", False))
        self._connected = True

    def _on_publish(self, mid: int) -> None:
        self._answered.add(mid)
        received = self._moving.pop(mid, None)
        if received is not None:
            self._client.ack(received, 1)

    def open(self) -> None:
        options = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        options.SessionExpiryInterval = _FOREVER
        options.ReceiveMaximum = self._at_once
        end = time.monotonic() + _SECONDS
        while not _is_open(self._door):
            self._check()
            if time.monotonic() > end:
                raise StackError(f"the broker did not answer within {_SECONDS:.0f} s")
            time.sleep(0.005)
        self._client.connect(str(self._door), clean_start=False, properties=options)
        self._until(lambda: self._connected)

    def close(self) -> None:
        options = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
        options.SessionExpiryInterval = 0 if self._forget else _FOREVER
        self._client.disconnect(properties=options)
        while self._client.want_write():
            self._client.loop_write()

    def subscribe(self, topics: tuple[str, ...]) -> None:
        _, mid = self._client.subscribe([(topic, 1) for topic in topics])
        self._until(lambda: mid in self._answered)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        mid = self._client.publish(topic, payload, qos=1, retain=retain).mid
        self._until(lambda: mid in self._answered)

    def move_on(self) -> None:
        """Republish the session's queue into ours, then drop the session.

        A marker behind the queue shows its end. If we are killed meanwhile, it is done again.
        """
        if self.session_kept:
            old = (*SUBSCRIPTIONS, *(f"$share/ingest/{topic}" for topic in SUBSCRIPTIONS))
            _, mid = self._client.unsubscribe(list(old))
            self._until(lambda: mid in self._answered)
            self.subscribe((_MARK,))
            self.publish(_MARK, b"")
            self._until(self._is_moved)
        self._forget = True

    def _is_moved(self) -> bool:
        """Whether the marker came back and everything before it is in our queue."""
        received, self._received = self._received, []
        marked = False
        for message in received:
            if message.topic == _MARK:
                marked = True
                continue
            sent = self._client.publish(
                message.topic, message.payload, qos=1, properties=_stamps(message)
            )
            self._moving[sent.mid] = message.mid
        if marked:
            self._until(lambda: not self._moving)
        return marked

    def _until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + _SECONDS
        while not done():
            self._client.loop(0.05)
            self._check()
            if time.monotonic() > end:
                raise StackError(f"the broker did not answer within {_SECONDS:.0f} s")


def _is_open(door: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as knock:
        return knock.connect_ex(str(door)) == 0


def _stamps(message: MQTTMessage) -> Properties | None:
    """The scenario's time, which the player puts on a message."""
    pairs = getattr(message.properties, "UserProperty", None)
    if not pairs:
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = pairs
    return properties


@contextmanager
def _connect(
    door: Path,
    name: str,
    check: Callable[[], None],
    *,
    at_once: int = 65_535,
    user: str = SESSION,
) -> Iterator[_Connection]:
    connection = _Connection(door, name, check, at_once=at_once, user=user)
    connection.open()
    yield connection
    connection.close()
