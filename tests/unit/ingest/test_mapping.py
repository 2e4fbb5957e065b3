"""Mapping files: what vendors' fields become, and slips told with their line."""

import re
import tracemalloc
from typing import Any

import pytest

from hypervisor.readings.ingest_inventory import list_units
from ingest.library import list_shipped, make_codec
from ingest.mapping import MappingError, find_ambiguous_fields, load_mapping
from ingest.meaning import flatten, read_fields
from ingest.ports import CodecSource
from ingest.reply import UnusableError
from sensors._domain import catalogue

UNITS = list_units(catalogue())
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
    assert flatten(data) == {"a.b": 1, "list[0].x": 2, "list[1][0]": 3, "c": None}


def test_a_small_payload_makes_no_large_paths() -> None:
    """Each field of a list repeats its name: 400 kB would fill 40 GB."""
    for data, words in (
        ({"x" * 200_000: [1] * 100_000}, "the name of the field 'xxx.*more than 1000 characters"),
        ({"x": [1] * 100_000}, "more than 1000 fields"),
        ({"x" * 900: {"y" * 99: {"z": 1}}}, "more than 1000 characters"),
        ({"x": [[[]] * 900] * 900}, "more than 1000 fields"),
    ):
        tracemalloc.start()
        with pytest.raises(UnusableError, match=words):
            flatten(data)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
        tracemalloc.stop()
    assert len(flatten({"x" * 900: [1] * 1000})) == 1000


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


@pytest.mark.parametrize(
    ("given", "value"),
    [("27.20°C", 27.2), (" -3 °C ", -3.0), ("21.5", 21.5), (21.5, 21.5), ("none", None)],
)
def test_a_number_with_its_unit_behind_it(given: object, value: float | None) -> None:
    text = "payload: json\nfields: {t: {quantity: air_temperature, suffix: °C, missing: none}}"
    mapping = load_mapping(text, file="m.yaml", units=UNITS)
    assert read_fields(mapping, {"t": given}, has=HAS).values == {"air_temperature": value}
    (refused,) = read_fields(mapping, {"t": "27 K"}, has=HAS).refused
    assert "'27 K', no number" in refused.detail
    assert refused.detail.endswith("`suffix` is what follows a number")


SLIPS = [
    (
        "payload: json\nfields: {a: {quantity: rain, suffix: ''}}",
        "m.yaml:2:39: fields.a.suffix: expected a text",
    ),
    ("", "m.yaml:1:1: the file is empty"),
    ("- 1", "m.yaml:1:1: expected a codec's mapping, a mapping; found a list"),
    ("fields: {a: rain}", "m.yaml:1:1: `payload` is missing; expected one of javascript"),
    (
        "payload: jscript\nfields: {a: rain}",
        "m.yaml:1:10: 'jscript' is not a payload; did",
    ),
    ("payload: json", "m.yaml:1:1: `fields` names no field"),
    ("payload: json\nfields:\n  a: rian", "m.yaml:3:6: fields.a: unknown quantity 'rian'; did you"),
    ("payload: json\nfields:\n  a: {unit: mm}", "m.yaml:3:6: fields.a: `quantity` is missing"),
    (
        "payload: json\nfield:\n  a: rain",
        "m.yaml:2:1: a codec's mapping has no 'field'; did you mean",
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
    ("payload: json\nfields:\n  a: rain\n  a: rain", "m.yaml:4:3: 'a' appears twice"),
    (
        "payload: json\nfields:\n  a: &x rain\n  b: *x",
        "m.yaml:4:6: this is not YAML: an alias",
    ),
    ("payload: json\nfields: {a", "m.yaml:2:11: this is not YAML"),
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
            ("plus: [[b]]", "33: expected fields.a.plus; found a list"),
            ("plsu: b", "26: fields.a has no 'plsu'; did you mean 'plus'?"),
        ]
    ),
    ("payload: json\nports: 256\nfields: {a: rain}", "m.yaml:2:8: ports: expected numbers from 1"),
    ("payload: json\nports: true\nfields: {a: rain}", "m.yaml:2:8: ports: expected numbers"),
    ("payload: json\nports: [1.5]\nfields: {a: rain}", "m.yaml:2:9: ports: expected numbers"),
    ("#" * 262_145, "m.yaml:1:1: 262145 characters of one file; expected at"),
    ("payload: json\nfields: {1: rain, ? [a] : rain}", "m.yaml:2:21: expected a key; found a list"),
    ("payload: json\nfields: {a: {quantity: }}", "m.yaml:2:24: fields.a.quantity: expected a text"),
    (
        "payload: json\nfields: {a: {quantity: rain, missing: [[1]]}}",
        "m.yaml:2:40: expected fields.a.missing; found a list",
    ),
    ("payload: json\nports: 07\nfields: {a: rain}", "m.yaml:2:8: ports: YAML's versions read 07"),
    (
        "payload: senml\nfields:\n  a: {quantity: rain, plus: b}",
        "m.yaml:3:29: fields.a.plus: SenML's records are read one by one",
    ),
    ("payload: json\nfields: " + "[" * 5000, "m.yaml:2:24: this is not YAML: more than 16 nested"),
    (
        "payload: json\nwarnings: maybe\nfields: {a: rain}",
        "m.yaml:2:11: 'maybe' is not a use of warnings; expected one of",
    ),
]


@pytest.mark.parametrize(("text", "told"), SLIPS)
def test_a_slip_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(MappingError) as raised:
        load_mapping(text, file="m.yaml", units=UNITS)
    assert str(raised.value).startswith(told)


