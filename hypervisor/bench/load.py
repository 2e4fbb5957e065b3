"""What the bench publishes: the same messages for everyone, encoded before the clock runs."""

import struct
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

DEVICES = 100
QUANTITIES = ("level", "discharge", "battery", "basin_fill")
PUBLISH, QOS_1 = 0x30, 0x02


@dataclass(frozen=True, kw_only=True)
class Load:
    """`messages` with `rows` readings each, every one of a time of its own from `base` (s) on."""

    messages: int
    rows: int
    base: int

    def packet(self, number: int) -> bytes:
        """Message `number` as an MQTT 3.1.1 PUBLISH of QoS 1."""
        topic = f"devices/{device(number % DEVICES)}/readings".encode()
        mid = struct.pack("!H", number % 65_535 + 1)
        body = struct.pack("!H", len(topic)) + topic + mid + self._payload(number)
        return bytes([PUBLISH | QOS_1]) + _length(len(body)) + body

    def _payload(self, number: int) -> bytes:
        time = datetime.fromtimestamp(self.base + number // DEVICES, UTC)
        values = ",".join(
            f'"{name}":{(number % 977) / 100 + place:.3f}'
            for place, name in enumerate(QUANTITIES[: self.rows])
        )
        return f'{{"time":"{time:%Y-%m-%dT%H:%M:%SZ}","values":{{{values}}}}}'.encode()


def say(line: str) -> None:
    """Tell the process that measures."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def device(number: int) -> str:
    return f"bench-{number:03d}"


def _length(size: int) -> bytes:
    out = bytearray()
    while True:
        size, byte = divmod(size, 128)
        out.append(byte | (128 if size else 0))
        if not size:
            return bytes(out)
