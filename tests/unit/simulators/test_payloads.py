"""Frames of LoRaWAN devices against bytes written by hand from the table of their layouts."""

from dataclasses import replace
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
import yaml

from hypervisor.exercises.territory import describe_codecs
from ingest.chirpstack import read_chirpstack
from ingest.library import list_shipped, make_codec
from ingest.ports import CodecSource
from ingest.uplink import Uplink, parse_uplink_time
from sensors._units import convert
from simulators._device_table import DeviceTable
from simulators._encoding import encode_messages
from simulators._field import Field
from simulators._lorawan import Layout, encode_frames, layout_of
from simulators._publications import MessageSet
from tests.unit.simulators.small import CODECS, KNOWN, place

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


def layout(model: str) -> Layout:
    """How a device of the model sends what the model measures."""
    names = KNOWN.models[model].quantities
    table = DeviceTable(
        device="a",
        times=np.arange(1),
        names=names,
        units=tuple(KNOWN.quantities[name].unit for name in names),
        value=np.zeros((1, len(names))),
        there=np.ones((1, len(names)), dtype=bool),
        status=None,
    )
    made = layout_of(table, CODECS[model], KNOWN.models[model])
    assert made is not None
    return made


@pytest.mark.parametrize(("model", "values", "told", "rounded"), GOLDEN)
def test_a_frame_is_as_its_table_says(
    model: str, values: dict[str, float], told: str, rounded: dict[str, float]
) -> None:
    (frame,), found = encode_frames(layout(model), {k: np.array([v]) for k, v in values.items()})
    assert frame.hex() == told.replace(" ", "")
    for name, value in {**values, **rounded}.items():
        assert found[name][0] == pytest.approx(value, nan_ok=True)


FRAMED = sorted(model.name for model in KNOWN.models.values() if model.frame is not None)


@pytest.mark.parametrize("model", FRAMED)
def test_a_frame_of_what_the_first_vector_of_its_codec_says_is_its_bytes(model: str) -> None:
    source = list_shipped()[model]
    file = files("ingest") / "codecs" / model / "vectors.yaml"
    vectors = yaml.safe_load(file.read_text(encoding="utf-8"))
    given = vectors["uplinkDecoder"]["examples"][0]["input"]
    assert given["fPort"] == layout(model).frame.port
    uplink = Uplink(
        addresses=(),
        time=parse_uplink_time("2024-01-01T00:00:00Z", where="t"),
        port=given["fPort"],
        payload=bytes(given["bytes"]),
    )
    units = {name: KNOWN.quantities[name].unit for name in KNOWN.models[model].quantities}
    read = make_codec(model, source, units=units).read(uplink, device="a", has=tuple(units))
    values = {
        name: np.array([convert(float(value or 0), read.units.get(name, units[name]), units[name])])
        for name, value in dict(read.values).items()
    }
    (frame,), _ = encode_frames(layout(model), values)
    assert frame.hex(" ") == bytes(given["bytes"]).hex(" ")


def test_each_model_s_frame_is_of_its_quantities_and_has_a_script() -> None:
    for model in KNOWN.models.values():
        if model.frame is not None:
            assert {number.quantity for number in model.frame.numbers} == set(model.quantities)
            assert CODECS[model.name].form == "javascript"


def test_many_frames_are_as_each_alone() -> None:
    values = {"bicycles": np.arange(50.0), "pedestrians": np.arange(50.0) * 3}
    values["battery"] = np.full(50, 70.0)
    told, _ = encode_frames(layout("path-counter"), values)
    assert told == [n.to_bytes(2) + (3 * n).to_bytes(2) + bytes([70]) for n in range(50)]


def test_what_is_too_much_for_its_bytes_is_the_most_they_hold() -> None:
    values = {name: np.array([0.0]) for name in KNOWN.models["compact-station"].quantities}
    values["solar_radiation"] = np.array([1e9])
    (frame,), found = encode_frames(layout("compact-station"), values)
    assert frame[13:15].hex() == "fffe"  # ffff would say that the sensor is missing
    assert found["solar_radiation"][0] == 65_534_000


MAPPINGS = [
    """
payload: json
ports: [7]
fields:
  env.temp: {quantity: air_temperature, unit: K}
  "probes[1].rh": {quantity: humidity, scale: -0.5, offset: 100}
  bat: {quantity: battery, curve: [[2.5, 0], [3.0, 20], [3.6, 100]]}
""",
    """
payload: cayenne-lpp
fields:
  temperature_4: {quantity: air_temperature, unit: Cel}
  relative_humidity_9: humidity
  analog_in_1: battery
""",
    """
payload: json
fields:
  t: air_temperature
  h1: {quantity: humidity, plus: [h2]}
  state: {quantity: battery, values: {full: 80, empty: 0}}
""",
]


def messages(mapping: str, script: str | None = None) -> tuple[MessageSet, CodecSource]:
    """What an air probe with that codec sends of two readings of each quantity."""
    source = CodecSource(mapping=mapping, script=script)
    codec = describe_codecs({"vendor": source}, KNOWN)["vendor"]
    device = replace(place("air-probe"), protocol="chirpstack", codec=codec)
    start = pd.Timestamp("2024-01-01T00:00:00Z").as_unit("us")
    values = {"air_temperature": (21.5, -4.25), "humidity": (60.0, 81.5), "battery": (80.0, 0.0)}
    rows = pd.DataFrame(
        [
            (start + pd.Timedelta(hours=hour), device.device, name, unit, values[name][hour], "ok")
            for hour in range(2)
            for name, unit in zip(values, ("Cel", "%", "%"), strict=True)
        ],
        columns=["time", "device", "quantity", "unit", "value", "status"],
    )
    field = Field(places=(device,))
    return encode_messages(rows, field, 1, lambda _place, at: np.zeros_like(at)), source


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_a_device_sends_what_its_codec_reads(mapping: str) -> None:
    sent, source = messages(mapping)
    units = {name: quantity.unit for name, quantity in KNOWN.quantities.items()}
    codec = make_codec("vendor", source, units=units)
    assert len(sent.publications) == 2
    for number, publication in enumerate(sent.publications):
        read = codec.read(read_chirpstack(publication.payload), device="d", has=set(units))
        assert not read.refused
        assert set(read.left) <= {"probes[0]"}  # what comes before it in its list
        rows, values = sent.rows.loc[sent.of == number], dict(read.values)
        for name, value in zip(rows["quantity"], rows["value"], strict=True):
            stored = values[name]
            given = read.units.get(name, units[name])
            assert convert(float(stored or 0), given, units[name]) == pytest.approx(value, abs=1e-6)
        assert set(rows["quantity"]) == set(values)


def test_a_script_that_nobody_can_write_for_is_passed_by() -> None:
    mapping = "payload: javascript\nfields: {t: air_temperature}\n"
    sent, _ = messages(mapping, "function decodeUplink(input) { return {data: {t: 1}}; }")
    topics = {publication.topic for publication in sent.publications}
    assert topics == {f"gateways/partner/devices/{place('air-probe').address}/readings"}
    assert len(sent.rows) == 6
