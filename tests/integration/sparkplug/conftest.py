"""A live instance with a bridge, and an edge node's account, its gateway and devices."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from hypervisor.base.settings import Settings
from hypervisor.broker import accounts, passwords
from hypervisor.broker.mosquitto import Broker
from hypervisor.database import feed
from hypervisor.database.connect import connect
from hypervisor.sparkplug import bridge

FIELD = """
INSERT INTO site (name, title, domain) VALUES ('works', 'Works', 'flood');
INSERT INTO gateway (name, title, protocol) VALUES ('plant', 'Plant', 'senml');
INSERT INTO device (name, site, commissioned, gateway, address)
    SELECT address, site.id, '2000-01-01+00', 'plant', address
    FROM site, unnest(ARRAY['plant', 'pump', 'sump']) address;
INSERT INTO series (device, quantity)
    SELECT device.id, quantity FROM device, unnest(ARRAY['level', 'battery']) quantity;
"""


@pytest.fixture
def broker(make_broker: Callable[..., Broker]) -> Broker:
    return make_broker(sparkplug=True)


@pytest.fixture
def plant(instance_settings: Settings, broker: Broker) -> str:
    """The password of the edge node `plant`, which is in the inventory with its device `pump`."""
    with connect(instance_settings.database_url) as connection:
        connection.execute(FIELD)
        feed.append(connection, "registry")
        connection.commit()
    password = passwords.new_password()
    accounts.change(broker, put={"plant": password, "other": password})
    return password


@contextmanager
def bridging(settings: Settings) -> Iterator[None]:
    """The bridge in a thread."""
    stop = threading.Event()
    thread = threading.Thread(target=bridge.run, args=(settings,), kwargs={"stopping": stop.is_set})
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def start_bridge(settings: Settings) -> subprocess.Popen[bytes]:
    """The bridge as a process."""
    words = [sys.executable, "-m", "hypervisor", "--data", str(settings.data), "sparkplug"]
    return subprocess.Popen(words)
