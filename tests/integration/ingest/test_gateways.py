"""Network servers and concentrators on the real broker: who writes for whom; hostile codecs."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hypervisor.base.settings import Settings
from hypervisor.broker import accounts, passwords
from hypervisor.broker.mosquitto import Broker
from hypervisor.database import feed
from hypervisor.database.connect import connect
from hypervisor.readings.codec_testing import CodecError
from hypervisor.readings.queries_codecs import save_codec
from ingest.mapping import MappingError
from ingest.ports import CodecSource
from ingest.script import ScriptFileError
from tests import command_line
from tests.integration.ingest.conftest import (
    Publisher,
    count,
    hypervisor,
    ingest,
    publisher,
    seed,
    wait_for,
)
from tests.integration.stack.test_accounts import connected

pytestmark = pytest.mark.integration

# name, gateway, address, model, codec
FIELD = (
    ("probe", "ttn", "70b3d57ed0001234", "air-probe", None),
    ("bucket", "lora", "a840410000000001", "tipping-bucket", None),
    ("radar", "lora", "a840410000000002", "radar-counter", None),
    ("mote", "things", "urn:dev:ow:10e2073a", "pressure-probe", None),
    ("lamp", "concentrator", "lamp-17", "lamp-controller", None),
    ("alone", None, None, "pressure-probe", None),
    *((f"bad-{n}", "lora", f"bad{n}", None, "bad") for n in range(4)),
)
GATEWAYS = {"ttn": "the-things-stack", "lora": "chirpstack", "things": "senml"} | {
    "concentrator": "native"
}
QUANTITIES = ("air_temperature", "humidity", "battery", "rain", "level", "light_level", "occupancy")
BAD = """function decodeUplink(i) {
  if (i.fPort === 1) for (;;) {}
  if (i.fPort === 2) { var a = []; for (;;) a.push(new Uint8Array(1e6)); }
  if (i.fPort === 3) throw new Error("no such frame");
  return {data: {mm: i.bytes[0]}, warnings: ["from port " + i.fPort]}; }"""
MAPPING = "payload: javascript\nfields: {mm: {quantity: rain, unit: mm}}"


def described(settings: Settings) -> None:
    """The field above in the registry."""
    with connect(settings.database_url) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO site (name, title, domain) VALUES ('town', 'T', 'weather')")
        cursor.executemany(
            "INSERT INTO gateway (name, title, protocol) VALUES (%s, %s, %s)",
            [(name, name, protocol) for name, protocol in GATEWAYS.items()],
        )
        cursor.executemany(
            "INSERT INTO device (name, site, commissioned, gateway, address, model, codec)"
            " SELECT %s, id, '2000-01-01+00', %s, %s, %s, %s FROM site WHERE name = 'town'",
            FIELD,
        )
        cursor.execute(
            "INSERT INTO series (device, quantity) SELECT device.id, quantity"
            " FROM device, unnest(%s::text[]) AS quantity",
            [list(QUANTITIES)],
        )
        save_codec(connection, "bad", CodecSource(mapping=MAPPING, script=BAD), "tester")
        feed.append(connection, "registry")
        connection.commit()


@pytest.fixture
def town(instance_settings: Settings, broker: Broker) -> dict[str, str]:
    """Passwords of the gateways, and of the device that speaks for itself."""
    described(instance_settings)
    made = {name: passwords.new_password() for name in (*GATEWAYS, "alone")}
    accounts.change(broker, put=made)
    return made


@contextmanager
def speaking(settings: Settings, town: dict[str, str]) -> Iterator[dict[str, Publisher]]:
    """A connection of each gateway, all at once."""
    with (
        publisher(settings, "ttn", town["ttn"]) as ttn,
        publisher(settings, "lora", town["lora"]) as lora,
        publisher(settings, "things", town["things"]) as things,
        publisher(settings, "concentrator", town["concentrator"]) as concentrator,
        publisher(settings, "alone", town["alone"]) as alone,
    ):
        each = {"ttn": ttn, "lora": lora, "things": things, "concentrator": concentrator}
        yield each | {"alone": alone}


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def uplink(eui: str, payload: bytes, at: datetime, **more: Any) -> tuple[str, bytes]:
    event = {
        "time": at.isoformat(),
        "deviceInfo": {"devEui": eui},
        "fPort": 9,
        "data": base64.b64encode(payload).decode(),
    }
    return f"gateways/lora/application/1/device/{eui}/event/up", json.dumps(event | more).encode()


def of_device(settings: Settings, name: str) -> dict[str, float]:
    with connect(settings.database_url) as connection:
        return dict(
            connection.execute(
                "SELECT quantity, value FROM reading JOIN series ON series.id = reading.series_id"
                " JOIN device ON device.id = series.device WHERE device.name = %s ORDER BY time",
                [name],
            ).fetchall()
        )


def reasons(settings: Settings) -> dict[str, int]:
    with connect(settings.database_url) as connection:
        return dict(
            connection.execute(
                "SELECT reason, count(*) FROM dead_letter WHERE replayed_at IS NULL GROUP BY 1"
            ).fetchall()
        )


def test_who_may_write_where(instance_settings: Settings, town: dict[str, str]) -> None:
    mine = {
        "lora": ("gateways/lora/application/1/device/x/event/up", "gateways/lora/senml"),
        "alone": ("devices/alone/senml", "devices/alone/readings"),
    }
    foreign = (
        "gateways/ttn/v3/a/devices/b/up",
        "gateways/concentrator/devices/lamp-17/readings",
        "devices/probe/readings",
        "devices/probe/senml",
    )
    for name, topics in mine.items():
        with connected(instance_settings, name, town[name]) as client:
            assert [client.publish(topic) for topic in topics] == ["Success"] * 2
            others = (*foreign, *(t for n, own in mine.items() if n != name for t in own))
            assert {client.publish(topic) for topic in others} == {"Not authorized"}
            arrived = client.subscribe(f"gateways/{name}/#")
            client.publish(f"gateways/{name}/senml")
            assert arrived == []


def test_every_form_is_stored_at_the_time_it_says(
    instance_settings: Settings, town: dict[str, str]
) -> None:
    settings, at = instance_settings, now() - timedelta(minutes=3)
    ttn = {
        "end_device_ids": {"device_id": "p", "dev_eui": "70B3D57ED0001234"},
        "uplink_message": {
            "f_port": 1,
            "frm_payload": base64.b64encode(bytes.fromhex("01670110026884030222c4")).decode(),
            "received_at": at.isoformat(),
        },
    }
    native = {"time": at.isoformat(), "values": {"light_level": 70}}
    senml = [
        {"bn": "urn:dev:ow:10e2073a:", "bt": at.timestamp(), "n": "level", "u": "cm", "v": 150}
    ]
    own = [{"n": "level", "t": -60, "v": 2}]
    with ingest(settings), speaking(settings, town) as each:
        each["ttn"].raw("gateways/ttn/v3/app@ttn/devices/p/up", json.dumps(ttn).encode())
        for _ in range(2):  # a repeated uplink is the same readings
            rain = {"rain_mm": 0.2, "battery_pct": 87}
            each["lora"].raw(*uplink("a840410000000001", b"", at, object=rain))
        each["lora"].raw(*uplink("a840410000000002", bytes([5, 220, 74, 0, 143, 88]), at, fPort=3))
        each["lora"].raw(*uplink("a840410000000002", b"", at, fPort=0))
        each["things"].raw("gateways/things/senml", json.dumps(senml).encode())
        each["concentrator"].raw(
            "gateways/concentrator/devices/lamp-17/readings", json.dumps(native).encode()
        )
        each["alone"].raw("devices/alone/senml", json.dumps(own).encode())
        wait_for(settings, lambda c: count(c) == 10)
    assert of_device(settings, "probe") == {"air_temperature": 27.2, "humidity": 66, "battery": 89}
    assert of_device(settings, "bucket") == {"rain": 0.2, "battery": 87}
    assert of_device(settings, "radar") == {"occupancy": 14.3, "battery": 88}
    assert of_device(settings, "mote") == {"level": 1.5}
    assert of_device(settings, "lamp") == {"light_level": 70}
    assert of_device(settings, "alone") == {"level": 2}
    assert reasons(settings) == {"unknown-quantity": 1}  # the radar counts what nobody asked for
    with connect(settings.database_url) as connection:
        (times,) = connection.execute("SELECT count(DISTINCT time) FROM reading").fetchone()  # type: ignore[misc]
    assert times == 2


def test_a_codec_that_loops_hogs_or_throws_harms_nobody_else(
    instance_settings: Settings, town: dict[str, str]
) -> None:
    settings, at = instance_settings, now() - timedelta(minutes=30)
    with ingest(settings), speaking(settings, town) as each:
        for port, name in ((1, "bad0"), (2, "bad1"), (3, "bad2")):
            each["lora"].raw(*uplink(name, bytes([port]), at, fPort=port))
        wait_for(settings, lambda c: count(c, "dead_letter") == 3)
        assert reasons(settings) == {"codec-timeout": 1, "codec-memory": 1, "codec-error": 1}
        for second in range(300):  # more of it than could be waited for
            moment = at + timedelta(seconds=second)
            each["lora"].raw(*uplink("bad0", bytes([second % 200]), moment, fPort=1))
            rain = {"rain_mm": 0.2, "battery_pct": 50}
            each["lora"].raw(*uplink("a840410000000001", b"", moment, object=rain))
            each["lora"].raw(*uplink("bad3", bytes([7]), moment))
        wait_for(settings, lambda c: count(c) + count(c, "dead_letter") == 3 + 4 * 300)
        found = reasons(settings)
        assert found["codec-timeout"] <= 3
        assert count_of(settings, "bucket") == 600
        assert count_of(settings, "bad-3") == 300, found
        assert found["codec-timeout"] + found["codec-suspended"] == 301
    mended = BAD.replace("if (i.fPort === 1) for (;;) {}", "")
    with connect(settings.database_url) as connection:
        save_codec(connection, "bad", CodecSource(mapping=MAPPING, script=mended), "tester")
        connection.commit()
    hypervisor(settings, "dead-letters", "replay")
    assert count_of(settings, "bad-0") == 300  # one of its messages was sent twice
    assert reasons(settings) == {"codec-memory": 1, "codec-error": 1}


def count_of(settings: Settings, name: str) -> int:
    with connect(settings.database_url) as connection:
        return count(
            connection,
            "reading JOIN series ON series.id = reading.series_id JOIN device"
            f" ON device.id = series.device WHERE device.name = '{name}'",
        )


def command(settings: Settings, *words: str) -> tuple[int, str]:
    ran = command_line.run("--data", settings.data, *words)
    return ran.exit_code, ran.stdout


def test_letters_are_replayed_once_registry_clock_or_codec_are_mended(
    instance_settings: Settings, town: dict[str, str]
) -> None:
    settings, at = instance_settings, now() - timedelta(minutes=10)
    ahead = at + timedelta(hours=1)
    with ingest(settings), speaking(settings, town) as each:
        each["lora"].raw(*uplink("a840419999999999", b"", at, object={"rain_mm": 1}))
        each["lora"].raw(*uplink("a840410000000002", bytes([0, 9, 74, 0, 10, 8]), ahead, fPort=3))
        each["lora"].raw(*uplink("bad2", b"\x05", at, fPort=3))
        each["ttn"].raw("gateways/ttn/devices/lamp-17/readings", b"{}")
        wait_for(settings, lambda c: count(c, "dead_letter") == 5)
    assert reasons(settings) == {
        "unknown-device": 1,
        "time-ahead": 1,
        "unknown-quantity": 1,  # the radar's speed
        "codec-error": 1,
        "not-its-gateway": 1,
    }
    with connect(settings.database_url) as connection:
        connection.execute("UPDATE device SET address = 'a840419999999999' WHERE name = 'bucket'")
        mended = BAD.replace("throw new Error", "void new Error")
        save_codec(connection, "bad", CodecSource(mapping=MAPPING, script=mended), "tester")
        connection.commit()
    command(settings, "dead-letters", "replay", "--shift", "-1h")
    assert of_device(settings, "bucket") == {"rain": 1}
    assert of_device(settings, "bad-2") == {"rain": 5}
    assert of_device(settings, "radar") == {"occupancy": 1, "battery": 8}
    with connect(settings.database_url) as connection:
        found = connection.execute("SELECT DISTINCT time FROM reading").fetchall()
    assert found == [(at,)]  # only what was ahead of its arrival has been moved
    assert reasons(settings) == {"unknown-quantity": 1, "not-its-gateway": 1}
    command(settings, "dead-letters", "replay", "--shift", "-1h")
    assert reasons(settings) == {"unknown-quantity": 1, "not-its-gateway": 1}
    with connect(settings.database_url) as connection:
        assert count(connection, "dead_letter") == 5


def test_the_commands(instance_settings: Settings, town: dict[str, str], open_tmp: Any) -> None:
    settings = instance_settings
    mapping, script = open_tmp / "mapping.yaml", open_tmp / "codec.js"
    mapping.write_text(MAPPING)
    script.write_text("function decodeUplink(i) { return {data: {mm: i.bytes[0] / 10}} }")
    both = ("--mapping", str(mapping), "--script", str(script), "--author", "ann")
    assert "is in force\n" in command(settings, "codec", "add", "mine", *both)[1]
    assert "replaces that of ann" in command(settings, "codec", "add", "mine", *both)[1]
    assert "replaces the shipped one" in command(settings, "codec", "add", "lamp-node", *both)[1]
    code, said = command(
        settings, "codec", "try", "mine", "--hex", "0c", "--time", "2022-01-11T06:15:00Z", "--json"
    )
    assert (code, json.loads(said)["readings"]) == (
        0,
        [{"quantity": "rain", "value": 1.2, "unit": "mm", "quality": []}],
    )
    assert command(settings, "codec", "try", str(script), "--base64", "DA==")[0] == 0
    listed = [
        json.loads(line)
        for line in command(settings, "codec", "list", "--json")[1].split("\n")
        if line
    ]
    assert {"codec": "air-probe", "by": "shipped", "payload": "cayenne-lpp"} in listed
    assert command(settings, "codec", "show", "mine")[1] == MAPPING
    assert "shipped one is in force" in command(settings, "codec", "remove", "lamp-node")[1]
    dim = ("codec", "encode", "lamp-node", "dim", "level=40")
    assert command(settings, *dim) == (0, "port 10, bytes 0128\n")
    with connect(settings.database_url) as connection:
        acts = connection.execute(
            "SELECT kind, subject, reason FROM audit WHERE kind LIKE 'codec-%' ORDER BY id"
        ).fetchall()
    assert acts == [
        ("codec-add", "mine", "added"),
        ("codec-add", "mine", "replaced"),
        ("codec-add", "lamp-node", "added"),
        ("codec-remove", "lamp-node", "removed"),
    ]
    mapping.write_text("payload: javascript\nfields: {mm: {quantity: rian}}")
    with pytest.raises(
        MappingError, match=f"{mapping}:2:25: fields.mm: unknown quantity 'rian'; did you"
    ):
        command(settings, "codec", "add", "mine", *both)
    with pytest.raises(CodecError, match="no codec 'nobodys'"):
        command(settings, "codec", "try", "nobodys", "--hex", "0c")

    rows = [
        json.loads(line)
        for line in command(settings, "device", "list", "--json")[1].split("\n")
        if line
    ]
    assert {"device": "lora", "registered": True, "account": True} in rows
    assert {"device": "radar", "registered": True, "account": False, "through": "lora"} in rows
    with pytest.raises(Exception, match="the gateway 'lora' publishes for 'radar'"):
        command(settings, "device", "add", "radar")
    assert command(settings, "device", "remove", "lora")[0] == 0
    assert len(command(settings, "device", "add", "lora")[1].strip()) == 32
    assert "0 accounts made" not in command(settings, "device", "add", "--all")[1]
    assert town


def test_vectors_that_fail_say_where(instance_settings: Settings, open_tmp: Any) -> None:
    script, vectors = open_tmp / "codec.js", open_tmp / "vectors.yaml"
    script.write_text("function decodeUplink(i) { return {data: {x: [i.fPort]}} }")
    vectors.write_text(
        "uplinkDecoder: {examples: [{description: one, input: {bytes: [1], fPort: 2},"
        " output: {data: {x: [2]}}}, {description: two, input: {bytes: [1], fPort: 2},"
        " output: {data: {x: [3]}}}]}"
    )
    code, said = command(instance_settings, "codec", "test", str(script), str(vectors))
    assert code == 1
    assert said.splitlines() == [
        "passed  one",
        "FAILED  two",
        "        data.x[0]: expected 3, got 2",
        "1 of 2 vectors pass",
    ]


def test_an_exercise_takes_every_form_from_its_player(exercise_settings: Settings) -> None:
    settings = exercise_settings
    described(settings)
    seed(settings.database_url, ())
    at = datetime(2014, 11, 4, 12, tzinfo=UTC)
    with (
        ingest(settings),
        publisher(settings, "player", settings.player_password, v5=True) as player,
    ):
        for number in range(3):
            moment = at + timedelta(minutes=number)
            topic, body = uplink("a840410000000001", b"", moment, object={"rain_mm": number})
            player.stamped(topic, body, moment + timedelta(seconds=1))
        player.stamped("devices/alone/senml", b'[{"n":"level","t":-1,"v":2}]', at)
        player.stamped("gateways/things/senml", b'[{"n":"urn:dev:ow:10e2073a:level","v":3}]', at)
        player.raw("gateways/things/senml", b'[{"n":"urn:dev:ow:10e2073a:level","v":4}]')
        wait_for(settings, lambda c: count(c) == 5 and count(c, "dead_letter") == 1)
    assert reasons(settings) == {"no-stamp": 1}
    with connect(settings.database_url) as connection:
        found = connection.execute(
            "SELECT time FROM reading JOIN series ON series.id = reading.series_id"
            " WHERE quantity = 'level' ORDER BY 1"
        ).fetchall()
    assert found == [(at - timedelta(seconds=1),), (at,)]


def test_files_of_vendors_as_they_come(
    instance_settings: Settings, town: dict[str, str], open_tmp: Any
) -> None:
    settings = instance_settings
    main, vectors = open_tmp / "main.js", open_tmp / "vectors.yaml"
    mapping = open_tmp / "total.yaml"
    mapping.write_text("payload: javascript\nfields: {total: rain}")
    (open_tmp / "tenths.js").write_text("module.exports = (byte) => Buffer.from([byte])[0] / 10;")
    main.write_bytes(
        b"\xef\xbb\xbfvar tenths = require('./tenths');\n"
        b"var driver = {decodeUplink: (i) => ({data: {total: tenths(i.bytes[0])}})};"
    )
    vectors.write_text(
        "uplinkDecoder: {examples: [\n"
        "  {input: {bytes: [07], fPort: 01}, output: {data: {total: 0.7}}}]}"
    )
    assert command(settings, "codec", "test", str(main), str(vectors))[0] == 0
    both = ("--mapping", str(mapping), "--script", str(main), "--author", "ann")
    assert "is in force" in command(settings, "codec", "add", "whole", *both)[1]
    code, text = command(settings, "codec", "try", "whole", "--hex", "0c", "--json")
    trial = json.loads(text)
    assert (code, trial["data"]) == (0, {"total": 1.2})
    assert "fields.total: looks like a running total" in trial["warnings"][0]
    main.write_bytes(b"// caf\xe9")
    with pytest.raises(ScriptFileError, match=f"{main}:1: byte 6 .0xe9. is not UTF-8"):
        command(settings, "codec", "test", str(main), str(vectors))
    assert town
