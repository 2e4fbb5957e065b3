"""The publishing process: `python -m benchmarks.devices`. Each device has its own connection.

It takes one order as JSON on stdin, answers `ready`, waits for a line, publishes with QoS 1 as fast
as the broker acknowledges, and prints how many seconds that took.
"""

import json
import select
import socket
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypervisor.bench.load import DEVICES, Load, device, say

_WINDOW = 50  # messages of a device that are sent and not acknowledged, at most
_ACK = 4  # bytes of a PUBACK of MQTT 3.1.1
_RECEIVE = 4096
_ANSWER = 60.0  # s in which the broker lets a device in
_ACCEPTED = b"\x20\x02\x00\x00"


@dataclass(kw_only=True)
class DeviceConnection:
    """A device's connection with its encoded messages."""

    socket: socket.socket
    packets: Sequence[bytes]
    _sent: int = 0
    _received: int = 0  # bytes
    _unsent: bytes = field(default=b"")

    @property
    def done(self) -> bool:
        return self._received // _ACK == len(self.packets)

    @property
    def interest(self) -> int:
        return select.POLLIN | (select.POLLOUT if self._unsent else 0)

    def receive(self) -> None:
        """Read acknowledgements. Raises ConnectionError."""
        acknowledgements = self.socket.recv(_RECEIVE)
        if not acknowledgements:
            raise ConnectionError("the broker closed a device's connection")
        self._received += len(acknowledgements)

    def send(self) -> None:
        """Send what the window allows, as far as the socket takes it."""
        if not self._unsent:
            end = min(self._received // _ACK + _WINDOW, len(self.packets))
            self._unsent = b"".join(self.packets[self._sent : end])
            self._sent = end
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except BlockingIOError:
            return


def connect(
    address: tuple[str, int], name: str, account: Sequence[str], packets: Sequence[bytes]
) -> DeviceConnection:
    """Raises ConnectionError: the broker refuses the device."""
    made = socket.create_connection(address, _ANSWER)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    texts = b"".join(struct.pack("!H", len(text)) + text.encode() for text in (name, *account))
    body = b"\x00\x04MQTT\x04\xc2\x00\x00" + texts
    made.sendall(b"\x10" + bytes([len(body)]) + body)
    answer = made.recv(4)
    if answer != _ACCEPTED:
        raise ConnectionError(f"the broker refuses {name}: {answer!r}")
    made.settimeout(0)
    return DeviceConnection(socket=made, packets=packets)


def publish(connections: Sequence[DeviceConnection]) -> None:
    """Send everything; returns when all is acknowledged."""
    poll = select.poll()
    waiting = {each.socket.fileno(): each for each in connections if each.packets}
    for number, connection in waiting.items():
        connection.send()
        poll.register(number, connection.interest)
    while waiting:
        for number, event in poll.poll():
            connection = waiting[number]
            if event & ~select.POLLOUT:
                connection.receive()
            connection.send()
            poll.modify(number, connection.interest)
            if connection.done:
                poll.unregister(number)
                del waiting[number]


def main() -> None:
    """`machine` of `machines`: which of the devices came to this broker.

    `user` None: each device has its own account.
    """
    order = json.loads(sys.stdin.readline())
    load = Load(**order["load"])
    connections = [
        connect(
            tuple(order["address"]),
            device(place),
            (order["user"] or device(place), order["password"]),
            [load.packet(number) for number in range(place, load.messages, DEVICES)],
        )
        for place in range(order["machine"], DEVICES, order["machines"])
    ]
    say("ready")
    sys.stdin.readline()
    began = time.monotonic()
    publish(connections)
    say(json.dumps(time.monotonic() - began))
    sys.stdin.read()  # until our processor time has been read


if __name__ == "__main__":
    main()
