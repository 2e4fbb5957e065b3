"""How subjects are cut into blocks, and how long a zone of the axis they need."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rules._axis import BLOCK_KEYS, Axis
from rules._block import Block
from rules._calendar import turns_within
from rules._clocks import ClockFactory
from rules._in_service import changes, interrupted
from rules._inputs import Closing, Horizon, Instants, SeriesColumns, Subject
from rules._rule_state import StateChange
from rules._upstream import AT, arriving
from sensors._quantity import Reporting
from sensors._row import NEVER, believed

BLOCK_ROWS = 1 << 17  # readings judged together; fewer cost calls, more cost memory
_TICK = 1_000_000
_NEVER = 2**61  # the beginning of what does not begin

Span = tuple[int, int]

Columns = Sequence[SeriesColumns]


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """How far to judge, and from where: by subject, where it is not everything."""

    horizon: Horizon
    starts: Mapping[str, int]
    untils: Mapping[str, int]
    seeds: Mapping[str, StateChange]
    closings: Mapping[str, Sequence[Closing]]


@dataclass(frozen=True, kw_only=True)
class Extent:
    """What the axis must hold: the series read, the longest look back or ahead (µs), ...

    `intervals`: the longest silence that is written in them.
    `afar`: series of sites upstream; `aheads`: by how far (µs) one looks at them before the water
    comes. `words`: of the calendar and the plan.
    """

    names: tuple[str, ...]
    thresholds: tuple[str, ...]
    reach: int
    silence: bool
    revisions: tuple[int, ...]
    afar: tuple[str, ...] = ()
    forecasts: tuple[str, ...] = ()
    aheads: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    intervals: int = 0


def blocks(
    subjects: Sequence[Subject], request: EvaluationRequest, extent: Extent
) -> Iterator[Block]:
    """Subjects cut into blocks of some hundred thousand readings."""
    used = [_used(subject, extent.names) for subject in subjects]
    afar = {ahead: [arriving(subject, ahead) for subject in subjects] for ahead in extent.aheads}
    beyond = [
        subject
        for some in afar.values()
        for arriving_subjects in some
        for subject in arriving_subjects
    ]
    used_there = [_used(subject, extent.afar) for subject in beyond]
    low, high = _zone([*subjects, *beyond], [*used, *used_there], request, extent)
    spans = [] if not extent.words else _spans(subjects, request, extent)
    if afar and spans:
        spans = _wider(spans, afar, extent)
    high = max([high, *(last + _TICK for _, last in spans)])
    most = max(1, BLOCK_KEYS // (high - low))
    first, clock_factory = 0, ClockFactory(request.horizon.gaps)
    while first < len(subjects):
        last, rows, zones = first, 0, 0
        while last < len(subjects):
            rows += sum([len(column.time) for column in used[last]])
            for upstream in subjects[last].upstream if extent.afar else ():
                rows += sum([len(column.time) for column in upstream.series.values()])
            more = zones + _zones(subjects[last])
            if last > first and (rows > BLOCK_ROWS or more > most):
                break
            last, zones = last + 1, more
        # Of a group too large for its zones the far past is left out, where only facts begin.
        base = max(low, high - BLOCK_KEYS // zones)
        axis = Axis(base=base, stride=high - base, count=last - first)
        yield Block(
            axis,
            subjects[first:last],
            clock_factory,
            spans=spans[first:last],
            afar={
                ahead: arriving_subjects[first:last] for ahead, arriving_subjects in afar.items()
            },
        )
        first = last


def _spans(subjects: Sequence[Subject], request: EvaluationRequest, extent: Extent) -> list[Span]:
    """In which time calendar and plan are asked: from where judging begins, to their next turn.

    It begins with the first good reading of a series that is named (the columns hold one from
    before a start, if there was any); silence with a device's commissioning.
    """
    usual = request.horizon.silence if extent.silence else request.horizon.values
    further = max(turns_within(word) for word in extent.words)
    spans: list[Span] = []
    for subject in subjects:
        begins = _firsts(subject, extent.names)
        if extent.silence:
            begins += [device.commissioned for device in subject.devices.values()]
        until = request.untils.get(subject.key, usual) + further
        spans.append((min(begins, default=_NEVER), until))
    return spans


def _firsts(subject: Subject, names: Sequence[str]) -> list[int]:
    keys = [key for name in names for key in subject.group.get(name, (name,))]
    columns = [subject.series[key] for key in keys if key in subject.series]
    good = [(column.time, believed(column.value, column.quality)) for column in columns]
    return [int(times[np.argmax(some)]) for times, some in good if some.any()]


def _wider(
    spans: Sequence[Span], afar: Mapping[int, Sequence[Sequence[Subject]]], extent: Extent
) -> list[Span]:
    """Such spans, that may begin with the first reading that arrives from upstream."""
    wider: list[Span] = []
    for i, (first, last) in enumerate(spans):
        sites = [subject for some in afar.values() for subject in some[i]]
        begins = [at for site in sites for at in _firsts(site, extent.afar)]
        wider.append((min([first, *begins]), last))
    return wider


def _zones(subject: Subject) -> int:
    """How many zones it needs: of a group's members each its own, on an axis of theirs."""
    return max([1, len(subject.upstream), *(len(some) for some in subject.group.values())])


