"""Commands by way of LoRaWAN network servers, over the real broker: each answer, each pace."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hypervisor.base.instance import Mode
from hypervisor.base.person import Territory
from hypervisor.base.settings import Settings
from hypervisor.broker import accounts, passwords
from hypervisor.broker.mosquitto import Broker
from hypervisor.commands import queries, queries_sending, queries_targets, sending, service
from hypervisor.commands.downlinks import Downlinks
from hypervisor.commands.link import Link
from hypervisor.commands.model import CommandState
from hypervisor.commands.queries_targets import TargetFilter
from hypervisor.commands.service import Order
from hypervisor.commands.wire import topics_of
from hypervisor.database import feed
from hypervisor.database.connect import Connection, connect
from hypervisor.readings.queries_codecs import save_codec
from ingest.ports import CodecSource
from sensors._command import CommandError
from tests.actuators import Actuator, listening
from tests.integration.commands.conftest import make_field
from tests.integration.commands.test_sending import (
    WORDS,
    await_state,
    give,
    life,
    read,
    sender,
    wait_for,
)
from tests.integration.ingest.conftest import ingest
from tests.network_servers import ChirpStack, TheThingsStack, serving

pytestmark = pytest.mark.integration

APPLICATION = "52f14cd4-c6f1-4fbd-8f87-4025e1d49242"
LAMPS = 200  # of a group behind a network server
FIELD = """
INSERT INTO gateway (name, title, protocol, properties) VALUES
    ('lora', 'L', 'chirpstack', %(lora)s), ('ttn', 'T', 'the-things-stack', %(ttn)s),
    ('bare', 'B', 'chirpstack', '{}'), ('things', 'S', 'senml', '{}');
INSERT INTO device (name, site, model, commissioned, gateway, address, codec, properties)
SELECT d.name, s.id, 'lamp-node', '2000-01-01+00', gateway, address, codec, d.properties::jsonb
FROM site s, (VALUES
    ('node-1', 'lora', 'A8404100000000F1', NULL, '{}'),
    ('node-2', 'lora', 'a8404100000000f2', NULL, '{}'),
    ('loop', 'lora', 'a8404100000000f3', 'loop', '{}'),
    ('sleeper', 'ttn', '70b3d57ed0001234', NULL, '{"class": "A"}'),
    ('server-encodes', 'ttn', 'lamp-17', 'object', '{}'),
    ('nowhere', 'bare', 'a8404100000000f4', NULL, '{}'),
    ('mote', 'things', 'urn:dev:1', NULL, '{}')) d (name, gateway, address, codec, properties)
