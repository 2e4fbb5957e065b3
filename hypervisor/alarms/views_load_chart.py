"""The chart of alarms per ten minutes: bars, targets, floods, the peak."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypervisor.alarms.views_load import AVERAGE, PEAK, WINDOW, LoadSheet

WIDTH, HEIGHT = 1120, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 1016, 26, 212
_STEPS = (5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A grid line at `at`, labelled by `time` or `number`; `strong`: midnight."""

    at: float
    time: datetime | None = None
    number: int | None = None
    strong: bool = False


@dataclass(frozen=True, kw_only=True)
class Spell:
    """A flood on the time axis."""

    x: float
    width: float
    alarms: int
    length: timedelta


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Paths and positions in units of the view box."""

    bars: str
    over: str  # bars above the peak target
    average: float
    peak: float
    ticks: Sequence[Tick]
    levels: Sequence[Tick]
    spells: Sequence[Spell]
    worst: tuple[float, float] | None
    anchor: str  # of the label at the peak


def draw_load(sheet: LoadSheet, zone: ZoneInfo) -> Drawing:
    """The chart of a load sheet."""
    top = max(PEAK * 1.3, sheet.peak * 1.12)
    low, high = _bars(sheet.counts, top)
    worst = None
    if sheet.peak_at is not None and sheet.peak > 0:
        worst = (_x(sheet, sheet.peak_at + WINDOW / 2), _y(sheet.peak, top))
    return Drawing(
        bars=low,
        over=high,
        average=_y(AVERAGE, top),
        peak=_y(PEAK, top),
        ticks=list(_ticks(sheet, zone)),
        levels=list(_levels(top)),
        spells=[
            Spell(
                x=_x(sheet, flood.begins),
                width=max(2.0, _x(sheet, flood.ends) - _x(sheet, flood.begins)),
                alarms=flood.alarms,
                length=flood.ends - flood.begins,
            )
            for flood in sheet.floods
        ],
        worst=worst,
        anchor="end" if worst and worst[0] > (LEFT + RIGHT) / 2 else "start",
    )


def _x(sheet: LoadSheet, at: datetime) -> float:
    return round(LEFT + (at - sheet.begins) / sheet.length * (RIGHT - LEFT), 1)


def _y(count: float, top: float) -> float:
    return round(BOTTOM - count / top * (BOTTOM - TOP), 1)


def _bars(counts: Sequence[int], top: float) -> tuple[str, str]:
    step = (RIGHT - LEFT) / len(counts)
    wide = max(step - 1, 1.0) if step > 3 else step
    parts: tuple[list[str], list[str]] = ([], [])
    for place, count in enumerate(counts):
        if count:
            bar = f"M{LEFT + place * step:.1f} {BOTTOM}V{_y(count, top)}h{wide:.1f}V{BOTTOM}Z"
            parts[count > PEAK].append(bar)
    return "".join(parts[0]), "".join(parts[1])


def _levels(top: float) -> Iterator[Tick]:
    step = next(size for size in _STEPS if top / size <= 5)
    for number in range(0, int(top) + 1, step):
        yield Tick(at=_y(number, top), number=number)


def _ticks(sheet: LoadSheet, zone: ZoneInfo) -> Iterator[Tick]:
    """Every three hours of a day, every midnight of a week, in the reader's zone."""
    hours = 3 if sheet.length <= _DAY else 24
    local = sheet.begins.astimezone(zone)
    at = local.replace(hour=local.hour // hours * hours, minute=0, second=0, microsecond=0)
    while at < sheet.ends:
        if at >= sheet.begins:
            yield Tick(at=_x(sheet, at), time=at, strong=at.hour == 0)
        # Local clock time: the day that ends summer time has 25 hours.
        at = (at.replace(tzinfo=None) + timedelta(hours=hours)).replace(tzinfo=zone)
