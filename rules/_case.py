"""One worked case as a value: arrivals, what holds of the subject, a rule, the log expected."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from rules._inputs import (
    Calendar,
    Closing,
    Device,
    Forecasts,
    Horizon,
    Instants,
    SeriesColumns,
    Steps,
    Subject,
    Upstream,
)
from rules._readings import DAY_ZERO, Reported, Sent, columns, standing
from rules._rule import Rule
from rules._written_forecast import input_of
from sensors._quantity import STALE_INTERVALS, Kind, Reporting

SUBJECT = "case"
ANY_DEVICE = ""  # in `commissioned`: of all devices that it does not name
ALWAYS = Steps(at=np.array([DAY_ZERO], dtype=np.int64), value=np.ones(1))


AT = "@"  # `level@mill`: a series of the site mill upstream


@dataclass(frozen=True, kw_only=True)
class Above:
    """A site upstream, all but its readings. `lag` in µs."""

    lag: int | Steps
    thresholds: Mapping[str, Steps]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case, read. `expected` are the lines of its log."""

    name: str
    revisions: tuple[tuple[int, Rule | None], ...]
    sent: tuple[Sent, ...]
    frame: "Frame"
    horizon: Horizon
    closings: tuple[Closing, ...]
    expected: tuple[str, ...]
    compared: frozenset[str]  # which parts of an alarm its log tells


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a case says of its subject, all but the readings."""

    devices: Mapping[str, str]  # series -> device
    kinds: Mapping[str, Kind]
    reporting: Mapping[str, Reporting]
    intervals: Mapping[str, int | Steps]
    commissioned: Mapping[str, int]
    service: Mapping[str, Steps]
    thresholds: Mapping[str, Steps]
    group: Mapping[str, tuple[str, ...]]
    fed: Mapping[str, Steps]
    withdrawn: Mapping[str, Steps]
    breaks: Mapping[str, Instants]
    earlier: Mapping[str, tuple[tuple[str, int], ...]]
    calendar: Calendar
    plan: Steps | None
    upstream: Mapping[str, "Above"]
    forecasts: Mapping[str, Forecasts]  # without columns

    def subject(self, sent: Iterable[Sent]) -> Subject:
        """The subject with what a store holds after these arrivals."""
        by_series: dict[str, list[Sent]] = {name: [] for name in self.devices}
        for reading in sent:
            by_series[reading.series].append(reading)
        return Subject(
            key=SUBJECT,
            series={
                name: self._columns(name, rows)
                for name, rows in by_series.items()
                if name.partition(AT)[2] not in self.upstream and name not in self._inputs
            },
            devices={device: self._device(device) for device in self._all_devices()},
            thresholds=self.thresholds,
            group=self.group,
            calendar=self.calendar,
            plan=self.plan,
            upstream=tuple(
                self._upstream(site, above, by_series) for site, above in self.upstream.items()
            ),
            forecasts={
                name: replace(
                    forecasts,
                    inputs={
                        input_of(other, SUBJECT): self._columns(other, by_series[other])
                        for other in self._inputs
                    },
                )
                for name, forecasts in self.forecasts.items()
            },
        )

    @property
    def _inputs(self) -> list[str]:
        """The series of other sites, `level@mill`, that a forecast is made from."""
        read = {
            series
            for forecasts in self.forecasts.values()
            for model in forecasts.models
            for series in (model.inputs if model is not None else ())
        }
        return [name for name in self.devices if AT in name and input_of(name, SUBJECT) in read]

    def _upstream(
        self, site: str, above: "Above", by_series: Mapping[str, Iterable[Sent]]
    ) -> Upstream:
        own = [name for name in by_series if name.endswith(f"{AT}{site}")]
        return Upstream(
            site=site,
            lag=above.lag,
            series={
                name.removesuffix(f"{AT}{site}"): self._columns(name, by_series[name])
                for name in own
            },
            devices={device: self._device(device) for device in {self.devices[n] for n in own}},
            thresholds=above.thresholds,
        )

    def _all_devices(self) -> list[str]:
        before = [device for some in self.earlier.values() for device, _ in some]
        return list(dict.fromkeys([*before, *self.devices.values()]))

    def _device(self, name: str) -> Device:
        return Device(
            commissioned=self.commissioned.get(name, self.commissioned[ANY_DEVICE]),
            in_service=self.service.get(name, ALWAYS),
            fed=self.fed.get(name),
        )

    def _columns(self, name: str, sent: Iterable[Sent]) -> SeriesColumns:
        kind = self.kinds[name]
        interval = self.intervals[name]
        series_columns = columns(
            standing(sent),
            Reported(
                device=self.devices[name],
                kind=kind,
                reporting=self.reporting[name],
                nonnegative=kind in (Kind.INCREMENT, Kind.COUNTER),
                interval=interval if isinstance(interval, int) else 0,
            ),
        )
        if isinstance(interval, Steps):
            stale = Steps(at=interval.at, value=STALE_INTERVALS * interval.value)
            series_columns = replace(series_columns, interval=interval, stale_after=stale)
        return replace(
            series_columns,
            breaks=self.breaks.get(name, series_columns.breaks),
            withdrawn=self.withdrawn.get(name),
            earlier=self.earlier.get(name, ()),
        )
