"""Parts of readings that never change, and results of tasks that are written once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hypervisor.backtest.model import BacktestError
from hypervisor.backtest.results import Results
from hypervisor.backtest.task_results import TaskResults
from hypervisor.readings import parquet_parts
from hypervisor.readings.parquet_parts import PartError, open_verified, read_part, write_part
from sensors._row import NEVER, ROW, Rows


def make_rows(count: int = 300) -> Rows:
    """Of three series, every other one imported."""
    rows = np.zeros(count, dtype=ROW)
    rows["series"] = np.repeat([3, 4, 9], count // 3)
    rows["time"] = 1_700_000_000_000_000 + np.tile(np.arange(count // 3), 3) * 60_000_000
    rows["received"] = np.where(np.arange(count) % 2, NEVER, rows["time"] + 5)
    rows["value"] = np.linspace(0, 1, count)
    return rows


@pytest.fixture(autouse=True)
def groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_parts, "_GROUP", 50)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = make_rows()
    name = write_part(tmp_path, 1_700_000_000_000_000, rows)
    assert name.startswith("20231114-")
    assert [file.name for file in tmp_path.iterdir()] == [name]
    series = np.array([1, 4, 9])
    span = int(rows["time"][10]), int(rows["time"][20])

    part = open_verified(tmp_path / name)

    assert (part.rows, part.series) == (300, (3, 9))
    for unverified, verified in (
        (read_part(tmp_path / name, series, None), part.read(series, None)),
        (read_part(tmp_path / name, series, span), part.read(series, span)),
    ):
        assert verified.keys() == unverified.keys() == {4, 9}
        assert all(verified[key].tobytes() == unverified[key].tobytes() for key in verified)
    assert part.read(series, None)[9].tobytes() == rows[200:].tobytes()
    assert part.read(series, span)[4].tobytes() == rows[110:120].tobytes()


def test_the_name_is_of_the_content(tmp_path: Path) -> None:
    changed = make_rows()
    changed["value"][299] += 1e-9
    names = [write_part(tmp_path, 0, rows) for rows in (make_rows(), make_rows(), changed)]
    assert names[0] == names[1] != names[2]
    assert (
        open_verified(tmp_path / write_part(tmp_path, 0, make_rows(0))).read(np.array([3]), None)
        == {}
    )


def test_of_a_part_only_what_is_read_is_verified(tmp_path: Path) -> None:
    file = tmp_path / write_part(tmp_path, 0, make_rows())
    content = bytearray(file.read_bytes())
    content[10] ^= 1
    file.write_bytes(bytes(content))
    part = open_verified(file)
    assert len(part.read(np.array([9]), None)[9]) == 100
    with pytest.raises(PartError, match="truncated or was changed"):
        part.read(np.array([3]), None)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (Path.unlink, "is missing"),
        (lambda file: file.write_bytes(b""), "is truncated or was changed"),
        (lambda file: file.write_bytes(file.read_bytes()[:-9]), "is truncated or was changed"),
        (
            lambda file: (
                write_part(file.parent, 0, make_rows(30))
                and next(other for other in file.parent.iterdir() if other != file).replace(file)
            ),
            "is truncated or was changed",
        ),
    ],
    ids=["missing", "empty", "truncated", "another"],
)
def test_a_part_that_is_not_as_its_name_says(
    tmp_path: Path, damage: Callable[[Path], object], problem: str
) -> None:
    file = tmp_path / write_part(tmp_path, 0, make_rows())
    open_verified(file).read(np.array([3, 9]), None)
    damage(file)
    with pytest.raises(PartError) as caught:
        open_verified(file).read(np.array([3, 9]), None)
    assert str(caught.value) == f"{file} {problem}"


def test_a_task_done_twice_is_written_once(tmp_path: Path) -> None:
    kept = TaskResults(folder=tmp_path / "job")
    assert kept.get("task") is None
    results = Results(rows={1: 3}, first=1, last=2)
    kept.put("task", results)
    kept.put("task", replace(results, rows={1: 3}))
    assert kept.get("task") == results
    with pytest.raises(BacktestError, match="task task was done twice, with two results"):
        kept.put("task", replace(results, rows={1: 4}))
    assert kept.get("task") == results
    assert [file.name for file in kept.folder.iterdir()] == ["task"]
    kept.remove()
    assert kept.get("task") is None
