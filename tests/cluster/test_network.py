"""The wires between three machines, and what disturbs them."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.network import Machine, Network, Place, three_machines

ECHO = """
import socket
listening = socket.create_server(("0.0.0.0", 7777), backlog=64)
print("ready", flush=True)
while True:
    peer, _ = listening.accept()
    peer.sendall(b"here")
    peer.close()
"""
# A clock that ticks on one line: seconds since 1970, then the monotonic clock.
CLOCK = "import time; print(time.time(), time.monotonic())"


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with three_machines(clocks=True) as laid:
        for machine in laid.machines:
            program = machine.popen([sys.executable, "-c", ECHO], stdout=subprocess.PIPE)
            assert program.stdout
            assert program.stdout.readline() == b"ready\n"
            program.stdout.close()  # the loop goes on; nothing more is printed
        yield laid


@pytest.fixture(autouse=True)
def _healed(network: Network) -> Iterator[None]:
    yield
    network.heal()


def reach(place: Place, machine: Machine, seconds: float = 2.0) -> float | None:
    """How long an answer took, None: there was none in time."""
    began = time.monotonic()
    with place.inside():
        try:
            with socket.create_connection((machine.address, 7777), timeout=seconds) as peer:
                assert peer.recv(4) == b"here"
        except TimeoutError:
            return None
    return time.monotonic() - began


def test_each_reaches_each(network: Network) -> None:
    for place in (*network.machines, network.outside):
        for machine in network.machines:
            assert reach(place, machine) is not None


def test_link_down_is_silent_and_ends(network: Network) -> None:
    first, second, third = network.machines
    first.link_down()
    assert reach(second, first, 0.5) is None
    assert reach(network.outside, first, 0.5) is None
    assert reach(first, second, 0.5) is None
    assert reach(second, third) is not None
    first.link_up()
    assert reach(second, first) is not None


def test_partition_keeps_the_outside(network: Network) -> None:
    first, second, third = network.machines
    network.part(first)
    assert reach(first, second, 0.5) is None
    assert reach(third, first, 0.5) is None
    assert reach(second, third) is not None
    assert reach(network.outside, first) is not None
    network.join()
    assert reach(first, second) is not None


def test_delay_both_ways(network: Network) -> None:
    first, second, third = network.machines
    network.delay(first)
    # A connection and its first bytes: two round trips.
    assert 0.4 <= (reach(second, first) or 0) < 2
    assert 0.4 <= (reach(first, third) or 0) < 2
    assert 0.4 <= (reach(network.outside, first) or 0) < 2
    assert (reach(second, third) or 9) < 0.2
    network.end_delays()
    assert (reach(second, first) or 9) < 0.2


def test_clock(network: Network) -> None:
    first, second, _ = network.machines
    first.set_clock(90)
    seen = {
        machine.number: [
            float(word) for word in machine.run([sys.executable, "-c", CLOCK]).stdout.split()
        ]
        for machine in (first, second)
    }
    assert 89 < seen[1][0] - seen[2][0] < 91
    assert abs(seen[1][1] - seen[2][1]) < 5


def test_lost_machine_leaves_no_process(network: Network) -> None:
    with three_machines() as other:
        lost = other.machines[0]
        program = lost.popen(["sh", "-c", "sleep 60 & sleep 60"])
        assert lost.pids()
        lost.kill()
        assert not lost.pids()
        assert program.wait() == -9
    assert not Path("/run/netns", lost.namespace).exists()
    assert reach(network.outside, network.machines[0]) is not None
