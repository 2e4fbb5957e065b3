"""Trying a codec from files, as the author of a mapping does."""

from pathlib import Path

import pytest
import typer

from hypervisor.readings.cli_codec import run_vectors, try_codec
from hypervisor.readings.codec_testing import (
    build_codec,
    parse_uplink,
    read_source,
)
from hypervisor.readings.codec_testing import try_codec as try_with
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
