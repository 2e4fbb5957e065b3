"""Cayenne LPP: every type, and bytes that are none."""

from typing import Any

import pytest

from ingest.cayenne import CayenneError, decode_cayenne

PAYLOADS = [
    ("03670110056700ff", {"temperature_3": 27.2, "temperature_5": 25.5}),
    ("0167ffd7", {"temperature_1": -4.1}),
    ("067104d2fb2e0000", {"accelerometer_6": {"x": 1.234, "y": -1.234, "z": 0.0}}),
    ("0586000affff0000", {"gyrometer_5": {"x": 0.1, "y": -0.01, "z": 0.0}}),
    (
        "018806765ff2960a0003e8",
        {"gps_1": {"latitude": 42.3519, "longitude": -87.9094, "altitude": 10.0}},
    ),
    (
        "000064010101020200fa0303ff9c",
        {"digital_in_0": 100, "digital_out_1": 1, "analog_in_2": 2.5, "analog_out_3": -1},
    ),
    (
        "0465012c05660106680a077327ac",
        {
            "luminosity_4": 300,
            "presence_5": 1,
            "relative_humidity_6": 5,
            "barometric_pressure_7": 1015.6,
        },
    ),
    ("017409c4028300000bb8", {"voltage_1": 25.0, "energy_2": 3.0}),
    ("", {}),
]


TYPES = [  # one of each: its number, name, bytes, and value
    ("00", "digital_in", "ff", 255),
    ("01", "digital_out", "ff", 255),
    ("02", "analog_in", "fe0c", -5.0),
    ("03", "analog_out", "fe0c", -5.0),
    ("64", "generic", "fffffffe", 4294967294),
    ("65", "luminosity", "fffe", 65534),
    ("66", "presence", "ff", 255),
    ("67", "temperature", "ff38", -20.0),
    ("68", "relative_humidity", "c9", 100.5),
    ("71", "accelerometer", "fc1803e8fffe", {"x": -1.0, "y": 1.0, "z": -0.002}),
    ("73", "barometric_pressure", "ffdc", 6550.0),
    ("74", "voltage", "ff14", 653.0),
    ("75", "current", "fde8", 65.0),
    ("76", "frequency", "ffffffff", 4294967295),
    ("78", "percentage", "ff", 255),
    ("79", "altitude", "fffe", -2),
    ("7a", "load", "fffc18", -1.0),
    ("7d", "concentration", "fffe", 65534),
    ("80", "power", "fffe", 65534),
    ("82", "distance", "fffffc18", 4294966.296),
    ("83", "energy", "fffffc18", 4294966.296),
    ("84", "direction", "fffe", 65534),
    ("85", "unix_time", "fffffffe", 4294967294),
    ("86", "gyrometer", "ff380064fffe", {"x": -2.0, "y": 1.0, "z": -0.02}),
    ("87", "colour", "01ff03", {"r": 1, "g": 255, "b": 3}),
    (
        "88",
        "gps",
        "ffd8f00027100003e8fffc18"[:18],
        {"latitude": -1.0, "longitude": 1.0, "altitude": 10.0},
    ),
    ("8e", "switch", "ff", 255),
]


@pytest.mark.parametrize(("number", "name", "payload", "value"), TYPES)
def test_every_type_of_cayenne(number: str, name: str, payload: str, value: Any) -> None:
    one = f"07{number}{payload}"
    assert decode_cayenne(bytes.fromhex(one + "080055")) == {f"{name}_7": value, "digital_in_8": 85}
    with pytest.raises(CayenneError, match=f"byte 2: {name} takes {len(payload) // 2} bytes, "):
        decode_cayenne(bytes.fromhex(one[:-2]))


def test_no_other_type_of_cayenne_is_read() -> None:
    known = {int(number, 16) for number, *_ in TYPES}
    for number in set(range(256)) - known:
        with pytest.raises(CayenneError, match=f"no Cayenne LPP type 0x{number:02x}"):
            decode_cayenne(bytes([1, number, *range(12)]))


@pytest.mark.parametrize(("text", "fields"), PAYLOADS)
def test_cayenne(text: str, fields: dict[str, Any]) -> None:
    assert decode_cayenne(bytes.fromhex(text)) == fields


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("01", "byte 0: a channel without a type"),
        ("0199", "byte 1: no Cayenne LPP type 0x99"),
        ("016701", "byte 2: temperature takes 2 bytes, 1 are left"),
        ("0167011001670110", "byte 4: temperature_1 is there a second time"),
    ],
)
def test_no_cayenne(text: str, words: str) -> None:
    with pytest.raises(CayenneError, match=words):
        decode_cayenne(bytes.fromhex(text))
