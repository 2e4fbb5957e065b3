"""What panels are drawn on: how large, of what time, for whom; and the axis of time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from hypervisor.charts.scale import Across, time_ticks
from hypervisor.grafana import pictures_svg as svg
from hypervisor.grafana.macros import Span
from hypervisor.grafana.pictures_fields import Reader

LEGEND, FOOT = 40, 18  # px below a drawing: two lines of names, one of times


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """How large, of what time, for whom."""

    width: float
    height: float
    span: Span
    reader: Reader

    def across(self, left: float, right: float) -> Across:
        first, last = self.span.since.timestamp(), self.span.until.timestamp()
        return Across(first=first, last=last, left=left, right=self.width - right, now=last)


def axis(canvas: Canvas, over: Across, bottom: float, top: float = 0) -> Iterator[str]:
    """Hours and days below, and their plumb lines."""
    for tick in time_ticks(over, canvas.reader.zone, apart=84):
        x = over.x(tick.at)
        if over.left + 8 < x < over.right - 8:
            local = datetime.fromtimestamp(tick.at, canvas.reader.zone)
            words = local.strftime("%d/%m" if tick.day else "%H:%M")
            yield svg.path([(x, top), (x, bottom)], svg.GRID, 1)
            yield svg.text(x, bottom + 14, words, "middle")
