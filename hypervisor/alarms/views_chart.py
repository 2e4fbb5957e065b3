"""The chart of an alarm: twelve hours, threshold, gap, projection."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypervisor.base.reader import current
from hypervisor.charts.scale import TimeScale, ValueScale, pad_range, time_ticks, value_ticks
from hypervisor.web import filters

WIDTH, HEIGHT = 390, 150
LEFT, RIGHT, TOP, BOTTOM = 44, 382, 10, 126
_SILENT = timedelta(minutes=20)
_GAP = 2 * 3600  # s: no line is drawn across a longer gap
_LABEL = 44  # px that the label of the present needs

Points = Sequence[tuple[float, float]]  # s since the epoch, value; ascending


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A grid line and its label. `here`: the present."""

    at: float
    label: str
    here: bool = False


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Paths and positions in chart units. `unknown`: (begin, width) of the hatched gap."""

    rows: Sequence[Tick]
    columns: Sequence[Tick]
    lines: Sequence[str]
    limit: float | None
    limit_label: str
    limit_last: bool  # the label goes to the end, where there is more room
    projection: str | None
    last: tuple[float, float]
    now: float
    unknown: tuple[float, float] | None
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


def draw_chart(  # noqa: PLR0913  what a chart is made of
    points: Points,
    *,
    begins: datetime,
    now: datetime,
    ends: datetime,
    limit: float | None = None,
    limit_label: str = "",
    projected: float | None = None,
) -> Chart | None:
    """The chart of these points; None: too few."""
    if len(points) < 2:
        return None
    values = [value for _, value in points]
    values += [bound for bound in (limit, projected) if bound is not None]
    span = max(values) - min(values)
    low, high = pad_range(values, floor=None, least=span if span >= 1e-9 else 2.0)
    up = ValueScale(low=low, high=high, top=TOP, bottom=BOTTOM)
    across = TimeScale(
        first=begins.timestamp(), last=ends.timestamp(), left=LEFT, right=RIGHT, now=now.timestamp()
    )
    at, value = points[-1]
    last, here = (across.x(at), up.y(value)), across.x(across.now)
    silent = across.now - at > _SILENT.total_seconds()
    levels = value_ticks(low, high, 5)
    return Chart(
        rows=[
            Tick(at=up.y(tick), label=filters.number(tick, _decimals(levels))) for tick in levels
        ],
        columns=[*_hour_ticks(across, here), Tick(at=here, label=filters.clock(now), here=True)],
        lines=[
            "M" + "L".join(f"{across.x(time)} {up.y(reading)}" for time, reading in run)
            for run in _split_at_gaps(points)
        ],
        limit=None if limit is None else up.y(limit),
        limit_label=limit_label,
        limit_last=limit is not None and _is_roomier_at_end(points, limit, across.last),
        projection=None if projected is None else f"M{last[0]} {last[1]}L{RIGHT} {up.y(projected)}",
        last=last,
        now=here,
        unknown=(last[0], round(here - last[0], 1)) if silent and here > last[0] else None,
    )


def _split_at_gaps(points: Points) -> list[list[tuple[float, float]]]:
    pieces = [[points[0]]]
    for before, after in pairwise(points):
        if after[0] - before[0] > _GAP:
            pieces.append([])
        pieces[-1].append(after)
    return pieces


def _is_roomier_at_end(points: Points, limit: float, ends: float) -> bool:
    """Whether the line is farther from its limit at the end."""
    first = points[0][0]
    third = (ends - first) / 3

    def nearest(begins: float, ends: float) -> float:
        distances = [abs(value - limit) for at, value in points if begins <= at <= ends]
        return min(distances, default=float("inf"))

    return nearest(ends - third, ends) > nearest(first, first + third)


def _decimals(levels: Sequence[float]) -> int:
    exact = (n for n in range(9) if all(abs(round(level, n) - level) < 1e-9 for level in levels))
    return next(exact, 4)


def _hour_ticks(across: TimeScale, here: float) -> Iterator[Tick]:
    """Round hours before the present; labels that would touch its label are left out."""
    for tick in time_ticks(across, current().zone):
        if here - across.x(tick.at) > _LABEL:
            label = filters.clock(datetime.fromtimestamp(tick.at, UTC))
            yield Tick(at=across.x(tick.at), label=label)
