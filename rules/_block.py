"""A block of subjects judged together: their tracks, thresholds and devices on one axis.

Those who belong to them, the members of groups and the sites upstream, are a block of their own.
"""

import functools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from rules._arrivals import Arrivals
from rules._axis import Axis, Fact, Index, merged
from rules._calendar import CalendarInput, calendar_input
from rules._callers import Caller, Callers
from rules._clocks import ClockFactory, reach_ends
from rules._in_service import rows_of, services
from rules._inputs import Instants, SeriesColumns, Subject
from rules._interval import Mask
from rules._issues import Issues
from rules._rule import DEVICE
from rules._tally import Sums, Tally
from rules._track import Signs, Track


def members_of(group: Subject) -> Iterator[Subject]:
    """Each member as a subject: its own series by their words, and the group's beside them."""
    keys = {key for some in group.group.values() for key in some}
    own: dict[str, SeriesColumns] = {}
    sent: dict[str, dict[str, SeriesColumns]] = {}
    for name, column in group.series.items():
        if name not in keys and name not in group.group:
            own[name] = column
        for device in (column.device, *(earlier for earlier, _ in column.earlier)):
            sent.setdefault(device, {})[f"{name} "] = column  # no word: only a sign of life
    for rank in range(max((len(some) for some in group.group.values()), default=0)):
        series = dict(own)
        named = {
            word: group.series[some[rank]]
            for word, some in group.group.items()
            if rank < len(some) and some[rank] in group.series
        }
        for column in named.values():
            for device in (column.device, *(earlier for earlier, _ in column.earlier)):
                series |= sent[device]
        yield Subject(
            key=f"{group.key}#{rank}",
            series=series | named,
            devices=group.devices,
            thresholds=group.thresholds,
            calendar=group.calendar,
            plan=group.plan,
        )


_AT_ONCE = 1 << 17  # members asked at once
Span = tuple[int, int]


