"""The client's short cut gives the same messages as paho's own way, however the bytes are cut."""

import random
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from ingest.client import BufferedClient

Message = tuple[bytes, bytes, int, bool]


def packet(topic: bytes, payload: bytes, mid: int, *, dup: bool = False, qos: int = 1) -> bytes:
    body = struct.pack("!H", len(topic)) + topic
    body += (struct.pack("!H", mid) if qos else b"") + payload
    size, length = len(body), bytearray()
    while True:
        size, byte = divmod(size, 128)
        length.append(byte | (128 if size else 0))
        if not size:
            break
    return bytes([0x30 | qos << 1 | dup << 3]) + bytes(length) + body


MESSAGES: list[Message] = [
    (b"t", b"", 1, False),
    (b"devices/g/readings", b'{"a":1}', 65_535, True),
    *((b"devices/x/readings", b"x" * size, size + 1, False) for size in range(90, 130)),
    *((b"devices/y/readings", b"y" * size, size, False) for size in range(16_350, 16_390, 3)),
    (b"devices/z/readings", b"z" * 300_000, 7, False),
    (b"devices/g/readings", b"last", 8, False),
]


def receive(stream: bytes, cut: Callable[[], int], most: int) -> list[Message]:
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    theirs.settimeout(0)
    client = BufferedClient(
        CallbackAPIVersion.VERSION2,
        client_id="x",
        clean_session=False,
        protocol=MQTTv311,
        manual_ack=True,
    )
    client._sock = ours  # noqa: SLF001  connected without a broker
    got: list[Message] = []

    def on_message(_client: Client, _data: object, message: MQTTMessage) -> None:
        got.append((message.topic.encode(), bytes(message.payload), message.mid, message.dup))

    def take(topic: bytes, payload: bytes, mid: int, again: bool) -> None:  # noqa: FBT001
        got.append((topic, payload, mid, again))

    client.on_message = on_message
    start = 0
    while start < len(stream) or client.buffered:
        with suppress(BlockingIOError):
            start += theirs.send(stream[start : start + cut()])
        before = len(got)
        client.read(take, most)
        assert len(got) - before <= most
    for _ in range(len(MESSAGES)):
        client.read(take, most)
    client._sock = None  # noqa: SLF001
    ours.close()
    theirs.close()
    return got


@pytest.mark.parametrize("seed", range(4))
def test_however_it_is_cut(seed: int) -> None:
    chance = random.Random(seed)
    stream = b"".join(packet(topic, body, mid, dup=dup) for topic, body, mid, dup in MESSAGES)
    sizes = [1, 3, 50, 2_000, 100_000] if seed else [100_000]
    assert receive(stream, lambda: chance.choice(sizes[1:] or sizes), 5 + seed * 100) == MESSAGES


def test_other_qualities_of_service_go_the_other_way() -> None:
    stream = packet(b"t", b"zero", 0, qos=0) + packet(b"t", b"one", 1) + packet(b"t", b"", 0, qos=0)
    assert receive(stream, lambda: 1_000, 10) == [
        (b"t", b"zero", 0, False),
        (b"t", b"one", 1, False),
        (b"t", b"", 0, False),
    ]


def test_many_acknowledgements_in_one_write() -> None:
    client = BufferedClient(CallbackAPIVersion.VERSION2, protocol=MQTTv311, manual_ack=True)
    ours, theirs = socket.socketpair()
    client._sock = ours  # noqa: SLF001
    client.acknowledge([1, 258, 65_535])
    assert theirs.recv(100) == b"\x40\x02\x00\x01\x40\x02\x01\x02\x40\x02\xff\xff"
    client._sock = None  # noqa: SLF001
    ours.close()
    theirs.close()
