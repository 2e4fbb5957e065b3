"""What arrived in each five minutes, drawn small."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypervisor.readings.views_quality import SPAN, STEP, IngestSummary

WIDTH, HEIGHT = 344, 104
LEFT, RIGHT, TOP, BOTTOM = 4, 304, 10, 82
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Paths in units of the view box. `most`: readings a minute at the top line."""

    bars: str
    deaf: Sequence[tuple[float, float]]
    hours: Sequence[tuple[float, datetime]]
    most: float
    level: float


def draw_arrivals(ingest: IngestSummary, zone: ZoneInfo) -> Drawing:
    """The span, the present at its right edge."""
    minutes = STEP / _MINUTE
    most = max((arrival.readings for arrival in ingest.arrivals), default=0) / minutes
    wide = (RIGHT - LEFT) * (STEP / SPAN)
    bars = "".join(
        f"M{_x(ingest, arrival.at):.1f} {BOTTOM}V{_y(arrival.readings / minutes, most):.1f}"
        f"h{max(wide - 1, 1):.1f}V{BOTTOM}Z"
        for arrival in ingest.arrivals
    )
    return Drawing(
        bars=bars,
        deaf=[
            (_x(ingest, begins), max(1.0, _x(ingest, ends) - _x(ingest, begins)))
            for deaf in ingest.deaf
            if (begins := max(deaf.begins, ingest.since)) < (ends := min(deaf.ends, ingest.now))
        ],
        hours=list(_hours(ingest, zone)),
        most=most,
        level=_y(most, most),
    )


def _x(ingest: IngestSummary, at: datetime) -> float:
    return round(LEFT + (at - ingest.since) / SPAN * (RIGHT - LEFT), 1)


def _y(rate: float, most: float) -> float:
    return round(BOTTOM - (rate / most if most else 0) * (BOTTOM - TOP), 1)


def _hours(ingest: IngestSummary, zone: ZoneInfo) -> list[tuple[float, datetime]]:
    first = ingest.since.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    hours = (first + timedelta(hours=step) for step in range(1, 5))
    return [(_x(ingest, at), at) for at in hours if at <= ingest.now]
