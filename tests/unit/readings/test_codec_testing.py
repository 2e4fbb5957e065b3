"""Trying a codec from files, as the author of a mapping does."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from hypervisor.readings.cli_codec import run_vectors, try_codec
from hypervisor.readings.codec_testing import (
    CodecError,
    build_codec,
    check_name,
    encode_command,
    list_cautions,
    parse_uplink,
    read_source,
)
from hypervisor.readings.codec_testing import try_codec as try_with
from ingest.ports import CodecSource
from sensors._command import CommandError
from sensors._domain import catalogue

SCRIPT = "function Decoder(b) { return {level: b[0] + ' mm', more: {x: 1}} }"
MAPPING = """\
payload: javascript
fields:
  level: {quantity: level, unit: mm, suffix: mm}
  batery: battery
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["probe.js", "probe.txt", "probe.mjs"])
def test_what_the_mapping_names_and_the_payload_lacks_is_shown(tmp_path: Path, name: str) -> None:
    script, mapping = write(tmp_path, name, SCRIPT), write(tmp_path, "mapping.yaml", MAPPING)
    uplink = parse_uplink(port=1, hexadecimal="0a", base64="", made="", time="")
    for path, given in ((script, mapping), (script, None)):
        source, file = read_source(path, given)
        trial = try_with(build_codec("t", source, catalogue(), file=file), uplink, catalogue())
        assert [(r.quantity, r.value, r.unit) for r in trial.readings] == [("level", 0.01, "m")]
        assert (trial.left, trial.absent, trial.refused) == (("more.x",), ("batery",), ())


def test_a_mapping_alone_takes_the_script_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "codec.js", SCRIPT)
    mapping = write(tmp_path, "mapping.yml", MAPPING)
    source, file = read_source(mapping, None)
    assert (source.script, source.mapping, file) == (SCRIPT, MAPPING, str(mapping))


def test_the_commands_need_no_instance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    context = typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None)))
    script = write(tmp_path, "probe.txt", SCRIPT)
    try_codec(context, str(script), hex_="0a", mapping=write(tmp_path, "m.yaml", MAPPING))
    assert "absent    batery\n" in capsys.readouterr().out
    vectors = write(
        tmp_path,
        "examples.json",
        '[{"type": "uplink", "input": {"bytes": "0a"}, "output": {"data": {"level": "10 mm"}}}]',
    )
    with pytest.raises(SystemExit):
        run_vectors(script, vectors)
    assert "data.more: expected nothing, got {'x': 1}" in capsys.readouterr().out


@pytest.fixture
def context() -> typer.Context:
    return typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None)))


def run(
    capsys: pytest.CaptureFixture[str], context: typer.Context, *words: Any, **more: Any
) -> str:
    """What the command prints, and the exit code if it is not 0."""
    try:
        try_codec(context, *words, **more)
    except SystemExit as left:
        return f"{capsys.readouterr().out}exit {left.code}\n"
    return capsys.readouterr().out


def test_a_script_without_a_mapping_shows_its_fields(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], context: typer.Context
) -> None:
    script = write(tmp_path, "probe.js", "function Decoder(b) { return {level: b[0], door: b[1]} }")
    note = "no mapping: --mapping FILE shows the readings that it becomes\n"
    assert run(capsys, context, str(script), hex_="0x0a01") == (
        f'data      {{"level": 10, "door": 1}}\n{note}'
    )
    broken = write(tmp_path, "broken.js", "function Decoder(b) { throw new Error('short frame') }")
    refused = run(capsys, context, str(broken), base64="CgE=")
    assert "short frame" in refused
    assert refused.startswith("refused   codec-")
    assert refused.endswith("\nexit 1\n")
    assert note not in refused
    nothing = write(tmp_path, "nothing.js", "function Decoder(b) { return 5 }")
    assert run(capsys, context, str(nothing), hex_="0a") == (
        "refused   codec-error: the script returned no `data` and no `errors`\nexit 1\n"
    )


def test_what_becomes_of_each_value_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], context: typer.Context
) -> None:
    script = write(
        tmp_path,
        "codec.js",
        "function Decoder(b) { return {level: b[0], more: {x: 1}, note: 'é'} }",
    )
    mapping = write(
        tmp_path,
        "mapping.yaml",
        "payload: javascript\nports: [2]\nfields:\n  level: {quantity: level, unit: m}\n",
    )
    shown = run(capsys, context, str(script), hex_="ff", fport=2).splitlines()
    assert shown[:2] == [
        'data      {"level": 255, "more": {"x": 1}, "note": "é"}',
        "unmapped  more.x, note",
    ]
    assert re.split(r"  +", shown[-1].strip()) == ["level", "255", "m", "out of range"]
    assert run(capsys, context, str(mapping), hex_="02", fport=1) == (
        "warning   frame port 1 is ignored: it is not among the mapping's `ports`\nno reading\n"
    )
    assert json.loads(run(capsys, context, str(mapping), hex_="02", fport=2, as_json=True)) == {
        "data": {"level": 2, "more": {"x": 1}, "note": "é"},
        "warnings": [],
        "reason": None,
        "detail": "",
        "readings": [{"quantity": "level", "value": 2.0, "unit": "m", "quality": []}],
        "refused": [],
        "left": ["more.x", "note"],
        "absent": [],
    }


