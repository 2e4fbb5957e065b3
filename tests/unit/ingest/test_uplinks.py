"""Uplinks of network servers: whose they are, when, and what becomes of odd ones."""

import json
from typing import Any

import pytest

from ingest.library import Library
from ingest.ports import CodecSource
from ingest.route import Routes
from sensors._quality import Quality
from tests.unit.ingest.field import EUI, RECEIVED, chirpstack, known, say, the_things_stack

MILD = bytes([0, 213, 130, 39, 166, 0, 34, 1, 14, 0, 61, 0, 2, 0, 171, 96])
LPP = bytes.fromhex("01670110026884030222c4")


def test_an_uplink_becomes_readings_at_the_networks_time() -> None:
    said = say(chirpstack(MILD), the_things_stack(LPP))
    assert said.values["station"] == pytest.approx(
        {"air_temperature": 21.3, "humidity": 65, "rain": 0.2, "battery": 96}
    )
    assert said.values["probe"] == {"air_temperature": 27.2, "humidity": 66, "battery": 89}
    assert set(said.times["station"]) == set(said.times["probe"]) == {RECEIVED - 1_876_543}
    # pressure, wind and sun are measured as well, and nobody put them into the inventory
    assert said.reasons == ["unknown-quantity"]
    assert b"deduplicationId" in said.letters[0].payload


def test_a_sensor_that_is_not_there_is_a_fault_only_where_one_is_expected() -> None:
    bare = bytes([127, 255, 130, 39, 166, 255, 255, 255, 255, 255, 255, 255, 255, 0, 171, 96])
    said = say(chirpstack(bare))
    assert said.flags == {
        ("station", "air_temperature"): Quality.SENSOR_FAULT,
        ("station", "rain"): Quality.SENSOR_FAULT,
    }
    assert "wind_speed" not in said.letters[0].detail


def test_the_network_server_may_decode() -> None:
    bucket = chirpstack(b"\x01", eui="a840410000000001", object={"rain_mm": 0.2, "battery_pct": 87})
    plain = chirpstack(b"\x01", eui="a840410000000002", object={"level": 1.5, "mode": "fast"})
    said = say(bucket, plain)
    assert said.values == {"bucket": {"rain": 0.2, "battery": 87}, "plain": {"level": 1.5}}
    assert not said.letters


@pytest.mark.parametrize(
    "message",
    [
        chirpstack(),
        chirpstack(b"", fPort=None),
        chirpstack(b"\x02\x03", fPort=0),
        the_things_stack(b"", 1, frm_payload=None),
        the_things_stack(b"\x02", 0),
        the_things_stack(b"", 0, f_port=None),
        (the_things_stack()[0], {"end_device_ids": {}, "join_accept": {"session_key_id": "x"}}),
        (the_things_stack()[0], {"end_device_ids": {}, "downlink_ack": {}}),
    ],
)
def test_what_measures_nothing_is_no_error(message: tuple[str, Any]) -> None:
    said = say(message)
    assert not said.values
    assert not said.letters


def null(message: tuple[str, dict[str, Any]], field: str) -> tuple[str, Any]:
    return message[0], message[1] | {field: None}


def twice(message: tuple[str, dict[str, Any]], field: str, *, value: object) -> tuple[str, bytes]:
    """The same with a field that stands there twice."""
    text = json.dumps(message[1] | {field: False})
    return message[0], f"{text[:-1]}, {json.dumps(field)}: {json.dumps(value)}}}".encode()


