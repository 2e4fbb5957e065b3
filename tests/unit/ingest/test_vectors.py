"""Vectors of the device repository: how they are read, run and compared."""

from importlib.resources import files

import pytest

from ingest.library import list_shipped
from ingest.sandbox import Sandbox
from ingest.vectors import Difference, VectorError, load_vectors, run_vector


@pytest.mark.parametrize("name", sorted(n for n, s in list_shipped().items() if s.script))
def test_the_vectors_of_a_shipped_codec(name: str) -> None:
    text = (files("ingest") / "codecs" / name / "vectors.yaml").read_text(encoding="utf-8")
    sandbox = Sandbox(list_shipped()[name].script or "")
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


def compared(expected: str, returned: str) -> list[str]:
    """The paths at which what a script returns differs from a vector's `data`."""
    text = f"uplinkDecoder: {{examples: [{{input: {{bytes: []}}, output: {{data: {expected}}}}}]}}"
    (vector,) = load_vectors(text, file="v.yaml")
    sandbox = Sandbox(f"function decodeUplink(i) {{ return {{data: {returned}}} }}")
    return [difference.path for difference in run_vector(vector, sandbox)]


@pytest.mark.parametrize(
    ("expected", "returned", "paths"),
    [
        ("{a: null, b: 1}", "{b: 2}", ["data.b"]),
        ("{a: 1}", "{a: 1, b: null}", []),
        ("{a: 1}", "{a: 1, b: 2}", ["data.b"]),
        ("{a: 1, b: 2}", "{a: 1}", ["data.b"]),
        ("{a: {b: [1, {c: 2}]}}", "{a: {b: [1, {c: 3}]}}", ["data.a.b[1].c"]),
        ("{a: [1, 2]}", "{a: [1]}", ["data.a"]),
        ("{a: 1}", "{a: true}", ["data.a"]),
        ("{a: true}", "{a: 1}", ["data.a"]),
        ("{a: true}", "{a: true}", []),
        ("{a: 1}", "{a: '1'}", ["data.a"]),
        ("{a: 1000000000}", "{a: 1000000000.9}", []),
        ("{a: 1000000000}", "{a: 1000000002}", ["data.a"]),
        ("{a: 0}", "{a: 1e-13}", []),
        ("{a: 0}", "{a: 1e-11}", ["data.a"]),
        ("{a: .nan, b: .inf}", "{a: NaN, b: 1 / 0}", []),
        ("{a: .nan}", "{a: 0}", ["data.a"]),
        (
            "{a: '2024-01-01T00:00:00.123999Z'}",
            "{a: new Date(Date.UTC(2024, 0, 1, 0, 0, 0, 123))}",
            [],
        ),
        ("{a: '2024-01-01T01:00:00+01:00'}", "{a: '2024-01-01T00:00:00Z'}", []),
        ("{a: '2024-01-01T00:00:00.123Z'}", "{a: '2024-01-01T00:00:00.124Z'}", ["data.a"]),
        ("{a: '2024-01-01T00:00:00Z'}", "{a: 'noon'}", ["data.a"]),
        ("{a: noon}", "{a: '2024-01-01T00:00:00Z'}", ["data.a"]),
        ("{a: x}", "{a: {b: 1}}", ["data.a"]),
    ],
)
def test_what_is_alike(expected: str, returned: str, paths: list[str]) -> None:
    assert compared(expected, returned) == paths


def test_a_vector_that_expects_errors_does_not_look_at_the_data() -> None:
    text = (
        "uplinkDecoder: {examples: [{input: {bytes: '01'}, output: {errors: [no], data: {a: 1}}}]}"
    )
    (vector,) = load_vectors(text, file="v.yaml", now=7)
    assert (vector.description, vector.port, vector.millis) == ("v.yaml:1:28", 1, 7)
    fails = Sandbox("function decodeUplink(i) { return {errors: ['no']} }")
    throws = Sandbox("function decodeUplink(i) { throw new Error('no') }")
    warns = Sandbox("function decodeUplink(i) { return {errors: ['no'], warnings: ['w']} }")
    assert run_vector(vector, fails) == []
    other = Sandbox("function decodeUplink(i) { throw new Error('yes') }")
    assert run_vector(vector, throws) == []
    assert run_vector(vector, other) == [
        Difference(path="errors[0]", expected="'no'", got="'Error: yes'")
    ]
    assert run_vector(vector, warns) == [Difference(path="warnings", expected="[]", got="['w']")]


def test_a_difference_is_shown_in_few_words() -> None:
    text = "uplinkDecoder: {examples: [{input: {bytes: []}, output: {data: {a: 1}}}]}"
    (vector,) = load_vectors(text, file="v.yaml")
    sandbox = Sandbox("function decodeUplink(i) { return {data: {a: 'x'.repeat(300)}} }")
    (difference,) = run_vector(vector, sandbox)
    assert (difference.expected, len(difference.got), difference.got[-4:]) == ("1", 200, "x...")


def test_vectors_are_compared_as_json_has_it() -> None:
    sandbox = Sandbox(SCRIPT)
    good, refused, wrong = load_vectors(VECTORS, file="v.yaml", now=0)
    assert (good.payload, good.millis) == (b"\x01\x02", 1_641_881_700_000)
    assert run_vector(good, sandbox) == []
    assert run_vector(refused, sandbox) == []
    assert run_vector(wrong, sandbox)[0] == Difference(path="warnings", expected="[]", got="['w']")
    assert [difference.path for difference in run_vector(wrong, sandbox)[1:]] == [
        "data.n",
        "data.on",
        "data.list",
        "data.at",
    ]


