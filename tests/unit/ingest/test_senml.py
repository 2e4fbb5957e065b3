"""SenML: packs as RFC 8428 has them, resolved; and what is refused of it."""

import json
from typing import Any

import pytest

from ingest.check import check
from ingest.decode import decode
from ingest.layout import Layouts
from ingest.library import Library
from ingest.message import Arrival
from ingest.ports import Channel, CodecSource, Inventory
from ingest.reply import UnusableError
from ingest.route import Routes
from ingest.senml import Record, read_pack
from tests.unit.ingest.field import BELIEF, RECEIVED, known, say

ALONE = "devices/alone/senml"
THINGS = "gateways/things/senml"
MOTE = "urn:dev:ow:10e2073a01080063"


def pack(*records: dict[str, Any]) -> list[Record]:
    return read_pack(json.dumps(records).encode(), received_at=RECEIVED)


def test_base_fields_hold_until_they_are_given_again() -> None:
    found = pack(
        {"bn": "a/", "bt": 1.3e9, "bu": "A", "bv": 20, "n": "x", "v": 1.5},
        {"n": "y", "t": -5, "u": "V"},
        {"n": "z", "vb": True},
        {"bn": "b:", "bu": "lx", "bv": 0},
        {"n": "x", "t": 2.25, "v": 3},
    )
    assert found == [
        Record(name="a/x", time=1_300_000_000_000_000, unit="A", value=21.5),
        Record(name="a/y", time=1_299_999_995_000_000, unit="V", value=20.0),
        Record(name="a/z", time=1_300_000_000_000_000, unit="A", value=True),
        Record(name="b:x", time=1_300_000_002_250_000, unit="lx", value=3.0),
    ]


def test_small_times_are_told_from_the_receipt() -> None:
    now, then, absolute = pack(
        {"n": "a", "v": 1}, {"n": "b", "t": -60, "v": 1}, {"n": "c", "t": 2**28, "v": 1}
    )
    assert (now.time, then.time) == (RECEIVED, RECEIVED - 60_000_000)
    assert absolute.time == 2**28 * 1_000_000


def test_a_sum_is_a_field_of_its_own() -> None:
    found = pack({"n": "e", "u": "W", "v": 2, "s": 70}, {"bs": 100, "n": "f", "s": 5})
    assert [(each.name, each.unit, each.value) for each in found] == [
        ("e", "W", 2.0),
        ("e.sum", "W.s", 70.0),
        ("f.sum", None, 105.0),
    ]


def test_unknown_fields_are_passed_over_unless_they_must_be_understood() -> None:
    assert len(pack({"n": "a", "v": 1, "zz": 5, "ut": 10})) == 1
    with pytest.raises(UnusableError, match="'zz_' must be understood"):
        pack({"n": "a", "v": 1, "zz_": 5})


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([{"v": 1}], "record 1: '' is no name"),
        ([{"n": "a", "v": 1}, {"n": "-b", "v": 1}], "record 2: '-b' is no name"),
        ([{"n": "-a", "v": 1}], "no name"),
        ([{"n": "é", "v": 1}], "no name"),
        ([{"n": "a"}], "no value and no sum"),
        ([{"n": "a", "v": 1, "vs": "x"}], "both 'v' and 'vs'"),
        ([{"n": "a", "v": "1"}], "'v' must be a number"),
        ([{"n": "a", "v": True}], "'v' must be a number"),
        ([{"n": "a", "vb": 1}], "'vb' must be true or false"),
        ([{"n": 5, "v": 1}], "'n' must be a text"),
        ([{"n": "a", "v": 1, "bver": 12}], "version 12"),
        ([{"n": "a", "v": 1, "bver": 10}, {"n": "b", "v": 1, "bver": 26}], "version 26"),
        ([{"n": "a", "v": 1, "t": 1e300}], "no time lies at"),
        ([{"n": "a", "v": 1, "bt": -1e10}], "no time lies at"),
        ([{"n": "a", "v": 1, "t": 7_258_118_400}], "no time lies at"),
        ([{"n": "a", "v": 1, "bt": 10**308, "t": 10**308}], "no time lies at"),
        ([{"n": "a" * 501, "v": 1}], "no name"),
        ([{}], "no record of the pack has a value"),
        ([{"bn": "a", "bt": 1.6e9, "bu": "m"}, {}], "no record of the pack has a value"),
        ([{"n": "a", "v": 1, "unit": "mm"}], "no field 'unit'; did you mean 'u'?"),
        ([{"n": "a", "v": 1, "U": "mm"}], "no field 'U'; did you mean 'u'?"),
        ([{"n": "a", "v": 1, "base_unit": "mm"}], "did you mean 'bu'?"),
        ([{"bn": "a", "v": 1, "Base Time": 5}], "did you mean 'bt'?"),
        ([{"n": "a", "v": 1}, {"value": 2}], "did you mean 'v'?"),
        ([{"n": "a", "v": 10**400}], "'v' is not finite"),
        ([], "the pack is empty"),
        ([[]], "array of records"),
    ],
)
def test_what_is_no_senml(records: list[Any], words: str) -> None:
    with pytest.raises(UnusableError, match=words):
        pack(*records)


