"""The guard of what comes from outside, and the small files that once stood for gigabytes."""

import io
import json
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from hypervisor import cli
from hypervisor.backtest.events import read_events
from hypervisor.cluster.plan import read_plan
from hypervisor.evaluation import rule_text
from hypervisor.feeds.recordings import RecordedError, Recordings
from hypervisor.forecast.files import ModelFileError, read_models
from hypervisor.geography.map_files import read_features
from hypervisor.publications import hazards
from hypervisor.registry.geometry import GeometryError, parse_geometry
from hypervisor.rulebook.views_draft import parse_draft
from ingest.script import read_script
from sensors._errors import TerritoryError
from sensors._foreign import (
    ForeignError,
    fold_name,
    make_excerpt,
    read_exact_text,
    read_file,
    read_identifier,
    read_json,
    read_text,
    remove_controls,
)
from simulators._scenarios import load_scenario
from tests.memory import measure_peak, reset_peak

CONTROLS = ("\0", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\ud800", "a\nb", "\t")
MOST_MEMORY = 700 * 2**20


def make_bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(b" " * 2**20) for _ in range(megabytes)]
    return b"".join(parts) + packer.flush()


@pytest.mark.parametrize("sign", CONTROLS)
def test_a_control_character_is_refused(sign: str) -> None:
    for text in (sign, f"a{sign}", f"{sign}b"):
        for read in (read_text, read_exact_text, read_identifier):
            with pytest.raises(ForeignError):
                read(text, longest=10)
    assert "\0" not in remove_controls(f"a{sign}b\0")
    assert make_excerpt(f"a{sign}b", 10).replace("\n", "").isprintable()


@pytest.mark.parametrize("value", [None, 5, True, [], {}, b"x", "", " ", "x" * 11, "\ufdfa" * 9])
def test_what_is_no_bounded_text_is_refused(value: object) -> None:
    with pytest.raises(ForeignError):
        read_text(value, longest=10)


def test_texts_are_normalised() -> None:
    assert read_text(" \uff41e\u0301\u00a0", longest=10) == "a\u00e9"
    assert read_exact_text("\uff41e\u0301 ", longest=10) == "\uff41\u00e9 "
    alike = ("adm", "ADM ", "\uff41\uff44\uff4d", " Adm\u3000")
    assert {fold_name(name) for name in alike} == {"adm"}


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[NaN]", rb'["\ud800"]', b'["\xff"]', b"[" * 99_999, b"[" * 40 + b"]" * 40],
)
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(ForeignError):
        read_json(data)


def test_a_bomb_is_read_to_its_bound_alone(tmp_path: Path) -> None:
    bomb = make_bomb(300)
    before = reset_peak()
    with pytest.raises(ForeignError, match="more than 1000 bytes"):
        read_file(io.BytesIO(bomb), 1_000)
    (tmp_path / "models.json.gz").write_bytes(bomb)
    with pytest.raises(ModelFileError, match="more than"):
        read_models(str(tmp_path / "models.json.gz"))
    (tmp_path / "vigicrues-x.json.gz").write_bytes(bomb)
    with pytest.raises(RecordedError, match="more than"):
        Recordings(folder=tmp_path).text("vigicrues-", "json")
    assert measure_peak() - before < MOST_MEMORY


@pytest.mark.parametrize(
    "read",
    [
        rule_text.read_file,
        hazards.read_file,
        read_plan,
        read_script,
        lambda file: read_events(str(file)),
        lambda file: load_scenario(str(file)),
        lambda file: list(read_features(file, ("Polygon",))),
    ],
)
@pytest.mark.parametrize("endless", [True, False])
def test_a_file_of_a_person_is_read_to_a_bound(
    tmp_path: Path, read: Callable[[Path], object], *, endless: bool
) -> None:
    file = tmp_path / "file.yaml"
    if endless:
        file.symlink_to("/dev/zero")
    else:
        file.write_bytes(b"\xff\xfe")
    before = reset_peak()
    with pytest.raises(TerritoryError, match=r"file\.yaml|zero"):
        read(file)
    assert measure_peak() - before < MOST_MEMORY


def test_a_terminal_is_given_no_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise TerritoryError("a\x1b[2Jb\u202e\nc" + "x" * 100_000)

    with pytest.raises(SystemExit):
        cli.main(refuse)
    written = capsys.readouterr().err
    assert written.startswith("error: a [2Jb \ncx")
    assert len(written) < 20_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"effective": "9999-12-31T23:59:59-05:00"},  # no database gave it back, to any command
        {"effective": "2024-10-07T00:00:00"},
        {"author": 5},
        {"reason": "a\0b"},
    ],
)
def test_models_of_no_time_and_of_nobody_are_a_sentence(
    tmp_path: Path, wrong: dict[str, object]
) -> None:
    content = {"effective": "2024-10-07T00:00Z", "author": "a", "reason": "b", "gauges": []}
    file = tmp_path / "models.json"
    file.write_text(json.dumps(content))
    assert read_models(str(file)).author == "a"
    file.write_text(json.dumps(content | wrong))
    with pytest.raises(ModelFileError, match=r"models\.json cannot be read"):
        read_models(str(file))


def test_nested_documents_are_a_sentence(tmp_path: Path) -> None:
    deep = "[" * 50_000
    (tmp_path / "models.json").write_text(deep)
    with pytest.raises(ModelFileError):
        read_models(str(tmp_path / "models.json"))
    with pytest.raises(GeometryError):
        parse_geometry(deep, ("Point",))
    for text in (deep, "title: &a [x]\nwhen: *a"):
        assert parse_draft(text, "flood").slips
