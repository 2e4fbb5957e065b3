"""Whom `silent` listens for: a series of every subject, or their devices, one of each at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rules._axis import Axis, Fact, merged
from rules._clocks import ClockFactory, Clocks
from rules._in_service import interrupted, rows_of
from rules._inputs import Device, Instants, Subject
from rules._interval import Mask
from rules._track import Track
from sensors._row import NEVER

_FAR = 2**61


@dataclass(frozen=True, kw_only=True)
class Caller:
    """What `silent` listens for: of every subject one series, or the device of one number.

    `arrivals`: keys at which a silence begins again. `first`: when a first arrival was expected
    (µs). `service`: of the device asked for (0: out); None: always in, or it is a series that is
    asked for. `usual`: the expected interval (µs) of the series. Arrays by subject.
    """

    arrivals: Instants
    first: Instants
    present: Mask
    clocks: Clocks
    service: Fact | None = None
    usual: Fact | None = None

    def first_keys(self, axis: Axis) -> Instants:
        """The keys of `first`."""
        return axis.origins() + np.clip(self.first - axis.base, 0, axis.stride - 1)


class Callers:
    """Finds them among the subjects of a block."""

    def __init__(
        self, axis: Axis, subjects: Sequence[Subject], clock_factory: ClockFactory
    ) -> None:
        self._axis = axis
        self._subjects = subjects
        self._clock_factory = clock_factory

    def series(self, track: Track) -> Caller:
        """Of every subject the series of this track."""
        names = [None if c is None else c.device for c in track.columns]
        firsts = [c.earlier[0][0] if c is not None and c.earlier else None for c in track.columns]
        first = [new if old is None else old for old, new in zip(firsts, names, strict=True)]
        return Caller(
            arrivals=merged([track.arrivals, self._successions(track)]),
            first=self._commissioned(first),
            present=track.present,
            clocks=self._clock_factory.clocks(self._named(names)),
            usual=track.usual,
        )

    def _successions(self, track: Track) -> Instants:
        """Where a successor is commissioned, and its silence begins to count."""
        keys: list[int] = []
        for i, column in enumerate(track.columns):
            if column is not None and column.earlier:
                successors = [*(name for name, _ in column.earlier[1:]), column.device]
                for name, (_, until) in zip(successors, column.earlier, strict=True):
                    commissioned = self._subjects[i].devices[name].commissioned
                    keys.append(self._axis.key(i, max(commissioned, until)))
        return np.array(keys, dtype=np.int64)

    def devices(self) -> list[Caller]:
        """The first device of every subject, the second of every one that has two, and so on."""
        names = [list(subject.devices) for subject in self._subjects]
        deepest = max((len(some) for some in names), default=0)
        return [
            self._device([some[rank] if rank < len(some) else None for some in names])
            for rank in range(deepest)
        ]

    def _device(self, names: Sequence[str | None]) -> Caller:
        parts = [_arrived(*pair) for pair in zip(self._subjects, names, strict=True)]
        keys = self._axis.keys(np.concatenate(parts), [len(part) for part in parts])
        devices = self._named(names)
        steps = interrupted(devices)
        always = all(part is None for part in steps)
        return Caller(
            arrivals=merged([keys]),
            first=self._commissioned(names),
            present=np.array([name is not None for name in names], dtype=np.bool_),
            clocks=self._clock_factory.clocks(devices),
            service=None if always else Fact(self._axis, steps),
        )

    def _named(self, names: Sequence[str | None]) -> list[Device | None]:
        return [
            None if name is None else subject.devices[name]
            for name, subject in zip(names, self._subjects, strict=True)
        ]

    def _commissioned(self, names: Sequence[str | None]) -> Instants:
        """When each subject's device entered service (µs); the far future without one."""
        return np.array(
            [_FAR if device is None else device.commissioned for device in self._named(names)],
            dtype=np.int64,
        )


def _arrived(subject: Subject, device: str | None) -> Instants:
    if device is None:
        return np.empty(0, dtype=np.int64)
    got = [c.received_at[rows_of(c, device)] for c in subject.series.values()]
    times = np.concatenate(got) if got else np.empty(0, dtype=np.int64)
    return np.sort(times[times != NEVER], kind="stable")
