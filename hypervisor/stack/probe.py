"""Ask a broker whether it lets somebody in: one CONNECT, one CONNACK, no client library."""

import socket
import struct
import sys

ACCEPTED = 0
REFUSED = frozenset({4, 5})  # bad user name or password; not authorised
SILENT = -1


def _text(words: str) -> bytes:
    raw = words.encode()
    return struct.pack("!H", len(raw)) + raw


def connack(host: str, port: int, user: str = "", password: str = "") -> int:
    """The broker's MQTT 3.1.1 return code for this user, or SILENT when nobody answers."""
    flags = 0x02 | (0xC0 if user else 0)
    body = _text("MQTT") + bytes([4, flags]) + struct.pack("!H", 10) + _text("")
    if user:
        body += _text(user) + _text(password)
    length = len(body)
    header = bytearray([0x10])
    while True:  # the variable byte integer of MQTT
        length, digit = divmod(length, 128)
        header.append(digit | (0x80 if length else 0))
        if not length:
            break
    try:
        with socket.create_connection((host, port), timeout=2) as connection:
            connection.sendall(bytes(header) + body)
            answer = connection.recv(4, socket.MSG_WAITALL)
            if len(answer) == 4 and answer[3] == ACCEPTED:
                connection.sendall(b"\xe0\x00")  # DISCONNECT: not an error in the broker's log
    except OSError:
        return SILENT
    return answer[3] if len(answer) == 4 and answer[0] == 0x20 else SILENT


if __name__ == "__main__":  # a container's health check
    sys.exit(connack(sys.argv[1], int(sys.argv[2])) == SILENT)
