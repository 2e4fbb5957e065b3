"""Commands as LoRaWAN devices receive them, in the shapes of vendors' encoders; and answers."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from ingest.codec import Codec
from ingest.downlink import Downlink
from ingest.library import Library, list_shipped, make_codec
from ingest.mapping import MappingError
from ingest.message import Acknowledgement, Arrival, Reason
from ingest.ports import CodecSource, Inventory
from ingest.reply import Reply, UnusableError
from ingest.route import Routes
from tests.unit.ingest.field import EUI, RECEIVED, known

NOON = datetime(2022, 1, 11, 12, tzinfo=UTC)
KEY = UUID("7b0c2f0e-5f5e-4c52-9a57-0d9d3b1f7a11")
MAPPING = """payload: javascript
fields: {x: rain}
commands:
  dim: {port: 10, data: {"lamp.level": {parameter: level, scale: 2.55}, mode: manual}}
  switch: {data: {state: {parameter: state, values: {on: 1, off: 0}}}}
"""
UPLINK = "function decodeUplink(i) { return {data: {x: 1}} }\n"


def make(encoder: str, mapping: str = MAPPING) -> Codec:
    return make_codec("mine", CodecSource(mapping=mapping, script=UPLINK + encoder))


def encode(codec: Codec, kind: str = "dim", **parameters: Any) -> Downlink:
    given = parameters or {"level": 40.0}
    return codec.encode(kind, given, device="lamp", variables={"v": 7}, at=NOON)


def refusal(codec: Codec, kind: str = "dim", **parameters: Any) -> tuple[Reason, str]:
    with pytest.raises(UnusableError) as raised:
        encode(codec, kind, **parameters)
    return raised.value.refusal.reason, str(raised.value.refusal.detail)


@pytest.mark.parametrize(
    ("encoder", "port", "payload"),
    [
        (  # TS013, as the device repository has it: one function, bytes pushed one by one
            """function encodeDownlink(input) {
              var bytes = []; bytes.push(0x0f, input.data.lamp.level & 0xff);
              return {bytes: bytes, fPort: 15, warnings: [], errors: []}; }""",
            15,
            bytes([15, 102]),
        ),
        (  # several servers' names for one function of a maker
            """function encodeDownlink(input) { return {bytes: made(input.data)}; }
            function Encode(fPort, obj) { return made(obj); }
            function Encoder(obj, port) { return made(obj); }
            function made(p) { var b = []; if ("mode" in p) b = b.concat([0xff, 1]);
              return b.concat([p.lamp.level]); }""",
            10,
            bytes([255, 1, 102]),
        ),
        (
            "function Encode(port, data, v) { return [port, data.lamp.level, v.v] }",
            10,
            bytes([10, 102, 7]),
        ),
        ("function Encoder(data, port) { return [port, 1] }", 10, bytes([10, 1])),
        (
            """function encodeDownlink(i) { var b = Buffer.alloc(3); b.writeUInt16BE(515, 0);
              b[2] = i.fPort; return {bytes: b, fPort: 2} }""",
            2,
            bytes([2, 3, 10]),
        ),
        (
            "module.exports.encodeDownlink = (i) => ({bytes: [new Date().getUTCHours()]});",
            10,
            bytes([12]),
        ),
    ],
)
def test_encoders_in_the_shapes_of_their_vendors(encoder: str, port: int, payload: bytes) -> None:
    assert encode(make(encoder)) == Downlink(port=port, payload=payload)


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        ("throw new Error('no such lamp')", "codec-error", "no such lamp"),
        ("return {errors: ['level', 'too high']}", "codec-error", "level; too high"),
        ("return {}", "codec-error", "no bytes"),
        ("return {bytes: []}", "codec-error", "no bytes"),
        ("return {bytes: [1, 256]}", "codec-error", "byte 1 of the encoder is '256'"),
        ("return {bytes: [0.5]}", "codec-error", "byte 0 of the encoder is '0.5'"),
        ("return {bytes: ['1']}", "codec-error", "byte 0"),
        ("return {bytes: new Array(243).fill(0)}", "codec-error", "243 bytes"),
        ("return {bytes: [1], fPort: 224}", "codec-error", "'224'"),
        ("return [1]", "codec-error", "no object"),
        ("for (;;) {}", "codec-timeout", "in time"),
        ("var a = []; for (;;) a.push(new Uint8Array(1e6))", "codec-memory", "memory"),
    ],
)
def test_an_encoder_that_fails_says_why(body: str, reason: str, words: str) -> None:
    given, detail = refusal(make(f"function encodeDownlink(i) {{ {body} }}"))
    assert given == reason
    assert words in detail


def test_what_a_mapping_cannot_say_is_refused() -> None:
    encoder = "function encodeDownlink(i) { return {bytes: [i.data.state]} }"
    codec = make(encoder)
    assert encode(make(encoder + "/* fPort */", MAPPING.replace("switch: {", "switch: {port: 3, ")),
                  "switch", state="on") == Downlink(port=3, payload=b"\x01")  # fmt: skip
    assert "no frame port" in refusal(codec, "switch", state="on")[1]
    assert "no value for 'plan'" in refusal(codec, "switch", state="plan")[1]
    assert "no command 'barrier'" in refusal(codec, "barrier", position="open")[1]
    assert "names the parameter 'level'" in refusal(codec, "dim", brightness=1.0)[1]
    assert "no function encodeDownlink" in refusal(make(""))[1]
    plain = Library().of_device("lamp", Inventory(devices={}))
    assert refusal(plain)[0] is Reason.NO_CODEC  # type: ignore[arg-type]


def test_an_encoder_that_does_not_end_is_soon_not_called_any_more() -> None:
    codec = make("function encodeDownlink(i) { for (;;) {} }")
    reasons = [refusal(codec)[0] for _ in range(5)]
    assert reasons[-1] is Reason.CODEC_SUSPENDED


def test_the_network_server_s_own_codec_is_given_the_object() -> None:
    mapping = MAPPING.replace("payload: javascript", "payload: json")
    codec = make_codec("mine", CodecSource(mapping=mapping))
    made = {"lamp": {"level": 102.0}, "mode": "manual"}
    assert encode(codec) == Downlink(port=10, object_=made)


@pytest.mark.parametrize(
    ("commands", "words"),
    [
        ("{dim: {port: 10}}", "commands.dim needs 'data'"),
        ("{dim: {data: {x: {parametre: level}}}}", "did you mean 'parameter'"),
        ("{dim: {port: 0, data: {x: 1}}}", "from 1 to 255"),
        ("{dim: {port: [1, 2], data: {x: 1}}}", "expected one number"),
        ("{dim: {data: {x: 1, x.y: 2}}}", "has a value and fields within it"),
        ("[dim]", "a mapping"),
    ],
)
def test_a_wrong_command_of_a_mapping_is_an_error_with_its_place(commands: str, words: str) -> None:
    text = f"payload: javascript\nfields: {{x: rain}}\ncommands: {commands}"
    with pytest.raises(MappingError, match="codec mine:3:") as raised:
        make("", text)
    assert words in str(raised.value)
    with pytest.raises(MappingError, match="encodes none"):
        make_codec("mine", CodecSource(mapping=text.replace("javascript", "cayenne-lpp")))


def test_the_shipped_lamp_obeys() -> None:
    codec = make_codec("lamp-node", list_shipped()["lamp-node"])
    assert encode(codec) == Downlink(port=10, payload=bytes([1, 40]))
    for state, number in (("on", 1), ("off", 0), ("plan", 255)):
        assert encode(codec, "switch", state=state).payload == bytes([2, number])


# -- answers of network servers ------------------------------------------------------------------


def hear(topic: str, message: object) -> Reply:
    payload = message if isinstance(message, bytes) else json.dumps(message).encode()
    route = Routes(known(), Library()).add(topic)
    assert route.read is not None
    return route.read(Arrival(topic=topic, payload=payload, received_at=RECEIVED))


def chirpstack(event: str, gateway: str = "lora", **fields: Any) -> Reply:
    message = {"deviceInfo": {"devEui": EUI.upper()}, "time": "2022-01-11T06:15:00Z"} | fields
    return hear(f"gateways/{gateway}/application/7/device/{EUI}/event/{event}", message)


def the_things_stack(event: str, downlink: object, **more: Any) -> Reply:
    message = {
        "end_device_ids": {"device_id": "dev1", "dev_eui": "70B3D57ED0001234"},
        f"downlink_{event}": downlink,
    }
    return hear(f"gateways/ttn/v3/app@ttn/devices/dev1/down/{event}", message | more)


def what(reply: Reply) -> list[tuple[str, UUID, str, str]]:
    assert not reply.refused, reply.refused
    assert all(
        isinstance(each, Acknowledgement) and each.relayed for each in reply.acknowledgements
    )
    return [(each.device, each.key, each.state, each.reason) for each in reply.acknowledgements]


def test_what_chirpstack_says() -> None:
    assert what(chirpstack("txack", queueItemId=str(KEY))) == [("station", KEY, "accepted", "")]
    obeyed = chirpstack("ack", queueItemId=str(KEY), acknowledged=True)
    assert what(obeyed) == [("station", KEY, "acknowledged", "")]
    unheard = what(chirpstack("ack", queueItemId=str(KEY)))  # false is left out
    assert [state for *_, state, _ in unheard] == ["failed"]
    log = {"level": "ERROR", "code": "EXPIRED", "description": "it has expired"}
    expired = chirpstack("log", **log, context={"queue_item_id": str(KEY)})
    assert what(expired) == [("station", KEY, "failed", "it has expired")]
    for reply in (
        chirpstack("txack"),
        chirpstack("log", **log),
        chirpstack("log", level="INFO", context={"queue_item_id": str(KEY)}),
    ):
        assert what(reply) == []


def test_what_the_things_stack_says() -> None:
    ours = {"correlation_ids": ["as:downlink:01", f"hypervisor:{KEY}"], "f_port": 10}
    states = {"queued": "accepted", "sent": "accepted", "ack": "acknowledged", "nack": "failed"}
    for event, state in states.items():
        ((device, key, said_state, _),) = what(the_things_stack(event, ours))
        assert (device, key, said_state) == ("probe", KEY, state)
    error = {"name": "no_path", "message_format": "no gateway for `{id}`", "attributes": {"id": 3}}
    failed = what(the_things_stack("failed", {"downlink": ours, "error": error}))
    assert failed == [("probe", KEY, "failed", "no gateway for `3`")]
    doubling = {**{f"a{n}": f"{{a{n + 1}}}" * 20 for n in range(40)}, "a40": "x" * 500_000}
    error = {"message_format": "{a0}" * 100_000, "attributes": doubling}
    ((_, _, _, why),) = what(the_things_stack("failed", {"downlink": ours, "error": error}))
    assert len(why) <= 300
    for other in ({}, {"correlation_ids": ["hypervisor:x"]}, {"correlation_ids": "a"}):
        assert what(the_things_stack("sent", other)) == []


def test_hostile_answers_are_dead_letters_with_a_sentence() -> None:
    topic = "gateways/ttn/v3/app/devices/dev1/down/"
    ours = {"correlation_ids": [f"hypervisor:{KEY}"]}
    for reply, reason in (
        (hear(f"{topic}sent", b"{"), "not-json"),
        (hear(f"{topic}sent", [1]), "wrong-shape"),
        (hear(f"{topic}sent", {"downlink_sent": 3}), "wrong-shape"),
        (hear(f"{topic}sent", {"downlink_sent": ours}), "wrong-shape"),
        (chirpstack("ack", queueItemId=str(KEY), deviceInfo=None), "wrong-shape"),
        (chirpstack("ack", queueItemId=str(KEY), gateway="ttn"), "not-its-gateway"),
        (chirpstack("ack", queueItemId=str(KEY), gateway="nobody"), "unknown-gateway"),
        (hear(f"{topic}push", ours), "wrong-shape"),  # nobody sends us that
    ):
        assert [refused.reason for refused in reply.refused] == [reason], reply
        assert not reply.acknowledgements
