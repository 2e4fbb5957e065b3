"""Devices that publish at QoS 1 and count by hand what the broker acknowledges.

It shares no code with the hypervisor: MQTT 3.1.1 is written and read here, byte by byte.
"""

import asyncio
import itertools
import json
import math
import random
import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

WINDOW = 200  # messages of a device that wait for their acknowledgement
STEP = timedelta(seconds=30)  # of measuring, from one message of a device to its next
PERIOD = 1200  # messages from one flood to the next
RETRY_SECONDS = 0.2
SILENCE_SECONDS = 15.0  # without an acknowledgement, after which a device connects again
_PUBACK, _CONNACK = 0x40, 0x20


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """A device, its account's password and the levels (m) between which its river swings."""

    name: str
    password: str
    low: float
    high: float
    period: int = PERIOD

    def level(self, number: int) -> float:
        """The level (m, to the millimetre) that message `number` tells: floods, and some noise."""
        noise = random.Random(f"{self.name}/{number}").uniform(-0.02, 0.02)
        share = 0.5 - 0.5 * math.cos(2 * math.pi * number / self.period)
        return round(self.low + (self.high - self.low) * share + noise, 3)


@dataclass(kw_only=True)
class Sent:
    """What became of a device's messages. `acknowledged`: number -> when (s since the epoch)."""

    count: int = 0
    acknowledged: dict[int, float] = field(default_factory=dict)


@dataclass(kw_only=True)
class Publisher:
    """All devices, each on a connection of its own, in one thread. `rate`: messages/s in all.

    Of several `hosts` a device that is cut off takes the next; `silence`: when it thinks it is.
    """

    port: int
    gauges: Mapping[str, Gauge]
    rate: float
    begins: datetime  # the time of measuring of each device's first message
    hosts: Sequence[str] = ("127.0.0.1",)
    silence: float = SILENCE_SECONDS
    began: float = 0.0  # on the monotonic clock
    sent: dict[str, Sent] = field(init=False)
    connections: int = 0
    _ending: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self.sent = {name: Sent() for name in self.gauges}
        self.began = time.monotonic()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()

    def finish(self, *, seconds: float) -> bool:
        """Measure no more; whether all that was sent is acknowledged within `seconds`."""
        self._ending.set()
        assert self._thread is not None
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def measured_at(self, number: int) -> datetime:
        return self.begins + number * STEP

    def due_at(self, number: int) -> float:
        """When a device measures it and would send it, on the monotonic clock."""
        return self.began + (number + 1) * len(self.gauges) / self.rate

    @property
    def acknowledged(self) -> int:
        return sum(len(sent.acknowledged) for sent in self.sent.values())

    async def _run(self) -> None:
        await asyncio.gather(
            *(self._device(gauge, first) for first, gauge in enumerate(self.gauges.values()))
        )

    async def _device(self, gauge: Gauge, first: int) -> None:
        """Connect again and again, until all that was sent is acknowledged."""
        unacknowledged: OrderedDict[int, int] = OrderedDict()  # message identifier -> number
        shift = first % len(self.hosts)
        hosts = itertools.cycle([*self.hosts[shift:], *self.hosts[:shift]])
        while not self._ending.is_set() or unacknowledged:
            with suppress(OSError, asyncio.IncompleteReadError):
                async with asyncio.timeout(self.silence):
                    reader, writer = await asyncio.open_connection(next(hosts), self.port)
                try:
                    await self._converse(gauge, unacknowledged, reader, writer)
                finally:
                    writer.close()
            await asyncio.sleep(RETRY_SECONDS)

    async def _converse(
        self,
        gauge: Gauge,
        unacknowledged: OrderedDict[int, int],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Publish what is due on one connection; first again all that was not acknowledged."""
        sent = self.sent[gauge.name]
        writer.write(_connect(gauge))
        async with asyncio.timeout(self.silence):
            if await _packet(reader) != (_CONNACK, b"\0\0"):
                return
        self.connections += 1
        for mid, number in unacknowledged.items():
            writer.write(self._publish(gauge, mid, number, again=True))
        hearing = asyncio.create_task(_acknowledge(reader, unacknowledged, sent))
        heard, before = time.monotonic(), -1
        try:
            while not hearing.done() and time.monotonic() - heard < self.silence:
                due = int((time.monotonic() - self.began) * self.rate / len(self.gauges))
                while (
                    sent.count < due and len(unacknowledged) < WINDOW and not self._ending.is_set()
                ):
                    mid = sent.count % 65_535 + 1
                    unacknowledged[mid] = sent.count
                    writer.write(self._publish(gauge, mid, sent.count))
                    sent.count += 1
                if self._ending.is_set() and not unacknowledged:
                    return
                await asyncio.sleep(0.02)
                if len(sent.acknowledged) != before or not unacknowledged:
                    heard, before = time.monotonic(), len(sent.acknowledged)
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)

    def _publish(self, gauge: Gauge, mid: int, number: int, *, again: bool = False) -> bytes:
        at = self.measured_at(number).astimezone(UTC).isoformat()
        body = json.dumps({"time": at, "values": {"level": gauge.level(number)}}).encode()
        head = 0x32 | (0x08 if again else 0)
        topic = _text(f"devices/{gauge.name}/readings")
        return _framed(head, topic + struct.pack("!H", mid) + body)


async def _acknowledge(
    reader: asyncio.StreamReader, unacknowledged: OrderedDict[int, int], sent: Sent
) -> None:
    while True:
        kind, body = await _packet(reader)
        if kind != _PUBACK:
            continue
        number = unacknowledged.pop(struct.unpack("!H", body[:2])[0], None)
        if number is not None:
            sent.acknowledged[number] = time.time()


def _connect(gauge: Gauge) -> bytes:
    flags = 0xC2  # user name, password, clean session
    head = _text("MQTT") + bytes([4, flags]) + struct.pack("!H", 60)
    return _framed(0x10, head + _text(gauge.name) + _text(gauge.name) + _text(gauge.password))


def _text(words: str) -> bytes:
    raw = words.encode()
    return struct.pack("!H", len(raw)) + raw


def _framed(head: int, body: bytes) -> bytes:
    """A packet of fewer than 16,384 bytes."""
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return bytes([head]) + length + body


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The next packet's kind and body."""
    head = (await reader.readexactly(1))[0]
    size, shift = 0, 0
    while True:
        digit = (await reader.readexactly(1))[0]
        size |= (digit & 127) << shift
        shift += 7
        if not digit & 128:
            break
    return head & 0xF0, await reader.readexactly(size)
