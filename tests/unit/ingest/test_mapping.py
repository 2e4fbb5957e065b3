"""Mapping files: what vendors' fields become, and slips told with their line."""

import re
from importlib.resources import files
from typing import Any

import pytest

from hypervisor.directory import units
from ingest.cayenne import CayenneError, decode_cayenne
from ingest.library import make_codec, shipped
from ingest.mapping import MappingError, cautions, load_mapping
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
    ("", "m.yaml:1:1: it is empty"),
    ("- 1", "m.yaml:1:1: a mapping must be written as `name: value`"),
    ("fields: {a: rain}", "m.yaml:1:1: `payload` is missing; expected javascript, cayenne-lpp"),
    ("payload: jscript\nfields: {a: rain}", "m.yaml:1:10: payload: 'jscript' is none of"),
    ("payload: json", "m.yaml:1:1: `fields` names no field"),
    ("payload: json\nfields:\n  a: rian", "m.yaml:3:6: fields.a: unknown quantity 'rian'; did you"),
    ("payload: json\nfields:\n  a: {unit: mm}", "m.yaml:3:6: fields.a: `quantity` is missing"),
    (
        "payload: json\nfield:\n  a: rain",
        "m.yaml:2:1: a mapping: unknown word 'field'; did you mean",
    ),
    (
        "payload: json\nfields:\n  a:\n    quantity: rain\n    unit: kg",
        "m.yaml:5:11: fields.a: 'kg' (",
    ),
    (
        "payload: json\nfields:\n  a: {quantity: rain, unit: mmm}",
        "m.yaml:3:29: fields.a: unknown",
    ),
    (
        "payload: json\nfields:\n  a: {quantity: rain, scale: x}",
        "m.yaml:3:30: fields.a.scale:",
    ),
    (
        "payload: json\nfields:\n  a: {quantity: rain, values: {x: y}}",
        "m.yaml:3:35: fields.a.values",
    ),
    ("payload: json\nports: [0]\nfields: {a: rain}", "m.yaml:2:9: ports: expected numbers from 1"),
    ("payload: json\nfields:\n  a: rain\n  a: rain", "m.yaml:4:3: fields: 'a' stands twice"),
    ("payload: json\nfields:\n  a: &x rain\n  b: *x", "m.yaml:4:6: aliases are not read here"),
    ("payload: json\nfields: {a", "m.yaml:2:11: no YAML"),
    *(
        (f"payload: json\nfields:\n  a: {{quantity: battery, {slip}}}", f"m.yaml:3:{told}")
        for slip, told in [
            ("scale: 07", "33: fields.a.scale: YAML's versions read 07 differently; expected 7"),
            (
                "offset: -010",
                "34: fields.a.offset: YAML's versions read -010 differently; expected -10",
            ),
            ("missing: [5, 08]", "39: fields.a.missing: YAML's versions read 08 differently"),
            ("values: {x: 01}", "38: fields.a.values: YAML's versions read 01 differently"),
            ("scale: 1_000", "33: fields.a.scale: expected a number, got '1_000'"),
            ("scale: 12:30", "33: fields.a.scale: expected a number, got '12:30'"),
            ("scale: on", "33: fields.a.scale: expected a number, got 'on'"),
            ("scale: true", "33: fields.a.scale: expected a number, got 'true'"),
            ("scale: .inf", "33: fields.a.scale: expected a number up to 1e12, got .inf"),
            ("offset: .nan", "34: fields.a.offset: expected a number up to 1e12"),
            ("offset: 2e12", "34: fields.a.offset: expected a number up to 1e12"),
            ("missing: 1e13", "35: fields.a.missing: expected a number up to 1e12"),
            ("scale: 0", "33: fields.a.scale: expected a number other than 0"),
            ("curve: 3", "33: fields.a.curve: expected points such as"),
            ("curve: [[1, 2]]", "33: fields.a.curve: expected points such as"),
            ("curve: [[1, 2], [3]]", "42: fields.a.curve: expected points such as"),
            ("curve: [[1, 2], [3, x]]", "46: fields.a.curve: expected a number, got 'x'"),
            ("curve: [[2, 0], [2, 1]]", "42: fields.a.curve: 2 after 2; expected rising"),
            ("plus: a", "32: fields.a.plus: 'a' would be added twice"),
            ("plus: [b, b]", "32: fields.a.plus: 'b' would be added twice"),
            ("plus: [[b]]", "33: fields.a.plus: expected a text"),
            ("plsu: b", "26: fields.a: unknown word 'plsu'; did you mean 'plus'?"),
        ]
    ),
    ("payload: json\nports: 07\nfields: {a: rain}", "m.yaml:2:8: ports: YAML's versions read 07"),
    (
        "payload: senml\nfields:\n  a: {quantity: rain, plus: b}",
        "m.yaml:3:29: fields.a.plus: SenML's records are read one by one",
    ),
    ("payload: json\nfields: " + "[" * 5000, "m.yaml:2:24: it is nested too deeply"),
    (
        "payload: json\nwarnings: maybe\nfields: {a: rain}",
        "m.yaml:2:11: warnings: 'maybe' is none of",
    ),
]


