"""The chart of an alarm: twelve hours, threshold, gap, projection."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor, log10

from hypervisor.alarms.views import split_at_gaps
from hypervisor.base.reader import current
from hypervisor.web import filters

WIDTH, HEIGHT = 390, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 382, 10, 126
_SILENT = timedelta(minutes=20)
_STEPS = (1, 2, 5, 10)


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
    left: int = _LEFT
    right: int = _RIGHT
    top: int = _TOP
    bottom: int = _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


def draw_chart(  # noqa: PLR0913  what a chart is made of
    points: Sequence[tuple[float, float]],
    *,
    begins: datetime,
    now: datetime,
    ends: datetime,
    limit: float | None = None,
    limit_label: str = "",
    projected: float | None = None,
) -> Chart | None:
    """The chart of `points`: (s since the epoch, value), ascending; None: too few."""
    if len(points) < 2:
        return None
    values = [value for _, value in points]
    values += [bound for bound in (limit, projected) if bound is not None]
    low, high, ticks = _scale(min(values), max(values))
    first, span = begins.timestamp(), (ends - begins).total_seconds()

    def x(at: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * (at - first) / span, 1)

    def y(value: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * (value - low) / (high - low), 1)

    at, value = points[-1]
    last, here = (x(at), y(value)), x(now.timestamp())
    ahead = None if projected is None else f"M{last[0]} {last[1]}L{_RIGHT} {y(projected)}"
    silent = now.timestamp() - at > _SILENT.total_seconds()
    return Chart(
        rows=[Tick(at=y(tick), label=filters.number(tick, _decimals(ticks))) for tick in ticks],
        columns=_hour_ticks(begins, now, x),
        lines=[
            "M" + "L".join(f"{x(bound)} {y(reading)}" for bound, reading in run)
            for run in split_at_gaps(points)
        ],
        limit=None if limit is None else y(limit),
        limit_label=limit_label,
        limit_last=limit is not None and _is_roomier_at_end(points, limit, ends.timestamp()),
        projection=ahead,
        last=last,
        now=here,
        unknown=(last[0], round(here - last[0], 1)) if silent and here > last[0] else None,
    )


def _is_roomier_at_end(points: Sequence[tuple[float, float]], limit: float, ends: float) -> bool:
    """Whether the line is farther from its limit at the end."""
    first = points[0][0]
    third = (ends - first) / 3

    def nearest(begins: float, ends: float) -> float:
        distances = [abs(value - limit) for at, value in points if begins <= at <= ends]
        return min(distances, default=float("inf"))

    return nearest(ends - third, ends) > nearest(first, first + third)


def _scale(low: float, high: float) -> tuple[float, float, list[float]]:
    """Padded bounds, and three to five round values between them."""
    if high - low < 1e-9:
        low, high = low - 1, high + 1
    raw = (high - low) / 3
    size = 10 ** floor(log10(raw))
    step = next(factor * size for factor in _STEPS if factor * size >= raw)
    air = (high - low) * 0.08
    low, high = low - air, high + air
    first = ceil(low / step)
    return low, high, [round(n * step, 9) for n in range(first, floor(high / step) + 1)]


def _decimals(ticks: Sequence[float]) -> int:
    for places in range(4):
        if all(abs(round(tick, places) - tick) < 1e-9 for tick in ticks):
            return places
    return 4


def _hour_ticks(begins: datetime, now: datetime, x: Callable[[float], float]) -> list[Tick]:
    """Every fourth hour, and now; labels that would touch now's are left out."""
    zone = current().zone
    at = begins.astimezone(zone).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    here = x(now.timestamp())
    ticks = []
    while at < now:
        place = x(at.timestamp())
        if at.hour % 4 == 0 and here - place > 44:
            ticks.append(Tick(at=place, label=filters.clock(at)))
        at = (at.astimezone(UTC) + timedelta(hours=1)).astimezone(zone)
    return [*ticks, Tick(at=here, label=filters.clock(now), here=True)]
