"""Mapping files: what vendors' fields become, and slips told with their line."""

import re
from importlib.resources import files
from typing import Any

import pytest

from hypervisor.directory import units
from ingest.cayenne import CayenneError, decode_cayenne
from ingest.library import make_codec, shipped
from ingest.mapping import MappingError, load_mapping
from ingest.meaning import leaves, read_fields
from ingest.sandbox import Sandbox
from ingest.vectors import Difference, VectorError, load_vectors, run_vector
from sensors._domain import catalogue

UNITS = units(catalogue())
GOOD = """\
payload: javascript
ports: [2, 3]
warnings: doubtful
fields:
  TempC_SHT: {quantity: air_temperature, unit: Cel, missing: ["No Sensor", -327.68]}
  probes[1].temp: {quantity: dew_point, unit: "°F"}
  door.state: {quantity: cabinet_door, values: {open: 1, closed: 0, unknown: null}}
  tips: {quantity: rain, scale: 0.2, offset: 0.1}
  rain_mm: rain
  bat: {quantity: battery, unit: "%"}
ignore: [meta, Work_mode]
"""
HAS = ("air_temperature", "dew_point", "cabinet_door", "rain")


def read(data: dict[str, Any]) -> Any:
    return read_fields(load_mapping(GOOD, file="m.yaml", units=UNITS), data, has=HAS)


def test_nested_fields_have_paths() -> None:
    data = {"a": {"b": 1}, "list": [{"x": 2}, [3]], "c": None}
    assert leaves(data) == {"a.b": 1, "list[0].x": 2, "list[1][0]": 3, "c": None}


def test_fields_become_quantities() -> None:
    found = read(
        {
            "TempC_SHT": "21.40",
            "probes": [{}, {"temp": 50}],
            "door": {"state": "Open"},
            "tips": 3,
            "Work_mode": "x",
            "meta": {"fw": [1, 2]},
            "extra": 1,
        }
    )
    assert found.values == {
        "air_temperature": 21.4,
        "dew_point": 50.0,
        "cabinet_door": 1.0,
        "rain": pytest.approx(0.7),
    }
    assert found.units == {"air_temperature": "Cel", "dew_point": "°F"}
    assert found.left == ("extra",)
    assert not found.refused


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ({"TempC_SHT": "no sensor"}, {"air_temperature": None}),
        ({"TempC_SHT": -327.68}, {"air_temperature": None}),
        ({"TempC_SHT": "-327.68"}, {"air_temperature": None}),
        ({"TempC_SHT": None}, {"air_temperature": None}),
        ({"door": {"state": "unknown"}}, {"cabinet_door": None}),
        ({"bat": None, "tips": 0}, {"rain": pytest.approx(0.1)}),  # no battery is expected
        ({"bat": 80}, {"battery": 80.0}),  # but one that speaks is told, to be refused by name
        ({"tips": None, "rain_mm": 3}, {"rain": 3.0}),
        ({"tips": 5, "rain_mm": 3}, {"rain": pytest.approx(1.1)}),
        ({"Work_mode": 2, "meta": {"a": 1}}, {}),
    ],
)
def test_sentinels_and_second_names(data: dict[str, Any], values: dict[str, Any]) -> None:
    found = read(data)
    assert found.values == values
    assert not found.refused


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"TempC_SHT": "Sensor broken"}, "'TempC_SHT' is 'Sensor broken', no number"),
        ({"door": {"state": "ajar"}}, "the mapping has open, closed, unknown"),
        ({"tempc_sht": 4}, r"none of its fields \(tempc_sht\)"),
        ({}, "no field"),
        ({"TempC_SHT": [1]}, r"none of its fields \(TempC_SHT\[0\]\)"),
        ({"TempC_SHT": "nan"}, "no number"),
        ({"TempC_SHT": "1e999"}, "no number"),
    ],
)
def test_what_cannot_be_meant(data: dict[str, Any], words: str) -> None:
    (refused,) = read(data).refused
    assert re.search(words, refused.detail), refused.detail


