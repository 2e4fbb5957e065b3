"""Probe a broker by one CONNECT, the web by one GET."""

import http.client
import socket
import ssl
import struct
from contextlib import ExitStack
from dataclasses import dataclass

from hypervisor.base.process import RUN_HEADER

ACCEPTED = 0
REFUSED = frozenset({4, 5})  # bad user name or password; not authorised
SILENT = -1
# MQTT 5: keep the session and receive one message at a time, not a long queue at once.
_KEPT = b"\x08" + b"\x11\xff\xff\xff\xff" + b"\x21\x00\x01"


@dataclass(frozen=True, kw_only=True)
class WebAnswer:
    """`run_id`: of the `up` that started whatever answered; "" if it names none."""

    status: int
    run_id: str


def get_login(host: str, port: int, *, timeout: float = 5) -> WebAnswer | None:
    """Ask the web for its sign-in page, which needs its database; None without an answer."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", "/login")
        response = connection.getresponse()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return WebAnswer(status=response.status, run_id=response.getheader(RUN_HEADER, ""))


def _text(words: str) -> bytes:
    raw = words.encode()
    return struct.pack("!H", len(raw)) + raw


def connack(  # noqa: PLR0913  where, and as whom
    host: str,
    port: int,
    user: str = "",
    password: str = "",
    *,
    session: str = "",
    trust: ssl.SSLContext | None = None,
) -> int:
    """The broker's return code for this user, or SILENT without an answer.

    With `session`, as that client, whose session is kept; else anonymously with a clean one.
    With `trust`, by TLS; an untrusted server counts as silent.
    """
    flags = (0 if session else 0x02) | (0xC0 if user else 0)
    level, properties = (5, _KEPT) if session else (4, b"")
    body = _text("MQTT") + bytes([level, flags]) + struct.pack("!H", 10) + properties
    body += _text(session)
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
        with ExitStack() as open_:
            connection = open_.enter_context(socket.create_connection((host, port), timeout=2))
            if trust is not None:
                connection = open_.enter_context(
                    trust.wrap_socket(connection, server_hostname=host)
                )
            connection.sendall(bytes(header) + body)
            answer = _read(connection, 4)
            if len(answer) == 4 and answer[3] == ACCEPTED:
                connection.sendall(b"\xe0\x00")  # DISCONNECT: not an error in the broker's log
    except OSError:
        return SILENT
    return answer[3] if len(answer) == 4 and answer[0] == 0x20 else SILENT


def _read(connection: socket.socket, count: int) -> bytes:
    """`count` bytes, or fewer at the end of the stream."""
    read = b""
    while len(read) < count and (more := connection.recv(count - len(read))):
        read += more
    return read
