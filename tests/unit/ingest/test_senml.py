"""SenML: packs as RFC 8428 has them, resolved; and what is refused of it."""

import json
from typing import Any

import pytest

from ingest.reply import UnusableError
from ingest.senml import Record, read_pack
from tests.unit.ingest.field import RECEIVED, say

ALONE = "devices/alone/senml"
THINGS = "gateways/things/senml"
MOTE = "urn:dev:ow:10e2073a01080063"


def pack(*records: dict[str, Any]) -> list[Record]:
    return read_pack(json.dumps(records).encode(), received_at=RECEIVED)


def test_base_fields_hold_until_they_are_given_anew() -> None:
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
        ([{"v": 1}], "'' is no name"),
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
        ([], "empty pack"),
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
