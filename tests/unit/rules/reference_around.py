"""What surrounds a subject, as the reference model sees it: clock, sun, plan, sites upstream."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from rules._inputs import Steps, Subject, Upstream
from sensors._calendar import public_holidays, school_holiday
from sensors._plan import night
from sensors._row import NEVER
from tests.unit.rules.reference_series import steps_at

MINUTE = 60_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Said:
    """What calendar, sun and plan say at an instant; nothing before the first one asked."""

    def __init__(self, subject: Subject, first: int) -> None:
        self.subject = subject
        self._first = first

    def at(self, word: str, t: int) -> float:  # noqa: PLR0911  a line a word
        if t < self._first:
            return math.nan
        if word.startswith("planned"):
            level = steps_at(self.subject.plan, t)
            if word == "planned_level" or math.isnan(level):
                return level
            return float(level > 0)
        calendar = self.subject.calendar
        if calendar is None:
            return math.nan
        utc = EPOCH + timedelta(microseconds=t)
        local = utc.astimezone(ZoneInfo(calendar.zone))
        match word:
            case "hour":
                return local.hour
            case "weekday":
                return local.isoweekday()
            case "month":
                return local.month
            case "holiday":
                return local.date() in public_holidays(local.year)
            case "school_holiday":
                holiday = school_holiday(local.date())
                return math.nan if holiday is None else holiday
        return any(dusk <= utc < dawn for dusk, dawn in self._nights(utc))

    def _nights(self, utc: datetime) -> Iterator[tuple[datetime, datetime]]:
        calendar = self.subject.calendar
        assert calendar is not None
        for days in (-2, -1, 0, 1):
            day = utc.date() + timedelta(days=days)
            yield night(round(calendar.lon, 2), round(calendar.lat, 2), day)

    def turns(self, words: Iterable[str], until: int) -> set[int]:
        """Minute by minute, and where the sun or a plan turns."""
        found: set[int] = set()
        minutes = range(-(-self._first // MINUTE) * MINUTE, until + 1, MINUTE)
        for word in words:
            times: list[int] = list(minutes)
            if word.startswith("planned"):
                times = self.subject.plan.at.tolist() if self.subject.plan else []
            elif word == "night" and self.subject.calendar and minutes:
                noon = EPOCH + timedelta(microseconds=self._first)
                for days in range((until - self._first) // (1440 * MINUTE) + 2):
                    for edges in self._nights(noon + timedelta(days=days)):
                        times += [(edge - EPOCH) // timedelta(microseconds=1) for edge in edges]
            found |= {t for t in times if t > self._first and self._turns(word, t)}
        return found

    def _turns(self, word: str, t: int) -> bool:
        before, now = self.at(word, t - 1), self.at(word, t)
        return before != now and not (math.isnan(before) and math.isnan(now))


def arriving(upstream: Upstream, ahead: int) -> Subject:
    """A site upstream as a subject here: everything when its water comes."""

    def moved(t: int) -> int:
        lag = upstream.lag
        if isinstance(lag, Steps):
            lag = int(steps_at(lag, t, back=True))
        return t + max(lag - ahead, 0)

    def steps(some: Steps) -> Steps:
        return Steps.of(zip((moved(t) for t in some.at.tolist()), some.value.tolist(), strict=True))

    series = {}
    for name, column in upstream.series.items():
        times = [moved(t) for t in column.time.tolist()]
        kept = [i for i, t in enumerate(times) if all(t < later for later in times[i + 1 :])]
        came = column.received_at.tolist()
        series[name] = replace(
            column,
            time=np.array([times[i] for i in kept], dtype=np.int64),
            value=column.value[kept],
            quality=column.quality[kept],
            received_at=np.array(
                [came[i] if came[i] == NEVER else max(came[i], times[i]) for i in kept],
                dtype=np.int64,
            ),
        )
    devices = {
        name: replace(device, in_service=steps(device.in_service))
        for name, device in upstream.devices.items()
    }
    thresholds = {name: steps(some) for name, some in upstream.thresholds.items()}
    return Subject(key=upstream.site, series=series, devices=devices, thresholds=thresholds)
