"""One series as the reference model sees it: its good readings, and when it is known."""

import math
from dataclasses import dataclass

from rules._inputs import SeriesColumns, Steps
from sensors._quality import Quality
from sensors._quantity import Kind, Reporting

INF = math.inf


@dataclass
class Reading:
    time: int
    lo: float
    hi: float
    received: int


def steps_at(steps: Steps | None, t: int, *, back: bool = False) -> float:
    value = math.nan
    for at, its in zip(steps.at.tolist(), steps.value.tolist(), strict=True) if steps else ():
        if at <= t or (back and math.isnan(value)):
            value = its
    return value


class Series:
    def __init__(self, columns: SeriesColumns, device_rows: list[tuple[int, int]]) -> None:
        self.columns = columns
        self.gauge = columns.reporting is Reporting.PERIODIC
        self.amount = columns.kind is Kind.INCREMENT
        self.nonnegative = columns.nonnegative
        self.good = [
            Reading(t, v, INF if q & int(Quality.SATURATED) else v, r)
            for t, v, q, r in zip(
                columns.time.tolist(),
                columns.value.tolist(),
                columns.quality.tolist(),
                columns.received_at.tolist(),
                strict=True,
            )
            if not q & int(Quality.SUSPECT) and not math.isnan(v)
        ]
        own = [(r.time, r.received) for r in self.good]
        self.signs_got = own if self.gauge else device_rows  # with the time of their arrival
        self.signs = [t for t, _ in self.signs_got]
        self.breaks = columns.breaks.tolist()

    def limit(self, t: int) -> int:
        return int(steps_at(self.columns.stale_after, t, back=True))

    def interval(self, t: int) -> int:
        return int(steps_at(self.columns.interval, t, back=True))

    def broke(self, t: int) -> float:
        """The last break at or before t: what was before it is of another series."""
        return max((b for b in self.breaks if b <= t), default=-INF)

    def at(self, t: int) -> Reading | None:
        since = self.broke(t)
        return next((r for r in reversed(self.good) if since <= r.time <= t), None)

    def known(self, t: int) -> bool:
        since = self.broke(t)
        sign = next((s for s in reversed(self.signs) if since <= s <= t), None)
        if sign is None or t - sign > self.limit(sign):
            return False
        return self.gauge or self.amount or self.at(t) is not None

    def ceases(self) -> list[int]:
        ends = [(s, s + self.limit(s) + 1) for s in self.signs]
        return [end for s, end in ends if not any(s < b <= end for b in self.breaks)]

    def covered(self, a: int, t: int) -> bool:
        points = [a, t, *(p for p in self.ceases() if a < p <= t)]
        return self.broke(t) <= a and all(self.known(p) for p in points)
