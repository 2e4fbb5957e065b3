"""The time span of a chart: a preset that ends soon after now, or a custom one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = 3_600.0
SPANS: dict[str, float] = {
    "12h": 12 * HOUR,
    "48h": 48 * HOUR,
    "7d": 168 * HOUR,
    "30d": 720 * HOUR,
    "1y": 8_760 * HOUR,
}
USUAL = "48h"
_SHORTEST, _LONGEST = 600.0, 3 * 8_760 * HOUR
_AHEAD_SHARE, _AHEAD_MOST = 0.17, 6 * HOUR  # room for the extrapolated rate


@dataclass(frozen=True, kw_only=True)
class ChartSpan:
    """From `first` to `last`, s since the epoch. `name` empty: custom."""

    name: str
    first: float
    last: float

    @property
    def seconds(self) -> float:
        return self.last - self.first

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        zero = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
        return zero + timedelta(seconds=self.first), zero + timedelta(seconds=self.last)


def resolve_span(
    name: str | None, first: datetime | None, last: datetime | None, now: datetime
) -> ChartSpan:
    """The requested span; the default if the request makes no sense."""
    if first is not None and last is not None:
        seconds = (last - first).total_seconds()
        if _SHORTEST <= seconds <= _LONGEST:
            return ChartSpan(name="", first=first.timestamp(), last=last.timestamp())
    key = name if name in SPANS else USUAL
    past = SPANS[key]
    ahead = min(past * _AHEAD_SHARE, _AHEAD_MOST) if past <= SPANS["7d"] else 0.0
    now_s = now.timestamp()
    return ChartSpan(name=key, first=now_s - past, last=now_s + ahead)
