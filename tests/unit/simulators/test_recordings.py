"""Recordings: both layouts, gaps and lost-sensor marks kept, faults told with line and column."""

import gzip
import zlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from simulators._recordings import RecordingError, read
from tests.memory import measure_peak, reset_peak

HUBEAU = (
    "code_station;grandeur_hydro;date_obs;resultat_obs\n"
    "O2;H;2022-01-01T00:15:00Z;-4306\n"
    "O1;Q;2022-01-01T00:00:00Z;155\n"
)
WIDE = (
    "time_end_utc,P_mm_V1,E_mm_V1,Q_m3s_V1,Q_m3s_V2\n"
    "2014-09-15 01:00:00,0.2,0.1,1.237,\n"
    "2014-09-15 02:00:00,0.0,0.1,1.232,0.09\n"
)
LOST = (
    "time_utc,Q_m3s,status\n"
    "2024-10-29 17:50:00+00:00,2015.1,OK\n"
    "2024-10-29 17:55:00+00:00,,\n"
    "2024-10-29 18:00:00+00:00,,FALLO\n"
)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_hubeau_is_sorted_and_in_the_gauge_s_own_unit(tmp_path: Path) -> None:
    rows = read(written(tmp_path, "a.csv", HUBEAU)).rows
    assert rows["device"].tolist() == ["O1", "O2"]
    assert rows["quantity"].tolist() == ["discharge", "level"]
    assert rows["unit"].tolist() == ["m3/s", "m"]
    assert rows["value"].tolist() == [0.155, -4.306]
    assert str(rows["time"].dtype) == "datetime64[us, UTC]"


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "no-suffix"
    path.write_bytes(gzip.compress(HUBEAU.encode()))
    assert len(read(path).rows) == 2


def test_hubeau_s_qualification_is_kept(tmp_path: Path) -> None:
    text = (
        "code_station;grandeur_hydro;date_obs;resultat_obs;code_qualification_obs\n"
        "O1;H;2022-01-01T00:00:00Z;1;12\n"
        ";H;2022-01-01T00:00:00Z;1;12\n"
    )
    recording = read(written(tmp_path, "a.csv", text))
    assert recording.rows["status"].tolist() == ["doubtful"]
    assert "1 rows without a station code" in recording.notes[0]


def test_wide_keeps_gaps_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    recording = read(written(tmp_path, "cance-2014.csv", WIDE))
    assert len(recording.rows) == 5
    assert recording.devices == ("V1", "V2")
    assert recording.notes == ("column E_mm_V1 left out: no quantity of the catalogue",)
    empty = WIDE.replace("E_mm_V1", "H_m_V3").replace(",0.1,", ",,")
    recording = read(written(tmp_path, "cance-2014.csv", empty))
    assert recording.notes == ("column H_m_V3 left out: it has no value",)


def test_a_lost_sensor_is_a_row_and_a_gap_is_none(tmp_path: Path) -> None:
    rows = read(written(tmp_path, "poyo-2024-10.csv", LOST)).rows
    assert rows["device"].tolist() == ["poyo", "poyo"]
    assert rows["status"].tolist() == ["ok", "FALLO"]
    assert np.isnan(rows["value"].iloc[1])


def test_the_only_station_can_be_named(tmp_path: Path) -> None:
    assert read(written(tmp_path, "poyo.csv", LOST), stations=["x"]).devices == ("x",)


def test_columns_can_be_explained(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "time,debit\n2024-10-29T17:50:00+01:00,1500\n")
    rows = read(path, columns=["debit=discharge[l/s]@V9"]).rows
    assert rows.iloc[0].to_dict() | {"time": None} == {
        "time": None,
        "device": "V9",
        "quantity": "discharge",
        "unit": "m3/s",
        "value": 1.5,
        "status": "ok",
    }
    assert rows["time"].iloc[0].to_pydatetime() == datetime(2024, 10, 29, 16, 50, tzinfo=UTC)


