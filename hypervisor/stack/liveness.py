"""Signs of life of a running child; no check blocks, since the supervisor has others to watch."""

import os
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from hypervisor.broker.child import count_switches, descendants, is_stopped

_SSL_REQUEST = struct.pack("!II", 8, 80877103)  # a server answers it before authentication


@dataclass(kw_only=True)
class PipePulse:
    """Of a part: it writes a byte a second into a pipe (hypervisor.base.process)."""

    reading: int = -1

    @contextmanager
    def renewed(self) -> Iterator[int]:
        """A pipe for a child that is started in the block: the descriptor it writes to."""
        self.close()
        self.reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            yield writing
        finally:
            os.close(writing)

    def close(self) -> None:
        if self.reading >= 0:
            os.close(self.reading)
            self.reading = -1

    def lives(self, _child: subprocess.Popen[bytes]) -> bool:
        """Whether it wrote since the last check."""
        try:
            return bool(os.read(self.reading, 65536))
        except BlockingIOError:
            return False


@dataclass(kw_only=True)
class SchedulerPulse:
    """Of the broker, which wakes ten times a second: whether the kernel scheduled it since."""

    _seen: tuple[int, int] = (0, 0)

    def lives(self, child: subprocess.Popen[bytes]) -> bool:
        now = (child.pid, count_switches(child.pid))
        changed, self._seen = now != self._seen, now
        return changed


@dataclass(kw_only=True)
class DatabasePulse:
    """Of the database: it answers on its port, and none of its own processes is stopped.

    A server process that is stopped holds its locks, and the feed, for ever.
    """

    host: str
    port: int
    patience: float = 5.0  # seconds for an answer, and between two requests
    _next: float = float("-inf")
    _socket: socket.socket | None = field(default=None, repr=False)
    _request_sent: bool = False

    def lives(self, child: subprocess.Popen[bytes]) -> bool:
        """Whether it answered since the last check."""
        answered = self._answered()
        if answered:
            self.close()
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self.patience
            self._call()
        return answered and not any(map(is_stopped, descendants(child.pid)))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _call(self) -> None:
        self.close()
        self._socket, self._request_sent = socket.socket(), False
        self._socket.settimeout(0)
        with suppress(OSError):  # in progress; the next check meets any other error
            self._socket.connect((self.host, self.port))

    def _answered(self) -> bool:
        if self._socket is None:
            return False
        try:
            if not self._request_sent:
                self._socket.send(_SSL_REQUEST)
                self._request_sent = True
            return bool(self._socket.recv(1))
        except OSError:  # not yet, or no listener
            return False