def test_a_device_of_its_own_account() -> None:
    said = say(
        (
            ALONE,
            [
                {"bn": "urn:dev:mac:0024befffe804ff1:", "bt": RECEIVED / 1e6 - 60, "n": "level"}
                | {"u": "mm", "v": 1234},
                {"n": "battery", "u": "%EL", "v": 88},
                {"n": "battery", "t": -900, "u": "/", "v": 0.9},
            ],
        ),
        (ALONE, [{"n": "alone/level", "v": 2}, {"n": "humidity", "u": "%RH", "v": 40}]),
        (ALONE, [{"n": "urn:dev:other:air_temperature", "u": "K", "v": 300.15}]),
    )
    assert said.values["alone"] == pytest.approx(
        {"level": 2.0, "battery": 90, "humidity": 40, "air_temperature": 27}
    )
    assert sorted(said.times["alone"]) == [
        RECEIVED - 960_000_000,
        *[RECEIVED - 60_000_000] * 2,
        *[RECEIVED] * 3,
    ]
    assert not said.letters


def test_a_gateway_finds_devices_by_the_base_name() -> None:
    said = say(
        (THINGS, [{"bn": f"{MOTE}:", "n": "level", "v": 1.5}, {"n": "battery", "v": 50}]),
        (THINGS, [{"n": f"{MOTE.upper().replace('URN', 'urn')}/level", "t": -5, "v": 1.6}]),
        (THINGS, [{"n": "urn:dev:mac:0024befffe804ff1:level", "v": 9}, {"n": f"{MOTE}9", "v": 1}]),
    )
    assert said.values == {"mote": {"level": 1.6, "battery": 50}}
    assert sorted(said.reasons) == ["not-its-gateway", "unknown-device"]


def test_part_of_a_pack_may_be_good() -> None:
    said = say((ALONE, [{"n": "level", "v": 1}, {"n": "battery", "vs": "low"}, {"n": "x", "v": 1}]))
    assert said.values == {"alone": {"level": 1}}
    assert sorted(said.reasons) == ["bad-value", "unknown-quantity"]
    assert all(letter.payload.startswith(b"[") for letter in said.letters)


def test_a_unit_that_is_of_another_kind() -> None:
    (letter,) = say((ALONE, [{"n": "level", "u": "kg", "v": 1}])).letters
    assert letter.reason == "unknown-unit"


def test_no_name_stands_twice() -> None:
    (letter,) = say((ALONE, b'[{"n": "level", "u": "m", "v": 4, "u": "mm"}]')).letters
    assert (letter.reason, "'u' is twice" in letter.detail) == ("wrong-shape", True)


def test_the_ends_of_time() -> None:
    first, last = pack({"n": "a", "v": 1, "bt": -(2**28)}, {"n": "a", "v": 1, "bt": 7_258_118_399})
    assert (first.time, last.time) == (RECEIVED - 2**28 * 1_000_000, 7_258_118_399_000_000)
    assert pack({"n": "a", "v": 1, "t": 2**28 - 1})[0].time == RECEIVED + (2**28 - 1) * 1_000_000


def test_a_number_beyond_all_numbers_is_refused() -> None:
    said = say(
        (ALONE, [{"bv": 1e308, "n": "humidity", "v": 1e308}, {"n": "battery", "bv": 0, "v": 1}])
    )
    assert said.values == {"alone": {"battery": 1}}
    assert said.reasons == ["not-finite"]


DEVICES = {
    "air": ("nested", "air"),
    "outer": ("nested", "urn:a"),
    "inner": ("nested", "urn:a:b"),
    "innermost": ("nested", "urn:a:b:level"),
}


