"""Query results as frames, as Grafana's PostgreSQL source builds them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from hypervisor.database.panels import Answer
from sensors._errors import TerritoryError

TIME, METRIC = "time", "metric"
_METRIC_COLUMNS = 3  # time, metric and one value: then the metric names the series


class FrameError(TerritoryError):
    """Grafana cannot build a frame from the result."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Columns by name. `series`: names of the lines of a time series."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    series: tuple[str, ...] = ()

    def kind(self, name: str) -> str | None:
        """The type of a column; None if there is none."""
        return dict(zip(self.names, self.kinds, strict=True)).get(name)

    def column(self, name: str) -> Iterator[Any]:
        """A column's values."""
        place = self.names.index(name)
        return (row[place] for row in self.rows)

    def times(self) -> list[datetime]:
        """The times of its rows, if it has a time column."""
        if self.kind(TIME) != TIME:
            return []
        return [_aware(value) for value in self.column(TIME) if value is not None]

    @property
    def empty(self) -> bool:
        """Whether no row has a value."""
        values = [index for index, name in enumerate(self.names) if name not in (TIME, METRIC)]
        return not any(row[index] is not None for row in self.rows for index in values)


def table(answer: Answer) -> Frame:
    """A frame of format table.

    Raises:
        FrameError: two columns share a name.
    """
    doubles = {name for name in answer.names if answer.names.count(name) > 1}
    if doubles:
        raise FrameError(f"two columns are called {', '.join(sorted(doubles))}; name them apart")
    return Frame(names=answer.names, kinds=answer.kinds, rows=answer.rows)


def time_series(answer: Answer) -> Frame:
    """A frame of format time_series, and the names of its lines.

    Raises:
        FrameError: no column `time`, no number, or times that do not ascend.
    """
    frame = table(answer)
    if frame.kind(TIME) is None:
        raise FrameError(f"no column is called time; there are {', '.join(frame.names)}")
    if frame.kind(TIME) != TIME:
        raise FrameError("the column time holds no times; expected a timestamptz")
    values = _of(frame, "number")
    if not values:
        raise FrameError(f"no column is a number; there are {_list_columns(frame)}")
    times = frame.times()
    if len(times) != len(frame.rows):
        raise FrameError("a row has no time")
    fallen = next((i for i in range(1, len(times)) if times[i] < times[i - 1]), None)
    if fallen is not None:
        raise FrameError(
            f"times must ascend: row {fallen + 1} is of {times[fallen]:%Y-%m-%d %H:%M:%S}Z, the one"
            f" before it of {times[fallen - 1]:%Y-%m-%d %H:%M:%S}Z; add ORDER BY time"
        )
    return Frame(
        names=frame.names, kinds=frame.kinds, rows=frame.rows, series=_series(frame, values)
    )


def _series(frame: Frame, values: list[str]) -> tuple[str, ...]:
    labels = _of(frame, "string")
    if not labels:
        return tuple(values)
    if METRIC in labels and len(frame.names) == _METRIC_COLUMNS:
        return tuple(sorted({str(value) for value in frame.column(METRIC)}))
    return tuple(values)  # each with labels; its name stays the column's


def _of(frame: Frame, kind: str) -> list[str]:
    pairs = zip(frame.names, frame.kinds, strict=True)
    return [name for name, own_kind in pairs if own_kind == kind]


def _list_columns(frame: Frame) -> str:
    pairs = zip(frame.names, frame.kinds, strict=True)
    return ", ".join(f"{name} ({kind})" for name, kind in pairs)


def _aware(value: datetime | date) -> datetime:
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value if value.tzinfo else value.replace(tzinfo=UTC)
