"""Answers become frames as Grafana's PostgreSQL source makes them, or say why they cannot."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hypervisor.database.panels import Answer
from hypervisor.grafana.emulation import FrameError, table, time_series

NOON, ONE = datetime(2024, 10, 9, 12, tzinfo=UTC), datetime(2024, 10, 9, 13, tzinfo=UTC)


def answer(columns: dict[str, str], *rows: tuple[Any, ...]) -> Answer:
    return Answer(names=tuple(columns), kinds=tuple(columns.values()), rows=list(rows))


LONG = {"time": "time", "metric": "string", "value": "number"}
WIDE = {"time": "time", "level": "number", "flow": "number"}
FOUR = {"time": "time", "metric": "string", "value": "number", "bank": "string"}


def test_with_three_columns_the_metric_names_the_lines() -> None:
    rows = [(NOON, "b", 1.0), (NOON, "a", 2.0), (ONE, "a", 3.0)]
    assert time_series(answer(LONG, *rows)).series == ("a", "b")


def test_else_the_columns_do() -> None:
    assert time_series(answer(WIDE, (NOON, 1.0, 2.0))).series == ("level", "flow")
    assert time_series(answer(FOUR, (NOON, "a", 2.0, "left"))).series == ("value",)


WRONG = {
    "no time": ({"at": "time", "value": "number"}, [(NOON, 1.0)], "no column is called time"),
    "a time that is none": ({"time": "string", "v": "number"}, [("now", 1.0)], "holds no times"),
    "no number": ({"time": "time", "v": "string"}, [(NOON, "1")], "no column is a number"),
    "falling": (WIDE, [(ONE, 1.0, 1.0), (NOON, 1.0, 1.0)], "times must ascend: row 2"),
    "a null time": (WIDE, [(None, 1.0, 1.0)], "a row has no time"),
}


@pytest.mark.parametrize(("columns", "rows", "said"), WRONG.values(), ids=WRONG)
def test_what_can_be_no_time_series(
    columns: dict[str, str], rows: list[tuple[Any, ...]], said: str
) -> None:
    with pytest.raises(FrameError, match=said):
        time_series(answer(columns, *rows))


def test_two_columns_of_one_name_are_refused() -> None:
    doubled = Answer(names=("a", "a"), kinds=("number", "number"), rows=[(1, 2)])
    with pytest.raises(FrameError, match="two columns are called a"):
        table(doubled)


def test_rows_without_a_value_are_empty() -> None:
    assert time_series(answer(LONG, (NOON, "a", None))).empty
    assert table(answer({"a": "number"})).empty
    assert not table(answer({"a": "number"}, (0,))).empty