def _used(subject: Subject, names: Sequence[str]) -> Columns:
    """The series that a rule reads of a subject; all of a device's when it is heard by them."""
    series = subject.series
    columns = [
        series[key] for name in names for key in subject.group.get(name, (name,)) if key in series
    ]
    if not columns or any(c.reporting is not Reporting.PERIODIC for c in columns):
        return list(series.values())
    return columns


def _zone(
    subjects: Sequence[Subject], used: Sequence[Columns], request: EvaluationRequest, extent: Extent
) -> tuple[int, int]:
    """From before the first to after the last time that matters, with room to look around."""
    horizon = request.horizon
    times = [horizon.silence if extent.silence else horizon.values]
    times += [*request.starts.values(), *request.untils.values()]
    times += _seed_times(request.seeds.values())
    times += [closing.at for some in request.closings.values() for closing in some]
    filled = [column for columns in used for column in columns if len(column.time)]
    times += _ends([column.time[:1] for column in filled])
    times += _ends([column.time[-1:] for column in filled])
    times += _changes(subjects, used, extent, request.starts)
    if extent.silence:
        times += _silence_times(subjects)
    low, high = min(times), max([*times, *extent.revisions])
    spans = horizon.gaps if extent.silence else ()
    gaps = sum(stop - max(start, low) for start, stop in spans if stop > low)
    room = extent.reach + (2 + extent.intervals) * _longest(used) + gaps + _TICK
    return low - room, high + room


def _ends(parts: Sequence[Instants]) -> list[int]:
    """The least and the greatest of all."""
    times = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
    return [int(times.min()), int(times.max())] if len(times) else []


def _longest(used: Sequence[Columns]) -> int:
    """The longest that a reading holds."""
    facts = [column.stale_after.value for columns in used for column in columns]
    facts += [column.interval.value for columns in used for column in columns]
    return int(np.fmax.reduce(np.concatenate(facts), initial=0.0)) if facts else 0


def _seed_times(seeds: Iterable[StateChange]) -> list[int]:
    times = [
        time
        for seed in seeds
        for time in (seed.time, seed.when_since, seed.clear_since, seed.since, seed.began)
        if time is not None
    ]
    runs = [run for seed in seeds for _, *both in seed.steps for run in both if run is not None]
    return [min(times + runs), max(times + runs)] if times else []


def _changes(
    subjects: Sequence[Subject],
    used: Sequence[Columns],
    extent: Extent,
    starts: Mapping[str, int],
) -> list[int]:
    """The first and last change of a fact that is judged when it changes."""

    def facts(some: Sequence[Subject]) -> list[Instants]:
        at = [s.thresholds[n].at for s in some for n in extent.thresholds if n in s.thresholds]
        names = extent.forecasts
        return at + [s.forecasts[n].in_force.at for s in some for n in names if n in s.forecasts]

    every = facts(subjects)
    every += changes(column for columns in used for column in columns)
    last = _ends(every)[1:]
    # Of a subject judged from a start on, what was before the start is not judged.
    fresh = [subject.key.partition(AT)[0] not in starts for subject in subjects]
    some = [subject for subject, new in zip(subjects, fresh, strict=True) if new]
    steps = facts(some)
    service = interrupted([device for subject in some for device in subject.devices.values()])
    steps += [part.at for part in service if part is not None]
    steps += changes(c for columns, new in zip(used, fresh, strict=True) if new for c in columns)
    return last + _ends(steps)[:1]


def _silence_times(subjects: Sequence[Subject]) -> list[int]:
    devices = [device for subject in subjects for device in subject.devices.values()]
    times = [device.commissioned for device in devices]
    received = [c.received_at for subject in subjects for c in subject.series.values()]
    got = np.concatenate(received) if received else np.empty(0, dtype=np.int64)
    # A silence completes within its span, and that of our gaps, of the last return within reach.
    reachable = {id(steps): steps for device in devices for steps in device.reachable}
    back = [steps.at[-1:] for steps in reachable.values()]
    return times + _ends([got[got != NEVER]]) + _ends(back)[1:]
