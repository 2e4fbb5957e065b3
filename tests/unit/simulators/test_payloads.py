"""Frames of LoRaWAN devices against bytes written by hand from the table of their layouts."""

import numpy as np
import pytest

from simulators._payloads import LAYOUTS, frames

NAN = float("nan")
# Model, the values of one frame, its bytes, and what a reader finds where the frame rounds.
GOLDEN = [
    (
        "compact-station",
        {
            "air_temperature": 12.34,  # 123 = 0x007b
            "humidity": 81.0,  # 162 = 0xa2
            "pressure": 1013.2,  # 10132 = 0x2794
            "wind_speed": 3.4,  # 34 = 0x0022
            "wind_direction": 225.0,  # 0x00e1
            "gust": 7.8,  # 78 = 0x004e
            "rain": 0.4,  # 4
            "solar_radiation": 123_000.0,  # 123 kJ = 0x007b
            "battery": 87.0,  # 0x57
        },
        "007b a2 2794 0022 00e1 004e 0004 007b 57",
        {"air_temperature": 12.3},
    ),
    (
        "compact-station",
        {
            "air_temperature": -5.6,  # -56 = 0xffc8
            "humidity": 100.0,  # 200 = 0xc8
            "pressure": NAN,
            "wind_speed": NAN,
            "wind_direction": 0.0,
            "gust": 0.0,
            "rain": NAN,
            "solar_radiation": 0.0,
            "battery": 3.0,
        },
        "ffc8 c8 ffff ffff 0000 0000 ffff 0000 03",
        {},
    ),
    (
        "air-probe",
        {"air_temperature": -4.7, "humidity": 64.5, "battery": 91.0},
        "0167 ffd1 0268 81 0302 238c",  # -47, 129, 9100
        {},
    ),
    ("tipping-bucket", {"rain": 0.2, "battery": 87.0}, "0002 57", {}),
    (
        "lamp-node",
        {
            "light_level": 50.0,  # 0x32
            "lamp_power": 41.75,  # 418 (to even) = 0x01a2
            "lamp_energy": 1991.328,  # 1991328 Wh = 0x001e62a0
            "burning_hours": 26_562.0,  # 0x0067c2
            "lamp_fault": 3.0,
        },
        "32 01a2 001e62a0 0067c2 03",
        {"lamp_power": 41.8},
    ),
    (
        "radar-counter",
        {"traffic_flow": 1234.0, "traffic_speed": 87.0, "occupancy": 12.3, "battery": 90.0},
        "04d2 57 007b 5a",
        {},
    ),
    ("path-counter", {"bicycles": 300.0, "pedestrians": 7.0, "battery": 79.0}, "012c 0007 4f", {}),
]


@pytest.mark.parametrize(("model", "values", "told", "rounded"), GOLDEN)
def test_a_frame_is_as_its_table_says(
    model: str, values: dict[str, float], told: str, rounded: dict[str, float]
) -> None:
    (frame,), found = frames(LAYOUTS[model], {k: np.array([v]) for k, v in values.items()})
    assert frame.hex() == told.replace(" ", "")
    for name, value in {**values, **rounded}.items():
        assert found[name][0] == pytest.approx(value, nan_ok=True)


def test_there_is_a_vector_of_each_layout() -> None:
    assert {model for model, *_ in GOLDEN} == set(LAYOUTS)


def test_many_frames_are_as_each_alone() -> None:
    values = {"bicycles": np.arange(50.0), "pedestrians": np.arange(50.0) * 3}
    values["battery"] = np.full(50, 70.0)
    told, _ = frames(LAYOUTS["path-counter"], values)
    assert told == [n.to_bytes(2) + (3 * n).to_bytes(2) + bytes([70]) for n in range(50)]


def test_what_is_too_much_for_its_bytes_is_the_most_they_hold() -> None:
    values = {name: np.array([0.0]) for name in LAYOUTS["compact-station"].quantities}
    values["solar_radiation"] = np.array([1e9])
    (frame,), found = frames(LAYOUTS["compact-station"], values)
    assert frame[13:15].hex() == "fffe"  # ffff would say that the sensor is missing
    assert found["solar_radiation"][0] == 65_534_000
