"""Whom RabbitMQ lets in on three machines, and whom no longer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from hypervisor.broker import queries_accounts
from hypervisor.broker.accounts import TableAccounts
from hypervisor.database.connect import connect
from ingest.queues import SOURCE
from tests.cluster.brokers import Broker, Brokers, wait_for
from tests.cluster.devices import SECRET
from tests.cluster.ingesting import reading
from tests.cluster.local_database import LocalDatabase

pytestmark = pytest.mark.timeout(400)


@contextmanager
def connected(broker: Broker, name: str, *filters: str) -> Iterator[tuple[Client, list[str]]]:
    """A device that listens; its events: what it heard, and `closed`."""
    events: list[str] = []
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5,
                    reconnect_on_failure=False)  # fmt: skip
    client.username_pw_set(name, SECRET)
    client.on_connect = lambda *_: events.append("open")
    client.on_disconnect = lambda *_: events.append("closed")
    client.on_message = lambda _c, _d, message: events.append(message.topic)
    client.on_subscribe = lambda *about: events.append(f"subscribed {about[3][0]}")
    with broker.machine.inside():
        client.connect(broker.machine.address, broker.node.member.plan.ports.mqtt)
        client.loop_start()
    wait_for(lambda: "open" in events, seconds=10, what="connected")
    for each in filters:
        client.subscribe(each, qos=1)
    try:
        yield client, events
    finally:
        client.disconnect()
        client.loop_stop()


def test_device_is_what_its_account_says(brokers: Brokers) -> None:
    for broker in brokers.each:
        assert broker.lets_in("pump-2", SECRET)
        assert not broker.lets_in("pump-2", "a guess")
        assert not broker.lets_in("pump-2", SECRET, client="pump-3")
        assert not broker.lets_in("pump-99", SECRET)
        assert not broker.lets_in("ingest.session", SECRET)
    with connected(brokers[2], "pump-2", "devices/pump-2/commands") as (_, events):
        wait_for(lambda: "subscribed Granted QoS 1" in events, seconds=5, what="its commands")
    with connected(brokers[2], "pump-2", "devices/+/commands") as (_, events):
        wait_for(lambda: "closed" in events, seconds=5, what="others' commands are refused")


def test_another_password_closes_the_connection(brokers: Brokers, database: LocalDatabase) -> None:
    with connected(brokers[3], "pump-3") as (_, events):
        TableAccounts(url=database.url).change(put={"pump-3": "another"})
        took = wait_for(lambda: "closed" in events, seconds=5, what="the connection is closed")
    assert took < 3
    for broker in brokers.each:
        assert not broker.lets_in("pump-3", SECRET)
        assert broker.lets_in("pump-3", "another")
    TableAccounts(url=database.url).change(drop=frozenset({"pump-3"}))
    wait_for(
        lambda: not any(broker.lets_in("pump-3", "another") for broker in brokers.each),
        seconds=5,
        what="the account is gone",
    )
    TableAccounts(url=database.url).change(put={"pump-3": SECRET})


def test_who_floods_is_put_out_for_a_while(brokers: Brokers, database: LocalDatabase) -> None:
    with connected(brokers[1], "pump-4") as (_, events):
        with reading(brokers[2], lambda *_: None) as ingest:
            ingest.publish(SOURCE, "hypervisor.pause.pump-4", b"")
        wait_for(lambda: "closed" in events, seconds=5, what="the connection is closed")
    assert not any(broker.lets_in("pump-4", SECRET) for broker in brokers.each)
    with connect(database.url, autocommit=True) as connection:
        assert 5 < (queries_accounts.seconds_to_next_end(connection) or 0) <= 30
        assert queries_accounts.pause(connection, "pump-4") is None  # the second that heard it
        connection.execute(
            "UPDATE broker_account SET paused_until = now() + interval '1 s' WHERE name = 'pump-4'"
        )
        connection.execute(f"NOTIFY {queries_accounts.CHANNEL}")
    wait_for(
        lambda: all(broker.lets_in("pump-4", SECRET) for broker in brokers.each),
        seconds=5,
        what="it gets in again",
    )


def test_accounts_are_known_while_the_database_is_away(
    brokers: Brokers, database: LocalDatabase
) -> None:
    database.stop()
    try:
        time.sleep(2)
        assert all(broker.lets_in("pump-5", SECRET) for broker in brokers.each)
        assert not any(broker.lets_in("pump-5", "a guess") for broker in brokers.each)
    finally:
        database.start()
