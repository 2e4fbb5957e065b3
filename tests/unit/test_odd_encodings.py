"""An odd encoding of Python's is refused; a command names the file that it cannot read."""

from pathlib import Path

import psycopg
import pytest

from hypervisor import cli
from hypervisor.base.xml_reader import XmlError, read_elements
from hypervisor.feeds.fetch import read_json
from hypervisor.feeds.model import FeedError
from tests import command_line

ENCODINGS = ("punycode", "idna", "utf-7", "zlib_codec", "undefined", "klingon", "big5", "x" * 5_000)


@pytest.mark.parametrize("name", ENCODINGS)
def test_an_odd_encoding_is_refused(name: str) -> None:
    document = f'<?xml version="1.0" encoding="{name}"?><a>é</a>'.encode("latin-1")
    with pytest.raises(XmlError):
        list(read_elements(document, {"b"}, roots={"c"}))
    with pytest.raises(FeedError):
        read_json(b'{"a": "\xe9"}', f"application/json; charset={name}")


@pytest.mark.parametrize("name", ["nothing", "x" * 5_000])
def test_a_command_names_the_file_that_it_cannot_read(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main((tmp_path / name).read_bytes)
    assert ended.value.code == 2
    assert name in capsys.readouterr().err


@pytest.mark.parametrize("name", ["half\udcff.yaml", "\udc80", "a\u202eb.yaml"])
@pytest.mark.parametrize("content", [None, b"x: [", b"rules: []", b"- rule: x"])
def test_a_file_whose_name_is_no_text_is_named_all_the_same(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    outcome = command_line.run("rules", "check", tmp_path / name)
    assert outcome.exit_code == 1
    assert "error: " in outcome.stdout


@pytest.mark.parametrize(
    "error",
    [
        UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates"),
        psycopg.DataError("lone surrogate"),
    ],
)
def test_half_a_character_that_no_database_holds_is_a_sentence(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def store() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        cli.main(store)
    assert ended.value.code == 2
    assert "a value that the database cannot hold: " in capsys.readouterr().err
