"""The bridge: reads `spBv1.0/…`, and republishes it as SenML below each node's gateway topics.

A message is acknowledged after what it became is: readings by the broker, which queues them for
ingest, dead letters by the database. What the broker sends again is known by the certificates,
which are saved in between.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from hypervisor.base.failures import describe_failure
from hypervisor.base.settings import Settings
from hypervisor.broker.folder import DataFolder
from hypervisor.broker.passwords import SPARKPLUG_STATE, SPARKPLUG_TOPICS
from hypervisor.broker.server_account import server_account
from hypervisor.database import locks
from hypervisor.database.connect import Connection, connect
from hypervisor.database.locks import Lock
from hypervisor.database.worker import keep_working
from hypervisor.readings import queries_dead_letters
from hypervisor.sparkplug.edge_node import (
    ROOT,
    Certificates,
    EdgeNode,
    Outcome,
    Topic,
    parse_topic,
)
from hypervisor.sparkplug.payload import encode_rebirth
from ingest.decode import LARGEST
from ingest.letters import make_dead_letters
from ingest.message import Arrival, Reason, Refused
from ingest.reply import unusable

_BATCH = 100  # messages acknowledged together
_PACK = 1_000  # records of a pack: well below what ingest reads
_PATIENCE = 30.0  # s for the broker to acknowledge
_RETRY = 1.0  # s
_CHECK_SECONDS = 2.0  # between two looks whether the lock is still ours
_REBIRTH_SECONDS = 10.0  # between two requests to a node

log = logging.getLogger(__name__)


def run(settings: Settings, *, stopping: Callable[[], bool]) -> None:
    """Bridge until stopped; a lost broker or database is waited for, a second bridge stands by."""
    folder = DataFolder(root=settings.data, account=server_account())
    kept = folder.folder(settings.data / "sparkplug")
    requested: dict[str, float] = {}

    def work(connection: Connection) -> None:
        if not locks.stand_by(connection, Lock.SPARKPLUG, stopping, log.warning):
            return
        ends = _end_without(connection, stopping)
        while not ends():
            bridge = _Bridge(settings=settings, folder=folder, kept=kept, requested=requested)
            try:
                bridge.serve(ends)
            except OSError as error:
                log.warning("the bridge starts again: %s", error)
                time.sleep(_RETRY)

    keep_working("the bridge", settings.database_url, work, stopping=stopping, say=log.warning)


def _end_without(connection: Connection, stopping: Callable[[], bool]) -> Callable[[], bool]:
    """`stopping`, which raises StoreError once the connection, and so the lock, is lost."""
    checked = time.monotonic()

    def ends() -> bool:
        nonlocal checked
        if time.monotonic() - checked > _CHECK_SECONDS:
            locks.is_held(connection, Lock.SPARKPLUG)
            checked = time.monotonic()
        return stopping()

    return ends


@dataclass(kw_only=True)
class _Bridge:
    """One connection. What it did not acknowledge the broker sends to the next one."""

    settings: Settings
    folder: DataFolder
    kept: Path
    requested: dict[str, float]  # node -> when its rebirth was asked for
    _received: list[MQTTMessage] = field(default_factory=list)
    _nodes: dict[str, EdgeNode] = field(default_factory=dict)
    _sent: set[int] = field(default_factory=set)  # not acknowledged yet
    _refused: list[Refused] = field(default_factory=list)
    _done: list[MQTTMessage] = field(default_factory=list)  # to be acknowledged
    _changed: set[str] = field(default_factory=set)

    def serve(self, stopping: Callable[[], bool]) -> None:
        """Raises OSError or StoreError: the broker or the database is away."""
        self._client = client = self._make_client()
        client.connect(self.settings.broker_host, self.settings.parts_port)
        while not stopping():
            self._turn(0.2)
            while self._received:
                count = len(self._received)
                self._turn(0.002)
                if len(self._received) == count or count >= _BATCH:
                    self._work()
        self._publish_state(online=False)
        self._flush()
        client.disconnect()

    def _make_client(self) -> Client:
        user = self.settings.broker_account("sparkplug")
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=user,
            clean_session=False,
            protocol=MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.username_pw_set(user, self.settings.broker_password)
        client.max_inflight_messages_set(0)
        client.will_set(SPARKPLUG_STATE, _make_state(online=False), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_message = lambda _, __, message: self._received.append(message)
        client.on_publish = lambda _, __, mid, *___: self._sent.discard(mid)
        return client

    def _on_connect(self, client: Client, _data: Any, _flags: Any, reason: Any, _: Any) -> None:
        if reason.is_failure:
            log.error("the broker refuses the bridge: %s", reason)
            return
        client.subscribe([(topic, 1) for topic in SPARKPLUG_TOPICS])
        self._publish_state(online=True)

    def _publish_state(self, *, online: bool) -> None:
        """Nodes that have us as their primary host keep what they measure while we are away."""
        self._publish(SPARKPLUG_STATE, _make_state(online=online), retain=True)

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._sent.add(self._client.publish(topic, payload, qos=1, retain=retain).mid)

    def _turn(self, seconds: float) -> None:
        code = self._client.loop(seconds)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ConnectionError(f"broker: {code.name}")

    def _work(self) -> None:
        """Republish what has come, and acknowledge it."""
        received, self._received = self._received, []
        for message in received:
            topic = None if message.retain else _read_topic(message)
            if topic is not None:
                if topic.changes_session:
                    self._flush()  # what came before it must not be read by it
                self._take(topic, message)
            self._done.append(message)
        self._flush()

    def _take(self, topic: Topic, message: MQTTMessage) -> None:
        """Read a message, and publish what it becomes; if that fails, it is a dead letter.

        Raises OSError: the node's certificates cannot be read, or the broker is gone.
        """
        arrival = Arrival(
            topic=message.topic,
            payload=bytes(message.payload),
            received_at=time.time_ns() // 1000,
            again=message.dup,
        )
        try:
            outcome = self._node(topic.node).receive(topic, arrival)
            self._changed.add(topic.node)
            self._republish(topic.node, outcome)
        except OSError:
            raise
        except Exception as error:  # without this the broker would send it again for ever
            log.exception("a message of %s cannot be taken", topic.node)
            problem = unusable(Reason.BAD_PAYLOAD, "{problem}", describe_failure(error))
            self._refused.append(problem.refusal.of(arrival))
            return
        if outcome.rebirth:
            self._ask_rebirth(topic.group, topic.node)

    def _republish(self, node: str, outcome: Outcome) -> None:
        for start in range(0, len(outcome.records), _PACK):
            pack = outcome.records[start : start + _PACK]
            self._publish(f"gateways/{node}/senml", msgspec.json.encode(pack))
        self._refused.extend(outcome.refused)

    def _flush(self) -> None:
        """Have what was made acknowledged and kept; then acknowledge what it was made of."""
        end = time.monotonic() + _PATIENCE
        while self._sent:
            self._turn(0.05)
            if time.monotonic() > end:
                raise ConnectionError(f"broker: no acknowledgement within {_PATIENCE:.0f} s")
        if self._refused:
            self._store_letters(self._refused)
            self._refused = []
        for name in self._changed:
            certificates = msgspec.json.encode(self._nodes[name].certificates).decode()
            self.folder.write(self.kept / f"{name}.json", certificates)
        self._changed.clear()
        for message in self._done:
            if message.qos:
                self._client.ack(message.mid, message.qos)
        self._done.clear()

    def _store_letters(self, refused: Iterable[Refused]) -> None:
        letters = make_dead_letters(refused, largest=LARGEST)
        with connect(self.settings.database_url) as connection:
            queries_dead_letters.store_letters(connection, letters, "sparkplug")
            connection.commit()

    def _node(self, name: str) -> EdgeNode:
        if name not in self._nodes:
            self._nodes[name] = EdgeNode(_read_certificates(self.kept / f"{name}.json"))
        return self._nodes[name]

    def _ask_rebirth(self, group: str, node: str) -> None:
        now = time.monotonic()
        if now - self.requested.get(node, -_REBIRTH_SECONDS) < _REBIRTH_SECONDS:
            return
        self.requested[node] = now
        log.warning("%s: birth certificates asked for", node)
        command = encode_rebirth(time.time_ns() // 1_000_000)
        self._client.publish(f"{ROOT}/{group}/NCMD/{node}", command)


def _read_topic(message: MQTTMessage) -> Topic | None:
    """None: it is no topic of an edge node's data, or no text."""
    try:
        return parse_topic(message.topic)
    except UnicodeDecodeError:
        return None


def _make_state(*, online: bool) -> bytes:
    return msgspec.json.encode({"online": online, "timestamp": time.time_ns() // 1_000_000})


def _read_certificates(file: Path) -> Certificates | None:
    """None: there is none, or it cannot be read; the node is asked for its birth then."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Certificates)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        log.warning("%s: %s", file, error)
        return None
