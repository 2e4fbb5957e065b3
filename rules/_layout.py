"""How subjects are cut into blocks, and how long a zone of the axis they need."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rules._axis import BLOCK_KEYS, Axis
from rules._block import Block, interrupted
from rules._inputs import NEVER, Horizon, SeriesColumns, Subject
from rules._journal import Moment
from sensors._quantity import Reporting

BLOCK_ROWS = 1 << 16  # readings judged together: what the caches of a core hold
_TICK = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Extent:
    """What the axis must hold: the series read, the longest look back or ahead (µs), ..."""

    names: tuple[str, ...]
    thresholds: tuple[str, ...]
    reach: int
    silence: bool
    revisions: tuple[int, ...]


def blocks(
    subjects: Sequence[Subject],
    horizon: Horizon,
    extent: Extent,
    starts: Mapping[str, int],
    seeds: Mapping[str, Moment],
) -> Iterator[Block]:
    """Subjects cut into blocks of some ten thousand readings."""
    used = [_used(subject, extent.names) for subject in subjects]
    low, high = _zone(subjects, used, horizon, extent, starts, seeds)
    most = max(1, BLOCK_KEYS // (high - low))
    first = 0
    while first < len(subjects):
        last, rows = first, 0
        while last < len(subjects) and last - first < most:
            rows += sum(len(column.time) for column in used[last])
            if last > first and rows > BLOCK_ROWS:
                break
            last += 1
        axis = Axis(base=low, stride=high - low, count=last - first)
        yield Block(axis, subjects[first:last], horizon)
        first = last


def _zone(
    subjects: Sequence[Subject],
    used: Sequence[Sequence[SeriesColumns]],
    horizon: Horizon,
    extent: Extent,
    starts: Mapping[str, int],
    seeds: Mapping[str, Moment],
) -> tuple[int, int]:
    """From before the first to after the last time that matters, with room to look around."""
    times = [horizon.silence if extent.silence else horizon.values, *starts.values()]
    times += [t for columns in used for t in _ends(columns)]
    times += [t for seed in seeds.values() for t in _seed_times(seed)]
    times += _changes(subjects, extent.thresholds, starts)
    if extent.silence:
        times += _silence_times(subjects)
    low, high = min(times), max([*times, *extent.revisions])
    deaf = sum(stop - start for start, stop in horizon.deaf) if extent.silence else 0
    room = extent.reach + 2 * _longest(used) + deaf + _TICK
    return low - room, high + room


def _longest(used: Sequence[Sequence[SeriesColumns]]) -> int:
    """The longest that a reading holds."""
    facts = [column.stale_after.value for columns in used for column in columns]
    facts += [column.interval.value for columns in used for column in columns]
    return int(np.nan_to_num(np.concatenate(facts), nan=0.0).max(initial=0.0)) if facts else 0


def _used(subject: Subject, names: Sequence[str]) -> list[SeriesColumns]:
    """The series that a rule reads of a subject; all of a device's when it is heard by them."""
    found = [
        subject.series[key]
        for name in names
        for key in subject.group.get(name, (name,))
        if key in subject.series
    ]
    if any(column.reporting is not Reporting.PERIODIC for column in found) or not found:
        return list(subject.series.values())
    return found


def _ends(columns: Sequence[SeriesColumns]) -> Iterator[int]:
    for column in columns:
        if len(column.time):
            yield int(column.time[0])
            yield int(column.time[-1])


def _seed_times(seed: Moment) -> Iterator[int]:
    runs = [run for _, *both in seed.steps for run in both]
    for time in (seed.time, seed.when_since, seed.clear_since, seed.since, seed.began, *runs):
        if time is not None:
            yield time


def _changes(
    subjects: Sequence[Subject], names: Sequence[str], starts: Mapping[str, int]
) -> list[int]:
    """The first and last change of a fact that is judged when it changes."""
    steps = [
        one.thresholds[name].at for one in subjects for name in names if name in one.thresholds
    ]
    at = np.concatenate(steps) if steps else _NO_TIMES
    last = [int(at.max())] if len(at) else []
    # Of a subject judged from a start on, what was before the start is not judged.
    fresh = [one for one in subjects if one.key not in starts] if starts else subjects
    steps = [one.thresholds[name].at for one in fresh for name in names if name in one.thresholds]
    service = [interrupted(device) for one in fresh for device in one.devices.values()]
    steps += [part.at for part in service if part is not None]
    at = np.concatenate(steps) if steps else _NO_TIMES
    return [*last, int(at.min())] if len(at) else last


_NO_TIMES = np.empty(0, dtype=np.int64)


def _silence_times(subjects: Sequence[Subject]) -> list[int]:
    times = [device.commissioned for subject in subjects for device in subject.devices.values()]
    received = [c.received_at for subject in subjects for c in subject.series.values()]
    got = np.concatenate(received) if received else np.empty(0, dtype=np.int64)
    got = got[got != NEVER]
    return times + ([int(got.min()), int(got.max())] if len(got) else [])