def nested(*records: dict[str, Any], topic: str = "gateways/nested/senml") -> dict[str, Any]:
    """What becomes of a pack where one device's address begins another's; letters as `refused`."""
    quantities = ("level", "air_temperature")
    channels = {
        device: {
            name: Channel(series=10 * number + place, unit=unit, low=None, high=None)
            for place, (name, unit) in enumerate(zip(quantities, ("m", "Cel"), strict=True))
        }
        for number, device in enumerate(DEVICES)
    }
    known = Inventory(
        devices=channels,
        gateways={"nested": {address: device for device, (_, address) in DEVICES.items()}},
        addresses={device: address for device, (_, address) in DEVICES.items()},
    )
    arrival = Arrival(topic=topic, payload=json.dumps(records).encode(), received_at=RECEIVED)
    decoded = decode([arrival], Routes(known, Library()))
    rows, refused = check(decoded, Layouts(channels), BELIEF)
    found: dict[str, Any] = {
        f"{list(DEVICES)[series // 10]} {quantities[series % 10]}": value
        for series, _, _, value, _ in rows.tolist()
    }
    return found | ({"refused": sorted(one.reason for one in refused)} if refused else {})


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("urn:a:level", "outer level"),
        ("urn:a:b:level:level", "innermost level"),
        ("urn:a:b:air_temperature", "inner air_temperature"),
        ("urn:a:b:c/d:level", "inner level"),
        ("urn:a:bb:level", "outer level"),
        ("URN:A:B/level", "inner level"),
        ("urn:a:b:level:air_temperature", "innermost air_temperature"),
        ("air_air_temperature", "air air_temperature"),
    ],
)
def test_the_longest_address_is_whose_a_name_is(name: str, of: str) -> None:
    assert nested({"n": name, "v": 3}) == {of: 3}


@pytest.mark.parametrize(
    "name", ["airs:level", "urn:b:level", "level", "ur", "urn", "urn:ab:level"]
)
def test_a_name_of_no_device(name: str) -> None:
    assert nested({"n": name, "v": 3}) == {"refused": ["unknown-device"]}


@pytest.mark.parametrize(
    "name", ["air_temperature", "air/air_temperature", "air:x/air_temperature"]
)
def test_a_device_whose_name_begins_a_quantitys(name: str) -> None:
    found = nested({"n": name, "v": 3}, topic="devices/air/senml")
    assert found == {"air air_temperature": 3}


def test_two_sensors_are_not_one_quantity() -> None:
    """Cut to their quantity both are `level`, and the later would stand for both."""
    both = ({"n": "x/level", "v": 1}, {"n": "y/level", "v": 2}, {"n": "z/air_temperature", "v": 3})
    assert nested(*both, topic="devices/air/senml") == {
        "air air_temperature": 3,
        "refused": ["wrong-shape"],
    }
    apart = nested(
        {"n": "x/level", "t": -60, "v": 1}, {"n": "x/level", "v": 2}, topic="devices/air/senml"
    )
    assert apart == {"air level": 2}


def test_a_record_that_is_there_twice_is_two_values() -> None:
    said = say((ALONE, [{"n": "level", "v": 1}, {"n": "level", "v": 2}, {"n": "battery", "v": 3}]))
    assert len(said.times["alone"]) == 3
    assert not said.letters


def test_of_a_mappings_fields_of_one_quantity_the_first_stands() -> None:
    mapping = CodecSource(
        mapping="payload: senml\nfields:\n  a: {quantity: level, missing: [-1]}\n  b: level\n"
    )
    routes = Routes(known(**{"pressure-probe": mapping}), Library())
    for first, stands in ((4, 4), (-1, 5)):
        records = [{"n": "b", "v": 5}, {"n": "a", "v": first}]
        for pack_ in (records, records[::-1]):
            assert say((ALONE, pack_), routes=routes).values == {"alone": {"level": stands}}


def test_a_curve_makes_another_thing_of_a_record_than_its_unit_says() -> None:
    mapping = CodecSource(
        mapping="payload: senml\nfields:\n  u: {quantity: battery, curve: [[3, 0], [4, 100]]}\n"
        "  depth: {quantity: level, scale: 2}\n"
    )
    routes = Routes(known(**{"pressure-probe": mapping}), Library())
    records = [{"n": "u", "u": "V", "v": 3.25}, {"n": "depth", "u": "cm", "v": 50}]
    said = say((ALONE, records), routes=routes)
    assert said.values == {"alone": {"battery": 25, "level": 1.0}}
