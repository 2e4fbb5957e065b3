"""The sites upstream as they were when what arrives now passed them: their times, moved on.

A reading made at s, of a site `lag` away, arrives at s + lag; with `ahead` it is looked at so much
earlier, but never before it was made. Where the lag is revised, what is overtaken is lost: of two
readings the later one stands.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rules._inputs import Device, Instants, SeriesColumns, Steps, Subject, Upstream
from sensors._row import NEVER

AT = "<"  # between the key of a subject and the name of a site upstream of it

Moved = Callable[[Instants], Instants]


def longest(subject: Subject) -> int:
    """The longest way (µs) from a site upstream."""
    lags = [upstream.lag for upstream in subject.upstream]
    return max(
        (lag if isinstance(lag, int) else int(np.nanmax(lag.value, initial=0)) for lag in lags),
        default=0,
    )


def arriving(subject: Subject, ahead: int) -> list[Subject]:
    """The sites upstream of a subject, on its own time; its calendar and plan are theirs."""
    return [_arriving(upstream, subject, ahead) for upstream in subject.upstream]


def _arriving(upstream: Upstream, subject: Subject, ahead: int) -> Subject:
    moved = _moved(upstream.lag, ahead)
    return Subject(
        key=f"{subject.key}{AT}{upstream.site}",
        series={name: _column(column, moved) for name, column in upstream.series.items()},
        devices={name: _device(device, moved) for name, device in upstream.devices.items()},
        thresholds={name: _steps(steps, moved) for name, steps in upstream.thresholds.items()},
        calendar=subject.calendar,
        plan=subject.plan,
    )


def _moved(lag: int | Steps, ahead: int) -> Moved:
    if isinstance(lag, int):
        delay = max(lag - ahead, 0)
        return lambda times: times + delay

    def moved(times: Instants) -> Instants:
        place = np.maximum(np.searchsorted(lag.at, times, side="right") - 1, 0)
        delay = np.nan_to_num(lag.value[place], nan=0.0).astype(np.int64)
        return np.asarray(times + np.maximum(delay - ahead, 0))

    return moved


def _column(column: SeriesColumns, moved: Moved) -> SeriesColumns:
    time = moved(column.time)
    # What arrives no earlier than a later reading does is overtaken.
    following = np.append(time[1:], np.iinfo(np.int64).max)
    kept = time < np.minimum.accumulate(following[::-1])[::-1]
    received = column.received_at
    arrived = np.where(received == NEVER, NEVER, np.maximum(received, time))
    return replace(
        column,
        time=time[kept],
        value=column.value[kept],
        quality=column.quality[kept],
        received_at=arrived[kept],
        interval=_steps(column.interval, moved),
        stale_after=_steps(column.stale_after, moved),
        breaks=np.unique(moved(column.breaks)),
        withdrawn=None if column.withdrawn is None else _steps(column.withdrawn, moved),
        earlier=tuple((name, _instant(until, moved)) for name, until in column.earlier),
    )


def _device(device: Device, moved: Moved) -> Device:
    return Device(
        commissioned=_instant(device.commissioned, moved),
        in_service=_steps(device.in_service, moved),
        fed=None if device.fed is None else _steps(device.fed, moved),
        answers=None if device.answers is None else _steps(device.answers, moved),
    )


def _steps(steps: Steps, moved: Moved) -> Steps:
    if len(steps.at) == 0:
        return steps
    return Steps(at=np.maximum.accumulate(moved(steps.at)), value=steps.value)


def _instant(time: int, moved: Moved) -> int:
    return int(moved(np.array([time], dtype=np.int64))[0])
