"""Codecs: which one reads a device, what becomes of an uplink, and how one says that it cannot."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ingest.codec import PlainCodec, parse_result
from ingest.library import Library, make_codec
from ingest.mapping import MappingError
from ingest.ports import CodecSource, Inventory
from ingest.reply import UnusableError
from ingest.uplink import Uplink, parse_uplink_time
from sensors._errors import Message

UPLINK = Uplink(
    addresses=(),
    time=parse_uplink_time("2022-01-11T06:14:58.123Z", where="t"),
    port=2,
    payload=b"\x01\x02",
)
MAPPING = "payload: javascript\nfields: {x: rain, y: humidity}"


def read(script: str, uplink: Uplink = UPLINK, **options: Any) -> Any:
    mapping = options.pop("mapping", MAPPING)
    codec = make_codec("mine", CodecSource(mapping=mapping, script=script))
    return codec.read(uplink, device="bucket", has=("rain", "humidity"), **options)


def refusal(act: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(UnusableError) as raised:
        act()
    return raised.value.refusal.reason, raised.value.refusal.detail


def test_a_script_is_handed_the_uplink_and_the_devices_variables() -> None:
    script = """function decodeUplink(i) { return {data: {
        x: i.bytes[0] * 1000 + i.bytes[1] * 100 + i.fPort * 10 + i.variables.more,
        y: i.recvTime.getTime() % 100000}} }"""
    assert read(script, variables={"more": 5}).values == {"rain": 1225.0, "humidity": 98123.0}
    older = "function Decode(port, bytes, v) { return {x: port * 100 + bytes[1] * 10 + v.more} }"
    assert read(older, variables={"more": 5}).values == {"rain": 225.0}
    assert read("function Decoder(bytes, port) { return {x: bytes[1] * 10 + port} }").values == {
        "rain": 22.0
    }


def test_doubtful_are_the_values_that_a_script_warned_of() -> None:
    script = "function decodeUplink(i) { return {data: {x: 1, y: null}, warnings: ['low', '']} }"
    found = read(script, mapping=f"{MAPPING}\nwarnings: doubtful")
    assert found.values == {"rain": 1.0, "humidity": None}
    assert (found.warnings, found.status) == (("low",), {"rain": "doubtful"})
    assert read(script).status == {}
    silent = script.replace("'low'", "''")
    assert read(silent, mapping=f"{MAPPING}\nwarnings: doubtful").status == {}


@pytest.mark.parametrize("port", [1, 3])
def test_payloads_of_other_ports_say_nothing(port: int) -> None:
    script = "function decodeUplink(i) { return {data: {x: 1}} }"
    mapping = f"{MAPPING}\nports: [2]"
    assert read(script, mapping=mapping).values == {"rain": 1.0}
    elsewhere = Uplink(addresses=(), time=UPLINK.time, port=port, payload=b"\x01")
    assert read(script, elsewhere, mapping=mapping).values == {}


def test_nothing_is_decoded_where_nothing_was_measured() -> None:
    script = "function decodeUplink(i) { throw new Error('called') }"
    for port, payload in ((0, b"\x01"), (2, b"")):
        nothing = Uplink(addresses=(), time=UPLINK.time, port=port, payload=payload)
        assert read(script, nothing).values == {}


@pytest.mark.parametrize(
    ("script", "reason", "detail"),
    [
        ("throw new Error('frame')", "codec-error", "Error: frame"),
        ("return {errors: ['a', 'b']}", "codec-error", "a; b"),
        (f"return {{errors: ['{'e' * 200}', '{'f' * 200}']}}", "codec-error", None),
        ("for (;;) {}", "codec-timeout", "it did not come to an end in time"),
        ("return new Uint8Array(1e8)", "codec-memory", "it used more memory than it may have"),
        ("return {data: {z: 1}}", None, "none of its fields (z) is in the mapping"),
    ],
)
def test_how_a_script_fails_is_the_letters_reason(
    script: str, reason: str | None, detail: str | None
) -> None:
    code = f"function decodeUplink(i) {{ {script} }}"
    if reason is None:
        (refused,) = read(code).refused
        assert (refused.reason, refused.detail[:40]) == ("nothing-mapped", str(detail)[:40])
        return
    given = refusal(lambda: read(code))
    assert given == (reason, detail or ("e" * 200 + "; " + "f" * 98))


def test_a_script_that_fails_fast_is_never_set_aside() -> None:
    script = "function decodeUplink(i) { throw new Error('frame') }"
    codec = make_codec("mine", CodecSource(mapping=MAPPING, script=script), ticks=lambda: 0.0)
    for _ in range(10):
        reason, _ = refusal(lambda: codec.read(UPLINK, device="bucket", has=("rain",)))
        assert reason == "codec-error"


def test_a_device_that_takes_too_much_memory_is_set_aside() -> None:
    script = """function decodeUplink(i) {
        return i.fPort === 2 ? new Uint8Array(1e8) : {data: {x: i.fPort}} }"""
    codec = make_codec("mine", CodecSource(mapping=MAPPING, script=script), ticks=lambda: 0.0)
    reasons = [
        refusal(lambda: codec.read(UPLINK, device="bucket", has=("rain",)))[0] for _ in range(4)
    ]
    assert reasons == [*["codec-memory"] * 3, "codec-suspended"]
    good = Uplink(addresses=(), time=UPLINK.time, port=3, payload=b"\x01")
    assert codec.read(good, device="other", has=("rain",)).values == {"rain": 3.0}


# -- without a script ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "given", "values"),
    [
        (b'{"x": 1.5}', None, {"rain": 1.5}),
        (b'{"x": 1.5}', {"x": 2}, {"rain": 2.0}),
        (b"\x00", {"x": "2.5"}, {"rain": 2.5}),
    ],
)
def test_json_is_the_servers_object_or_the_payload(
    payload: bytes, given: Any, values: dict[str, float]
) -> None:
    codec = make_codec("mine", CodecSource(mapping="payload: json\nfields: {x: rain}"))
    uplink = Uplink(addresses=(), time=UPLINK.time, port=2, payload=payload, object_=given)
    assert codec.read(uplink, device="bucket", has=("rain",)).values == values


@pytest.mark.parametrize(
    ("form", "payload", "reason", "words"),
    [
        ("json", b"\x00", "bad-payload", "no decoded object"),
        ("json", b"[1]", "bad-payload", "no decoded object"),
        ("json", b'{"x": 1, "x": 2}', "bad-payload", "is twice in one object"),
        ("cayenne-lpp", b"\x01\x99", "bad-payload", "no Cayenne LPP: byte 1"),
        ("senml", b"[]", "bad-codec", "reads senml, which no uplink is"),
    ],
)
def test_payloads_that_no_mapping_reads(form: str, payload: bytes, reason: str, words: str) -> None:
    codec = make_codec("mine", CodecSource(mapping=f"payload: {form}\nfields: {{x: rain}}"))
    uplink = Uplink(addresses=(), time=UPLINK.time, port=2, payload=payload)
    given = refusal(lambda: codec.read(uplink, device="bucket", has=("rain",)))
    assert given[0] == reason
    assert words in given[1]


def test_without_a_codec_the_servers_fields_are_the_quantities() -> None:
    codec = PlainCodec(explanation=Message("it has none"))

    def given(**fields: Any) -> Any:
        uplink = Uplink(addresses=(), time=UPLINK.time, port=2, payload=b"x", object_=fields)
        return codec.read(uplink, device="bucket", has=("rain", "level", "door"))

    found = given(rain="0.2", level=None, door=True, mode="fast")
    assert found.values == {"rain": 0.2, "level": None, "door": True}
    assert found.left == ("mode",)
    assert refusal(lambda: given(rain="much")) == ("bad-value", "'rain' is 'much', no number")
    assert refusal(lambda: given(mode=1)) == ("no-codec", "'bucket': it has none")


# -- the library --------------------------------------------------------------------------------

OWN = CodecSource(mapping="payload: json\nfields: {x: rain}")
KNOWN = Inventory(
    devices={},
    codecs={"named": "mine", "lost": "nowhere", "both": "mine"},
    models={"modelled": "tipping-bucket", "both": "tipping-bucket", "odd": "nobodys"},
    own={"mine": OWN},
)


def test_the_codec_of_a_device_is_the_one_named_or_its_models() -> None:
    library = Library()
    names = {device: library.of_device(device, KNOWN).name for device in ("named", "both")}
    assert names == {"named": "mine", "both": "mine"}
    assert library.of_device("modelled", KNOWN).name == "tipping-bucket"
    assert refusal(lambda: library.of_device("lost", KNOWN)) == (
        "no-codec",
        (
            "'lost' is decoded by 'nowhere', a codec that does not exist;"
            " `hypervisor codec add` adds it"
        ),
    )
    for device, words in (("odd", "its model 'nobodys' has no codec"), ("bare", "no codec and no")):
        codec = library.of_device(device, KNOWN)
        assert isinstance(codec, PlainCodec)
        assert words in codec.explanation


def test_a_codec_is_made_once_for_each_source() -> None:
    library = Library()
    first = library.of_device("named", KNOWN)
    assert library.of_device("both", KNOWN) is first
    read_again = replace(KNOWN, own={"mine": CodecSource(mapping=OWN.mapping)})
    assert library.of_device("named", read_again) is first
    changed = replace(KNOWN, own={"mine": CodecSource(mapping=OWN.mapping.replace("x:", "z:"))})
    second = library.of_device("named", changed)
    assert second is not first
    uplink = Uplink(addresses=(), time=UPLINK.time, port=2, payload=b'{"z": 3}')
    assert second.read(uplink, device="named", has=("rain",)).values == {"rain": 3.0}


def test_a_broken_codec_refuses_until_it_is_mended() -> None:
    library = Library()
    broken = replace(KNOWN, own={"mine": CodecSource(mapping="payload: json")})
    for _ in range(2):
        assert refusal(lambda: library.of_device("named", broken)) == (
            "bad-codec",
            "codec mine:1:1: `fields` names no field",
        )
    assert library.of_device("named", KNOWN).name == "mine"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (CodecSource(mapping=OWN.mapping, script="x"), "x.yaml:1:1: payload json has no use for a"),
        (CodecSource(mapping=MAPPING), "x.yaml:1:1: payload javascript needs a script"),
    ],
)
def test_a_script_is_there_where_the_mapping_says_so(source: CodecSource, words: str) -> None:
    with pytest.raises(MappingError, match=words):
        make_codec("mine", source, file="x.yaml")


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ({"errors": [], "data": None}, "no `data`"),
        ({"errors": [None, ""], "data": {}}, None),
        ("text", "no object"),
    ],
)
def test_errors_that_say_nothing_are_none(returned: Any, words: str | None) -> None:
    if words is None:
        assert parse_result(returned).data == {}
    else:
        assert words in refusal(lambda: parse_result(returned))[1]
