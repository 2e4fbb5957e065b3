"""Rows that cannot be sent fail alone: those beside them are sent, and the sender lives."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from hypervisor.base.settings import Settings
from hypervisor.commands.model import CommandState
from hypervisor.database import feed
from hypervisor.database.connect import Connection, connect
from hypervisor.readings.queries_codecs import save_codec
from ingest.ports import CodecSource
from tests.actuators import Actuator
from tests.integration.commands.test_downlinks import MAPPING, Servers
from tests.integration.commands.test_downlinks import servers as servers  # noqa: PLC0414  fixtures
from tests.integration.commands.test_sending import (
    actuators as actuators,  # noqa: PLC0414  fixtures
)
from tests.integration.commands.test_sending import await_state, give, life, read, sender, wait_for
from tests.integration.commands.test_sending import secrets as secrets  # noqa: PLC0414  fixtures

pytestmark = pytest.mark.integration

# What stands in the row, instead of an honest dimming of a lamp of its own.
BAD: tuple[dict[str, Any], ...] = (
    {"parameters": None},
    {"parameters": 7},
    {"parameters": []},
    {"parameters": "level"},
    {"parameters": {"level": {"level": {}}}},
    {"parameters": {"text": "x" * 70_000}},
    {"parameters": {"level": "x" * 3_000_000}},
    {"kind": "no-such-kind"},
    {"kind": "barrier", "parameters": {}},
    {"kind": "barrier", "parameters": None},
    {"kind": ""},
    {"device": "lamp+1"},
    {"device": "lamp#"},
    {"device": "x" * 66_000},
    {"valid_until": "infinity"},
    {"within": "290000 years"},
    {"within": "-290000 years"},
    {"target": ""},
    {"rule": "no-such-rule", "author": "rule/no-such-rule"},
    {"alarm": 2**62},
)
# What a vendor's encoder does, instead of encoding.
ENCODERS = (
    r'return {errors: ["a\u0000b"]}',
    r'return {errors: ["\ud800"]}',
    r'return {bytes: ["\u0000\udfff"]}',
    r'return {bytes: [1], fPort: "\u0000"}',
    r'throw "\u0000"',
    r'throw {toString: function () { return "\ud800" }}',
    r'return {errors: ["x".repeat(100000)]}',
    r"return {bytes: [1], fPort: {}}",
    "return null",
)


def insert(
    connection: Connection, number: int, bad: dict[str, Any], *, gateway: str | None = None
) -> UUID:
    """A queued command as only an error could have written it; its key."""
    key, name = uuid4(), bad.get("device", f"bad-{number}")
    connection.execute(
        "INSERT INTO device (name, site, model, commissioned, gateway, address, codec)"
        " SELECT %s, id, %s, '2000-01-01+00', %s, %s, %s FROM site WHERE name = 'orge'",
        [
            *(name, "lamp-node" if gateway else "lamp-controller", gateway),
            *(f"a84041{number:010d}" if gateway else None, bad.get("codec")),
        ],
    )
    connection.execute(
        "INSERT INTO command (id, batch, kind, parameters, actuator, device, site, target, author,"
        " reason, alarm, rule, signatures, within, drafted_at, valid_until, changed_at)"
        " SELECT %s, %s, %s, %s, 'lamp', d.id, d.site, %s, %s, 'test', %s, %s, 1, %s,"
        " now(), %s::timestamptz, now() FROM device d WHERE d.name = %s",
        [
            *(key, key, bad.get("kind", "dim"), json.dumps(bad.get("parameters", {"level": 1}))),
            *(bad.get("target", f"device/{name[:50]}"), bad.get("author", "anne")),
            *(bad.get("alarm"), bad.get("rule"), bad.get("within", "20 min")),
            *(bad.get("valid_until", "2099-01-01+00"), name),
        ],
    )
    connection.execute(
        "INSERT INTO command_event (command, to_state, at, who, why)"
        " VALUES (%s, 'queued', now(), 'test', 'test')",
        [key],
    )
    connection.commit()
    return key


@pytest.mark.long
@pytest.mark.timeout(240)
def test_bad_rows_stop_no_honest_command(
    instance_settings: Settings, actuators: dict[str, Actuator]
) -> None:
    settings = instance_settings
    with connect(settings.database_url) as connection:
        before = give(connection, "lamp-1")
        bad = [insert(connection, number, row) for number, row in enumerate(BAD)]
        after = give(connection, "lamp-2")
        with sender(settings) as said:
            for key in (before, after):
                await_state(settings, key, CommandState.ACCEPTED, CommandState.ACKNOWLEDGED)
            later = give(connection, "lamp-3")
            await_state(settings, later, CommandState.ACCEPTED, CommandState.ACKNOWLEDGED)
            wait_for(
                lambda: all(read_state(settings, key) != "queued" for key in bad),
                lambda: [
                    (row, read_state(settings, key))
                    for row, key in zip(BAD, bad, strict=True)
                    if read_state(settings, key) == "queued"
                ],
                60,
            )
    assert sum("connected to the broker" in line for line in said) < 6
    assert life(settings, later)[:3] == ["drafted", "queued", "sent"]
    assert len(actuators["lamp-3"].received) == 1
    assert read(settings, before).state != CommandState.QUEUED


@pytest.mark.long
@pytest.mark.timeout(240)
def test_bad_rows_behind_a_gateway_stop_no_honest_command(
    instance_settings: Settings, servers: Servers
) -> None:
    settings = instance_settings
    with connect(settings.database_url) as connection:
        for number, act in enumerate(ENCODERS):
            script = (
                "function decodeUplink(i) { return {data: {}} }"
                f" function encodeDownlink(i) {{ {act} }}"
            )
            mapping = MAPPING.format("javascript", "{parameter: level}")
            source = CodecSource(mapping=mapping, script=script)
            save_codec(connection, f"bad-{number}", source, "tester")
        feed.append(connection, "registry")
        rows = [*BAD, *({"codec": f"bad-{number}"} for number in range(len(ENCODERS)))]
        bad = [
            insert(connection, number, row, gateway="lora")
            for number, row in enumerate(rows, 1_000)
        ]
        with sender(settings) as said:
            key = give(connection, "node-1")
            wait_for(
                lambda: key in {frame.key for frame in servers.lora.frames},
                lambda: life(settings, key),
                60,
            )
            move_away(connection)
            later = give(connection, "node-2")
            wait_for(
                lambda: later in {frame.key for frame in servers.lora.frames},
                lambda: life(settings, later),
                60,
            )
            wait_for(
                lambda: all(read_state(settings, key) != "queued" for key in bad),
                lambda: [read_state(settings, key) for key in bad],
                60,
            )
    assert sum("connected to the broker" in line for line in said) < 6
    assert {key, later} <= {frame.key for frame in servers.lora.frames}


def move_away(connection: Connection) -> None:
    """What is over is to be taken out of a queue whose device has no topic any more."""
    key = insert(connection, 2_000, {}, gateway="ttn")
    for state in ("sent", "superseded"):
        connection.execute(
            "INSERT INTO command_event (command, to_state, at, who, why)"
            " VALUES (%s, %s, now(), 'test', 'test')",
            [key, state],
        )
    connection.execute(
        "UPDATE device SET properties = '{\"application\": \"lamps/#\"}' WHERE name = 'bad-2000'"
    )
    connection.execute(
        "INSERT INTO command_relay (command, gateway, taken_at) VALUES (%s, 'ttn', now())", [key]
    )
    connection.commit()


def read_state(settings: Settings, key: UUID) -> str:
    with connect(settings.database_url) as connection:
        (row,) = connection.execute("SELECT state FROM command WHERE id = %s", [key]).fetchall()
    return str(row[0])
