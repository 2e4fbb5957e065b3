"""Ports for the servers of tests: no two tests of this machine are given the same."""

import os
import socket

from hypervisor.broker.ports import LOOPBACK


def reserve_port() -> int:
    """A port that no other test is given, in this process or another, while this process lives.

    A socket that does not listen is bound there: a server may still listen, as every server that
    sets SO_REUSEADDR does, and a client is refused until then.
    """
    while True:
        port = 20_000 + int.from_bytes(os.urandom(2)) % 12_000
        holder = socket.socket()
        try:
            holder.bind((LOOPBACK, port))
        except OSError:
            holder.close()
            continue
        # Set after the bind: the bind itself must fail where any other socket is bound.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.detach()  # stays open until this process ends
        return port
