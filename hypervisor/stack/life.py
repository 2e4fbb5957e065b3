"""Signs of life of a child that runs: none of them waits, for who looks has other children too."""

import os
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from hypervisor.broker.child import descendants, is_stopped, switches

_SSL_REQUEST = struct.pack("!II", 8, 80877103)  # a server answers it before it knows who asks


@dataclass(kw_only=True)
class Pulse:
    """The parts': each writes a byte a second into a pipe (hypervisor.base.process)."""

    reading: int = -1

    @contextmanager
    def renewed(self) -> Iterator[int]:
        """A pipe for a child that starts meanwhile: the number that it writes into."""
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
        """Whether it has said so since the last look."""
        try:
            return bool(os.read(self.reading, 65536))
        except BlockingIOError:
            return False


@dataclass(kw_only=True)
class Turning:
    """The broker's, which wakes ten times a second: whether the kernel let it run since."""

    _seen: tuple[int, int] = (0, 0)

    def lives(self, child: subprocess.Popen[bytes]) -> bool:
        now = (child.pid, switches(child.pid))
        changed, self._seen = now != self._seen, now
        return changed


@dataclass(kw_only=True)
class Answering:
    """The database's: it answers on its port, and none of its own processes is stopped.

    A server process that is stopped holds its locks, and the feed, for ever.
    """

    host: str
    port: int
    patience: float = 5.0  # s for an answer, and between two questions
    _next: float = float("-inf")
    _asking: socket.socket | None = field(default=None, repr=False)
    _asked: bool = False

    def lives(self, child: subprocess.Popen[bytes]) -> bool:
        """Whether it answered since the last look."""
        answered = self._answered()
        if answered:
            self.close()
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self.patience
            self._call()
        return answered and not any(map(is_stopped, descendants(child.pid)))

    def close(self) -> None:
        if self._asking is not None:
            self._asking.close()
            self._asking = None

    def _call(self) -> None:
        self.close()
        self._asking, self._asked = socket.socket(), False
        self._asking.settimeout(0)
        with suppress(OSError):  # under way; what else there is, the next look meets
            self._asking.connect((self.host, self.port))

    def _answered(self) -> bool:
        if self._asking is None:
            return False
        try:
            if not self._asked:
                self._asking.send(_SSL_REQUEST)
                self._asked = True
            return bool(self._asking.recv(1))
        except OSError:  # not yet, or nobody listens
            return False
