"""A broker whose wire is cut is left soon, and found again."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hypervisor.broker import binaries, passwords
from hypervisor.broker.folder import open_folder
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.server_account import server_account
from hypervisor.readings.ingest_worker import read_wall_clock
from hypervisor.stack.servers import start_broker
from ingest.link import Link
from ingest.loop import Address
from tests.ports import reserve_port
from tests.wires import cable

BOUND = 45.0  # s: 20 s of silence, on a busy machine


@pytest.mark.integration
@pytest.mark.long
def test_a_broker_whose_wire_is_cut_is_left_soon_and_found_again(open_tmp: Path) -> None:
    with cable() as laid:
        broker = Broker(
            folder=open_folder(open_tmp / "instance", server_account()),
            programs=binaries.find_broker(),
            port=reserve_port(),
            parts_port=reserve_port(),
            parts_host=laid.address,
            password=passwords.new_password(),
        )
        server = start_broker(broker)
        link = Link(
            address=Address(
                host=laid.address,
                port=broker.parts_port,
                user=passwords.SESSION,
                password=broker.password,
            ),
            worker="ingest-1",
            exercise=False,
            clock=read_wall_clock,
            ticks=time.monotonic,
        )

        def turned(until: Callable[[], bool]) -> bool:
            end = time.monotonic() + BOUND
            while not until() and time.monotonic() < end:
                link.turn(0.1, room=100)
            return until()

        try:
            with laid.at_the_other_end():
                assert turned(lambda: link.up)
                laid.cut()
                assert turned(lambda: not link.up)
                laid.mend()
                assert turned(lambda: link.up)
                link.close()
        finally:
            link.end()
            server.halt()
