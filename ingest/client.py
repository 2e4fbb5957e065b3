"""paho's client, which reads and acknowledges many messages at once.

paho receives each packet in three reads of the socket, takes it through a dozen calls, and sends
each acknowledgement by itself: 17 µs of our time a message. Here the socket is read in large
pieces, the publications that lie whole in such a piece are cut out of it in one loop, and a batch
is acknowledged in one write: 2 µs. Whatever else comes (other packets, other qualities of service,
MQTT 5, a packet cut in two by the end of a piece) goes paho's own way.

This stands on three methods that paho does not promise: `_sock_recv`, `_packet_queue` and the state
`_in_packet`. The version is locked, and tests/unit/ingest/test_client.py holds it.
"""

from collections.abc import Callable, Sequence

import numpy as np
from paho.mqtt.client import Client, MQTTv311

_RECEIVE = 262_144  # bytes a read of the socket takes at most
_PUBACK = 0x40
_PUBLISH_QOS_1 = 0x32
_NEITHER_DUP_NOR_RETAIN = 0xF6
_DUP = 0x08
_ACKNOWLEDGEMENT = np.dtype([("head", ">u2"), ("mid", ">u2")])

# topic, payload, message identifier, whether the broker has sent it before
Take = Callable[[bytes, bytes, int, bool], None]


class BufferedClient(Client):
    """A Client for a loop of one's own: `read` when the socket is readable, or while `buffered`."""

    _read = b""
    _position = 0

    @property
    def buffered(self) -> bool:
        """Whether more has been received than read."""
        return self._position < len(self._read)

    def forget(self) -> None:
        """Drop what an ended connection left unread."""
        self._read, self._position = b"", 0

    def read(self, take: Take, most: int) -> None:
        """Read what has come; stop when that is all, or when `take` has had `most` messages.

        `take` gets publications of QoS 1 under MQTT 3.1.1, the callbacks get everything else (and
        now and then one of those, too).
        """
        left = most
        while left > 0:
            if self.protocol == MQTTv311 and self._in_packet["command"] == 0:
                left -= self._publications(take, left)
                if left <= 0:
                    return
            self.loop_read()
            left -= 1
            if not self.buffered:
                return

    def _publications(self, take: Take, most: int) -> int:
        """Cut out the publications that lie next and whole in what was received; how many."""
        received, start, end = self._read, self._position, len(self._read)
        done = 0
        while done < most and start + 4 < end:
            head, size, body = received[start], received[start + 1], start + 2
            if head & _NEITHER_DUP_NOR_RETAIN != _PUBLISH_QOS_1:
                break
            if size > 127:
                size, body = (size & 127) + (received[body] << 7), body + 1
                if size > 16_383:  # a third byte of length: rare, and paho's
                    break
            stop = body + size
            payload = body + 4 + (received[body] << 8) + received[body + 1]
            if stop > end or payload > stop:
                break
            mid = (received[payload - 2] << 8) + received[payload - 1]
            take(received[body + 2 : payload - 2], received[payload:stop], mid, head & _DUP != 0)
            start = stop
            done += 1
        self._position = start
        return done

    def acknowledge(self, mids: Sequence[int]) -> None:
        """Acknowledge messages of QoS 1 received on this connection, in one write."""
        packets = np.empty(len(mids), dtype=_ACKNOWLEDGEMENT)
        packets["head"] = _PUBACK << 8 | 2
        packets["mid"] = mids
        self._packet_queue(_PUBACK, packets.tobytes(), 0, 1)

    def _sock_recv(self, bufsize: int) -> bytes:
        start = self._position
        if start >= len(self._read):
            self._read = super()._sock_recv(max(bufsize, _RECEIVE))
            start = 0
        self._position = min(start + bufsize, len(self._read))
        return self._read[start : self._position]
