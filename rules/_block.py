"""A block of subjects judged together: their tracks, thresholds and devices on one axis."""

import functools
from collections.abc import Iterable, Sequence

import numpy as np

from rules._arrivals import Arrivals, Listening
from rules._axis import Axis, Fact
from rules._inputs import Device, Horizon, Instants, SeriesColumns, Steps, Subject
from rules._rule import DEVICE
from rules._track import Track
from sensors._row import NEVER

_FAR = 2**61


class Block:
    """Subjects on one axis. Tracks and facts are laid when first asked for."""

    def __init__(self, axis: Axis, subjects: Sequence[Subject], horizon: Horizon) -> None:
        self.axis = axis
        self.subjects = subjects
        self.horizon = horizon
        self.listening = Listening(horizon.deaf)
        self._members: dict[str, int | None] = {}
        self._tracks: dict[tuple[str, int | None], Track] = {}
        self._arrivals: dict[int, Arrivals] = {}
        self._thresholds: dict[str, Fact] = {}
        self._service: dict[int, Fact | None] = {}

    def members(self, name: str) -> int | None:
        """How many members the largest group behind a word has; None: it is a series."""
        if name not in self._members:
            sizes = [len(s.group[name]) for s in self.subjects if name in s.group]
            self._members[name] = max(sizes) if sizes else None
        return self._members[name]

    def track(self, name: str, member: int | None = None) -> Track:
        """The series of that name, or of the group's member of that number."""
        if member is not None and self.members(name) is None:
            member = None
        if (name, member) not in self._tracks:
            columns = self._columns(name, member)
            devices = [None if column is None else column.device for column in columns]
            track = Track(self.axis, columns, lambda i: _signs(self.subjects[i], devices[i]))
            self._tracks[name, member] = track
        return self._tracks[name, member]

    def _columns(self, name: str, member: int | None) -> list[SeriesColumns | None]:
        if member is None:
            return [subject.series[name] for subject in self.subjects]
        keys = [_key(subject, name, member) for subject in self.subjects]
        return [
            None if key is None else subject.series[key]
            for key, subject in zip(keys, self.subjects, strict=True)
        ]

    def tracks(self, names: Sequence[str]) -> list[Track]:
        """The tracks behind names, those of every member where one is a group's word."""
        found: list[Track] = []
        for name in names:
            size = self.members(name)
            found += [self.track(name, i) for i in ([None] if size is None else range(size))]
        return found

    def arrivals(self, track: Track) -> Arrivals:
        """The track as it came in."""
        return self._arrivals.setdefault(id(track), Arrivals(track))

    def threshold(self, name: str) -> Fact:
        """A threshold of every subject; nan where it has none."""
        if name not in self._thresholds:
            steps = [subject.thresholds.get(name) for subject in self.subjects]
            self._thresholds[name] = Fact(self.axis, steps)
        return self._thresholds[name]

    def service(self, track: Track) -> Fact | None:
        """Whether a track's device is in service (0: not); None when all always were."""
        if id(track) not in self._service:
            steps = interrupted(
                [
                    None if column is None else subject.devices[column.device]
                    for column, subject in zip(track.columns, self.subjects, strict=True)
                ]
            )
            always = all(part is None for part in steps)
            self._service[id(track)] = None if always else Fact(self.axis, steps)
        return self._service[id(track)]

    def calls(self, name: str, member: int | None = None) -> list[tuple[Instants, Instants]]:
        """What `silent` listens for: keys of arrivals, and when a first one was expected (µs).

        One pair for a series; for the word `device` one a device, the i-th of each subject.
        """
        if name != DEVICE:
            track = self.track(name, member)
            devices = [None if column is None else column.device for column in track.columns]
            return [(track.arrivals, self._commissioned(devices))]
        return self._device_calls

    @functools.cached_property
    def _device_calls(self) -> list[tuple[Instants, Instants]]:
        deepest = max((len(subject.devices) for subject in self.subjects), default=0)
        found: list[tuple[Instants, Instants]] = []
        for rank in range(deepest):
            devices = [_nth(subject.devices, rank) for subject in self.subjects]
            parts = [_arrived(*pair) for pair in zip(self.subjects, devices, strict=True)]
            keys = self.axis.keys(np.concatenate(parts), [len(part) for part in parts])
            found.append((keys, self._commissioned(devices)))
        return found

    def _commissioned(self, devices: Sequence[str | None]) -> Instants:
        """When each subject's device entered service (µs); the far future without one."""
        return np.array(
            [
                _FAR if name is None else subject.devices[name].commissioned
                for name, subject in zip(devices, self.subjects, strict=True)
            ],
            dtype=np.int64,
        )


def interrupted(devices: Sequence[Device | None]) -> list[Steps | None]:
    """When each device is in service; None for one that always was."""
    values = [device.in_service.value for device in devices if device is not None]
    if not values or np.concatenate(values).all():  # the usual case, told from one array
        return [None] * len(devices)
    return [
        None if device is None or device.in_service.value.all() else device.in_service
        for device in devices
    ]


def _nth(names: Iterable[str], rank: int) -> str | None:
    ordered = list(names)
    return ordered[rank] if rank < len(ordered) else None


def _key(subject: Subject, name: str, member: int) -> str | None:
    members = subject.group.get(name, ())
    return members[member] if member < len(members) else None


def _signs(subject: Subject, device: str | None) -> Instants:
    """The times of all rows of a device, ascending."""
    times = [column.time for column in subject.series.values() if column.device == device]
    return np.sort(np.concatenate(times), kind="stable")


def _arrived(subject: Subject, device: str | None) -> Instants:
    got = [c.received_at for c in subject.series.values() if c.device == device]
    if device is None or not got:
        return np.empty(0, dtype=np.int64)
    times = np.concatenate(got)
    return np.sort(times[times != NEVER], kind="stable")
