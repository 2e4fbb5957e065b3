"""The bench's messages: the same for all kinds, encoded before the clock starts."""

import base64
import struct
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

DEVICES = 100
_IN_FLOOD = 20  # one device in twenty
QUANTITIES = ("level", "discharge", "battery", "basin_fill")
PUBLISH, QOS_1 = 0x30, 0x02
NATIVE, LORAWAN = "native", "lorawan-js"
GATEWAY = "bench-lora"


@dataclass(frozen=True, kw_only=True)
class Load:
    """`messages` with `rows` readings each, a device's every `step` (s) from `base` (s) on.

    A few sites are in flood, some cross their thresholds, most are calm.

    `form`: native JSON, or ChirpStack uplinks of six bytes that a script decodes (four readings).
    """

    messages: int
    rows: int
    base: int
    form: str = NATIVE
    step: int = 1

    def packet(self, number: int) -> bytes:
        """Message `number` as an MQTT 3.1.1 PUBLISH of QoS 1."""
        return encoded(self._topic(number % DEVICES), self._payload(number), number)

    def _topic(self, place: int) -> str:
        if self.form == NATIVE:
            return f"devices/{device(place)}/readings"
        return f"gateways/{GATEWAY}/application/1/device/{address(place)}/event/up"

    def _payload(self, number: int) -> bytes:
        time = datetime.fromtimestamp(self.base + number // DEVICES * self.step, UTC)
        if self.form == LORAWAN:
            return _uplink(time, number)
        second, where = divmod(number, DEVICES)
        height = 3.2 if where % _IN_FLOOD == 0 else 1.0
        values = ",".join(
            f'"{name}":{height + place + abs(second % 200 - 100) / 1000:.3f}'
            for place, name in enumerate(QUANTITIES[: self.rows])
        )
        return f'{{"time":"{time:%Y-%m-%dT%H:%M:%SZ}","values":{{{values}}}}}'.encode()


def encoded(topic: str, payload: bytes, number: int) -> bytes:
    """An MQTT 3.1.1 PUBLISH of QoS 1; `number` gives its packet id."""
    name = topic.encode()
    mid = struct.pack("!H", number % 65_535 + 1)
    body = struct.pack("!H", len(name)) + name + mid + payload
    return bytes([PUBLISH | QOS_1]) + _length(len(body)) + body


def say(line: str) -> None:
    """Print a line for the measuring process."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def device(number: int) -> str:
    return f"bench-{number:03d}"


def address(number: int) -> str:
    """A device's address at the bench's network server."""
    return f"b0b0b0b0{number:08x}"


def _uplink(time: datetime, number: int) -> bytes:
    """One uplink in the form of a network server."""
    frame = struct.pack("!HBHB", number % 977 // 100, number % 90, number % 977, number % 100)
    return (
        '{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d",'
        f'"time":"{time:%Y-%m-%dT%H:%M:%SZ}","deviceInfo":{{"tenantName":"bench",'
        f'"applicationId":"1","devEui":"{address(number % DEVICES)}"}},"devAddr":"00189440",'
        f'"dr":5,"fCnt":{number},"fPort":3,"data":"{base64.b64encode(frame).decode()}",'
        '"rxInfo":[{"gatewayId":"0016c001f153a14c","rssi":-48,"snr":9.5}]}'
    ).encode()


def _length(size: int) -> bytes:
    out = bytearray()
    while True:
        size, byte = divmod(size, 128)
        out.append(byte | (128 if size else 0))
        if not size:
            return bytes(out)
