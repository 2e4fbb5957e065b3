"""A wire between a browser and its server."""

import socket
from contextlib import suppress
from threading import Thread

from hypervisor.broker.ports import LOOPBACK, listen


class Link:
    """A wire to a server that can be cut: browsers' own offline mode spares service workers."""

    def __init__(self, base: str) -> None:
        """Listen on loopback for the server at `base`."""
        self._target = (LOOPBACK, int(base.rpartition(":")[2]))
        self._listener = listen(0)
        self.base = f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self.is_cut = False
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection, and accept none that lasts."""
        self.is_cut = True
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def mend(self) -> None:
        self.is_cut = False

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                near, _ = self._listener.accept()
                if self.is_cut:
                    near.close()
                    continue
                far = socket.create_connection(self._target)
                self._open += [near, far]
                Thread(target=_carry, args=(near, far), daemon=True).start()


def _carry(near: socket.socket, far: socket.socket) -> None:
    with near, far:
        back = Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        _pump(near, far)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65_536):
            sink.sendall(part)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
