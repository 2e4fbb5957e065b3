"""Sockets whose reads and writes share a deadline: an answer by drops takes no longer than none."""

import socket
import ssl
from time import monotonic
from typing import Any


class Deadline:
    """A time by which all of an exchange must be over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = monotonic() + seconds

    def left(self) -> float:
        """Seconds left. Raises TimeoutError: none is."""
        left = self._at - monotonic()
        if left <= 0:
            raise TimeoutError(f"no whole answer within {self._seconds:g} s")
        return left


class _Timed:
    """Sets the time that is left before each call of the system."""

    deadline: Deadline | None = None

    def _limit(self) -> None:
        if self.deadline is not None:
            self.settimeout(self.deadline.left())  # type: ignore[attr-defined]  # the socket has it

    def recv_into(self, *values: Any, **options: Any) -> int:
        self._limit()
        received: int = super().recv_into(*values, **options)  # type: ignore[misc]
        return received

    def recv(self, *values: Any, **options: Any) -> bytes:
        self._limit()
        received: bytes = super().recv(*values, **options)  # type: ignore[misc]
        return received

    def send(self, *values: Any, **options: Any) -> int:
        self._limit()
        sent: int = super().send(*values, **options)  # type: ignore[misc]
        return sent

    def sendall(self, *values: Any, **options: Any) -> None:
        self._limit()
        super().sendall(*values, **options)  # type: ignore[misc]


class TimedSocket(_Timed, socket.socket):
    """A plain one."""


class TimedTLS(_Timed, ssl.SSLSocket):
    """One with TLS."""


def connect(address: tuple[str, int], deadline: Deadline) -> TimedSocket:
    """Connect within the deadline. Raises OSError."""
    plain = socket.create_connection(address, deadline.left())
    timed = TimedSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
    timed.deadline = deadline
    timed.settimeout(deadline.left())
    return timed


def make_trust(*, verify: bool = True) -> ssl.SSLContext:
    """What checks certificates, and makes timed sockets."""
    trust = ssl.create_default_context()
    if not verify:
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
    trust.sslsocket_class = TimedTLS
    return trust


def secure(plain: socket.socket, trust: ssl.SSLContext, host: str, deadline: Deadline) -> TimedTLS:
    """TLS over a connection, whose handshake ends within the deadline. Raises OSError."""
    plain.settimeout(deadline.left())
    timed = trust.wrap_socket(plain, server_hostname=host)
    assert isinstance(timed, TimedTLS)  # noqa: S101  as the context has it
    timed.deadline = deadline
    return timed
