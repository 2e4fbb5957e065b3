"""What rules use besides readings, as step functions of time: series, devices, thresholds."""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, TypeVar

import msgspec
import numpy as np

from hypervisor.base.instants import BEGINNING, micros
from hypervisor.registry.model import Device as RegisteredDevice
from hypervisor.registry.model import Revision
from rules._forecast import ForecastModel, model_from_json
from rules._inputs import Calendar, Device, InputSeries, Instants, Steps
from sensors._domain import Catalogue
from sensors._errors import TerritoryError
from sensors._quantity import STALE_INTERVALS, Quantity, Reporting
from sensors._units import converter

_SECOND = 1_000_000
_LONGEST = 3 * 366 * 86_400.0  # s: three intervals of a year


class FactError(TerritoryError):
    """A value of the registry that cannot be used; its series or site is set aside."""


Facts = Mapping[str, Any]  # plain values, as they are stored between two runs
Value = TypeVar("Value")
Plans = tuple[tuple[int, Mapping[str, Any] | None], ...]  # from µs on: a plan; None: always lit


@dataclass(frozen=True, kw_only=True)
class Source:
    """A stored series that serves as a subject's from `since` (µs) on, until the next one does."""

    id: int
    device: str
    since: int


@dataclass(frozen=True, kw_only=True)
class SeriesFacts:
    """One series as rules see it: of one device, or of several that followed one another.

    `interval` and `stale_after` in µs; `longest` of both. `breaks`: times (µs) of a new gauge or
    datum. `withdrawn`: 1 while it is.
    """

    sources: tuple[Source, ...]
    quantity: Quantity
    reporting: Reporting
    interval: Steps
    stale_after: Steps
    longest: float
    breaks: tuple[int, ...] = ()
    withdrawn: Steps | None = None

    @property
    def device(self) -> str:
        """The present one."""
        return self.sources[-1].device

    @cached_property
    def ids(self) -> tuple[int, ...]:
        return tuple(source.id for source in self.sources)

    @cached_property
    def devices(self) -> frozenset[str]:
        return frozenset(source.device for source in self.sources)

    @cached_property
    def earlier(self) -> tuple[tuple[str, int], ...]:
        """The devices before, each with the time of its replacement."""
        following = zip(self.sources, self.sources[1:], strict=False)
        return tuple((source.device, after.since) for source, after in following)

    @cached_property
    def breaks_at(self) -> Instants:
        return np.array(self.breaks, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Supply:
    """The lighting plans that switch or dim a supply, at a place (longitude, latitude)."""

    plans: Plans
    place: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class UpstreamFacts:
    """A site upstream, `lag` (µs) away; its `series` without `@` are the nearest of their quantity.

    The others are signs of life. While no water comes from there all are withdrawn.
    """

    site: str
    lag: Steps
    series: Mapping[str, SeriesFacts]
    devices: Mapping[str, Device]
    thresholds: Mapping[str, Steps]

    @cached_property
    def farthest(self) -> int:
        """The longest travel time of all times, µs."""
        return int(self.lag.value.max())

    def affecting(self, names: AbstractSet[str]) -> list[SeriesFacts]:
        """Its series whose rows may change these quantities."""
        named = [series for name, series in sorted(self.series.items()) if name in names]
        if all(series.reporting is not Reporting.ON_CHANGE for series in named):
            return named
        devices = {device for series in named for device in series.devices}
        return named + [
            series
            for name, series in sorted(self.series.items())
            if name not in names and series.devices & devices
        ]


@dataclass(frozen=True, kw_only=True)
class ForecastFacts:
    """The models of a series of a site, from µs on; None: none any more.

    `marks`: of each what tells it from others. `inputs`: the series of other sites that they read,
    as far as there are any. `problem`: why the latest cannot be read; it counts as none.
    """

    models: tuple[tuple[int, ForecastModel | None], ...]
    marks: tuple[tuple[int, str | None], ...]
    inputs: Mapping[InputSeries, SeriesFacts] = field(default_factory=dict)
    problem: str | None = None

    @property
    def named(self) -> set[InputSeries]:
        """The series of other sites that the models name."""
        return {series for _, model in self.models if model for series in model.inputs[1:]}

    @property
    def begins(self) -> int | None:
        """From when on (µs) there is a model; None: there never was."""
        return next((at for at, model in self.models if model is not None), None)


@dataclass(frozen=True, kw_only=True)
class SubjectFacts:
    """What rules are evaluated for: a site, a device or a group (`per`).

    `series` by the name in rules, and by `<quantity>@<device>`: members of a group, listed by
    quantity in `group`, and signs of life. `site`: the number of its site, `place`: its name.
    `doubled`: from when on (µs) two devices in service measure the same. `supplies`: of devices
    behind a switched supply. `lighting`: its lighting plans; `plan`: their level (%).
    """

    key: str
    per: str
    domain: str
    site: int | None
    place: str | None
    titles: Mapping[str, str]  # of site, device and group, for the texts of rules
    series: Mapping[str, SeriesFacts]
    devices: Mapping[str, Device]
    thresholds: Mapping[str, Steps]
    group: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    doubled: Mapping[str, int] = field(default_factory=dict)
    supplies: Mapping[str, Supply] = field(default_factory=dict)
    calendar: Calendar | None = None
    lighting: Supply | None = None
    plan: Steps | None = None
    upstream: tuple[UpstreamFacts, ...] = ()
    forecasts: Mapping[str, ForecastFacts] = field(default_factory=dict)  # by quantity

    def named(self, written: str) -> str:
        """A rule's text with the titles of this subject filled in."""
        for word, name in self.titles.items():
            written = written.replace(f"{{{word}}}", name)
        return written


def series(
    number: int, device: str, quantity: Quantity, revisions: Iterable[Revision]
) -> SeriesFacts:
    """One stored series by its revisions."""
    usual = quantity.interval.total_seconds()
    intervals, limits = {BEGINNING: usual}, {BEGINNING: usual * STALE_INTERVALS}
    reporting, withdrawn = quantity.reporting, dict[int, float]()
    for at, cadence in read_revisions(revisions, lambda value: _cadence(value, quantity)):
        withdrawn[at] = float(cadence is None)
        if cadence is not None:
            intervals[at], limits[at], reporting = cadence
    return SeriesFacts(
        sources=(Source(id=number, device=device, since=BEGINNING),),
        quantity=quantity,
        reporting=reporting,
        interval=steps({at: seconds * _SECOND for at, seconds in intervals.items()}),
        stale_after=steps({at: seconds * _SECOND for at, seconds in limits.items()}),
        longest=max(*intervals.values(), *limits.values()) * _SECOND,
        withdrawn=steps(withdrawn) if any(withdrawn.values()) else None,
    )


def _cadence(value: Facts, quantity: Quantity) -> tuple[float, float, Reporting]:
    """Interval and stale limit (s), and how it reports."""
    interval = check_span(value.get("interval_s") or quantity.interval.total_seconds())
    limit = check_span(value.get("stale_s") or interval * STALE_INTERVALS)
    return interval, limit, Reporting(value.get("reporting") or quantity.reporting)


def read_revisions(
    revisions: Iterable[Revision], read: Callable[[Facts], Value]
) -> Iterator[tuple[int, Value | None]]:
    """The value of each revision with its effective time (µs); None: it withdraws.

    One that cannot be read counts as none, so that a later one fixes it; the error of the latest is
    raised.
    """
    problem: Exception | None = None
    for revision in revisions:
        try:
            value = None if revision.value is None else read(revision.value)
        except Exception as error:  # noqa: BLE001  earlier versions accepted it
            problem = error
        else:
            problem = None
            yield micros(revision.effective), value
    if problem is not None:
        raise problem


def device(
    registered: RegisteredDevice, revisions: Iterable[Revision], *, answers: Steps | None = None
) -> Device:
    """One device by its revisions; a retired one is out of service for good.

    `answers`: of a device that is read from a service, 0 while that did not answer.
    """
    in_service = {BEGINNING: 1.0}
    for revision in revisions:
        serves = (revision.value or {}).get("in_service", True)
        in_service[micros(revision.effective)] = 1.0 if serves else 0.0
    if registered.retired is not None:
        retired = micros(registered.retired)
        in_service = {at: value for at, value in in_service.items() if at < retired}
        in_service[retired] = 0.0
    return Device(
        commissioned=micros(registered.commissioned), in_service=steps(in_service), answers=answers
    )


def answering(revisions: Iterable[Revision]) -> Steps:
    """1 while a service answers, 0 while it does not: then silence says nothing of its devices."""
    return steps(
        {
            micros(revision.effective): float(bool((revision.value or {}).get("answers", True)))
            for revision in revisions
        }
    )


def is_in_service(device: Device) -> bool:
    """Whether it is in service by its latest revision."""
    return bool(device.in_service.value[-1] == 1.0)


def threshold(name: str, revisions: Iterable[Revision], catalogue: Catalogue) -> Steps:
    """A threshold by its revisions, in the unit of the catalogue."""
    vocabulary = catalogue.thresholds.get(name)

    def read(facts: Facts) -> float:
        value, unit = float(facts["value"]), facts.get("unit")
        if vocabulary and unit and unit != vocabulary.unit:
            value = float(converter(unit, vocabulary.unit)(value))
        if not math.isfinite(value):
            raise FactError("threshold {name}: {value} is not a finite number", name, value)
        return value

    values = read_revisions(revisions, read)
    return steps({at: math.nan if value is None else value for at, value in values})


def forecast(revisions: Iterable[Revision]) -> ForecastFacts:
    """The models of a series by their revisions."""
    models: dict[int, ForecastModel | None] = {}
    marks: dict[int, str | None] = {}
    problem: str | None = None
    for revision in revisions:
        at, problem = micros(revision.effective), None
        models[at] = None
        marks[at] = None if revision.value is None else _mark(revision.value)
        if revision.value is not None:
            try:
                models[at] = model_from_json(revision.value)
            except Exception as error:  # noqa: BLE001  another version wrote it
                problem = str(error)
    return ForecastFacts(
        models=tuple(sorted(models.items())), marks=tuple(sorted(marks.items())), problem=problem
    )


def _mark(value: Facts) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:16]


