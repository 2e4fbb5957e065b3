"""Free and taken ports of the loopback interface."""

import os
import socket
from contextlib import closing

from hypervisor.broker.ports import find_holder, free_port, free_ports, is_free, listen
from tests.ports import reserve_port


def test_a_free_port_is_free_and_below_what_clients_are_lent() -> None:
    port = free_port()
    assert is_free(port)
    assert 20_000 <= port < 32_000


def test_the_holder_of_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        assert f"(pid {os.getpid()})" in find_holder(port)


def test_a_port_to_avoid_is_avoided() -> None:
    assert free_port(avoid=frozenset(range(20_000, 31_999))) not in range(20_000, 31_999)


def test_a_server_answers_at_once_where_we_listen() -> None:
    """Python's event loop turns Nagle's delay off only where the socket's protocol is named."""
    with closing(listen(0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_a_port_that_another_socket_is_bound_to_is_never_drawn() -> None:
    port = reserve_port()
    every_other = set(range(20_000, 32_000)) - {port}
    assert free_port(avoid=every_other) != port
    assert is_free(port)  # a server may still listen there


def test_ports_drawn_together_differ() -> None:
    assert len(set(free_ports(300))) == 300