@pytest.mark.parametrize(("text", "told"), SLIPS)
def test_a_slip_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(MappingError) as raised:
        load_mapping(text, file="m.yaml", units=UNITS)
    assert str(raised.value).startswith(told)


ADDING = """\
payload: json
fields:
  lane1: {quantity: bicycles, plus: [lane2, "lane[0].n"], scale: 2, offset: 1, missing: [none, -1]}
  volts: {quantity: battery, curve: [[2.5, 0], [3, 20], [3.6, 100]]}
  milli: {quantity: battery, scale: 0.001, curve: [[2.5, 0], [3, 20]]}
"""


def add(data: dict[str, Any]) -> Any:
    mapping = load_mapping(ADDING, file="m.yaml", units=UNITS)
    return read_fields(mapping, data, has=("bicycles", "battery"))


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ({"lane1": 1, "lane2": "20", "lane": [{"n": 300}]}, {"bicycles": 643.0}),
        ({"lane1": 1, "lane2": -1, "lane": [{"n": 300}]}, {"bicycles": None}),
        ({"lane1": None, "lane2": 1, "lane": [{"n": 300}]}, {"bicycles": None}),
        ({"lane1": 1, "lane2": 1, "lane": [{"n": "None"}]}, {"bicycles": None}),
        ({"volts": 2.5}, {"battery": 0.0}),
        ({"volts": 2.0}, {"battery": 0.0}),
        ({"volts": 2.75}, {"battery": pytest.approx(10.0)}),
        ({"volts": 3}, {"battery": 20.0}),
        ({"volts": "3.3"}, {"battery": pytest.approx(60.0)}),
        ({"volts": 3.6}, {"battery": 100.0}),
        ({"volts": 4.2}, {"battery": 100.0}),
        ({"milli": 2600}, {"battery": pytest.approx(4.0)}),
    ],
)
def test_fields_are_added_and_bent_by_a_curve(data: dict[str, Any], values: dict[str, Any]) -> None:
    read = add(data)
    assert (read.values, read.left, read.refused) == (values, (), [])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            {"lane1": 1, "lane2": 2},
            r"of lane1, lane2, lane\[0\]\.n, and 'lane\[0\]\.n' is not there",
        ),
        ({"lane2": 2}, "'lane1' is not there"),
        ({"lane1": 1, "lane2": "x", "lane": [{"n": 3}]}, "'lane2' is 'x', no number"),
    ],
)
def test_a_sum_with_a_part_that_is_not_there_is_none(data: dict[str, Any], words: str) -> None:
    read = add(data)
    assert read.values == {}
    (refusal,) = read.refused
    assert refusal.reason == "bad-value"
    assert re.search(words, refusal.detail), refusal.detail


CAUTIONED = """\
payload: json
fields:
  counters.rainTotal_mm: rain
  rain_mm: rain
  bikesAccumulated: bicycles
  TOTAL: pedestrians
  hourly.count: pedestrians
  cumulative.sun: sunshine
  energy_delta: lamp_energy
  energy_total: lamp_energy
  totally: air_temperature
"""


def test_a_running_total_in_the_place_of_an_amount_is_cautioned_of() -> None:
    kinds = {name: quantity.kind for name, quantity in catalogue().quantities.items()}
    texts = cautions(load_mapping(CAUTIONED, file="m.yaml"), kinds)
    assert [text.partition(":")[0] for text in texts] == [
        "fields.counters.rainTotal_mm",
        "fields.bikesAccumulated",
        "fields.TOTAL",
        "fields.cumulative.sun",
        "fields.energy_delta",
    ]
    assert "looks like a running total, and 'rain' is the amount since the last" in texts[0]
    assert "looks like the amount since the last message, and 'lamp_energy' is a" in texts[4]


@pytest.mark.parametrize("name", sorted(shipped()))
def test_nobody_is_cautioned_of_a_shipped_codec(name: str) -> None:
    kinds = {name: quantity.kind for name, quantity in catalogue().quantities.items()}
    assert cautions(load_mapping(shipped()[name].mapping, file=name), kinds) == []


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
        ("uplinkDecoder: {examples: [{input: {bytes: 5}, output: {}}]}", "array of numbers"),
        ("uplinkDecoder: {examples: [{input: {bytes: 0102}, output: {}}]}", "got 102"),
        ("uplinkDecoder: {examples: [{input: {bytes: [], recvTime: x}, output: {}}]}", "no time"),
        ("uplinkDecoder: {examples: [{input: {fPort: x, bytes: []}, output: {}}]}", "got 'x'"),
        ("uplinkDecoder: {examples: " + "[" * 400, "no YAML"),
        ("[", "no YAML"),
    ],
)
def test_vectors_that_are_none(text: str, words: str) -> None:
    with pytest.raises(VectorError, match=words):
        load_vectors(text, file="v.yaml")
