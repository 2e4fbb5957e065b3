"""What the engine is given: columns of readings and facts about them. Times: int64 µs, UTC."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sensors._quantity import Kind, Reporting

Instants = NDArray[np.int64]
Values = NDArray[np.float64]
Flags = NDArray[np.int16]


@dataclass(frozen=True, kw_only=True)
class Steps:
    """A fact that has revisions: `value[i]` holds from `at[i]` (µs, ascending); nan: withdrawn.

    Before `at[0]` the fact does not exist (nan).
    """

    at: Instants
    value: Values

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, float]]) -> "Steps":
        """From pairs of a time (µs, ascending) and a value."""
        steps = list(pairs)
        return cls(
            at=np.array([at for at, _ in steps], dtype=np.int64),
            value=np.array([value for _, value in steps], dtype=np.float64),
        )


@dataclass(frozen=True, kw_only=True)
class SeriesColumns:
    """One series of a subject: what is stored, one row a time, ascending by `time`.

    `value` nan: a row without a value. `quality`: flags of sensors._quality.
    `received_at`: when it reached ingest; NEVER (sensors._row) for imported history, which is no
    arrival. `interval` and `stale_after` in µs, as revisions.

    `breaks` (µs, ascending): times from which the series is another one — its gauge was replaced,
    its datum moved. A value from before a break holds no longer at it, and nothing reaches across:
    a window is covered only by what is after the last break at or before its end, and holds only
    readings from there; a change across is unknown. Arrivals are arrivals all the same.
    `withdrawn`: 1 while the series is not wanted any more (of a group's member: while it does not
    belong to the group), None for one that always was. What names it is left out.
    `earlier`: of a spliced series, the devices before `device`, each with the time (µs, ascending)
    until which its rows stand here, which is a break. They are among the subject's devices; each
    time is judged by the service of the device it belongs to, and until its own `in_service`
    begins a successor is out of service. Of a successor nothing is expected before it is
    commissioned: from then on its silence is counted.
    """

    time: Instants
    value: Values
    quality: Flags
    received_at: Instants
    device: str
    kind: Kind
    reporting: Reporting
    nonnegative: bool
    interval: Steps
    stale_after: Steps
    breaks: Instants = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    withdrawn: Steps | None = None
    earlier: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device of a subject: every row of any of its series is a sign of life.

    `fed`: 0 while it has no supply (a lamp behind a switched cabinet), before its first entry it
    has one; None: always. Time without supply is no listening time: a lamp is not silent by day.
    It must reach beyond the horizon; where it ends without a supply, a `due` is no later than that
    end, to be judged again with what is known then. Devices fed alike share one object, whose
    clock is then worked out once. `answers` holds the same of the service that a device is read
    from: 0 while it did not answer.
    """

    commissioned: int  # µs
    in_service: Steps  # 1 or 0
    fed: Steps | None = None
    answers: Steps | None = None

    @property
    def reachable(self) -> tuple[Steps, ...]:
        """What says, with 0, when nothing can be heard of it."""
        return tuple(steps for steps in (self.fed, self.answers) if steps is not None)


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """Where a subject lives: its clock and its sun. `zone` as in tzdata; degrees, WGS 84.

    Of it the engine works out `hour weekday month night holiday school_holiday` (rules._calendar).
    Equal ones may be one object, or many.
    """

    zone: str
    lon: float
    lat: float


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A site upstream, for `upstream(…)`: what it reads arrives here `lag` µs later.

    On each branch there is one for each quantity: the nearest site that measures it, on the way of
    the least lag where there are several. `lag`: of the whole way; a wave travels as long as what
    is in force when it passes there. `series` by quantity, those for which it is the nearest (and,
    of a device that sends on change, its others under any other key: its signs of life); `devices`
    and `thresholds` its own. Nothing in it is moved by the lag: the engine does that.
    """

    site: str
    lag: int | Steps
    series: Mapping[str, SeriesColumns]
    devices: Mapping[str, Device]
    thresholds: Mapping[str, Steps] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Closing:
    """An operator closed the alarm at `at` (µs, on the rule's axis): it ends there with `reason`.

    It may begin again only after `when` has been false: what was pending at that time is no longer.
    `reason` is `closed by <author>: …`, filled by its caller.
    """

    at: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class InputSeries:
    """A series by its site and quantity."""

    site: str
    quantity: str


@dataclass(frozen=True, kw_only=True)
class Issued:
    """What a model issued: one row a time. `values` nan, `tier` -1: nothing was issued."""

    times: Instants
    horizons: tuple[int, ...]
    levels: tuple[float, ...]
    current: Values  # (n,) the value at the issue time
    values: Values  # (n, horizons, levels)
    tier: NDArray[np.int8]  # (n,) index into the model's tiers


class Forecasting(Protocol):
    """A model: what it issues at a time is a function of readings from `memory` µs before it on.

    `inputs`: the series that it reads, the gauge's own first.
    """

    @property
    def inputs(self) -> tuple[InputSeries, ...]: ...

    @property
    def memory(self) -> int: ...

    def issue(self, columns: Mapping[InputSeries, SeriesColumns], times: Instants) -> Issued: ...


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What a model issued at times (µs, ascending), on a column of its own series."""

    column: SeriesColumns
    times: Instants
    issued: Issued


@dataclass(frozen=True, kw_only=True)
class Forecasts:
    """The models of a series of a subject, as revisions: from µs, ascending; None: none any more.

    A forecast is issued at each good reading of the series, by the model in force then. `inputs`:
    the columns of all other series that any of the models reads, as far as there are any.
    """

    revisions: tuple[tuple[int, Forecasting | None], ...]
    inputs: Mapping[InputSeries, SeriesColumns] = field(default_factory=dict)

    @cached_property
    def begins(self) -> Instants:
        return np.array([at for at, _ in self.revisions], dtype=np.int64)

    @cached_property
    def models(self) -> tuple[Forecasting | None, ...]:
        return tuple(model for _, model in self.revisions)

    @cached_property
    def in_force(self) -> Steps:
        """1 while a model is in force, else nan; only where that changes."""
        there = np.array([model is not None for model in self.models], dtype=np.bool_)
        turns = np.flatnonzero(np.diff(there, prepend=False))
        return Steps(at=self.begins[turns], value=np.where(there[turns], 1.0, np.nan))

    @cached_property
    def kept(self) -> dict[int, "Kept"]:
        """What was issued last, by the number of the model: several rules ask for the same."""
        return {}

    @cached_property
    def memory(self) -> int:
        """The longest memory of its models, µs."""
        return max((model.memory for model in self.models if model is not None), default=0)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a rule is judged of: a site, a device or a group.

    `series` is keyed by the name a rule uses (the quantity's field name). `group` holds, behind a
    word of `share`, the keys in `series` of the members, `<quantity>@<device>`: the i-th of every
    word is the same member, and one without a series is not counted where that word stands.
    `thresholds` by name.

    `calendar`: of the site where it stands; None: unknown, and so is all that a rule asks of it.
    `plan`: the lighting level planned there (%), for `planned_on` and `planned_level`; None: there
    is none, which is unknown too. It must reach a day beyond the horizon: its next step is a due.
    `upstream`: the nearest sites upstream; empty: none, and `upstream(…)` is unknown.
    `forecasts`: by the name of the series; of others a forecast is unknown.
    """

    key: str
    series: Mapping[str, SeriesColumns]
    devices: Mapping[str, Device]
    thresholds: Mapping[str, Steps] = field(default_factory=dict)
    group: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    calendar: Calendar | None = None
    plan: Steps | None = None
    upstream: tuple[Upstream, ...] = ()
    forecasts: Mapping[str, Forecasts] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """How far the log is read: `values` on the axis of `time`, `silence` on that of `received_at`.

    `gaps` are the spans (from, to) in µs in which we ourselves were not listening, ascending,
    disjoint.
    """

    values: int
    silence: int
    gaps: tuple[tuple[int, int], ...] = ()
