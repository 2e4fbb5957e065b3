"""What the bench publishes: the same messages for everyone, encoded before the clock runs."""

import base64
import struct
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

DEVICES = 100
_IN_FLOOD = 20  # every so manieth of them
QUANTITIES = ("level", "discharge", "battery", "basin_fill")
PUBLISH, QOS_1 = 0x30, 0x02
NATIVE, LORAWAN = "native", "lorawan-js"
GATEWAY = "bench-lora"


@dataclass(frozen=True, kw_only=True)
class Load:
    """`messages` with `rows` readings each, every one of a time of its own from `base` (s) on.

    A few sites are in flood, and some cross their thresholds; most are as they are all year.

    `form`: native JSON, or ChirpStack uplinks of six bytes that a script decodes (four readings).
    """

    messages: int
    rows: int
    base: int
    form: str = NATIVE

    def packet(self, number: int) -> bytes:
        """Message `number` as an MQTT 3.1.1 PUBLISH of QoS 1."""
        return encoded(self._topic(number % DEVICES), self._payload(number), number)

    def _topic(self, place: int) -> str:
        if self.form == NATIVE:
            return f"devices/{device(place)}/readings"
        return f"gateways/{GATEWAY}/application/1/device/{address(place)}/event/up"

    def _payload(self, number: int) -> bytes:
        time = datetime.fromtimestamp(self.base + number // DEVICES, UTC)
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
    """A PUBLISH of QoS 1 of MQTT 3.1.1, the so-manyth of its session."""
    name = topic.encode()
    mid = struct.pack("!H", number % 65_535 + 1)
    body = struct.pack("!H", len(name)) + name + mid + payload
    return bytes([PUBLISH | QOS_1]) + _length(len(body)) + body


def say(line: str) -> None:
    """Tell the process that measures."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def device(number: int) -> str:
    return f"bench-{number:03d}"


def address(number: int) -> str:
    """What the bench's network server calls a device."""
    return f"b0b0b0b0{number:08x}"


def _uplink(time: datetime, number: int) -> bytes:
    """About what a network server says of one uplink."""
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
