"""The publishing process of the bench: `python -m hypervisor.bench.publisher`, orders on stdin.

It speaks MQTT 3.1.1 on a bare socket, since paho would be the slowest part of the measurement, and
reads every acknowledgement. It answers with one line when the broker has acknowledged all.
"""

import json
import socket
import struct
import sys
import threading
import time

import numpy as np
from numpy.typing import NDArray

from hypervisor.bench.load import Load, say

_SLICE = 0.001  # seconds between two writes at a given rate
_AHEAD = 20_000  # messages sent and not acknowledged, at most
_BULK = 500  # messages a write, at full speed
_PATIENCE = 10.0  # s for the broker to let us in
_ACK = 4  # bytes of a PUBACK


class Session:
    """A connection that counts its acknowledgements."""

    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        self.acknowledged = 0
        self._socket = socket.create_connection((host, port), _PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        texts = b"".join(
            struct.pack("!H", len(part)) + part
            for part in (b"bench-publisher", user.encode(), password.encode())
        )
        body = b"\x00\x04MQTT\x04\xc2\x00\x00" + texts
        self._socket.sendall(b"\x10" + bytes([len(body)]) + body)
        answer = self._socket.recv(4)
        if answer != b"\x20\x02\x00\x00":
            raise ConnectionError(f"the broker refuses the publisher: {answer!r}")
        self._socket.settimeout(None)
        self.send = self._socket.sendall
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        received = 0
        while data := self._socket.recv(65_536):
            received += len(data)
            self.acknowledged = received // _ACK

    def await_acknowledged(self, messages: int) -> None:
        while self.acknowledged < messages:
            time.sleep(0.0005)


def publish(session: Session, packets: list[bytes], rate: float | None) -> NDArray[np.float64]:
    """Send all packets, `rate` a second or as fast as the broker takes them; when each was sent."""
    sent = np.empty(len(packets))
    start = time.monotonic()
    done = 0
    while done < len(packets):
        if rate is None:
            upto = min(done + _BULK, len(packets))
            session.await_acknowledged(done - _AHEAD)
        else:
            upto = min(int((time.monotonic() - start) * rate) + 1, len(packets))
            if upto == done:
                time.sleep(_SLICE)
                continue
        now = time.monotonic()
        session.send(b"".join(packets[done:upto]))
        sent[done:upto] = now
        done = upto
    session.await_acknowledged(len(packets))
    return sent


def main() -> None:
    """Take one order a line: encode, print `ready`, wait for a line, publish, print the seconds."""
    for line in sys.stdin:
        order = json.loads(line)
        load = Load(**order["load"])
        packets = [load.packet(number) for number in range(load.messages)]
        session = Session(*order["broker"])
        say("ready")
        sys.stdin.readline()
        start = time.monotonic()
        sent = publish(session, packets, order["rate"])
        np.save(order["file"], sent)
        say(json.dumps(time.monotonic() - start))


if __name__ == "__main__":
    main()
