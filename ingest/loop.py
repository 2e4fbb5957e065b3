"""What a loop of our own around the broker's socket needs."""

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0  # seconds between two attempts to connect
# A cut wire closes nothing: probed after 5 s, then every 3 s, given up after 20 s (ms) of silence.
_SILENCE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 5, "TCP_USER_TIMEOUT": 20_000}


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the broker is, and as whom we speak to it."""

    host: str
    port: int
    user: str
    password: str


class Bell:
    """Ends a poll early: `ring` may be called from another thread, the rest from the loop's."""

    def __init__(self) -> None:
        self._bell, self._ear = socket.socketpair()
        self._bell.settimeout(0)
        self._ear.settimeout(0)

    def fileno(self) -> int:
        return self._ear.fileno()

    def ring(self) -> None:
        with suppress(OSError):  # rung often enough already, or the loop has ended
            self._bell.send(b"\0")

    def hush(self) -> None:
        """After it rang."""
        self._ear.recv(4096)

    def close(self) -> None:
        self._bell.close()
        self._ear.close()


class Attempts:
    """When to try again: after pauses that double. `ticks` is a steady clock in seconds."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self.succeed()

    def succeed(self) -> None:
        self._wait, self._next = _FIRST_WAIT, 0.0

    def is_due(self) -> bool:
        """Whether it is time; if so, the next attempt is later."""
        now = self._ticks()
        if now < self._next:
            return False
        self._next = now + self._wait
        self._wait = min(self._wait * 2, _LONGEST_WAIT)
        return True


def probe_peer(sock: Any) -> None:
    """Have the kernel notice a peer that is gone without a word."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _SILENCE.items():
        sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