def test_what_no_reading_becomes_of_is_refused_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], context: typer.Context
) -> None:
    mapping = write(
        tmp_path, "mapping.yaml", "payload: javascript\nfields:\n  level: {quantity: level}\n"
    )
    script = write(tmp_path, "codec.js", "function Decoder(b) { return {depth: b[0]} }")
    assert run(capsys, context, str(mapping), hex_="02") == (
        'data      {"depth": 2}\n'
        "refused   nothing-mapped: none of its fields (depth) is in the mapping, which has level\n"
        "unmapped  depth\nabsent    level\nno reading\nexit 1\n"
    )
    script.write_text("function Decoder(b) { return {level: 'deep'} }")
    assert run(capsys, context, str(mapping), hex_="02") == (
        'data      {"level": "deep"}\n'
        "refused   bad-value: 'level' is 'deep', no number: name it in the mapping under `missing`"
        " if it stands for no value, under `values` if it stands for one; `suffix` is what follows"
        " a number\nno reading\nexit 1\n"
    )
    script.write_text("function Decoder(b) { throw new Error('short frame') }")
    assert run(capsys, context, str(mapping), hex_="02") == (
        "refused   codec-error: Error: short frame\nexit 1\n"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"hexadecimal": "0g"},
            (
                "--hex: non-hexadecimal number found in fromhex() arg at position 1; expected"
                " pairs of digits such as 02a1ff"
            ),
        ),
        ({"base64": "!"}, "--base64"),
        ({"made": "{"}, "--object is not JSON: Expecting property name enclosed in double quotes"),
        ({"made": "[1]"}, "--object must be a JSON object"),
        ({}, "no payload: give it with --hex, --base64 or --object"),
        ({"hexadecimal": "0a", "time": "noon"}, "the field --time is 'noon'"),
    ],
)
def test_options_that_are_no_payload(given: dict[str, str], said: str) -> None:
    options = {"hexadecimal": "", "base64": "", "made": "", "time": "", **given}
    with pytest.raises(CodecError) as refused:
        parse_uplink(port=1, **options)
    assert str(refused.value).startswith(said)


def test_an_object_stands_for_the_payload() -> None:
    uplink = parse_uplink(
        port=7, hexadecimal="", base64="", made='{"level": 1}', time="2024-05-01T10:00:00Z"
    )
    assert (uplink.port, uplink.payload, uplink.object_) == (7, b"", {"level": 1})
    assert uplink.time.isoformat() == "2024-05-01T10:00:00+00:00"


def test_files_names_and_scripts_that_are_none(tmp_path: Path) -> None:
    for path, mapping in ((tmp_path / "no.js", None), (tmp_path / "no.yaml", None)):
        with pytest.raises(CodecError) as absent:
            read_source(path, mapping)
        assert str(absent.value) == f"there is no file {path}"
    script = write(tmp_path, "probe.js", "function Decoder(b) {")
    with pytest.raises(CodecError, match=r"there is no file .*other\.yaml"):
        read_source(script, tmp_path / "other.yaml")
    source, file = read_source(script, write(tmp_path, "m.yaml", MAPPING))
    with pytest.raises(CodecError, match=r"^probe: the script cannot be loaded: SyntaxError: "):
        build_codec("probe", source, catalogue(), file=file)
    assert check_name("lht65.v1_b-2") == "lht65.v1_b-2"
    with pytest.raises(CodecError) as refused:
        check_name("../x")
    assert str(refused.value) == (
        "'../x' cannot be a codec's name: letters, digits, '-', '_' and '.'"
    )


def test_vectors_are_reported_one_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = write(tmp_path, "probe.js", "function Decoder(b) { return {level: b[0]} }")
    cases = [
        {
            "type": "uplink",
            "description": f"level {level}",
            "input": {"bytes": "0a"},
            "output": {"data": {"level": level}},
        }
        for level in (10, 11)
    ]
    vectors = write(tmp_path, "vectors.json", json.dumps(cases))
    with pytest.raises(SystemExit) as left:
        run_vectors(script, vectors, as_json=True)
    assert left.value.code == 1
    passed, failed = map(json.loads, capsys.readouterr().out.splitlines())
    assert passed == {"description": "level 10", "differences": []}
    assert failed == {
        "description": "level 11",
        "differences": [{"path": "data.level", "expected": "11", "got": "10"}],
    }
    run_vectors(script, write(tmp_path, "one.json", json.dumps(cases[:1])))
    assert capsys.readouterr().out == "passed  level 10\n1 of 1 vectors pass\n"


ENCODER = """
function decodeUplink(i) { return {data: {}} }
function encodeDownlink(i) { return {bytes: [i.data.l], fPort: 3} }
"""


def test_a_command_is_encoded_and_words_that_no_command_has_are_pointed_out() -> None:
    text = "{dim: {data: {l: {parameter: levl}}}, swich: {data: {l: 1}}, switch: {data: {l: 1}}}"
    mapping = f"payload: javascript\nfields: {{l: level}}\ncommands: {text}"
    words = catalogue()
    codec = build_codec("mine", CodecSource(mapping=mapping, script=ENCODER), words, file="mine")
    assert list_cautions(codec, words) == (
        "commands.dim.data.l: no parameter 'levl'; did you mean 'level'?",
        "commands.swich: no such command; did you mean 'switch'?",
    )
    downlink = encode_command(codec, "switch", {"state": "on"}, words)
    assert (downlink.port, downlink.payload) == (3, b"\1")
    with pytest.raises(CodecError, match="names the parameter 'levl'"):
        encode_command(codec, "dim", {"level": 4}, words)
    for kind, given in (("barier", {}), ("dim", {"level": 400})):
        with pytest.raises(CommandError):
            encode_command(codec, kind, given, words)