@pytest.mark.parametrize(
    ("field", "given", "value"),
    [
        ("{quantity: battery, missing: -327.68}", -327.6800001, None),
        ("{quantity: battery, missing: -327.68}", -327.679, -327.679),
        ("{quantity: battery, missing: 0}", 0.0, None),
        ("{quantity: battery, missing: 0}", 1e-8, 1e-8),
        ("{quantity: battery, missing: 1}", True, True),
        ("{quantity: battery, missing: true}", "TRUE ", None),
        ("{quantity: battery, missing: 5}", "5", None),
        ("{quantity: battery, missing: '05'}", "05", None),
        ("{quantity: battery, missing: '05'}", 5, 5.0),
        ("{quantity: cabinet_door, values: {true: 0, false: 1}}", True, 0.0),
        ("{quantity: cabinet_door, values: {true: 0, false: 1}}", False, 1.0),
        ("{quantity: cabinet_door, values: {1: 5, 1.5: 6}}", 1.0, 5.0),
        ("{quantity: cabinet_door, values: {1: 5, 1.5: 6}}", 1.5, 6.0),
        ("{quantity: cabinet_door, values: {1: 5, 1.5: 6}}", 7, 7.0),
        ("{quantity: cabinet_door, values: {x: true, y: false}}", " X", 1.0),
        ("{quantity: cabinet_door, values: {x: true, y: false}}", "y", 0.0),
        ("battery", "1" * 39, 1e39 / 9),
        ("battery", 9e299, 9e299),
        ("battery", -9e299, -9e299),
    ],
)
def test_what_a_value_is(field: str, given: Any, value: Any) -> None:
    mapping = load_mapping(f"payload: json\nfields: {{x: {field}}}", file="m.yaml", units=UNITS)
    read = read_fields(mapping, {"x": given}, has=["battery", "cabinet_door"])
    (stored,) = read.values.values()
    if value is None or isinstance(value, bool):
        assert stored is value
    else:
        assert stored == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("1" * 40, "no number"),
        ("1_0", "no number"),
        ("\u0661", "no number"),
        (1e300, "no number"),
        (-1e300, "no number"),
        (float("nan"), "no number"),
        ("x" * 58, "'x' is '" + "x" * 58 + "', no number"),
        ("x" * 59, "'x' is '" + "x" * 56 + r"\.\.\., no number"),
    ],
)
def test_what_is_no_number(given: Any, words: str) -> None:
    mapping = load_mapping("payload: json\nfields: {x: battery}", file="m.yaml", units=UNITS)
    (refusal,) = read_fields(mapping, {"x": given}, has=["battery"]).refused
    assert refusal.reason == "bad-value"
    assert re.search(words, refusal.detail), refusal.detail


def test_eight_fields_are_named_where_nothing_is_mapped() -> None:
    fields = {f"f{n}": n for n in range(9)}
    text = "payload: json\nfields: {" + ", ".join(f"m{n}: rain" for n in range(9)) + "}"
    mapping = load_mapping(text, file="m.yaml")
    (refusal,) = read_fields(mapping, fields, has=["rain"]).refused
    assert refusal.detail == (
        "none of its fields (f0, f1, f2, f3, f4, f5, f6, f7, …) is in the mapping, which has"
        " m0, m1, m2, m3, m4, m5, m6, m7"
    )
    del fields["f8"]
    (refusal,) = read_fields(mapping, fields, has=["rain"]).refused
    assert "f6, f7) is in" in refusal.detail


@pytest.mark.parametrize("ports", ["1", "255", "[1, 255]", "0x02"])
def test_ports_that_there_are(ports: str) -> None:
    mapping = load_mapping(f"payload: json\nports: {ports}\nfields: {{a: rain}}", file="m.yaml")
    codec = make_codec(
        "x", CodecSource(mapping=f"payload: json\nports: {ports}\nfields: {{a: rain}}")
    )
    assert mapping.ports is not None
    assert all(codec.is_for(port) for port in mapping.ports)
    assert not codec.is_for(3)


@pytest.mark.parametrize(
    ("quantities", "words"),
    [
        ("abcdefghijkl", "; expected one of a, b, c, d, e, f, g, h, i, j, k, l"),
        ("abcdefghijklm", "; expected one of a, b, c, d, e, f, g, h, i, j, k, l, …"),
    ],
)
def test_what_is_known_is_said_where_nothing_is_near(quantities: str, words: str) -> None:
    with pytest.raises(MappingError) as raised:
        load_mapping(
            "payload: json\nfields: {x: qqqq}", file="m", units=dict.fromkeys(quantities, "1")
        )
    assert str(raised.value).endswith(words)


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
    texts = find_ambiguous_fields(load_mapping(CAUTIONED, file="m.yaml"), kinds)
    assert [text.partition(":")[0] for text in texts] == [
        "fields.counters.rainTotal_mm",
        "fields.bikesAccumulated",
        "fields.TOTAL",
        "fields.cumulative.sun",
        "fields.energy_delta",
    ]
    assert "looks like a running total, and 'rain' is the amount since the last" in texts[0]
    assert "looks like the amount since the last message, and 'lamp_energy' is a" in texts[4]


@pytest.mark.parametrize("name", sorted(list_shipped()))
def test_nobody_is_cautioned_of_a_shipped_codec(name: str) -> None:
    kinds = {name: quantity.kind for name, quantity in catalogue().quantities.items()}
    assert find_ambiguous_fields(load_mapping(list_shipped()[name].mapping, file=name), kinds) == []


@pytest.mark.parametrize("name", sorted(list_shipped()))
def test_a_shipped_codec_is_of_a_model_and_maps_what_it_measures(name: str) -> None:
    codec = make_codec(name, list_shipped()[name], units=UNITS)
    measured = set(catalogue().models[name].quantities)
    assert {field.quantity for field in codec.mapping.fields.values()} == measured
    if codec.script is not None:
        codec.script.sandbox.load()
