"""A block of subjects judged together: their tracks, thresholds and devices on one axis."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rules._arrivals import Arrivals
from rules._axis import Axis, Fact, merged
from rules._belonging import members_of
from rules._hearsay import Said, said_of
from rules._inputs import Device, Instants, SeriesColumns, Subject
from rules._interval import Mask
from rules._listening import Clocks, Ears, supply_ends
from rules._members import Members
from rules._rule import DEVICE
from rules._service import interrupted, rows_of, services
from rules._track import Signs, Track
from sensors._row import NEVER

_FAR = 2**61
Span = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Caller:
    """What `silent` listens for: of every subject one series, or the device of one number.

    `arrivals`: keys at which a silence begins anew. `first`: when a first arrival was expected
    (µs). `service`: of the device asked for (0: out); None: always in, or it is a series that is
    asked for. Arrays by subject.
    """

    arrivals: Instants
    first: Instants
    present: Mask
    clocks: Clocks
    service: Fact | None = None


class Block:
    """Subjects on one axis. Tracks and facts are laid when first asked for.

    `partly`: a subject may lack a series that is asked for, which is then unknown. `spans`: from
    when to when (µs) the calendar of each is asked. `afar`: by how far one looks ahead, the sites
    upstream of each.
    """

    def __init__(  # noqa: PLR0913  what most rules do not need has defaults
        self,
        axis: Axis,
        subjects: Sequence[Subject],
        ears: Ears,
        *,
        partly: bool = False,
        spans: Sequence[Span] = (),
        afar: Mapping[int, Sequence[Sequence[Subject]]] | None = None,
    ) -> None:
        self._partly = partly
        self._spans = spans
        self._afar = afar or {}
        self.axis = axis
        self.subjects = subjects
        self.ears = ears
        self._tracks: dict[str, Track] = {}
        self._arrivals: dict[int, Arrivals] = {}
        self._heard: dict[int, Arrivals] = {}
        self._thresholds: dict[str, Fact] = {}
        self._service: dict[int, Fact | None] = {}
        self._callers: dict[str, list[Caller]] = {}
        self._said: dict[str, Said] = {}
        self._upstream: dict[int, Members | None] = {}

    def track(self, name: str) -> Track:
        """The series of that name."""
        if name not in self._tracks:
            columns = [
                subject.series.get(name) if self._partly else subject.series[name]
                for subject in self.subjects
            ]
            track = Track(self.axis, columns, lambda i: _signs(self.subjects[i], columns[i]))
            self._tracks[name] = track
        return self._tracks[name]

    @functools.cached_property
    def members(self) -> Members | None:
        """The members of the subjects that are groups; None: there are none."""
        if not any(any(s.group.values()) for s in self.subjects):
            return None
        return self._members([list(members_of(subject)) for subject in self.subjects])

    def upstream(self, ahead: int) -> Members | None:
        """The sites upstream, as they are seen from here when one looks so far (µs) ahead.

        None: no subject has any.
        """
        if ahead not in self._upstream:
            found = self._afar[ahead]
            self._upstream[ahead] = self._members(found) if any(found) else None
        return self._upstream[ahead]

    def _members(self, found: Sequence[Sequence[Subject]]) -> Members:
        def lay(axis: Axis, own: Sequence[Subject]) -> Block:
            spans: list[Span] = []
            if self._spans:
                for span, some in zip(self._spans, found, strict=True):
                    spans += [span] * len(some)
            return Block(axis, own, self.ears, partly=True, spans=spans)

        return Members(self.axis, found, lay)

    def said(self, word: str) -> Said:
        """What the calendar, the sun or the lighting plan says of each subject."""
        if word not in self._said:
            self._said[word] = said_of(word, self.axis, self.subjects, self._spans)
        return self._said[word]

    def arrivals(self, track: Track) -> Arrivals:
        """The good readings of a track as they came in."""
        if id(track) not in self._arrivals:
            self._arrivals[id(track)] = Arrivals(track.good, track.received)
        return self._arrivals[id(track)]

    def heard(self, track: Track) -> Arrivals:
        """The rows of the devices of what is sent on change, as they came in."""
        if id(track) not in self._heard:
            self._heard[id(track)] = Arrivals(*track.signs)
        return self._heard[id(track)]

    def threshold(self, name: str) -> Fact:
        """A threshold of every subject; nan where it has none."""
        if name not in self._thresholds:
            steps = [subject.thresholds.get(name) for subject in self.subjects]
            self._thresholds[name] = Fact(self.axis, steps)
        return self._thresholds[name]

    def service(self, track: Track) -> Fact | None:
        """Whether a track is in service (0: not); None when all always were."""
        if id(track) not in self._service:
            steps = services(track.columns, self.subjects)
            always = all(part is None for part in steps)
            self._service[id(track)] = None if always else Fact(self.axis, steps)
        return self._service[id(track)]

    def callers(self, name: str) -> list[Caller]:
        """Whom `silent` listens for: a series; for the word `device` the i-th of each subject."""
        if name not in self._callers:
            found = self._devices() if name == DEVICE else [self._series(self.track(name))]
            self._callers[name] = found
        return self._callers[name]

    @functools.cached_property
    def wakes(self) -> Instants:
        """The keys at which what is known of a supply ends, without one."""
        ends = [
            self.axis.key(i, end)
            for i, subject in enumerate(self.subjects)
            for device in subject.devices.values()
            if device.fed is not None and (end := supply_ends(device.fed)) is not None
        ]
        return np.array(ends, dtype=np.int64)

    def _series(self, track: Track) -> Caller:
        names = [None if c is None else c.device for c in track.columns]
        firsts = [c.earlier[0][0] if c is not None and c.earlier else None for c in track.columns]
        first = [new if old is None else old for old, new in zip(firsts, names, strict=True)]
        return Caller(
            arrivals=merged([track.arrivals, self._successions(track)]),
            first=self._commissioned(first),
            present=track.present,
            clocks=self.ears.clocks(self._named(names)),
        )

    def _successions(self, track: Track) -> Instants:
        """Where a successor is commissioned, and its silence begins to count."""
        keys: list[int] = []
        for i, column in enumerate(track.columns):
            if column is not None and column.earlier:
                successors = [*(name for name, _ in column.earlier[1:]), column.device]
                for name, (_, until) in zip(successors, column.earlier, strict=True):
                    commissioned = self.subjects[i].devices[name].commissioned
                    keys.append(self.axis.key(i, max(commissioned, until)))
        return np.array(keys, dtype=np.int64)

    def _devices(self) -> list[Caller]:
        names = [list(subject.devices) for subject in self.subjects]
        deepest = max((len(some) for some in names), default=0)
        return [
            self._device([some[rank] if rank < len(some) else None for some in names])
            for rank in range(deepest)
        ]

    def _device(self, names: Sequence[str | None]) -> Caller:
        parts = [_arrived(*pair) for pair in zip(self.subjects, names, strict=True)]
        keys = self.axis.keys(np.concatenate(parts), [len(part) for part in parts])
        devices = self._named(names)
        steps = interrupted(devices)
        always = all(part is None for part in steps)
        return Caller(
            arrivals=merged([keys]),
            first=self._commissioned(names),
            present=np.array([name is not None for name in names], dtype=np.bool_),
            clocks=self.ears.clocks(devices),
            service=None if always else Fact(self.axis, steps),
        )

    def _named(self, names: Sequence[str | None]) -> list[Device | None]:
        return [
            None if name is None else subject.devices[name]
            for name, subject in zip(names, self.subjects, strict=True)
        ]

    def _commissioned(self, names: Sequence[str | None]) -> Instants:
        """When each subject's device entered service (µs); the far future without one."""
        return np.array(
            [_FAR if device is None else device.commissioned for device in self._named(names)],
            dtype=np.int64,
        )


def _signs(subject: Subject, column: SeriesColumns | None) -> Signs:
    """All rows of a series' device, and of those before it in theirs: their times, ascending.

    Beside them when each was received.
    """
    if column is None:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    times, received, since = [], [], np.iinfo(np.int64).min
    for device, until in [*column.earlier, (column.device, np.iinfo(np.int64).max)]:
        for other in subject.series.values():
            rows = rows_of(other, device)
            sent = other.time[rows]
            own = slice(None) if not column.earlier else (sent >= since) & (sent < until)
            times.append(sent[own])
            received.append(other.received_at[rows][own])
        since = until
    sent = np.concatenate(times)
    order = np.argsort(sent, kind="stable")
    return sent[order], np.concatenate(received)[order]


def _arrived(subject: Subject, device: str | None) -> Instants:
    if device is None:
        return np.empty(0, dtype=np.int64)
    got = [c.received_at[rows_of(c, device)] for c in subject.series.values()]
    times = np.concatenate(got) if got else np.empty(0, dtype=np.int64)
    return np.sort(times[times != NEVER], kind="stable")