NO_TIME = chirpstack(MILD, time=None, rxInfo=[{"rssi": 1}])
REFUSALS: list[tuple[tuple[str, Any], str, str]] = [
    (chirpstack(MILD, eui="a840419999999999"), "unknown-device", "'a840419999999999'"),
    (chirpstack(MILD, gateway="ttn"), "not-its-gateway", "'station' belongs to the gateway 'lora'"),
    (chirpstack(MILD, eui="alone"), "not-its-gateway", "'alone' publishes by itself"),
    (chirpstack(MILD, gateway="stranger"), "unknown-gateway", "'stranger'"),
    (chirpstack(MILD, deviceInfo=None), "wrong-shape", "deviceInfo.devEui"),
    (chirpstack(MILD, data="%%"), "wrong-shape", "base64"),
    (chirpstack(MILD, fPort="two"), "wrong-shape", "fPort"),
    (chirpstack(MILD, fPort=256), "wrong-shape", "up to 255"),
    (chirpstack(MILD, fPort=-1), "wrong-shape", "up to 255"),
    (chirpstack(MILD, fPort=True), "wrong-shape", "fPort"),
    (chirpstack(MILD, fPort=None), "wrong-shape", "a payload without fPort"),
    (null(chirpstack(MILD), "fPort"), "wrong-shape", "a payload without fPort"),
    (chirpstack(fPort=None, object={"rain_mm": 1}), "wrong-shape", "without fPort"),
    (the_things_stack(LPP, f_port=None), "wrong-shape", "without uplink_message.f_port"),
    (chirpstack(MILD, data=7), "wrong-shape", "data must be a text"),
    (chirpstack(object=[1]), "wrong-shape", "object must be an object"),
    (the_things_stack(decoded_payload="x"), "wrong-shape", "decoded_payload must be"),
    (the_things_stack(LPP, received_at=""), "bad-time", "received_at"),
    (twice(chirpstack(MILD), "fPort", value=9), "wrong-shape", "'fPort' is twice"),
    (
        twice(the_things_stack(LPP), "simulated", value=True),
        "wrong-shape",
        "'simulated' is twice",
    ),
    (NO_TIME, "no-time", "no time"),
    (chirpstack(MILD, time="yesterday"), "bad-time", "yesterday"),
    (chirpstack(MILD, time="2022-01-11T07:15:00Z"), "time-ahead", "replay --shift -1h"),
    (chirpstack(MILD[:3]), "codec-error", "3 bytes: a measurement has 16"),
    (chirpstack(MILD, fPort=5), "codec-error", "measurements come on 2"),
    (chirpstack(b"\x01", eui="a840410000000001"), "bad-payload", "no decoded object"),
    (chirpstack(b"\x01", eui="a840410000000002"), "no-codec", "no codec and no model"),
    (chirpstack(b"\x01", eui="a840410000000003"), "no-codec", "'nowhere'"),
    (the_things_stack(b"\x01\x67\x01"), "bad-payload", "temperature takes 2 bytes, 1 are left"),
    (the_things_stack(b"\x01\x99\x01"), "bad-payload", "type 0x99"),
    (("gateways/ttn/v3/a/devices/b/up", {}), "wrong-shape", "no uplink_message"),
    (
        ("gateways/ttn/v3/a/devices/b/up", {"uplink_message": [1], "join_accept": {}}),
        "wrong-shape",
        "no uplink_message",
    ),
    (("gateways/ttn/v3/a/devices/b/up", b"\xff"), "not-json", "The Things Stack"),
    (("gateways/lora/application/1/device/2/event/up", b"\x0a\x01"), "not-json", "set to JSON"),
    (("gateways/lora/nonsense/1", b"{}"), "wrong-shape", "nonsense"),
    (("gateways/concentrator/devices/lamp-99/readings", b"{}"), "unknown-device", "'lamp-99'"),
]


@pytest.mark.parametrize(("message", "reason", "words"), REFUSALS)
def test_what_is_refused_says_why_and_keeps_its_bytes(
    message: tuple[str, Any], reason: str, words: str
) -> None:
    said = say(message)
    letter = next(each for each in said.letters if each.reason != "unknown-quantity")
    assert (letter.reason, words in letter.detail) == (reason, True), letter.detail
    assert letter.payload
    assert not said.values


def test_a_simulated_uplink_was_never_measured() -> None:
    topic, message = the_things_stack(LPP)
    for said in ("true", True, 1, [1]):
        assert say((topic, message | {"simulated": said})).reasons == ["simulated"]
    assert not say((topic, message | {"simulated": False})).letters


def test_the_device_id_finds_a_device_that_has_no_eui_registered() -> None:
    topic, message = the_things_stack(LPP)
    message["end_device_ids"] = {"device_id": "probe", "dev_eui": "0000000000000000"}
    assert say((topic, message)).values["probe"]["humidity"] == 66


def test_a_concentrator_speaks_native_json_for_its_own() -> None:
    said = say(
        (
            "gateways/concentrator/devices/lamp-17/readings",
            {"time": "2022-01-11T06:00:00Z", "values": {"light_level": 70, "colour": 3}},
        ),
        ("gateways/concentrator/devices/lamp/readings", b'{"values": {"light_level": 1}}'),
    )
    assert said.values == {"lamp": {"light_level": 70}}
    assert sorted(said.reasons) == ["no-time", "unknown-quantity"]


