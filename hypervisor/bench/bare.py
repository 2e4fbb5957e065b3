"""The bare loop that ingest is measured against: as fast as we can write it, and nothing checked.

paho with manual acknowledgement → the JSON decoded → binary COPY to a temporary table → INSERT …
ON CONFLICT DO NOTHING → commit → acknowledge. No check, no registry, no feed, no heartbeat. It
reads the socket in large pieces, acknowledges a batch in one write and receives while it stores,
as ingest does, so that what is measured is what ingest does beyond.
"""

import select
import threading
import time
from array import array
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from socket import socketpair
from typing import Any

import msgspec
import numpy as np
from paho.mqtt.client import MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from hypervisor.base.settings import Settings
from hypervisor.database.connect import connect
from hypervisor.readings import queries as reading_queries
from ingest.client import BufferedClient
from ingest.message import Envelope
from ingest.topics import READINGS
from sensors._row import ROW, Rows

Series = Mapping[str, Mapping[str, int]]  # topic -> quantity -> series
Message = tuple[str, bytes, int]

_decode = msgspec.json.Decoder(Envelope).decode


class BareStore:
    """Rows into the table, as fast as ingest's own way of it."""

    def __init__(self, url: str, series: Series, on_stored: Callable[[Rows], None]) -> None:
        self._connection = connect(url)
        self._series, self._told = series, on_stored
        reading_queries.create_staging_tables(self._connection)
        self._connection.commit()

    def __call__(self, batch: list[Message]) -> int:
        """Store a batch; how many rows it had."""
        rows = self._rows(batch)
        reading_queries.insert_new(self._connection, rows)
        self._connection.commit()
        self._told(rows)
        return len(rows)

    def _rows(self, batch: list[Message]) -> Rows:
        series: array[int] = array("i")
        values: list[float | bool | None] = []
        times, sizes = [], []
        for topic, payload, _ in batch:
            quantities = self._series.get(topic)
            if quantities is None:  # a heartbeat left over in the session that ingest had before us
                continue
            envelope = _decode(payload)
            series.extend([quantities[name] for name in envelope.values])
            values.extend(envelope.values.values())
            times.append(envelope.time.timestamp())
            sizes.append(len(envelope.values))
        rows = np.empty(len(series), dtype=ROW)
        rows["series"] = np.frombuffer(series, dtype=np.intc)
        rows["value"] = np.array(values, dtype=np.float64)
        rows["time"] = np.repeat(np.rint(np.array(times) * 1e6).astype(np.int64), sizes)
        rows["received"] = time.time_ns() // 1000
        rows["quality"] = 0
        return rows[np.lexsort((rows["time"], rows["series"]))]


class BareLoop:
    """One loop: receive, have it stored, acknowledge."""

    def __init__(self, settings: Settings, store: BareStore) -> None:
        self._settings, self._store = settings, store
        self._got: list[Message] = []
        self._rows_a_message = 1.0
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id=settings.broker_account("session"),
            clean_session=False,
            protocol=MQTTv311,
            manual_ack=True,
        )
        client.username_pw_set(settings.broker_account("session"), settings.broker_password)
        client.on_message = self._on_message
        client.connect(settings.broker_host, settings.parts_port)
        while not client.is_connected():
            client.loop(1.0)
        client.subscribe(READINGS, qos=1)
        self._client = client

    def _on_message(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        self._got.append((message.topic, bytes(message.payload), message.mid))

    def _take(self, topic: bytes, payload: bytes, mid: int, _again: bool) -> None:  # noqa: FBT001  as ingest.client calls it
        self._got.append((topic.decode(), payload, mid))

    def run(self, stopping: Callable[[], bool]) -> None:
        """Receive the next messages while a thread stores the last."""
        given: SimpleQueue[list[Message]] = SimpleQueue()
        done: SimpleQueue[list[Message]] = SimpleQueue()
        bell, ear = socketpair()

        def work() -> None:
            while True:
                batch = given.get()
                self._rows_a_message = max(1.0, self._store(batch) / len(batch))
                done.put(batch)
                bell.send(b"\0")

        threading.Thread(target=work, daemon=True).start()
        stored, either = select.poll(), select.poll()
        stored.register(ear, select.POLLIN)
        either.register(ear, select.POLLIN)
        either.register(self._client.socket(), select.POLLIN)  # type: ignore[arg-type]
        busy, since = False, 0.0
        while not stopping():
            room = int(self._settings.batch_rows / self._rows_a_message) - len(self._got)
            if busy and self._got:
                stored.poll(1 if room > 0 else 200)
            elif self._got:
                stored.poll(max(0.0, since + self._settings.batch_seconds - time.monotonic()) * 1e3)
            elif not self._client.buffered:
                either.poll(200)
            if busy and not done.empty():
                ear.recv(16)
                self._client.acknowledge([mid for _, _, mid in done.get_nowait()])
                busy = False
            if room > 0:
                self._client.read(self._take, room)
            now = time.monotonic()
            since = (since or now) if self._got else 0.0
            full = room <= 0 or now - since >= self._settings.batch_seconds
            if self._got and full and not busy:
                given.put(self._got)
                self._got, busy, since = [], True, 0.0
            self._client.loop_misc()
        self._client.disconnect()