def test_a_whole_number_that_no_double_holds_is_compared() -> None:
    sandbox = Sandbox("function decodeUplink() { return {data: {a: 1.5}}; }")
    text = f"[{{input: {{bytes: []}}, output: {{a: {'9' * 390}}}}}]"
    (vector,) = load_vectors(text, file="v.yaml")
    assert [each.path for each in run_vector(vector, sandbox)] == ["data.a"]


def test_vectors_as_actility_and_chirpstack_write_them() -> None:
    actility = """[
\t{"type": "downlink-encode", "input": {"cmd": 1}, "output": {"bytes": []}},
\t{"type": "downlink-encode", "input": {"data": {"x": 9}}, "output": {"bytes": "09", "fPort": 2}},
\t{"type": "uplink", "description": "one", "input": {"bytes": "01ff", "fPort": 3,
\t "time": "2022-01-11T07:15:00+01:00"}, "output": {"data": {"x": 1}}}]"""
    chirpstack = """[{"name": "two", // it's 2
    "input": {"fPort": 0x7f, "bytes": [0x02,]}, "expected": {"data": {"x": "http://y", //
    }}}]"""
    throws = '[{"type": "uplink", "input": {"bytes": []}, "errorMessage": "too short"}]'
    (one, encoded), (two,), (three,) = (
        load_vectors(text, file="v.json") for text in (actility, chirpstack, throws)
    )
    assert (encoded.data, encoded.output) == ({"x": 9}, {"bytes": [9], "fPort": 2})
    encoder = "function decodeUplink() {} function encodeDownlink(i) { return {bytes: [%s]} }"
    right, wrong = (Sandbox(encoder % number) for number in ("i.data.x", "7"))
    assert [each.path for each in run_vector(encoded, right)] == ["fPort"]
    assert [each.path for each in run_vector(encoded, wrong)] == ["bytes[0]", "fPort"]
    assert three.output == {"errors": ["too short"]}
    assert (one.description, one.payload, one.port) == ("one", b"\x01\xff", 3)
    assert one.millis == 1_641_881_700_000
    assert (two.description, two.payload, two.port) == ("two", b"\x02", 127)
    assert two.output == {"data": {"x": "http://y"}}


@pytest.mark.parametrize("bare_script", [True, False], ids=["bare", "data"])
@pytest.mark.parametrize("bare_vector", [True, False], ids=["bare", "data"])
def test_a_drivers_fields_may_stand_without_data(*, bare_script: bool, bare_vector: bool) -> None:
    """Actility allows it in what a driver returns, and in its examples."""
    output = "{t: b.bytes[0]}" if bare_script else "{data: {t: b.bytes[0]}}"
    sandbox = Sandbox(f"var driver = {{decodeUplink: function (b) {{ return {output}; }}}};")
    for expected, fails in ((33, []), (34, ["data.t"])):
        fields = f'{{"t": {expected}}}'
        written = fields if bare_vector else f'{{"data": {fields}}}'
        text = f'[{{"type": "uplink", "input": {{"bytes": "21"}}, "output": {written}}}]'
        (vector,) = load_vectors(text, file="v.json")
        assert [each.path for each in run_vector(vector, sandbox)] == fails


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"type": "downlink-encode", "input": {}, "output": {}}]', "or a list of such examples"),
        ('[{"input": {"bytes": []}}]', "v.yaml:1:2: an example needs 'output'"),
        ("[5]", "an example"),
        ("a: 1", "no example of an uplink; expected uplinkDecoder: {examples: "),
        ("uplinkDecoder: {examples: [{input: {}}]}", "v.yaml:1:28: an example needs 'output'"),
        ("uplinkDecoder: {examples: [{input: {bytes: [256]}, output: {}}]}", "0 to 255"),
        ("uplinkDecoder: {examples: [{input: {bytes: 5}, output: {}}]}", "array of numbers"),
        ("uplinkDecoder: {examples: [{input: {bytes: 0102}, output: {}}]}", "got 102"),
        (
            "uplinkDecoder: {examples: [{input: {bytes: [], recvTime: x}, output: {}}]}",
            "a time such",
        ),
        ("uplinkDecoder: {examples: [{input: {fPort: x, bytes: []}, output: {}}]}", "got 'x'"),
        ('[{type: downlink-encode, input: {data: {}, fPort: {}}, output: {bytes: ""}}]', "to 255"),
        ("[{input: {bytes: [], fPort: 256}, output: {}}]", "from 0 to 255, got 256"),
        *(
            (f"[{{type: downlink-encode, input: {{data: {{a: {odd}}}}}, output: {{}}}}]", "be read")
            for odd in ("!!binary aGk=", "!!timestamp x", "!!set {a}", "!!bool x", "!!omap [a: 1]")
        ),
        ("uplinkDecoder: {examples: " + "[" * 400, "not YAML"),
        ("[", "not YAML"),
    ],
)
def test_vectors_that_are_none(text: str, words: str) -> None:
    with pytest.raises(VectorError, match=words):
        load_vectors(text, file="v.yaml")
