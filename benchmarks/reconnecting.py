"""How long devices take to be back when one of three brokers is lost: all of them come at once.

The machines are network namespaces. Every device is connected to one machine; that is killed; each
device connects to one of the two others and publishes a message until it is acknowledged.
"""

import asyncio
import resource
import struct
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypervisor.broker.accounts import TableAccounts
from hypervisor.broker.password_hash import hash_password
from hypervisor.broker.queries_accounts import change_accounts
from hypervisor.database.connect import connect
from ingest.queues import declare_exchanges, declare_part
from tests.cluster.brokers import Brokers, three_brokers, wait_for
from tests.cluster.devices import SECRET
from tests.cluster.ingesting import reading
from tests.cluster.local_database import LocalDatabase
from tests.cluster.network import Network, three_machines

_AT_ONCE = 2_000  # connections that are being made
Tick = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    devices: int = 3_000


def measure(plan: Plan, tick: Tick) -> dict[str, Any]:
    """Seconds until half, 99 of 100 and all devices had a message acknowledged again."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name, three_machines() as network:
        root = Path(name)
        for folder in (root, root / "database", root / "brokers"):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
        database = LocalDatabase(root / "database")
        database.start()
        try:
            _make_accounts(database, plan.devices)
            with three_brokers(network, root / "brokers") as brokers:
                return _lose_one(network, brokers, database, plan.devices, tick)
        finally:
            database.stop()


def _make_accounts(database: LocalDatabase, devices: int) -> None:
    hashed = hash_password(SECRET)
    with connect(database.url) as connection:
        change_accounts(connection, {_name(number): hashed for number in range(devices)})
    TableAccounts(url=database.url).names()


def _name(number: int) -> str:
    return f"device-{number}"


def _lose_one(
    network: Network, brokers: Brokers, database: LocalDatabase, devices: int, tick: Tick
) -> dict[str, Any]:
    with reading(brokers[1], lambda *_: None) as ingest:
        declare_exchanges(ingest.call, exercise=False)
        for part in range(1, brokers.plan.parts + 1):
            declare_part(ingest.call, part, exercise=False)
    for broker in brokers.each:
        broker.admit(database.url)
    wait_for(
        lambda: all(broker.lets_in(_name(0), SECRET) for broker in brokers.each),
        seconds=60,
        what="a device gets in",
    )
    addresses, port = brokers.addresses, brokers.plan.ports.mqtt
    with network.outside.inside():
        tick("connecting", 0, 1)
        first = asyncio.run(_storm(devices, [addresses[2]], port))
        brokers[3].kill()
        tick("connecting again", 0, 1)
        again = asyncio.run(_storm(devices, addresses[:2], port))
    return {
        "devices": devices,
        **{f"first_{name}_s": value for name, value in first.items()},
        **{f"again_{name}_s": value for name, value in again.items()},
    }


async def _storm(devices: int, addresses: list[str], port: int) -> dict[str, float]:
    """Each device connects and publishes once, to one of the addresses; how long all took."""
    gate, began, took = asyncio.Semaphore(_AT_ONCE), time.monotonic(), list[float]()

    async def run(number: int) -> None:
        turn = number
        async with gate:
            while True:
                turn += 1
                try:
                    await _publish_once(_name(number), addresses[turn % len(addresses)], port)
                except (OSError, asyncio.IncompleteReadError):
                    await asyncio.sleep(0.5)
                else:
                    took.append(time.monotonic() - began)
                    return

    await asyncio.gather(*(run(number) for number in range(devices)))
    took.sort()
    shares = {"half": took[len(took) // 2], "most": took[int(len(took) * 0.99)], "all": took[-1]}
    return {name: round(seconds, 2) for name, seconds in shares.items()}


async def _publish_once(name: str, address: str, port: int) -> None:
    """CONNECT, and a message of QoS 1 until its PUBACK. Raises OSError: refused, or cut off."""
    reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 60)
    try:
        body = _text("MQTT") + b"\x04\xc2" + struct.pack("!H", 60)
        body += _text(name) + _text(name) + _text(SECRET)
        writer.write(b"\x10" + bytes([len(body)]) + body)
        answer = await asyncio.wait_for(reader.readexactly(4), 60)
        if answer[3] != 0:
            raise ConnectionRefusedError(name)
        message = _text(f"devices/{name}/readings") + b"\0\x01" + b'{"values":{"level":1.5}}'
        writer.write(b"\x32" + bytes([len(message)]) + message)
        await asyncio.wait_for(reader.readexactly(4), 60)
    except TimeoutError as error:
        raise ConnectionAbortedError(name) from error
    finally:
        writer.close()


def _text(words: str) -> bytes:
    raw = words.encode()
    return struct.pack("!H", len(raw)) + raw
