"""Cayenne LPP: every type with its size, its step and its sign, as the format has it."""

import pytest

from ingest.cayenne import TYPES, CayenneError, decode_cayenne

# type, bytes, what they say
SAID = (
    (0x00, "ff", {"digital_in_5": 255}),
    (0x01, "01", {"digital_out_5": 1}),
    (0x02, "ff38", {"analog_in_5": -2.0}),
    (0x03, "0539", {"analog_out_5": 13.37}),
    (0x64, "fffffffe", {"generic_5": 4294967294}),
    (0x65, "ffff", {"luminosity_5": 65535}),
    (0x66, "01", {"presence_5": 1}),
    (0x67, "ff9c", {"temperature_5": -10.0}),
    (0x68, "85", {"relative_humidity_5": 66.5}),
    (0x71, "04d2fb2e0000", {"accelerometer_5": {"x": 1.234, "y": -1.234, "z": 0.0}}),
    (0x73, "2791", {"barometric_pressure_5": 1012.9}),
    (0x74, "9c40", {"voltage_5": 400.0}),
    (0x75, "9c41", {"current_5": 40.001}),
    (0x76, "ffffffff", {"frequency_5": 4294967295}),
    (0x78, "64", {"percentage_5": 100}),
    (0x79, "fff6", {"altitude_5": -10}),
    (0x7A, "fffc18", {"load_5": -1.0}),
    (0x7D, "9c40", {"concentration_5": 40000}),
    (0x80, "9c40", {"power_5": 40000}),
    (0x82, "ee6b2801", {"distance_5": 4000000.001}),
    (0x83, "ee6b2801", {"energy_5": 4000000.001}),
    (0x84, "0168", {"direction_5": 360}),
    (0x85, "61dd1b14", {"unix_time_5": 1641880340}),
    (0x86, "0064ff9c0001", {"gyrometer_5": {"x": 1.0, "y": -1.0, "z": 0.01}}),
    (0x87, "ff0001", {"colour_5": {"r": 255, "g": 0, "b": 1}}),
    (
        0x88,
        "06765ff2960a0003e8",
        {"gps_5": {"latitude": 42.3519, "longitude": -87.9094, "altitude": 10.0}},
    ),
    (0x8E, "01", {"switch_5": 1}),
)


@pytest.mark.parametrize(("kind", "raw", "says"), SAID)
def test_each_type(kind: int, raw: str, says: dict[str, object]) -> None:
    payload = bytes([5, kind]) + bytes.fromhex(raw)
    assert decode_cayenne(payload) == says
    after = {"percentage_6": 7}
    assert decode_cayenne(payload + bytes([6, 0x78, 7])) == says | after
    with pytest.raises(CayenneError, match=f"byte 2: .* {len(payload) - 3} are left"):
        decode_cayenne(payload[:-1])


def test_every_type_is_held() -> None:
    assert {kind for kind, _, _ in SAID} == TYPES.keys()


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("01", "byte 0: a channel without a type"),
        ("017864 02", "byte 3: a channel without a type"),
        ("01ff00", "byte 1: no Cayenne LPP type 0xff"),
        ("017864 0178ff", "byte 3: percentage_1 is there a second time"),
    ],
)
def test_what_is_no_such_payload(payload: str, words: str) -> None:
    with pytest.raises(CayenneError, match=words):
        decode_cayenne(bytes.fromhex(payload))


def test_nothing_says_nothing() -> None:
    assert decode_cayenne(b"") == {}