def check_span(seconds: float) -> float:
    """Check a span (s).

    Raises FactError: it is negative, or longer than any inventory may say.
    """
    if not 0 <= float(seconds) <= _LONGEST:
        raise FactError(
            "a span of {seconds:g} s; expected at most {longest:g} s", float(seconds), _LONGEST
        )
    return float(seconds)


def steps(values: Mapping[int, float]) -> Steps:
    """A step function of value by time (µs).

    Equal ones are one object: thousands of series have the same interval.
    """
    return _steps(tuple(sorted(values.items())))


@lru_cache(maxsize=10_000)
def _steps(values: tuple[tuple[int, float], ...]) -> Steps:
    return Steps(
        at=np.array([at for at, _ in values], dtype=np.int64),
        value=np.array([value for _, value in values], dtype=np.float64),
    )


def in_force(facts: Steps, time: int) -> float:
    """The value at a time; nan before the first step."""
    place = int(np.searchsorted(facts.at, time, side="right")) - 1
    return float(facts.value[place]) if place >= 0 else math.nan


def any_of(*parts: Steps | None) -> Steps | None:
    """1 while one of them is 1; None where none ever is."""
    present = [part for part in parts if part is not None and (part.value == 1.0).any()]
    if len(present) < 2:
        return present[0] if present else None
    times = sorted({int(at) for part in present for at in part.at})
    return steps({at: float(any(in_force(part, at) == 1.0 for part in present)) for at in times})


def concatenate_steps(parts: Iterable[tuple[int, Steps]]) -> Steps:
    """One step function of several, each in force from its time (µs, ascending) on."""
    values: dict[int, float] = {}
    for since, part in parts:
        values = {at: value for at, value in values.items() if at < since}
        values[since] = in_force(part, since)
        later = zip(part.at.tolist(), part.value.tolist(), strict=True)
        values |= {at: value for at, value in later if at > since}
    return steps(values)


def sum_steps(parts: Iterable[Steps]) -> Steps:
    """The sum; nan while one of them is nan, and before all have begun."""
    step_series = list(parts)
    times = sorted({BEGINNING, *(int(at) for part in step_series for at in part.at)})
    return steps({at: sum(in_force(part, at) for part in step_series) for at in times})