def test_an_instances_own_codec_wins_over_a_shipped_one() -> None:
    mine = CodecSource(
        mapping="payload: javascript\nfields: {t: air_temperature}\nports: [2]\nwarnings: doubtful",
        script="function decodeUplink(i) { return {data: {t: i.fPort}, warnings: ['old']} }",
    )
    routes = Routes(known(**{"compact-station": mine}), Library())
    said = say(chirpstack(MILD), chirpstack(MILD, fPort=9), routes=routes)
    assert said.values == {"station": {"air_temperature": 2}}
    assert said.flags == {("station", "air_temperature"): Quality.DOUBTFUL}


def test_a_broken_codec_is_told_with_its_line() -> None:
    broken = CodecSource(mapping="payload: json\nfields:\n  a: {quantity: rain, unitt: mm}\n")
    routes = Routes(known(**{"compact-station": broken}), Library())
    (letter,) = say(chirpstack(MILD), routes=routes).letters
    assert (letter.reason, letter.detail) == (
        "bad-codec",
        "codec compact-station:3:23: fields.a has no 'unitt'; did you mean 'unit'?",
    )


def test_the_same_uplink_twice_is_the_same_reading() -> None:
    said = say(chirpstack(MILD), chirpstack(MILD, rxInfo=[]))
    assert said.times["station"][:4] == said.times["station"][4:]
    assert EUI in said.letters[0].topic


def test_a_payload_that_is_json_says_nothing_twice() -> None:
    for payload, words in (
        (b'{"rain_mm": 1, "rain_mm": 2}', "'rain_mm' is twice"),
        (b'{"x": [{"a": 1, "a": 1}], "rain_mm": 1}', "'a' is twice"),
        (b'{"x.rain": 1, "x": {"rain": 2}}', "'x.rain' is there twice"),
        (json.dumps({f"f{n}": n for n in range(1000)} | {"rain_mm": 1}).encode(), "1000 fields"),
    ):
        (letter,) = say(chirpstack(payload, eui="a840410000000001")).letters
        assert (letter.reason, words in letter.detail) == ("bad-payload", True), letter.detail
    said = say(chirpstack(b'{"rain_mm": 1.5}', eui="a840410000000001"))
    assert said.values == {"bucket": {"rain": 1.5}}


def test_a_field_that_no_mapping_names_is_said_once_of_each_device(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def bucket(**extra: Any) -> tuple[str, object]:
        return chirpstack(
            b"\x01", eui="a840410000000001", object={"rain_mm": 0.2, "battery_pct": 87, **extra}
        )

    plain = chirpstack(b"\x01", eui="a840410000000002", object={"level": 1.5, "mode": "fast"})
    routes = Routes(known(), Library())
    with caplog.at_level("INFO", logger="ingest.library"):
        said = say(
            bucket(mode=1, list=[{"n": 1}, {"n": 2}]),
            bucket(mode=2, list=[{"n": 1}], alarm=True),
            plain,
            plain,
            bucket(),
            routes=routes,
        )
    assert [record.getMessage() for record in caplog.records] == [
        "bucket sends mode, list[].n, which no mapping names; said once",
        "bucket sends alarm, which no mapping names; said once",
        "plain sends mode, which no mapping names; said once",
    ]
    assert not said.letters


def test_a_device_that_invents_fields_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    library = Library()
    with caplog.at_level("INFO", logger="ingest.library"):
        for number in range(1000):
            library.tell_unmapped("bucket", [f"field{number}"])
    assert len(caplog.records) == 100


@pytest.mark.parametrize("form", ["devices/{}/readings", "gateways/lora/devices/{}/readings"])
def test_a_topic_longer_than_any_index_takes_is_cut_and_not_read(form: str) -> None:
    for length, reason in ((400, "unknown-device"), (401, "too-large")):
        topic = form.format("é" * (length - len(form) + 2))
        (letter,) = say(
            (topic, b'{"time": "2022-01-11T06:00:00Z", "values": {"level": 1}}')
        ).letters
        assert letter.reason == reason
        assert letter.topic == topic[:400]