def test_a_span_includes_both_ends(tmp_path: Path) -> None:
    at = datetime(2014, 9, 15, 2, tzinfo=UTC)
    assert len(read(written(tmp_path, "a.csv", WIDE), start=at, end=at).rows) == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HUBEAU.replace("155", "1,5"), r"line 3, column 'resultat_obs': '1,5'; expected a number"),
        (HUBEAU.replace("O1;Q", "O1;X"), r"line 3, column 'grandeur_hydro': 'X'"),
        (HUBEAU.replace("00:15:00Z", "00:15:00"), r"line 2, column 'date_obs'.*with its offset"),
        (LOST.replace("2024-10-29 18", "2024-13-29 18"), r"line 4, column 'time_utc'.*an instant"),
        (LOST.replace("2024-10-29 18:00", "now", 1), r"line \d, column 'time_utc': 'now.*'"),
        ("time_utc,H_m\nToday,1\n", r"line 2, column 'time_utc': 'Today'; expected an instant"),
        ("time_utc,H_m\n0000-01-01,1\n", r"line 2, column 'time_utc': '0000-01-01'; expected"),
        ("time_utc,H_m\n9999-12-31T23:59:59-14:00,1\n", r"line 2, column 'time_utc': '9999-12"),
        ("time_utc,H_m\n2024,1\n", r"line 2, column 'time_utc': '2024'; expected an instant"),
        (LOST.replace("time_utc", "when"), "line 1: no time column"),
        (LOST.replace("Q_m3s", "flow"), "line 1: no column says what it measures"),
        (LOST.replace("2015.1,OK", "2015.1,OK,more"), "cells; the first line has"),
        ("time_utc,Q_m3s\n", "no row"),
        ("", "no delimited table"),
        ("\udcff", "neither UTF-8"),
    ],
)
def test_faults_say_where_and_what_was_expected(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "poyo-2024.csv"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(RecordingError, match=told):
        read(path)


def test_a_station_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no station O9; it has O1, O2"):
        read(written(tmp_path, "a.csv", HUBEAU), stations=["O9"])


def test_an_empty_span_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="has no reading in this period"):
        read(written(tmp_path, "a.csv", HUBEAU), start=datetime(2030, 1, 1, tzinfo=UTC))


def test_a_shipped_recording_is_named_a_file_of_that_name_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "garonne-2022-01.hubeau.csv.gz"
    garonne = read(name)
    assert (len(garonne.rows), len(garonne.devices)) == (118_164, 22)
    written(tmp_path, name, HUBEAU)
    assert read(name).devices == ("O1", "O2")


def pack(parts: Iterable[bytes]) -> bytes:
    """Gzip, made piece by piece."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([packer.compress(part) for part in parts] + [packer.flush()])


MEGABYTE = 2**20
HOSTILE: Mapping[str, tuple[Callable[[], Iterable[bytes]], str]] = {
    "many rows": (lambda: [b"a;b\n", *[b"1;2\n" * 2**18] * 200], "more than 96 MiB"),
    "many short lines": (
        lambda: [b";".join(b"%d" % i for i in range(4_000)), *[b"\n" * MEGABYTE] * 80],
        "cut it into spans",
    ),
    "many names": (lambda: [b";" * MEGABYTE] * 90, "characters; at most"),
    "carriage returns": (lambda: [b"a;b\n", *[b"1;2\r" * 2**18] * 90], "cut it into spans"),
    "a quote without an end": (
        lambda: [b'a;b\n"', *[b"x" * MEGABYTE] * 90],
        "is no delimited table",
    ),
    "a wide row": (lambda: [b"time_utc;H_m\n2020-01-01", b";1" * 2_000_000], "cells; the first"),
    "a wide row below a name of two lines": (
        lambda: [b'time_utc;"\n"\n', b"2020-01-01", b";1" * 2_000_000],
        "cells; the first line has",
    ),
    "many cells on one line": (lambda: [b"a\n", *[b"," * MEGABYTE] * 90], "cut it into spans"),
    "one long cell": (
        lambda: [b"time_utc;H_m\n", *[b"9" * MEGABYTE] * 30, b";1\n"],
        "expected an instant",
    ),
    "one long name": (lambda: [b"x" * MEGABYTE] * 30 + [b";b\n1;2\n"], "characters; at most"),
    "zeros": (lambda: [b"\0" * MEGABYTE] * 200, "more than 96 MiB"),
    "a bomb in a bomb": (lambda: [pack([b" " * MEGABYTE] * 200)] * 9, "neither UTF-8"),
    "many empty parts": (lambda: [b""], "neither UTF-8 text"),
    "controls": (lambda: [b"time_utc;H_m\n\0\x1b[2J;1\n"], "expected an instant"),
    "Latin-1": (lambda: [b"time_utc;H_m\n\xe9;1\n"], "neither UTF-8 text"),
    "UTF-16": (lambda: ["time_utc;H_m\n2020;1\n".encode("utf-16")], "neither UTF-8 text"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_small_file_takes_no_gigabytes(tmp_path: Path, kind: str) -> None:
    """A csv.gz of 2 MB took 4.75 GB."""
    parts, words = HOSTILE[kind]
    path = tmp_path / "x.csv.gz"
    path.write_bytes(pack(parts()) * (12_000 if kind == "many empty parts" else 1))
    before = reset_peak()
    with pytest.raises(RecordingError) as caught:
        read(path)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 2_000
    assert measure_peak() - before < 450 * MEGABYTE


def test_a_gzip_of_several_parts_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(
        pack([b"time_utc;H_m\n2020-01-01T00:00:00;1\n"])
        + pack([b"2020-01-02T00:00:00;2\n"])
        + b"\0" * 500
    )
    assert len(read(path).rows) == 2