class Members:
    """Those who belong to the subjects of a block, one's after the other's; one may have none.

    `sizes`: how many each subject has. `block`: all of them as subjects, on a longer axis. `of`:
    to which subject of the outer block each belongs, for short its group.

    What a `share` asks is asked of all members of all groups at once. Their answers change only
    at instants of their own, so they are told at these and summed up along the axis of the groups
    (rules._tally).
    """

    def __init__(self, axis: Axis, sizes: Sequence[int], block: "Block") -> None:
        self._outer = axis
        self._sizes: Index = np.array(sizes, dtype=np.intp)
        self._first: Index = np.cumsum(self._sizes) - self._sizes
        self.of: Index = np.repeat(np.arange(axis.count), self._sizes)
        self.block = block
        self.axis = block.axis
        self._tallies: dict[Hashable, Tally] = {}
        self._merged: dict[Hashable, Instants] = {}

    def outward(self, keys: Instants) -> Instants:
        """Keys of members as keys of their groups, in the order of the members."""
        owners = self.axis.subjects(keys)
        return np.asarray(keys + (self.of[owners] - owners) * self.axis.stride)

    def any(self, marks: Mask) -> Mask:
        """By group: whether one of its members is marked."""
        return np.bincount(self.of[marks], minlength=self._outer.count) > 0

    def spread(self, keys: Instants, owners: Index) -> Iterator[tuple[slice, Index, Instants]]:
        """Some rows of groups at a time: for each of their members the row, and its key there."""
        sizes = self._sizes[owners]
        ends = np.cumsum(sizes)
        first = 0
        while first < len(keys):
            done = int(ends[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(ends, done + _AT_ONCE)))
            some = np.arange(first, min(last, len(keys)))
            rows = np.repeat(some, sizes[some])
            ranks = np.arange(len(rows)) - np.repeat(ends[some] - sizes[some] - done, sizes[some])
            members = self._first[owners[rows]] + ranks
            shift = (members - owners[rows]) * self.axis.stride
            yield slice(first, int(some[-1]) + 1), rows - first, keys[rows] + shift
            first = int(some[-1]) + 1

    def tally(self, about: Hashable, answers: Callable[[], tuple[Instants, Sums]]) -> Tally:
        """The sums of what members answer, worked out once for each thing that is asked about.

        `answers`: keys of members, ascending, each one's from the beginning of its zone on, and
        what each adds from a key to the next.
        """
        if about not in self._tallies:
            keys, parts = answers()
            owners = self.axis.subjects(keys)
            self._tallies[about] = Tally(owners, self.outward(keys), parts, self._outer.origins())
        return self._tallies[about]

    def keys(self, what: str, words: Sequence[str], keys: Callable[[Track], Instants]) -> Instants:
        """Certain keys of the members' series as keys of their groups, ascending; kept by name."""
        about = (what, tuple(words))
        if about not in self._merged:
            tracks = [self.block.track(word) for word in words]
            self._merged[about] = merged([self.outward(keys(track)) for track in tracks])
        return self._merged[about]


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
        clock_factory: ClockFactory,
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
        self.clock_factory = clock_factory
        self._tracks: dict[str, Track] = {}
        self._issues: dict[str, Issues] = {}
        self._modelled: dict[str, Fact] = {}
        self._arrivals: dict[int, Arrivals] = {}
        self._heard: dict[int, Arrivals] = {}
        self._thresholds: dict[str, Fact] = {}
        self._service: dict[int, Fact | None] = {}
        self._callers: dict[str, list[Caller]] = {}
        self._calendar_inputs: dict[str, CalendarInput] = {}
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

    def issues(self, name: str) -> Issues:
        """The forecasts of a series of every subject."""
        if name not in self._issues:
            self._issues[name] = Issues(self.axis, self.track(name), self.subjects, name)
        return self._issues[name]

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
            subjects = self._afar[ahead]
            self._upstream[ahead] = self._members(subjects) if any(subjects) else None
        return self._upstream[ahead]

    def _members(self, groups: Sequence[Sequence[Subject]]) -> Members:
        sizes = [len(some) for some in groups]
        spans: list[Span] = []
        if self._spans:
            for span, size in zip(self._spans, sizes, strict=True):
                spans += [span] * size
        own = Block(
            replace(self.axis, count=sum(sizes)),
            [subject for some in groups for subject in some],
            self.clock_factory,
            partly=True,
            spans=spans,
        )
        return Members(self.axis, sizes, own)

    def calendar_input(self, word: str) -> CalendarInput:
        """What the calendar, the sun or the lighting plan says of each subject."""
        if word not in self._calendar_inputs:
            self._calendar_inputs[word] = calendar_input(
                word, self.axis, self.subjects, self._spans
            )
        return self._calendar_inputs[word]

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

    def modelled(self, name: str) -> Fact:
        """Where a model of a series of every subject is in force: 1, else nan."""
        if name not in self._modelled:
            forecasts = [subject.forecasts.get(name) for subject in self.subjects]
            steps = [None if part is None else part.in_force for part in forecasts]
            self._modelled[name] = Fact(self.axis, steps)
        return self._modelled[name]

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
            own = Callers(self.axis, self.subjects, self.clock_factory)
            device = name == DEVICE
            self._callers[name] = own.devices() if device else [own.series(self.track(name))]
        return self._callers[name]

    @functools.cached_property
    def zones(self) -> list[str | None]:
        """The time zone of each subject; None where it is unknown."""
        return [None if s.calendar is None else s.calendar.zone for s in self.subjects]

    @functools.cached_property
    def wakes(self) -> Instants:
        """The keys at which what is known of a supply or a service ends, without it."""
        ends = [
            self.axis.key(i, end)
            for i, subject in enumerate(self.subjects)
            for device in subject.devices.values()
            for steps in device.reachable
            if (end := reach_ends(steps)) is not None
        ]
        return np.array(ends, dtype=np.int64)


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