SLIPS = [
    ("", "m.yaml:1: it is empty"),
    ("- 1", "m.yaml:1: a mapping must be written as `name: value`"),
    ("fields: {a: rain}", "m.yaml:1: `payload` is missing; expected javascript, cayenne-lpp"),
    ("payload: jscript\nfields: {a: rain}", "m.yaml:1: payload: 'jscript' is none of"),
    ("payload: json", "m.yaml:1: `fields` names no field"),
    ("payload: json\nfields:\n  a: rian", "m.yaml:3: fields.a: unknown quantity 'rian'; did you"),
    ("payload: json\nfields:\n  a: {unit: mm}", "m.yaml:3: fields.a: `quantity` is missing"),
    ("payload: json\nfield:\n  a: rain", "m.yaml:2: a mapping: unknown word 'field'; did you mean"),
    (
        "payload: json\nfields:\n  a:\n    quantity: rain\n    unit: kg",
        "m.yaml:5: fields.a: 'kg' (",
    ),
    (
        "payload: json\nfields:\n  a: {quantity: rain, unit: mmm}",
        "m.yaml:3: fields.a: unknown",
    ),
    (
        "payload: json\nfields:\n  a: {quantity: rain, scale: x}",
        "m.yaml:3: fields.a.scale:",
    ),
    (
        "payload: json\nfields:\n  a: {quantity: rain, values: {x: y}}",
        "m.yaml:3: fields.a.values",
    ),
    ("payload: json\nports: [0]\nfields: {a: rain}", "m.yaml:2: ports: expected numbers from 1"),
    ("payload: json\nfields:\n  a: rain\n  a: rain", "m.yaml:4: fields: 'a' stands twice"),
    ("payload: json\nfields:\n  a: &x rain\n  b: *x", "m.yaml:4: aliases are not read here"),
    ("payload: json\nfields: {a", "m.yaml:2: no YAML"),
    ("payload: json\nwarnings: maybe\nfields: {a: rain}", "m.yaml:2: warnings: 'maybe' is none of"),
]


@pytest.mark.parametrize(("text", "told"), SLIPS)
def test_a_slip_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(MappingError) as raised:
        load_mapping(text, file="m.yaml", units=UNITS)
    assert str(raised.value).startswith(told)


# -- Cayenne LPP --------------------------------------------------------------------------------

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


# -- shipped codecs and vectors -----------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_shipped_codec_is_of_a_model_and_maps_what_it_measures(name: str) -> None:
    codec = make_codec(name, shipped()[name], units=UNITS)
    measured = set(catalogue().models[name].quantities)
    assert {field.quantity for field in codec.mapping.fields.values()} == measured
    if codec.script is not None:
        codec.script.sandbox.load()


@pytest.mark.parametrize("name", sorted(n for n, s in shipped().items() if s.script))
def test_the_vectors_of_a_shipped_codec(name: str) -> None:
    text = (files("ingest") / "codecs" / name / "vectors.yaml").read_text(encoding="utf-8")
    sandbox = Sandbox(shipped()[name].script or "")
    for vector in load_vectors(text, file=name):
        assert run_vector(vector, sandbox) == [], vector.description


SCRIPT = """function decodeUplink(i) {
  if (i.fPort === 9) return {errors: ["no such port"]};
  return {warnings: ["w"],
          data: {n: 0.1 + 0.2, on: "on", at: i.recvTime, list: [1, {x: null}]}} }"""
VECTORS = """
uplinkDecoder:
  fileName: x.js
  examples:
    - description: all of it
      input: {fPort: 1, bytes: [0x01, 2], recvTime: "2022-01-11T07:15:00+01:00"}
      output:
        data: {n: 0.3, on: on, at: 2022-01-11T06:15:00Z, list: [1, {}], gone: null}
        warnings: [w]
    - description: refused
      input: {fPort: 9, bytes: "0102"}
      output: {errors: [no such port]}
    - description: wrong
      input: {fPort: 1, bytes: []}
      output:
        data: {n: 0.31, on: true, list: [1]}
"""


def test_vectors_are_compared_as_json_has_it() -> None:
    sandbox = Sandbox(SCRIPT)
    good, refused, wrong = load_vectors(VECTORS, file="v.yaml", now=0)
    assert (good.payload, good.millis) == (b"\x01\x02", 1_641_881_700_000)
    assert run_vector(good, sandbox) == []
    assert run_vector(refused, sandbox) == []
    assert run_vector(wrong, sandbox)[0] == Difference(path="warnings", expected="[]", got="['w']")
    assert [one.path for one in run_vector(wrong, sandbox)[1:]] == [
        "data.n",
        "data.on",
        "data.list",
        "data.at",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1", "no uplinkDecoder.examples"),
        ("uplinkDecoder: {examples: [{input: {}}]}", "example 1: needs `input` and `output`"),
        ("uplinkDecoder: {examples: [{input: {bytes: [256]}, output: {}}]}", "0 to 255"),
        ("uplinkDecoder: {examples: [{input: {bytes: [], recvTime: x}, output: {}}]}", "no time"),
        ("[", "no YAML"),
    ],
)
def test_vectors_that_are_none(text: str, words: str) -> None:
    with pytest.raises(VectorError, match=words):
        load_vectors(text, file="v.yaml")
