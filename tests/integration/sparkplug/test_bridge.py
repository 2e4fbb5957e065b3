"""Sparkplug B on the real broker: stored once though the bridge is killed, and who may send it."""

import time

import pytest

from hypervisor.base.settings import Settings
from hypervisor.database.connect import connect
from hypervisor.sparkplug.edge_node import EdgeNode, Outcome, Topic
from hypervisor.sparkplug.payload import read_payload
from ingest.message import Arrival
from tests.integration.ingest.conftest import count, ingest, publisher, wait_for
from tests.integration.sparkplug.conftest import bridging, start_bridge
from tests.integration.stack.test_accounts import connected
from tests.sparkplug import DOUBLE, metric, payload

pytestmark = pytest.mark.integration

ROOT = "spBv1.0/town"
NODE = (metric("level", 1.0, alias=1, datatype=DOUBLE), metric("bdSeq", 0, datatype=4))


def read_levels(settings: Settings, device: str) -> list[float]:
    with connect(settings.database_url) as connection:
        rows = connection.execute(
            "SELECT value FROM reading JOIN series ON series.id = reading.series_id JOIN device"
            " ON device.id = series.device WHERE device.name = %s ORDER BY time",
            [device],
        ).fetchall()
    return [value for (value,) in rows]


def test_a_killed_bridge_loses_and_doubles_nothing(instance_settings: Settings, plant: str) -> None:
    settings, now = instance_settings, time.time_ns() // 1_000_000 - 60_000
    with ingest(settings), publisher(settings, "plant", plant) as node:

        def send(first: int, last: int) -> None:
            for seq in range(first, last):
                body = payload(metric(alias=1, value=float(seq)), seq=seq, time=now + seq)
                node.raw(f"{ROOT}/NDATA/plant", body)
                if seq % 5 == 0:  # the network's repetition
                    node.raw(f"{ROOT}/NDATA/plant", body)

        node.raw(f"{ROOT}/NBIRTH/plant", payload(*NODE, seq=0, time=now))  # before any bridge ran
        process = start_bridge(settings)
        send(1, 20)
        wait_for(settings, lambda c: count(c) > 5)
        process.kill()
        process.wait()
        send(20, 60)
        node.flush()
        with bridging(settings):
            send(60, 90)
            pump = payload(metric("level", 5.0, alias=9, datatype=DOUBLE), seq=90, time=now)
            node.raw(f"{ROOT}/DBIRTH/plant/pump", pump)
            wait_for(settings, lambda c: count(c) == 91)
        assert read_levels(settings, "plant") == [1.0, *map(float, range(1, 90))]
        assert read_levels(settings, "pump") == [5.0]
        with connect(settings.database_url) as connection:
            assert count(connection, "dead_letter") == 0


def test_what_cannot_be_read_is_a_dead_letter_and_births_are_asked_for(
    instance_settings: Settings, plant: str
) -> None:
    settings, now = instance_settings, time.time_ns() // 1_000_000
    with (
        publisher(settings, "plant", plant) as node,
        bridging(settings),
    ):
        commands: list[bytes] = []
        node.client.on_message = lambda _, __, message: commands.append(bytes(message.payload))
        node.client.subscribe(f"{ROOT}/NCMD/plant", qos=1)
        time.sleep(0.2)
        node.raw(f"{ROOT}/NDATA/plant", b"\xff\xffno payload")
        for seq in (7, 9, 11):
            node.raw(f"{ROOT}/NDATA/plant", payload(metric(alias=1, value=2.0), seq=seq, time=now))
        wait_for(settings, lambda c: count(c, "dead_letter") == 4 and commands)
    (command,) = commands
    assert read_payload(command).metrics[0].name == "Node Control/Rebirth"
    with connect(settings.database_url) as connection:
        first = connection.execute("SELECT topic, payload, reason FROM dead_letter ORDER BY id")
        assert first.fetchone() == (f"{ROOT}/NDATA/plant", b"\xff\xffno payload", "bad-payload")


def test_a_message_at_which_we_fail_is_a_dead_letter_and_stops_no_other(
    instance_settings: Settings, plant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = EdgeNode.receive

    def fail(node: EdgeNode, topic: Topic, arrival: Arrival) -> Outcome:
        if arrival.payload == b"fault":
            raise AssertionError("a fault of ours")
        return receive(node, topic, arrival)

    monkeypatch.setattr(EdgeNode, "receive", fail)
    settings, now = instance_settings, time.time_ns() // 1_000_000
    with ingest(settings), publisher(settings, "plant", plant) as node, bridging(settings):
        node.raw(f"{ROOT}/NDATA/plant", b"fault")
        node.raw(f"{ROOT}/NBIRTH/plant", payload(*NODE, seq=0, time=now))
        wait_for(settings, lambda c: count(c) == 1)
        wait_for(settings, lambda c: count(c, "dead_letter") == 1)
    with connect(settings.database_url) as connection:
        letter = connection.execute("SELECT payload, detail FROM dead_letter").fetchone()
    assert letter == (b"fault", "AssertionError: a fault of ours")


def test_an_edge_node_speaks_only_for_itself(instance_settings: Settings, plant: str) -> None:
    own = [f"{ROOT}/{kind}/plant" for kind in ("NBIRTH", "NDATA", "NDEATH")]
    own += [f"{ROOT}/{kind}/plant/pump" for kind in ("DBIRTH", "DDATA", "DDEATH")]
    foreign = [topic.replace("plant", "other") for topic in own]
    foreign += [f"{ROOT}/NCMD/plant", f"{ROOT}/DCMD/plant/pump", "spBv1.0/STATE/hypervisor"]
    with (
        connected(instance_settings, "plant", plant) as client,
        connected(instance_settings, "other", plant) as other,
    ):
        heard = other.subscribe("spBv1.0/#")
        assert {client.publish(topic) for topic in own} == {"Success"}
        assert {client.publish(topic) for topic in foreign} == {"Not authorized"}
        assert heard == []