WHERE s.name = 'orge';
INSERT INTO device (name, site, model, commissioned, gateway, address)
SELECT 'many-' || n, s.id, 'lamp-node', '2000-01-01+00', 'lora', 'a84041' || lpad(n::text, 10, '0')
FROM site s, generate_series(1, %(count)s) n WHERE s.name = 'orge';
INSERT INTO series (device, quantity) SELECT id, 'light_level' FROM device
WHERE name IN ('node-1', 'sleeper');
INSERT INTO device_group (name, title, kind, site)
SELECT 'many', 'M', 'cabinet', id FROM site WHERE name = 'orge';
INSERT INTO revision (kind, key, value, effective, author, reason)
SELECT 'member', 'many/many-' || n, '{}', '2000-01-01+00', 'test', 'test'
FROM generate_series(1, %(count)s) n;
"""
MAPPING = (
    "payload: {}\nfields: {{level: light_level}}\ncommands: {{dim: {{port: 3, data: {{l: {}}}}}}}"
)
LOOP = "function decodeUplink(i) { return {data: {}} } function encodeDownlink(i) { for (;;) {} }"


def make_network(connection: Connection) -> None:
    """Network servers and what is behind them, beside the two towns."""
    make_field(connection)
    values = {
        "lora": json.dumps({"application": APPLICATION, "downlinks_per_second": 4}),
        "ttn": json.dumps({"application": "lamps@town", "downlinks_per_second": 100}),
        "count": LAMPS,
    }
    for statement in FIELD.split(";\n"):
        if statement.strip():
            connection.execute(statement, values)
    parameter = "{parameter: level}"
    loop = CodecSource(mapping=MAPPING.format("javascript", parameter), script=LOOP)
    save_codec(connection, "loop", loop, "tester")
    plain = CodecSource(mapping=MAPPING.format("json", parameter))
    save_codec(connection, "object", plain, "tester")
    feed.append(connection, "registry")
    connection.commit()


@dataclass(frozen=True, kw_only=True)
class Servers:
    lora: ChirpStack
    ttn: TheThingsStack


@pytest.fixture
def servers(instance_settings: Settings, broker: Broker) -> Iterator[Servers]:
    with connect(instance_settings.database_url) as connection:
        make_network(connection)
    made = {name: passwords.new_password() for name in ("lora", "ttn", "barrier-1")}
    accounts.change(broker, put=made)
    lora = ChirpStack(
        name="lora", password=made["lora"], port=broker.port, answers=("txack", "ack")
    )
    ttn = TheThingsStack(
        name="ttn", password=made["ttn"], port=broker.port, answers=("queued", "sent")
    )
    barrier = Actuator(name="barrier-1", password=made["barrier-1"], port=broker.port)
    with serving([lora, ttn]), listening({"barrier-1": barrier}):
        yield Servers(lora=lora, ttn=ttn)
    assert lora.problems + ttn.problems == []


@pytest.fixture
def lamps(broker: Broker) -> dict[str, Actuator]:
    """Two lamps with accounts of their own, which acknowledge nothing."""
    made = {name: passwords.new_password() for name in ("lamp-1", "lamp-2")}
    accounts.change(broker, put=made)
    return {
        name: Actuator(name=name, password=password, port=broker.port, answer=None)
        for name, password in made.items()
    }


def why(settings: Settings, key: UUID) -> str:
    with connect(settings.database_url) as connection:
        return queries.list_events(connection, key)[-1].why


def test_each_answer_of_a_network_server(instance_settings: Settings, servers: Servers) -> None:
    settings, lora, ttn = instance_settings, servers.lora, servers.ttn
    with connect(settings.database_url) as connection, ingest(settings), sender(settings):
        key = give(connection, "node-1")
        await_state(settings, key, CommandState.ACKNOWLEDGED)
        assert life(settings, key)[2:] == ["sent", "accepted", "acknowledged"]
        (frame,) = lora.frames
        assert (frame.key, frame.port, frame.payload) == (key, 10, bytes([1, 40]))
        assert (frame.device, frame.item["application"]) == ("a8404100000000f1", APPLICATION)
        reading = {
            "time": datetime.now(UTC).isoformat(),
            "deviceInfo": {"devEui": frame.device},
            "fPort": 10,
            "data": "KAAAAAAAAAAAAAA=",
        }
        lora.publish(f"application/{APPLICATION}/device/{frame.device}/event/up", reading)
        await_state(settings, key, CommandState.CONFIRMED)

        ends: dict[tuple[str, ...], tuple[CommandState, str]] = {
            ("txack",): (CommandState.ACCEPTED, ""),
            ("txack", "nack"): (CommandState.FAILED, "heard no acknowledgement"),
            ("expired",): (CommandState.FAILED, "the item has expired"),
        }
        for answers, (state, words) in ends.items():
            lora.answers = answers
            key = give(connection, "node-2", "switch", parameters={"state": "off"})
            await_state(settings, key, state)
            assert words in why(settings, key)
        assert lora.frames[-1].payload == bytes([2, 0])

        for answers, state in (
            (("queued", "sent", "ack"), CommandState.ACKNOWLEDGED),
            (("queued", "sent", "nack"), CommandState.FAILED),
            (("failed",), CommandState.FAILED),
        ):
            ttn.answers = answers
            key = give(connection, "server-encodes")
            await_state(settings, key, state)
            assert ttn.frames[-1].object_ == {"l": 40}
            assert ttn.frames[-1].device == "lamp-17"
        assert why(settings, key) == "no path to the device"

        ttn.answers = ("queued",)
        queue = ttn.queues.setdefault("eui-70b3d57ed0001234", [])
        older = give(connection, "sleeper")
        wait_for(lambda: queue == [older], lambda: queue)
        newer = give(connection, "sleeper", valid_for=timedelta(seconds=4))
        await_state(settings, older, CommandState.SUPERSEDED)
        wait_for(lambda: queue == [newer], lambda: queue)
        wait_for(lambda: not queue, lambda: queue)  # it would be obeyed after its time
        assert read(settings, newer).valid_until < datetime.now(UTC)

        key = give(connection, "loop")
        await_state(settings, key, CommandState.REFUSED)
        assert why(settings, key) == "it did not come to an end in time"
        assert life(settings, key) == ["drafted", "queued", "refused"]

        for device, words in (("nowhere", "under which application"), ("mote", "takes no command")):
            with pytest.raises(CommandError, match=words):
                give(connection, device)
            connection.rollback()

        assert _list_offered(connection) == {"node-1", "node-2", "loop", "sleeper"} | {
            "server-encodes"
        }

        others = lora.frames[0]  # what others order through the network server is not ours
        lora.say("txack", others)
        event = {"deviceInfo": {"devEui": others.device}, "queueItemId": str(UUID(int=7))}
        lora.publish(f"application/x/device/{others.device}/event/ack", event)
        ttn.publish("v3/lamps@town/devices/lamp-17/down/sent", {"downlink_sent": {}})
        lora.publish(f"application/x/device/{others.device}/event/ack", [1])  # no event
        wait_for(lambda: _letters(connection), lambda: "no letter")
        assert _letters(connection) == ["wrong-shape"]


def _list_offered(connection: Connection) -> set[str]:
    """The devices behind gateways that people may choose."""
    rows = queries_targets.list_targets(
        connection,
        ["lamp-node"],
        TargetFilter(site="orge"),
        territory=Territory(whole=True),
        now=queries.read_clock(connection),
        limit=LAMPS * 2,
    )
    return {row.device for row in rows if not row.device.startswith("many-")}


def _letters(connection: Connection) -> list[str]:
    connection.rollback()
    rows = connection.execute("SELECT reason FROM dead_letter WHERE reason <> 'unknown-quantity'")
    return [reason for (reason,) in rows]


def test_class_a_has_longer_and_a_group_goes_at_its_gateway_s_pace(
    instance_settings: Settings, servers: Servers
) -> None:
    settings, lora = instance_settings, servers.lora
    hour = WORDS.quantities["light_level"].interval
    with connect(settings.database_url) as connection:
        asleep = read(settings, give(connection, "sleeper"))
        awake = read(settings, give(connection, "node-1"))
        assert asleep.valid_until - asleep.drafted_at == timedelta(minutes=10) + hour
        assert awake.valid_until - awake.drafted_at == timedelta(minutes=10)
        assert _within(connection, asleep.id) - _within(connection, awake.id) == hour
        with pytest.raises(CommandError, match="valid for at least 1 s and at most 600 s"):
            give(connection, "node-1", valid_for=timedelta(minutes=11))
        connection.rollback()
        give(connection, "sleeper", valid_for=timedelta(minutes=11))

        order = Order(
            kind="dim", target="group/many", parameters={"level": 20}, author="anne", reason="test"
        )
        short = Order(**{**vars(order), "valid_for": timedelta(seconds=30)})
        with pytest.raises(CommandError, match="200 devices by way of lora at 4 a second take"):
            service.make_plan(connection, WORDS, short)
        plan = service.make_plan(connection, WORDS, order)
        assert [str(note) for note in plan.notes] == [
            "200 devices by way of lora, one after another: the last after 50 s"
        ]
        service.give(connection, plan)
        connection.commit()
        single = give(connection, "node-2")
        barrier = give(connection, "barrier-1", "barrier", parameters={"position": "closed"})
        service.sign(connection, barrier, who="bert")
        connection.commit()
        with sender(settings), ingest(settings):
            await_state(settings, barrier, CommandState.ACKNOWLEDGED)
            await_state(settings, single, CommandState.ACKNOWLEDGED)
            assert len(lora.frames) < LAMPS / 2  # neither waited for the group
            wait_for(lambda: len(lora.frames) > 4, lambda: lora.frames)
        single_devices = [frame.device for frame in lora.frames[:2]]
        assert single_devices == ["a8404100000000f1", "a8404100000000f2"]


def _within(connection: Connection, key: UUID) -> timedelta:
    ((within,),) = connection.execute("SELECT within FROM command WHERE id = %s", [key]).fetchall()
    return within  # type: ignore[no-any-return]


def test_what_a_killed_sender_left_in_doubt_is_resolved_by_the_fence(
    instance_settings: Settings, servers: Servers, lamps: dict[str, Actuator]
) -> None:
    """Four commands were marked as sent; two reached the broker, then the sender died."""
    settings, lora = instance_settings, servers.lora
    lora.answers = ()
    topics = topics_of(Mode.LIVE)
    with connect(settings.database_url, autocommit=True) as connection, listening(lamps):
        own, own_lost = give(connection, "lamp-1"), give(connection, "lamp-2")
        relayed, relayed_lost = give(connection, "node-1"), give(connection, "node-2")
        link = Link(sending.make_address(settings, Mode.LIVE), topics)
        link.open()
        clock = iter((0.0,))
        downlinks = Downlinks(topics, WORDS, per_second=1, ticks=lambda: next(clock, 10.0))
        at = queries.read_clock(connection)
        for _ in range(2):  # the gateway's bucket fills
            ready = downlinks.prepare(connection, guarded=(), passed=(), at=at)
        commands = queries_sending.send_due(connection, link.start, most=10, ready=ready.messages)
        messages = {each.id: topics.write(each) for each in commands} | ready.messages
        assert messages.keys() == {own, own_lost, relayed, relayed_lost}
        for key in (own, relayed):
            link.publish(messages[key], seconds=60)
        link.await_verdicts()  # and is killed before it records that
        for _ in range(2):  # a second start finds nothing in doubt
            with sender(settings):
                await_state(settings, own, CommandState.ACCEPTED)
                await_state(settings, own_lost, CommandState.ACCEPTED)
                wait_for(lambda: len(lora.frames) == 2, lambda: lora.frames)
                wait_for(lambda: not queries_sending.list_doubtful(connection), lambda: "doubt")
        link.turn(1.0)  # reads that the next connection has ended this one
        with pytest.raises(OSError, match="lost"):
            link.turn(1.0)
        again = ["drafted", "queued", "sent", "queued", "sent"]
        assert life(settings, own) == ["drafted", "queued", "sent", "accepted"]
        assert life(settings, own_lost) == [*again, "accepted"]
        assert life(settings, relayed) == ["drafted", "queued", "sent"]
        assert life(settings, relayed_lost) == again
        assert lora.repeated == 0
        for lamp in lamps.values():
            wait_for(lambda: lamp.received, lambda: lamp.name)  # noqa: B023  at once
            assert len(lamp.received) == 1
        connection.execute("ALTER TABLE command DISABLE TRIGGER stays")
        connection.execute("UPDATE command SET due_at = now() WHERE id = %s", [relayed])
        with sender(settings):
            await_state(settings, relayed, CommandState.EXPIRED)
        assert "the network server did not say" in why(settings, relayed)
