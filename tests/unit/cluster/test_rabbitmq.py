"""What RabbitMQ is told about our accounts, and about devices' rights."""

import re
from pathlib import Path

import pytest

from hypervisor.broker import passwords
from hypervisor.broker.access_rules import READ, WRITE, may_device
from hypervisor.broker.folder import DataFolder
from hypervisor.broker.server_account import current_account
from hypervisor.broker.tls import TlsListener
from hypervisor.cluster.plan import Member, make_plan
from hypervisor.cluster.rabbitmq import BrokerNode
from hypervisor.cluster.rabbitmq_accounts import MANAGER, definitions


@pytest.mark.parametrize(
    ("access", "key"),
    [
        (WRITE, "devices.pump-1.readings"),
        (WRITE, "devices.pump-1.senml"),
        (WRITE, "devices.pump-1.commands.0f3a.ack"),
        (READ, "devices.pump-1.commands"),
        (WRITE, "gateways.pump-1.application.7.device.a84.event.up"),
        (READ, "gateways.pump-1.v3.app@ttn.devices.a84.down.push"),
        (WRITE, "spBv1___0.water.NDATA.pump-1"),
    ],
)
def test_device_has_its_own_topics(access: str, key: str) -> None:
    assert may_device("pump-1", access, key, sparkplug=True)
    assert not may_device("pump-2", access, key, sparkplug=True)


@pytest.mark.parametrize(
    ("access", "key"),
    [
        (READ, "devices.pump-1.readings"),
        (WRITE, "devices.pump-1.commands"),
        (READ, "devices.*.commands"),
        (READ, "devices.#"),
        (READ, "#"),
        (READ, "devices.pump-1.commands.#"),
        (READ, "hypervisor.alarms.#"),
        (WRITE, "exercise.devices.pump-1.readings"),
        (WRITE, "hypervisor.pause.pump-2"),
        (WRITE, "gateways.pump-1.application.7.device.#.event.up"),
        (WRITE, "spBv1___0.water.NDATA.pump-1"),
        ("configure", "devices.pump-1.readings"),
        (WRITE, "devices.pump-1.readings\nx"),
    ],
)
def test_device_has_nothing_else(access: str, key: str) -> None:
    assert not may_device("pump-1", access, key, sparkplug=False)


def test_parts_have_what_mosquitto_gives_them() -> None:
    taken = definitions("secret", sparkplug=False)
    names = {user["name"] for user in taken["users"]}
    assert names == {*passwords.PARTS, passwords.COMMANDS, MANAGER}
    topics = {row["user"]: row for row in taken["topic_permissions"]}
    sender, notify = topics[passwords.COMMANDS], topics[passwords.NOTIFY]
    assert re.match(sender["write"], "devices.pump-1.commands")
    assert re.match(sender["read"], "devices.*.commands")
    assert not re.match(sender["write"], "devices.pump-1.readings")
    assert re.match(notify["write"], "hypervisor.alarms.flood.major")
    assert not re.match(notify["read"], "hypervisor.alarms.flood.major")


def test_parts_have_their_own_queues() -> None:
    rows = definitions("secret", sparkplug=True)["permissions"]
    configure = {row["user"]: row["configure"] for row in rows}
    assert re.match(configure[passwords.COMMANDS], "mqtt-subscription-ingest.commandsqos1")
    assert not re.match(configure[passwords.COMMANDS], "ingest.part-1")
    assert re.match(configure[passwords.SESSION], "ingest.part-1")
    assert not re.match(configure[passwords.NOTIFY], "mqtt-subscription-pump-1qos1")


def test_only_devices_get_in_from_elsewhere(tmp_path: Path) -> None:
    plan = make_plan("t", ["10.0.0.1", "10.0.0.2", "10.0.0.3"])
    folder = DataFolder(root=tmp_path, account=current_account())
    secured = TlsListener(
        cert=Path("c.pem"), key=Path("k.pem"), port=8883, host="10.0.0.2", only=True
    )
    node = BrokerNode(
        member=Member(plan=plan, machine=plan.machines[1], folder=folder),
        scripts=Path("/nowhere"),
        secured=secured,
    )
    node.create()
    lines = (tmp_path / "broker/rabbitmq.conf").read_text().splitlines()
    listening = {line.partition(" = ")[2] for line in lines if ".1 = " in line or ".2 = " in line}
    outside = {where for where in listening if where.startswith("10.")}
    assert outside == {"10.0.0.2:8883"}
    assert "cluster_partition_handling = pause_minority" in lines
    secret = tmp_path / "broker/home/.erlang.cookie"
    assert secret.read_text() == plan.secrets.cookie
    assert secret.stat().st_mode & 0o077 == 0
